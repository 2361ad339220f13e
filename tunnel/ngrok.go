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
	"strconv"
	"strings"
	"time"

	ngrok "golang.ngrok.com/ngrok/v2"

	"github.com/igloo-dev/igloo/internal/secret"
)

// ErrNoAuthtoken is returned by [NewNgrok] without an authtoken.
var ErrNoAuthtoken = errors.New("no ngrok authtoken")

// NgrokConfig says how to reach ngrok. Only the authtoken is needed.
type NgrokConfig struct {
	Authtoken secret.Value

	// URL is the public URL to ask for, or just its host. Empty takes what
	// ngrok gives, on the free plan always the account's one domain.
	URL string

	// Policy is a Traffic Policy in YAML or JSON, passed on as it is.
	Policy string

	// Metadata is shown with the endpoint in ngrok's dashboard and API.
	Metadata string

	// ConnectURL is the host:port of ngrok's server, and CAs are the
	// authorities its certificate may come from. Both are for networks that let
	// nothing out but through a server of their own, and for tests.
	ConnectURL string
	CAs        *x509.CertPool

	// Heartbeat is the time between two checks that the connection still lives;
	// without an answer for 2.5 times as long it counts as lost. 0 means 10 s.
	Heartbeat time.Duration
}

// Ngrok is the provider that uses the ngrok service.
//
// The service is told the name of this machine and the path of the executable:
// its client library sends them along, and they show in the dashboard.
type Ngrok struct {
	cfg    NgrokConfig
	logger *slog.Logger
}

// NewNgrok returns the provider for cfg. A nil logger is silent; the client
// library's own messages go to it too, as debug messages.
func NewNgrok(cfg NgrokConfig, logger *slog.Logger) (*Ngrok, error) {
	if cfg.Authtoken.Empty() {
		return nil, ErrNoAuthtoken
	}
	if cfg.URL != "" {
		u, err := parseNgrokURL(cfg.URL)
		if err != nil {
			return nil, err
		}
		cfg.URL = u
	}
	if cfg.ConnectURL != "" {
		host, port, err := net.SplitHostPort(cfg.ConnectURL)
		if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || host == "" {
			return nil, fmt.Errorf("ngrok connect URL %q is not host:port", cfg.ConnectURL)
		}
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Ngrok{cfg: cfg, logger: logger.With("provider", "ngrok")}, nil
}

// Info describes the provider. ngrok has URLs that last, and accounts to which
// they belong.
func (*Ngrok) Info() Info {
	return Info{Name: "ngrok", StableURL: true, Account: true, TLS: TLSAtEdge}
}

// Run keeps an endpoint open until ctx ends.
func (n *Ngrok) Run(ctx context.Context, in Ingress, emit func(Status)) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	emit(Status{State: Connecting})
	s, err := n.newSession(emit)
	if err != nil {
		return err
	}
	if err := s.run(ctx, in); ctx.Err() == nil {
		return err
	}
	return nil
}

// newSession returns a session with an agent that has yet to connect.
func (n *Ngrok) newSession(emit func(Status)) (*ngrokSession, error) {
	s := &ngrokSession{
		cfg:       n.cfg,
		logger:    n.logger,
		emit:      emit,
		dialer:    newSeverable(dialTimeout),
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
	if n.cfg.ConnectURL != "" {
		host, _, err := net.SplitHostPort(n.cfg.ConnectURL)
		if err != nil {
			return nil, err // NewNgrok has looked already
		}
		opts = append(opts, ngrok.WithAgentConnectURL(n.cfg.ConnectURL),
			// On its own the library takes the text before the first colon,
			// which breaks IPv6 addresses.
			ngrok.WithTLSConfig(func(c *tls.Config) { c.ServerName = host }))
	}
	if n.cfg.CAs != nil {
		opts = append(opts, ngrok.WithAgentConnectCAs(n.cfg.CAs))
	}
	if n.cfg.Heartbeat > 0 {
		opts = append(opts, ngrok.WithHeartbeatInterval(n.cfg.Heartbeat),
			ngrok.WithHeartbeatTolerance(n.cfg.Heartbeat*3/2))
	}
	agent, err := ngrok.NewAgent(opts...)
	if err != nil {
		return nil, fmt.Errorf("make ngrok agent: %w", err)
	}
	s.agent = agent
	return s, nil
}

// endpointOptions returns what to ask the service for.
func (c *NgrokConfig) endpointOptions() []ngrok.EndpointOption {
	var opts []ngrok.EndpointOption
	if c.URL != "" {
		opts = append(opts, ngrok.WithURL(c.URL))
	}
	if c.Policy != "" {
		opts = append(opts, ngrok.WithTrafficPolicy(c.Policy))
	}
	if c.Metadata != "" {
		opts = append(opts, ngrok.WithMetadata(c.Metadata))
	}
	return opts
}

// parseNgrokURL brings what people type into the form that ngrok takes.
func parseNgrokURL(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := parsePublicURL(text)
	if err != nil {
		return "", fmt.Errorf("ngrok URL: %w", err)
	}
	return u.String(), nil
}

// urlOf returns a copy of the endpoint's public URL in the usual form.
func urlOf(endpoint ngrok.Endpoint) *url.URL {
	return &url.URL{Scheme: endpoint.URL().Scheme, Host: strings.ToLower(endpoint.URL().Host)}
}

// version returns igloo's version for the User-Agent.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}
