package tunnel

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// sshListener is the listener of a forwarded port, with connections that have read
// deadlines. Those of the library have none, so a client that sends half a header
// would keep its connection for ever.
type sshListener struct {
	net.Listener
	running *sync.WaitGroup // of all connections
}

// Accept returns the next connection.
func (l *sshListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	l.running.Go(func() {
		_, _ = io.Copy(far, conn) // ends with either of them
		_ = far.Close()
	})
	return &sshConn{Conn: conn, in: near}, nil
}

// sshConn is a forwarded connection. What arrives takes the way through a pipe,
// which knows deadlines; what is sent goes straight out, so nothing is left when
// Close returns.
type sshConn struct {
	net.Conn
	in net.Conn
}

// Read reads what arrived.
func (c *sshConn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

// Close hangs up.
func (c *sshConn) Close() error {
	_ = c.in.Close() // never fails
	return c.Conn.Close()
}

// SetReadDeadline makes Read fail from t on.
func (c *sshConn) SetReadDeadline(t time.Time) error { return c.in.SetReadDeadline(t) }

// SetWriteDeadline does nothing: see [Ingress].
func (c *sshConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline makes Read fail from t on.
func (c *sshConn) SetDeadline(t time.Time) error { return c.in.SetReadDeadline(t) }
