package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/tunnel"
)

// listenFlags are the flags of listen, all of which the environment and igloo.yaml
// can set too.
type listenFlags struct {
	ForwardTo          string
	Tunnel             string
	Demo               bool
	Path               string
	Listen             string
	Answer             string
	ForwardUnverified  bool
	ForwardConcurrency int
	HostHeader         string
	ForwardCA          string
	ForwardInsecure    bool
	UI                 string
	Theme              string
	ASCII              bool
	AllowHost          []string
	Retention          string
	Debug              bool

	providerFlags
}

const (
	answerIgloo  = "igloo"
	answerApp    = "app"
	hostTarget   = "target"
	hostPreserve = "preserve"

	// Where a session listens unless it is told otherwise.
	defaultListen = "127.0.0.1:4456"
	defaultPath   = "/webhook"
)

func (f *listenFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.ForwardTo, "forward-to", "", "forward to your app: a port, host:port/path or URL `TARGET`")
	flags.StringVar(&f.Tunnel, "tunnel", tunnelAuto, "public URL by `PROVIDER`: auto, ngrok, ssh:…, cloudflared, direct, manual, none")
	flags.BoolVar(&f.Demo, "demo", false, "start a sample app as target, without a tunnel")
	flags.StringVar(&f.Path, "path", defaultPath, "callback `PATH`")
	flags.StringVar(&f.Listen, "listen", defaultListen, "local `ADDRESS` of the callback URL")
	flags.StringVar(&f.Answer, "answer", answerIgloo, "`WHO` answers Meta: igloo at once, or the app")
	flags.BoolVar(&f.ForwardUnverified, "forward-unverified", false, "forward deliveries without a valid signature too")
	flags.IntVar(&f.ForwardConcurrency, "forward-concurrency", 16, "forward `N` deliveries at once; 1 keeps total order")
	flags.StringVar(&f.HostHeader, "host-header", hostTarget, "`HOST` the app sees: target or preserve")
	flags.StringVar(&f.ForwardCA, "forward-ca", "", "trust the certificates in `FILE` when forwarding to https")
	flags.BoolVar(&f.ForwardInsecure, "forward-insecure", false, "accept any certificate of a target on this machine")
	flags.StringVar(&f.UI, "ui", uiAuto, "`SCREEN`: auto, tui, plain or json")
	flags.StringVar(&f.Theme, "theme", "auto", "`COLOURS`: auto, dark, light, ansi or none")
	flags.BoolVar(&f.ASCII, "ascii", false, "draw with ASCII characters only")
	flags.StringSliceVar(&f.AllowHost, "allow-host", nil, "answer requests for `HOST` too (repeatable)")
	registerRetention(flags, &f.Retention)
	flags.BoolVar(&f.Debug, "debug", false, "log every step to the log file")
	f.providerFlags.register(flags)
}

// check refuses values and mixes that make no sense.
func (f *listenFlags) check() error {
	choices := []struct {
		flag, value string
		allowed     []string
	}{
		{"answer", f.Answer, []string{answerIgloo, answerApp}},
		{"host-header", f.HostHeader, []string{hostTarget, hostPreserve}},
		{"ui", f.UI, []string{uiAuto, uiTUI, uiPlain, uiJSON}},
		{"theme", f.Theme, []string{"auto", "dark", "light", "ansi", "none"}},
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return usagef("one of: "+strings.Join(c.allowed, ", "), "--%s: no such choice %s", c.flag, quoteValue(c.value))
		}
	}
	if f.ForwardConcurrency < 1 || f.ForwardConcurrency > 256 {
		return usagef("", "--forward-concurrency: %d is not between 1 and 256", f.ForwardConcurrency)
	}
	return nil
}

// forwardTLS is the TLS configuration towards the target, nil for the system's.
func (f *listenFlags) forwardTLS(target *url.URL) (*tls.Config, error) {
	switch {
	case f.ForwardInsecure && !loopback(target.Hostname()):
		return nil, usagef("trust its certificate with --forward-ca FILE", "--forward-insecure is for targets on this machine, and %s is not", target.Hostname())
	case f.ForwardInsecure:
		return &tls.Config{InsecureSkipVerify: true}, nil //nolint:gosec // the user asked, and the target is loopback
	case f.ForwardCA != "":
		pool, err := readPool(f.ForwardCA, "--forward-ca")
		if err != nil {
			return nil, err
		}
		return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
	}
	return nil, nil
}

