package tunnel

import (
	"context"
	"net"
	"sync"
	"time"
)

// severable is a dialer that can cut all its connections and then dials no more.
// The ngrok library knows no deadlines and may even connect once more while it
// is being closed; without its connections it cannot do either.
type severable struct {
	dialer net.Dialer

	mu      sync.Mutex
	conns   map[*severableConn]struct{}
	severed bool
}

func newSeverable(timeout time.Duration) *severable {
	return &severable{dialer: net.Dialer{Timeout: timeout}, conns: map[*severableConn]struct{}{}}
}

// Dial is DialContext for those who have none.
func (d *severable) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to address.
func (d *severable) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &severableConn{Conn: conn, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.severed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	d.conns[c] = struct{}{}
	return c, nil
}

// sever cuts all connections, those of now and those to come.
func (d *severable) sever() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.severed = true
	for c := range d.conns {
		_ = c.Conn.Close()
	}
	clear(d.conns)
}

// severableConn is a connection that its dialer remembers until it is closed.
type severableConn struct {
	net.Conn
	dialer *severable
}

// Close closes the connection.
func (c *severableConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.conns, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
