package tunnel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	ngrok "golang.ngrok.com/ngrok/v2"

	"github.com/igloo-dev/igloo/internal/secret"
)

// The errors of [NewNgrok] for what is missing.
var (
	ErrNoAuthtoken = errors.New("no ngrok authtoken")
	ErrNoTLSURL    = errors.New("no ngrok URL to decrypt the traffic of")
)

const fixCertificate = "name the certificate of that domain with --tls-cert and --tls-key"

// NgrokConfig says what to ask ngrok for. Only the authtoken is needed.
type NgrokConfig struct {
	Authtoken secret.Value

	// URL is the public URL to ask for, or just its host. Empty takes what
	// ngrok gives, on the free plan always the account's one domain.
	URL string

	// Policy is a Traffic Policy in YAML or JSON, passed on as it is.
	Policy string

	// Metadata is shown with the endpoint in ngrok's dashboard and API.
	Metadata string

	// Pooling shares the URL with every other endpoint that asks for it in the same
	// way: each request goes to one of them, so each sees a part of the deliveries.
	Pooling bool

	// TLS has igloo decrypt the traffic in place of ngrok, which is a paid feature
	// and needs a URL whose certificate igloo has. Nil leaves it to ngrok.
	TLS *TLSConfig

	Server NgrokServer
}

// NgrokServer says how to reach ngrok, for networks that let nothing out but through
// a server of their own, and for tests. The zero value is ngrok's own server.
type NgrokServer struct {
	// ConnectURL is the host:port of the server, and CAs are the authorities its
	// certificate may come from.
	ConnectURL string
	CAs        *x509.CertPool

	// Proxy is the proxy to go through: http, https or socks5. A password in it is
	// never shown.
	Proxy *url.URL

	// Heartbeat is the time between two checks that the connection still lives;
	// without an answer for 2.5 times as long it counts as lost. 0 means 10 s.
	Heartbeat time.Duration

	// Timeout bounds every wait for the server's answer. 0 means 30 s.
	Timeout time.Duration
}

// Ngrok is the provider that uses the ngrok service.
//
// The service is told the name of this machine and the path of the executable:
// its client library sends them along, and they show in the dashboard.
type Ngrok struct {
	cfg    NgrokConfig
	host   string            // of the URL that is asked for, empty for none
	cert   *certificateFiles // nil when ngrok decrypts
	logger *slog.Logger
}

// NewNgrok returns the provider for cfg. A nil logger is silent; the client
// library's own messages go to it too, as debug messages.
func NewNgrok(cfg NgrokConfig, logger *slog.Logger) (*Ngrok, error) {
	if cfg.Authtoken.Empty() {
		return nil, ErrNoAuthtoken
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	n := &Ngrok{cfg: cfg, logger: logger.With("provider", "ngrok")}
	if cfg.URL != "" {
		u, err := parseNgrokURL(cfg.URL)
		if err != nil {
			return nil, err
		}
		n.cfg.URL = u.String()
		n.host = u.Hostname()
	}
	if err := n.checkServer(); err != nil {
		return nil, err
	}
	if cfg.TLS == nil {
		return n, nil
	}
	if cfg.URL == "" {
		return nil, ErrNoTLSURL
	}
	var err error
	n.cert, err = loadCertificate(cfg.TLS.CertFile, cfg.TLS.KeyFile, n.logger)
	n.cfg.URL = "tls" + strings.TrimPrefix(n.cfg.URL, "https")
	return n, err
}

// checkServer looks at what does not depend on the service.
func (n *Ngrok) checkServer() error {
	server := &n.cfg.Server
	if server.Timeout <= 0 {
		server.Timeout = answerTimeout
	}
	if server.ConnectURL != "" {
		if at, err := parseHostPort("ngrok connect URL", server.ConnectURL); err != nil || at.host == "" {
			return fmt.Errorf("ngrok connect URL %q is not host:port", server.ConnectURL)
		}
	}
	if p := server.Proxy; p != nil && (!slices.Contains([]string{"http", "https", "socks5"}, p.Scheme) || p.Hostname() == "") {
		return fmt.Errorf("proxy %q is not the URL of an http, https or socks5 proxy", p.Redacted())
	}
	return nil
}

// Info describes the provider. ngrok has URLs that last, and accounts to which
// they belong.
func (n *Ngrok) Info() Info {
	info := Info{Name: "ngrok", StableURL: true, Account: true, TLS: TLSAtEdge}
	if n.cfg.TLS != nil {
		info.TLS, info.ClientCert = TLSHere, true
	}
	return info
}

// Run keeps an endpoint open until ctx ends. The library waits longer and longer
// between its tries, so in a long outage its agent is replaced by a new one.
func (n *Ngrok) Run(ctx context.Context, in Ingress, emit func(Status)) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	if n.cert != nil {
		if err := n.cert.checkName(n.host); err != nil {
			return &FatalError{Err: err, Hint: fixCertificate}
		}
	}
	if n.cfg.Pooling {
		n.logger.Warn("this ngrok URL is pooled: deliveries are shared out among everybody who has it open, and each sees a part of them")
	}
	emit(Status{State: Connecting})
	failed := 0 // tries in a row, over all agents
	return keepUp(ctx, emit, func(ctx context.Context, again bool) (bool, error) {
		s, err := n.newSession(emit, again)
		if err != nil {
			return false, err
		}
		s.before, failed = failed, 0
		err = s.run(ctx, in)
		if retry, ok := errors.AsType[*retryError](err); ok {
			failed = retry.attempt
		}
		return s.url != nil, err
	})
}

