package tunnel

import (
	"net"
	"sync"
	"time"
)

// endpointListener stands between the listener of a tunnel and the server behind
// it, because one that nobody accepts from cannot be closed, neither ngrok's nor
// that of an SSH connection. pump accepts for as long as the endpoint exists; the
// server may come and go.
type endpointListener struct {
	endpoint net.Listener
	conns    chan net.Conn

	closeOnce sync.Once
	closed    chan struct{} // Accept returns net.ErrClosed from now on

	ended chan struct{} // pump has returned, because of err
	err   error

	goneOnce sync.Once
	gone     chan struct{} // Close of the endpoint has returned, and so has pump
}

func newEndpointListener(endpoint net.Listener) *endpointListener {
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
// An endpoint that does not close is given up, goroutines and all: ngrok's library
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
