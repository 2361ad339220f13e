package tunneltest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// protoTLS is the protocol of endpoints whose agents decrypt the traffic.
const protoTLS = "tls"

// acceptPublic takes the public's connections until the listener is closed. Those
// for an endpoint that decrypts itself are passed through, the others decrypted here.
func (e *Edge) acceptPublic() {
	defer func() { _ = e.secure.Close() }() // never fails
	for {
		conn, err := e.public.Accept()
		if err != nil {
			return
		}
		e.running.Go(func() { e.route(conn) })
	}
}

// route looks at the name that a connection asks for and takes it there.
func (e *Edge) route(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	name, read := peekServerName(conn)
	_ = conn.SetReadDeadline(time.Time{})
	whole := &prefixed{Conn: conn, before: bytes.NewReader(read)}
	ep, ok := e.find(name)
	if !ok || ep.proto != protoTLS {
		e.secure.put(tls.Server(whole, e.ca.serverConfig()))
		return
	}
	defer func() { _ = conn.Close() }() // its other end notices
	agent, err := e.dial(name, conn.RemoteAddr().String())
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(agent, whole)
		_ = agent.Close()
	})
	both.Go(func() {
		_, _ = io.Copy(conn, agent)
		_ = conn.Close()
	})
	both.Wait()
}

// errPeeked ends a handshake of which only the beginning is wanted.
var errPeeked = errors.New("seen enough")

// peekServerName reads the beginning of a TLS connection. It returns the name in it
// and all that was read.
func peekServerName(conn net.Conn) (name string, read []byte) {
	var seen bytes.Buffer
	_ = tls.Server(&readOnly{Conn: conn, seen: &seen}, &tls.Config{
		MinVersion: tls.VersionTLS12, // it comes to no handshake
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, errPeeked
		},
	}).HandshakeContext(context.Background())
	return name, seen.Bytes()
}

// readOnly is a connection that is only listened to.
type readOnly struct {
	net.Conn
	seen *bytes.Buffer
}

// Read reads, and remembers.
func (c *readOnly) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.seen.Write(p[:n])
	return n, err
}

// Write does nothing.
func (*readOnly) Write(p []byte) (int, error) { return len(p), nil }

// prefixed is a connection of which the beginning was read already.
type prefixed struct {
	net.Conn
	before *bytes.Reader
}

// Read reads the beginning again, then the rest.
func (c *prefixed) Read(p []byte) (int, error) {
	if c.before.Len() > 0 {
		return c.before.Read(p)
	}
	return c.Conn.Read(p)
}

// connQueue is a listener whose connections somebody else accepts.
type connQueue struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newConnQueue(addr net.Addr) *connQueue {
	return &connQueue{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (q *connQueue) put(conn net.Conn) {
	select {
	case q.conns <- conn:
	case <-q.closed:
		_ = conn.Close()
	}
}

// Accept returns the next connection.
func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (q *connQueue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

// Addr returns the public address.
func (q *connQueue) Addr() net.Addr { return q.addr }
