package tunneltest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/igloo-dev/igloo/tunnel"
)

// Memory is a provider whose public is in the same process: no network, no TLS,
// no waiting. The test says when it fails.
type Memory struct {
	url      *url.URL
	conns    chan net.Conn
	failures chan error
	client   *http.Client
}

// NewMemory returns a provider that gives out publicURL, which must be https.
func NewMemory(publicURL string) *Memory {
	u, err := url.Parse(publicURL)
	if err != nil || u.Scheme != "https" {
		panic(fmt.Sprintf("tunneltest: %q is not an https URL", publicURL))
	}
	m := &Memory{url: u, conns: make(chan net.Conn), failures: make(chan error)}
	m.client = &http.Client{Transport: &http.Transport{DialTLSContext: m.dial}}
	return m
}

// Client returns a client whose https requests come through the tunnel.
func (m *Memory) Client() *http.Client { return m.client }

// Fail makes Run return err. It blocks until Run is there to do so, or ctx ends.
func (m *Memory) Fail(ctx context.Context, err error) {
	select {
	case m.failures <- err:
	case <-ctx.Done():
	}
}

// Info describes the provider.
func (m *Memory) Info() tunnel.Info {
	return tunnel.Info{Name: "memory", StableURL: true, TLS: tunnel.TLSHere}
}

// Run is online at once and stays so until ctx ends or Fail is called.
func (m *Memory) Run(ctx context.Context, in tunnel.Ingress, emit func(tunnel.Status)) error {
	if ctx.Err() != nil {
		return nil
	}
	emit(tunnel.Status{State: tunnel.Connecting})
	l := &memoryListener{memory: m, closed: make(chan struct{})}
	served := make(chan error, 1)
	var server sync.WaitGroup
	server.Go(func() { served <- in.Serve(l) })
	defer server.Wait()
	defer func() { _ = l.Close() }() // never fails

	u := *m.url
	emit(tunnel.Status{State: tunnel.Online, URL: &u})
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.failures:
		return err
	case err := <-served:
		return fmt.Errorf("answer requests: %w", errors.Join(err, net.ErrClosed))
	}
}

// dial opens a connection to whatever Run serves.
func (m *Memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memoryListener is the listener of one run.
type memoryListener struct {
	memory *Memory
	once   sync.Once
	closed chan struct{}
}

// Accept returns the next connection.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.memory.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the public address.
func (l *memoryListener) Addr() net.Addr { return memoryAddr(l.memory.url.Host) }

// memoryAddr is the address of a host that exists in memory.
type memoryAddr string

// Network returns "memory".
func (memoryAddr) Network() string { return "memory" }

// String returns the host.
func (a memoryAddr) String() string { return string(a) }
