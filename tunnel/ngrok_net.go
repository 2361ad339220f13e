package tunnel

import (
	"context"
	"net"
	"net/url"
	"sync"
	"time"
)

// severable is a dialer that can cut all its connections and then dials no more.
// The ngrok library knows no deadlines and may even connect once more while it
// is being closed; without its connections it cannot do either.
type severable struct {
	dialer net.Dialer
	proxy  *url.URL // nil for none; one of another kind than http and https is not ours to speak to

	mu      sync.Mutex
	conns   map[*severableConn]struct{}
	severed bool
}

func newSeverable(timeout time.Duration, proxy *url.URL) *severable {
	d := &severable{dialer: net.Dialer{Timeout: timeout}, conns: map[*severableConn]struct{}{}}
	if proxy != nil && (proxy.Scheme == "http" || proxy.Scheme == "https") {
		d.proxy = proxy
	}
	return d
}

// Dial is DialContext for those who have none.
func (d *severable) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to address.
func (d *severable) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to := address
	if d.proxy != nil {
		to = proxyAddress(d.proxy)
	}
	conn, err := d.dialer.DialContext(ctx, network, to)
	if err != nil {
		return nil, err
	}
	c := &severableConn{Conn: conn, dialer: d}
	if !d.keep(c) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	if d.proxy == nil {
		return c, nil
	}
	through, err := connectThrough(ctx, c, d.proxy, address, d.dialer.Timeout)
	if err != nil {
		_ = c.Close()
		return nil, &proxyError{err}
	}
	return through, nil
}

// keep remembers a connection, unless there are to be none any more.
func (d *severable) keep(c *severableConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.severed {
		d.conns[c] = struct{}{}
	}
	return !d.severed
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
