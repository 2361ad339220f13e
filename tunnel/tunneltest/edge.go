package tunneltest

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// Domain is the domain under which the edge gives out host names.
const Domain = "ngrok-free.test"

// Edge is an ngrok service on this machine: agents connect to it and are given
// public URLs, and [Edge.Client] calls them. It keeps the rules of the free plan
// that matter: a token has one host name of its own, always the same, and a URL
// has one agent at a time.
//
// Its methods may be called at any time from any goroutine.
type Edge struct {
	ca      *authority
	connect string       // where agents connect
	public  net.Listener // where the public does
	secure  *connQueue   // its connections, decrypted
	server  *http.Server
	client  *http.Client
	running sync.WaitGroup

	mu        sync.Mutex
	agents    net.Listener // nil while down
	sessions  map[*session]struct{}
	endpoints map[string]*endpoint // by host
	hosts     map[string]string    // by the token of a bind that may be renewed
	onAuth    func(Auth) error
	onBind    func(Bind) error
	account   Account
	muted     bool
	closed    bool
	epoch     int // counts ForgetTokens
	ids       int
	seen      Seen
}

// endpoint is a public URL that is online.
type endpoint struct {
	id, host, token, proto string
	pooled                 bool
	session                *session
}

// Auth is what an agent said when it connected.
type Auth struct {
	Authtoken, UserAgent, Metadata string
	ClientID, Cookie               string // empty for a new session
}

// Account is what the edge tells an agent about its account.
type Account struct{ Name, Plan, Region, Banner string }

// Bind is what an agent asked for.
type Bind struct {
	ID       string // empty for a new endpoint
	Token    string // empty for a new endpoint
	URL      string // empty for the account's own domain
	Policy   string
	Metadata string
	Pooled   bool
}

// Seen is what agents have asked the edge for, in order, refused or not.
type Seen struct {
	Auths   []Auth
	Binds   []Bind
	Unbinds []string // ids
}

// New returns a running edge that closes when t ends.
func New(t testing.TB) *Edge {
	t.Helper()
	e, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// Start returns a running edge, for callers without a [testing.TB]. Close it.
func Start() (*Edge, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	agents, err := listen("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start edge: %w", err)
	}
	public, err := listen("127.0.0.1:0")
	if err != nil {
		_ = agents.Close()
		return nil, fmt.Errorf("start edge: %w", err)
	}
	e := &Edge{
		ca:        ca,
		connect:   agents.Addr().String(),
		public:    public,
		secure:    newConnQueue(public.Addr()),
		agents:    agents,
		sessions:  map[*session]struct{}{},
		endpoints: map[string]*endpoint{},
		hosts:     map[string]string{},
		account:   Account{Name: "Ada", Plan: "Free", Region: region},
	}
	e.server = e.newServer()
	e.client = e.newClient()
	e.running.Go(func() { e.accept(agents) })
	e.running.Go(func() { e.acceptPublic() })
	e.running.Go(func() { _ = e.server.Serve(e.secure) })
	return e, nil
}

func listen(addr string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp", addr)
}

// Close ends the edge and everything it started.
func (e *Edge) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.Down()
	e.client.CloseIdleConnections()
	_ = e.public.Close()
	_ = e.server.Close()
	e.running.Wait()
}

// ConnectURL is the host:port that agents connect to.
func (e *Edge) ConnectURL() string { return e.connect }

// CA is the PEM text of the authority that signed the edge's certificates, for
// agents and for the public.
func (e *Edge) CA() []byte { return e.ca.pem() }

// Pool returns a pool that trusts the edge's authority alone.
func (e *Edge) Pool() *x509.CertPool { return e.ca.pool() }

// WriteCA writes CA into a file in dir and returns its path.
func (e *Edge) WriteCA(dir string) (string, error) {
	path := filepath.Join(dir, "edge-ca.pem")
	if err := os.WriteFile(path, e.CA(), 0o600); err != nil {
		return "", fmt.Errorf("write CA: %w", err)
	}
	return path, nil
}