// loopback reports whether a host name stays on this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (b builder) listen() *cobra.Command {
	var flags listenFlags
	c := &cobra.Command{
		Use:   "listen",
		Short: "Open the callback URL, verify, record, forward and show what arrives",
		Long: `Open the callback URL, verify, record, forward and show what arrives.

The local URL is up at once; a public one follows with an ngrok authtoken
(NGROK_AUTHTOKEN). Without an account name who is to carry the traffic, with --tunnel
ssh:localhost.run, ssh:srv.us or cloudflared; with a domain or a server of your own, take
--tunnel direct, ssh:user@host:port or --public-url. docs/tunnels.md compares them.
Set IGLOO_APP_SECRET to the app secret of the App Dashboard, so that igloo can check
Meta's signatures.`,
		Example: `  igloo --forward-to 3000
  igloo --forward-to localhost:8000/api/instagram --path /api/instagram
  igloo --forward-to 3000 --tunnel ssh:localhost.run
  igloo --demo`,
		Args: cobra.NoArgs,
	}
	flags.register(c.Flags())
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		return c.listen(cmd.Context(), flags)
	})
	return c
}

func (c *command) listen(ctx context.Context, flags listenFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	if c.JSON {
		flags.UI = uiJSON
	}
	kind := c.screenKind(flags.UI)
	if kind == uiTUI && (!isTerminal(c.stdout) || !isTerminal(c.stdin)) {
		return usagef("leave it out, or --ui plain", "--ui tui needs a terminal")
	}
	s, err := openSession(ctx, c.config, flags)
	if errors.Is(err, context.Canceled) {
		return nil // a signal while it opened
	}
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.lock.Say(holder{PID: os.Getpid(), Ingress: s.localURL()}); err != nil {
		return err
	}
	s.interactive = kind == uiTUI
	var ui screen
	switch kind {
	case uiTUI:
		ui = &tuiScreen{command: c, session: s}
	case uiJSON:
		ui = newJSONScreen(c.stdout, s)
	default:
		ui = newPlainScreen(c.stdout, c.stderr, s)
	}
	return s.run(ctx, ui)
}

// The kinds of screen.
const (
	uiAuto  = "auto"
	uiTUI   = "tui"
	uiPlain = "plain"
	uiJSON  = "json"
)

// screen shows a running session.
type screen interface {
	// Run shows the session. It returns when the user quits, or when ctx ends, which
	// is when the session begins to end. A screen that only prints may go on until
	// drained ends: by then everything is recorded.
	Run(ctx, drained context.Context) error
	// Tunnel is told every report about a tunnel.
	Tunnel(news tunnelNews)
	// Notice is told what works badly, a sentence each time.
	Notice(text string)
	// Drain says that the session ends once what was answered is forwarded. It
	// may come whether or not Run was ever called.
	Drain()
}

// screenKind chooses a screen: a terminal gets the TUI, everything else plain lines.
func (c *command) screenKind(wanted string) string {
	if wanted != uiAuto {
		return wanted
	}
	switch {
	case !isTerminal(c.stdout) || !isTerminal(c.stdin):
		return uiPlain
	case c.getenv("TERM") == "dumb", c.getenv("CI") != "" && c.getenv("CI") != "false":
		return uiPlain
	}
	return uiTUI
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(file.Fd())
}

// hintWithoutTunnel says how to get a public URL, when none is wanted or known.
const hintWithoutTunnel = "no public URL: set NGROK_AUTHTOKEN (free account), or without an account let somebody else carry the traffic: --tunnel ssh:localhost.run"

// hostPort is the address behind a URL.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// describeTunnel is one plain line about a tunnel's state.
func describeTunnel(news tunnelNews, url string) string {
	by := news.Provider
	if note := accountNote(news.Account); note != "" {
		by += " (" + note + ")"
	}
	switch news.State {
	case tunnel.Checking:
		return fmt.Sprintf("public URL by %s: %s (checking that it leads here)", by, url)
	case tunnel.Online:
		return fmt.Sprintf("public URL by %s: %s is online", by, url)
	case tunnel.Closed:
		return "the public URL is closed"
	case tunnel.Degraded:
		return fmt.Sprintf("warning: public URL %s: %s", url, tunnelNote(news.Status))
	case tunnel.Connecting, tunnel.Reconnecting, tunnel.Failed:
	}
	line := news.Provider + " tunnel " + news.State.String()
	if note := tunnelNote(news.Status); note != "" {
		line += ": " + note
	}
	if news.Next != "" {
		line += "; trying " + news.Next
	}
	return line
}
