package tunnel

import (
	"context"
	"net"
	"sync"
	"time"

	ngrok "golang.ngrok.com/ngrok/v2"
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

// endpointListener stands between an endpoint and the server behind it, because
// an endpoint that nobody accepts from cannot be closed. pump accepts for as
// long as the endpoint exists; the server may come and go.
type endpointListener struct {
	endpoint ngrok.EndpointListener
	conns    chan net.Conn

	closeOnce sync.Once
	closed    chan struct{} // Accept returns net.ErrClosed from now on

	ended chan struct{} // pump has returned, because of err
	err   error

	goneOnce sync.Once
	gone     chan struct{} // Close of the endpoint has returned, and so has pump
}

func newEndpointListener(endpoint ngrok.EndpointListener) *endpointListener {
	return &endpointListener{
		endpoint: endpoint,
		conns:    make(chan net.Conn),
		closed:   make(chan struct{}),
		ended:    make(chan struct{}),
		gone:     make(chan struct{}),
	}
}

// pump hands the endpoint's connections to Accept, and hangs up on them when
// nobody calls it any more. It returns when the endpoint is gone.
func (l *endpointListener) pump() {
	for {
		conn, err := l.endpoint.Accept()
		if err != nil {
			l.err = err
			close(l.ended)
			return
		}
		select {
		case l.conns <- conn:
		case <-l.closed:
			_ = conn.Close()
		}
	}
}

// Accept returns the next connection.
func (l *endpointListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. The endpoint stays, with nobody to answer: that is the
// provider's to notice.
func (l *endpointListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the public address.
func (l *endpointListener) Addr() net.Addr { return l.endpoint.Addr() }

// closeEndpoint tells the service that there will be no more answers, and
// reports whether that came about within timeout. Until it has, new connections
// are still accepted. It may be called again to wait longer.
//
// An endpoint that does not close is given up, goroutines and all: the library
// deadlocks when a connection arrives at the very moment of Close, because
// shutdown.Do takes a read lock that its caller holds already.
func (l *endpointListener) closeEndpoint(timeout time.Duration) bool {
	l.goneOnce.Do(func() {
		go func() {
			_ = l.endpoint.Close() // fails when the endpoint is gone already
			<-l.ended
			close(l.gone)
		}()
	})
	select {
	case <-l.gone:
		return true
	case <-time.After(timeout):
		return false
	}
}
