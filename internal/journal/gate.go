package journal

import (
	"context"
	"slices"
	"sync"
)

// gate admits work while what is inside stays within a count and a number of bytes,
// first come, first served. Something larger than all bytes goes in alone.
type gate struct {
	maxCount int
	maxBytes int64

	mu      sync.Mutex
	count   int
	bytes   int64
	waiting []*ticket
	closed  bool
}

// ticket is a place in the queue before a gate. admitted is closed when its work is
// inside, or when the gate has closed.
type ticket struct {
	bytes    int64
	admitted chan struct{}
	err      error
}

// enter waits until n bytes of work fit. It returns ErrClosed once the gate is
// closed, or the cause of the end of ctx; then nothing has entered.
func (g *gate) enter(ctx context.Context, n int64) error {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return ErrClosed
	}
	if len(g.waiting) == 0 && g.fits(n) {
		g.admit(n)
		g.mu.Unlock()
		return nil
	}
	t := &ticket{bytes: n, admitted: make(chan struct{})}
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()

	select {
	case <-t.admitted:
		return t.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-t.admitted: // admitted at the same moment
		if t.err != nil {
			return t.err
		}
		g.release(1, n)
	default:
		g.waiting = slices.DeleteFunc(g.waiting, func(other *ticket) bool { return other == t })
		g.admitWaiting() // those behind may fit
	}
	return context.Cause(ctx)
}

// leave takes count pieces of work of n bytes together out.
func (g *gate) leave(count int, n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release(count, n)
}

// load returns how much is inside.
func (g *gate) load() (count int, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count, g.bytes
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, t := range g.waiting {
		t.err = ErrClosed
		close(t.admitted)
	}
	g.waiting = nil
}

func (g *gate) fits(n int64) bool {
	return g.count == 0 || g.count < g.maxCount && g.bytes+n <= g.maxBytes
}

func (g *gate) admit(n int64) {
	g.count++
	g.bytes += n
}

func (g *gate) release(count int, n int64) {
	g.count -= count
	g.bytes -= n
	g.admitWaiting()
}

func (g *gate) admitWaiting() {
	for len(g.waiting) > 0 && g.fits(g.waiting[0].bytes) {
		t := g.waiting[0]
		g.waiting = g.waiting[1:]
		g.admit(t.bytes)
		close(t.admitted)
	}
}
