package simulator

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxIdle bounds the connections kept open, over all hosts.
	maxIdle = 256
	// maxIdleTime is how long a connection is kept without use.
	maxIdleTime = 90 * time.Second
	// probeAfter is how long a connection must have been idle before it is asked
	// whether it is still open: in a burst that would cost more than it saves.
	probeAfter = 500 * time.Millisecond
)

// pool keeps idle connections, the last used on top.
type pool struct {
	mu    sync.Mutex
	idle  []*conn
	ended bool
}

type poolKey struct {
	tls  bool
	host string
}

// get takes a connection, nil when there is none.
func (p *pool) get(key poolKey) *conn {
	for {
		c := p.take(key)
		if c == nil || c.alive(time.Now()) {
			return c
		}
		_ = c.Close() // nothing is under way on it
	}
}

func (p *pool) take(key poolKey) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range slices.Backward(p.idle) {
		if c.key == key {
			p.idle = slices.Delete(p.idle, i, i+1)
			return c
		}
	}
	return nil
}

// put keeps a connection, in place of the one longest idle when there are too many.
func (p *pool) put(c *conn) {
	c.idle = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		_ = c.Close()
		return
	}
	if len(p.idle) == maxIdle {
		_ = p.idle[0].Close()
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.idle = append(p.idle, c)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, c := range p.idle {
		_ = c.Close() // nothing is under way on it
	}
	p.idle = nil
}

// alive reports whether an idle connection can carry another request: the other
// side has neither closed it nor said anything unasked.
func (c *conn) alive(now time.Time) bool {
	idle := now.Sub(c.idle)
	switch {
	case idle < probeAfter:
		return true // if not, Send finds out
	case idle > maxIdleTime:
		return false
	}
	// A moment is enough to see what has arrived; a deadline in the past would not
	// look at all.
	_ = c.SetReadDeadline(now.Add(time.Millisecond))
	c.limit.N = 1
	_, err := c.r.Peek(1)
	return isTimeout(err)
}
