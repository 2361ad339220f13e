package tunnel

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	handshakeTimeout = 5 * time.Second
	maxHandshakes    = 256 // under way at once; the next connection is closed
)

// handshakeListener decrypts the connections of another listener and hands out those
// whose handshake is done. An [http.Server] would complain of every other one as a
// failure of its own, and a public port meets many: scanners, and clients without a
// certificate where one is wanted.
type handshakeListener struct {
	net.Listener
	cfg    *tls.Config
	logger *slog.Logger

	ready   chan net.Conn
	slots   chan struct{}
	running sync.WaitGroup
	once    sync.Once
	closed  chan struct{}
	ended   chan struct{} // the other listener accepts no more, because of err
	err     error
}

func newHandshakeListener(l net.Listener, cfg *tls.Config, logger *slog.Logger) *handshakeListener {
	return &handshakeListener{
		Listener: l, cfg: cfg, logger: logger,
		ready:  make(chan net.Conn),
		slots:  make(chan struct{}, maxHandshakes),
		closed: make(chan struct{}),
		ended:  make(chan struct{}),
	}
}

// pump takes connections until the other listener ends, and returns after the last
// handshake.
func (l *handshakeListener) pump() {
	defer l.running.Wait()
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			l.err = err
			close(l.ended)
			return
		}
		select {
		case l.slots <- struct{}{}:
			l.running.Go(func() {
				l.handshake(conn)
				<-l.slots
			})
		default:
			_ = conn.Close()
		}
	}
}

// handshake hands a connection out when its handshake succeeds. No deadline is set on
// the connection: see [Ingress].
func (l *handshakeListener) handshake(conn net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	secure := tls.Server(conn, l.cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		l.logger.Debug("tls handshake", "remote", conn.RemoteAddr(), "err", oneLine(err.Error()))
		_ = conn.Close()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == acme.ALPNProto {
		_ = secure.Close() // the CA has seen what it came for, and was not asked who it is
		return
	}
	select {
	case l.ready <- secure:
	case <-l.closed:
		_ = secure.Close()
	case <-l.ended:
		_ = secure.Close()
	}
}

// Accept returns the next connection.
func (l *handshakeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.ready:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-l.ended:
		return nil, l.err
	}
}

// Close ends Accept, here and below.
func (l *handshakeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
