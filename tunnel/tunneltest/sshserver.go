package tunneltest

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// SSHServer is an SSH server in this process that does with a forwarded port what a
// tunnel service does: it speaks in the same order, asks for the same things, says
// the same lines, and refuses what the service refuses. [SSHServer.Client] is the
// public that calls its URLs.
//
// Its methods may be called at any time from any goroutine.
type SSHServer struct {
	service sshService
	addr    string
	client  *http.Client
	running sync.WaitGroup

	mu        sync.Mutex
	hostKeys  []ssh.Signer
	listener  net.Listener // nil while down
	conns     map[*sshConn]struct{}
	forwards  map[string]*sshForward // by public host
	host      string                 // the next forward's, "" for the service's own choice
	unanswer  bool                   // takes requests and answers none
	closed    bool
	connected int
	seen      []string
}

// sshForward is a forwarded port with a public URL.
type sshForward struct {
	conn *sshConn
	addr string // as in the request, which the channels repeat
	port uint32
}

// NewSSHServer returns a running server that imitates the service of that name, one
// of the presets of [tunnel.NewSSH], or "own", an sshd. It closes when t ends.
func NewSSHServer(t testing.TB, service string) *SSHServer {
	t.Helper()
	imitation, ok := sshServices()[service]
	if !ok {
		t.Fatalf("no SSH service %q", service)
	}
	s := &SSHServer{service: imitation, conns: map[*sshConn]struct{}{}, forwards: map[string]*sshForward{}}
	s.client = &http.Client{Transport: &http.Transport{DialTLSContext: s.dial, DisableCompression: true}}
	s.ChangeHostKey(t)
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.addr = listener, listener.Addr().String()
	s.running.Go(func() { s.accept(listener) })
	t.Cleanup(s.close)
	return s
}

// Addr is the host:port to connect to.
func (s *SSHServer) Addr() string { return s.addr }

// Client returns a client for which every host is one of the server's.
func (s *SSHServer) Client() *http.Client { return s.client }

// ChangeHostKey gives the server another host key, for connections to come.
func (s *SSHServer) ChangeHostKey(t testing.TB) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostKeys = []ssh.Signer{signer}
}

// AddHostKey gives the server one more host key, of the kind ECDSA.
func (s *SSHServer) AddHostKey(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostKeys = append(s.hostKeys, signer)
}

// SetHost says which public host the next forward is given.
func (s *SSHServer) SetHost(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host = host
}

// Mute makes the server take requests without answering them.
func (s *SSHServer) Mute(muted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unanswer = muted
}

// Drop cuts all connections without a word.
func (s *SSHServer) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.net.Close()
	}
}

// Down cuts all connections and refuses new ones until Up.
func (s *SSHServer) Down() {
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
	s.mu.Unlock()
	s.Drop()
}

// Up undoes Down, at the same address.
func (s *SSHServer) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil || s.closed {
		return nil
	}
	listener, err := listen(s.addr)
	if err != nil {
		return fmt.Errorf("bring SSH server up: %w", err)
	}
	s.listener = listener
	s.running.Go(func() { s.accept(listener) })
	return nil
}

// Say writes text into every session, as the service itself might.
func (s *SSHServer) Say(text string) {
	s.mu.Lock()
	conns := make([]*sshConn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.say(text)
	}
}

// Rename gives every forward another public host, and says so as the service does.
func (s *SSHServer) Rename(host string) {
	s.mu.Lock()
	var moved []*sshForward
	for _, f := range s.forwards {
		moved = append(moved, f)
	}
	clear(s.forwards)
	for _, f := range moved {
		s.forwards[host] = f
	}
	s.mu.Unlock()
	for _, f := range moved {
		f.conn.say(s.service.announce(host))
	}
}

// Seen returns what clients did, in order: the user who logged in, the requests, the
// channels.
func (s *SSHServer) Seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Hosts returns the public hosts that have a client, sorted.
func (s *SSHServer) Hosts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hosts []string
	for host := range s.forwards {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return hosts
}

func (s *SSHServer) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, fmt.Sprintf(format, args...))
}

func (s *SSHServer) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Down()
	s.client.CloseIdleConnections()
	s.running.Wait()
}

func (s *SSHServer) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(conn) })
	}
}

// dial opens a connection to whatever is behind a public host.
func (s *SSHServer) dial(_ context.Context, _, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return s.OpenRaw(host)
}

// OpenRaw returns a connection through the tunnel of host to the server behind it,
// for clients that are slow or worse. It carries plain HTTP/1.1.
func (s *SSHServer) OpenRaw(host string) (net.Conn, error) {
	s.mu.Lock()
	f, ok := s.forwards[host]
	s.mu.Unlock()
	if !ok {
		return nil, errOffline(host)
	}
	return f.open()
}

// visitorPort is the port from which the public comes.
const visitorPort uint32 = 4711

// visitorAddr is from where the public comes.
var visitorAddr = &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: int(visitorPort)}

// open opens a connection through the forwarded port.
func (f *sshForward) open() (net.Conn, error) {
	payload := ssh.Marshal(struct {
		Addr       string
		Port       uint32
		OriginAddr string
		OriginPort uint32
	}{f.addr, f.port, visitorAddr.IP.String(), visitorPort})
	channel, requests, err := f.conn.ssh.OpenChannel("forwarded-tcpip", payload)
	if err != nil {
		return nil, err
	}
	go ssh.DiscardRequests(requests)
	return newChannelConn(channel), nil
}