// newSession returns a session with an agent that has yet to connect. again means
// that another one was online before.
func (n *Ngrok) newSession(emit func(Status), again bool) (*ngrokSession, error) {
	server := n.cfg.Server
	s := &ngrokSession{
		Ngrok:     n,
		emit:      emit,
		again:     again,
		dialer:    newSeverable(dialTimeout, server.Proxy),
		changes:   make(chan connChange, maxQueued),
		latencies: make(chan time.Duration, 1),
	}
	opts := []ngrok.AgentOption{
		ngrok.WithAuthtoken(n.cfg.Authtoken.Reveal()),
		ngrok.WithClientInfo("igloo", version()),
		ngrok.WithDialer(s.dialer),
		ngrok.WithLogger(slog.New(&sdkLog{next: n.logger.Handler(), redact: s.redact})),
		ngrok.WithEventHandler(s.handle),
		ngrok.WithRPCHandler(s.command),
	}
	if server.ConnectURL != "" {
		host, _, err := net.SplitHostPort(server.ConnectURL)
		if err != nil {
			return nil, err // NewNgrok has looked already
		}
		opts = append(opts, ngrok.WithAgentConnectURL(server.ConnectURL),
			// On its own the library takes the text before the first colon,
			// which breaks IPv6 addresses.
			ngrok.WithTLSConfig(func(c *tls.Config) { c.ServerName = host }))
	}
	if p := server.Proxy; p != nil && p.Scheme == "socks5" {
		opts = append(opts, ngrok.WithProxyURL(p.String())) // through our dialer; the others are its own work
	}
	if server.CAs != nil {
		opts = append(opts, ngrok.WithAgentConnectCAs(server.CAs))
	}
	if server.Heartbeat > 0 {
		opts = append(opts, ngrok.WithHeartbeatInterval(server.Heartbeat),
			ngrok.WithHeartbeatTolerance(server.Heartbeat*3/2))
	}
	agent, err := ngrok.NewAgent(opts...)
	if err != nil {
		return nil, fmt.Errorf("make ngrok agent: %w", err)
	}
	s.agent = agent
	return s, nil
}

// endpointOptions returns what to ask the service for.
func (n *Ngrok) endpointOptions() []ngrok.EndpointOption {
	var opts []ngrok.EndpointOption
	c := n.cfg
	if c.URL != "" {
		opts = append(opts, ngrok.WithURL(c.URL))
	}
	if c.Policy != "" {
		opts = append(opts, ngrok.WithTrafficPolicy(c.Policy))
	}
	if c.Metadata != "" {
		opts = append(opts, ngrok.WithMetadata(c.Metadata))
	}
	if c.Pooling {
		opts = append(opts, ngrok.WithPoolingEnabled(true))
	}
	return opts
}

// parseNgrokURL brings what people type into the form that ngrok takes.
func parseNgrokURL(text string) (*url.URL, error) {
	if rest, ok := strings.CutPrefix(text, "tls://"); ok {
		text = rest
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := parsePublicURL(text)
	if err != nil {
		return nil, fmt.Errorf("ngrok URL: %w", err)
	}
	return u, nil
}

// urlOf returns the endpoint's public URL in the usual form.
func urlOf(endpoint ngrok.Endpoint) *url.URL {
	return &url.URL{Scheme: "https", Host: strings.ToLower(endpoint.URL().Host)}
}

// version returns igloo's version for the User-Agent.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}