// Refuse returns the error of a hook that refuses with an ngrok error code.
func Refuse(code int, text string) error { return &refusalError{code: code, text: text} }

// refusalError is an error in the form that the service writes.
type refusalError struct {
	code int
	text string
}

func (r *refusalError) Error() string { return fmt.Sprintf("%s\n\nERR_NGROK_%d\n", r.text, r.code) }

// OnAuth sets a hook that can refuse agents. Nil accepts all.
func (e *Edge) OnAuth(hook func(Auth) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onAuth = hook
}

// SetAccount says what agents that connect from now on are told of their account.
func (e *Edge) SetAccount(account Account) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.account = account
}

// OnBind sets a hook that can refuse endpoints. Nil leaves it to the edge's own
// rules.
func (e *Edge) OnBind(hook func(Bind) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onBind = hook
}

// DropSessions cuts the agents' connections without a word.
func (e *Edge) DropSessions() {
	for _, s := range e.allSessions() {
		s.cut()
	}
}

// Down cuts the agents' connections and refuses new ones until Up.
func (e *Edge) Down() {
	e.mu.Lock()
	agents := e.agents
	e.agents = nil
	e.mu.Unlock()
	if agents != nil {
		_ = agents.Close()
	}
	e.DropSessions()
}

// Up undoes Down, at the same address.
func (e *Edge) Up() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.agents != nil || e.closed {
		return nil
	}
	agents, err := listen(e.connect)
	if err != nil {
		return fmt.Errorf("bring edge up: %w", err)
	}
	e.agents = agents
	e.running.Go(func() { e.accept(agents) })
	return nil
}

// MuteHeartbeats makes the edge take heartbeats without answering them, as a
// connection does whose other end is gone.
func (e *Edge) MuteHeartbeats(muted bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.muted = muted
}

// ForgetTokens makes the edge forget whom its URLs belonged to: agents that
// come back are given other ones.
func (e *Edge) ForgetTokens() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.hosts)
	e.epoch++
}

// StopTunnel takes the endpoint of host away from its agent, with a reason.
func (e *Edge) StopTunnel(host, code, message string) error {
	e.mu.Lock()
	ep, ok := e.endpoints[host]
	delete(e.endpoints, host)
	e.mu.Unlock()
	if !ok {
		return fmt.Errorf("stop tunnel: %w", errOffline(host))
	}
	return ep.session.send(streamStopTunnel, stopTunnel{ID: ep.id, Message: message, ErrorCode: code})
}

// Stop asks all agents to stop, as a click in the dashboard does.
func (e *Edge) Stop() error { return e.command(streamStop) }

// Restart asks all agents to connect anew.
func (e *Edge) Restart() error { return e.command(streamRestart) }

// Snapshot returns what has been asked for until now.
func (e *Edge) Snapshot() Seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Seen{
		Auths:   slices.Clone(e.seen.Auths),
		Binds:   slices.Clone(e.seen.Binds),
		Unbinds: slices.Clone(e.seen.Unbinds),
	}
}

// Online returns the hosts that have an agent, sorted.
func (e *Edge) Online() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var hosts []string
	for host := range e.endpoints {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return hosts
}

// OwnHost returns the host that the edge gives to agents with authtoken which
// ask for none.
func (e *Edge) OwnHost(authtoken string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ownHost(authtoken)
}

func (e *Edge) ownHost(authtoken string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", e.epoch, authtoken))
	return fmt.Sprintf("%x.%s", sum[:5], Domain)
}

func (e *Edge) allSessions() []*session {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*session
	for s := range e.sessions {
		all = append(all, s)
	}
	return all
}

// nextID returns an id that was not used before. The caller holds the lock.
func (e *Edge) nextID(prefix string) string {
	e.ids++
	return fmt.Sprintf("%s_%d", prefix, e.ids)
}

// errOffline is the error for a host without an agent.
func errOffline(host string) error { return fmt.Errorf("no agent for %q", host) }

// errSessionEnded is the answer to a bind that came too late.
var errSessionEnded = errors.New("session has ended")
