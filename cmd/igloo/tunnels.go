package main

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/igloo-dev/igloo/tui"
	"github.com/igloo-dev/igloo/tunnel"
)

// tunnels runs the tunnel the user wants and opens another one when asked.
type tunnels struct {
	session *session
	wanted  []string // tried in order; empty: none
	named   bool     // the user named them, so a refusal for good ends the session
	orders  chan []string

	callback *callbackMemory

	mu   sync.Mutex
	open string     // name of the open tunnel, "" when none
	host string     // public host
	last tunnelNews // the last report
}

// newTunnels reads --tunnel and what stands beside it.
func newTunnels(s *session) (*tunnels, error) {
	t := &tunnels{session: s, orders: make(chan []string, 1), callback: newCallbackMemory(&s.cfg.project)}
	names := strings.Split(s.flags.Tunnel, ",")
	switch {
	case s.flags.Demo && s.cfg.origin["tunnel"] == "--tunnel" && s.flags.Tunnel != tunnelNone:
		return nil, usagef("leave one of them out", "--demo implies --tunnel none")
	case s.flags.Demo:
		names = []string{tunnelNone}
	case s.flags.PublicURL != "" && s.flags.Tunnel == tunnelAuto:
		names = []string{tunnelManual}
	case s.flags.PublicURL != "" && !slices.ContainsFunc(names, func(name string) bool { return hasOwnURL(strings.TrimSpace(name)) }):
		return nil, usagef("use it with --tunnel manual, or with ssh:user@host:port", "--public-url is the address of a tunnel of your own")
	}
	for _, name := range names {
		switch name = strings.TrimSpace(name); name {
		case tunnelNone:
			if len(names) > 1 {
				return nil, usagef("leave it out of the list", "--tunnel none goes with no other")
			}
		case tunnelAuto:
			if len(names) > 1 {
				return nil, usagef("leave it out of the list", "--tunnel auto goes with no other")
			}
			if s.secrets.Authtoken.Empty() {
				continue
			}
			if _, err := t.provider(tunnelNgrok); err != nil {
				return nil, err
			}
			t.wanted = []string{tunnelNgrok}
		default:
			_, err := t.provider(name)
			if _, usage := errors.AsType[*usageError](err); usage || err != nil && len(names) == 1 {
				return nil, err // else what it lacks is why the next one is tried
			}
			t.wanted, t.named = append(t.wanted, name), true
		}
	}
	if len(t.wanted) == 0 && s.flags.MTLSCA != "" {
		return nil, usagef("name it: --tunnel direct --domain hooks.example.com", "--mtls-ca is for the door of a tunnel, and none is wanted")
	}
	return t, nil
}

// run keeps the wanted tunnel open and changes it when told to, until ctx ends. A
// refusal for good of a tunnel that the user named is an error, unless the screen
// is one where another can be opened.
func (t *tunnels) run(ctx context.Context, show func(tunnelNews)) error {
	report := func(news tunnelNews) {
		t.note(&news)
		t.session.showTunnel(news)
		show(news)
	}
	wanted, named := t.wanted, t.named
	for ctx.Err() == nil {
		runCtx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- t.ladder(wanted, report).climb(runCtx) }()
		select {
		case err := <-done:
			cancel()
			if err != nil && named && !t.session.interactive {
				return err
			}
			select { // nothing is open: wait for an order
			case <-ctx.Done():
				return nil
			case wanted = <-t.orders:
			}
		case wanted = <-t.orders:
			cancel()
			<-done //nolint:errcheck // it was told to end
		}
		named = false
	}
	return nil
}

// ladder tries tunnels in order.
func (t *tunnels) ladder(names []string, report func(tunnelNews)) *ladder {
	s := t.session
	check := s.selfCheck
	if s.flags.MTLSCA != "" {
		check = nil // only Meta has the certificate that opens the door
	}
	return &ladder{names: names, open: t.provider, report: report, supervise: func(p tunnel.Provider) *tunnel.Supervisor {
		return &tunnel.Supervisor{
			Provider: p,
			Ingress:  tunnel.HTTPIngress("http://"+s.ingress.Addr().String(), drainTimeout, s.server),
			Secrets:  append(slices.Clone(s.secrets.values), s.verifyToken, proxySecret(s.flags.NgrokConnectURL)),
			Logger:   s.log,
			Check:    check,
			Silence:  s.silence,
		}
	}}
}

// note remembers what is open, and completes the news with where Meta may still send.
func (t *tunnels) note(news *tunnelNews) {
	if news.URL != nil {
		news.Was = t.callback.note(t.session.publicURL(news.URL))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last, t.open = *news, news.Provider
	switch news.State {
	case tunnel.Closed, tunnel.Failed:
		t.open, t.host = "", ""
	case tunnel.Checking, tunnel.Online, tunnel.Degraded, tunnel.Connecting, tunnel.Reconnecting:
	}
	if news.URL != nil {
		t.host = strings.ToLower(news.URL.Hostname())
	}
}

// expect lets requests for the host of a public URL in, before its report is through.
func (t *tunnels) expect(public *url.URL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.host = strings.ToLower(public.Hostname())
}

func (t *tunnels) publicHost() string {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.host
}

// now is the last report about a tunnel.
func (t *tunnels) now() tunnelNews {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Choices lists the tunnels this session can open.
func (t *tunnels) Choices(context.Context) ([]tui.Choice, error) {
	t.mu.Lock()
	open := t.open
	t.mu.Unlock()
	choices := []tui.Choice{
		{Name: tunnelNgrok, Summary: "ngrok carries the traffic; free account, the URL stays"},
		{Name: "ssh:localhost.run", Summary: "localhost.run carries the traffic; no account, another URL each time"},
		{Name: "ssh:srv.us", Summary: "srv.us carries the traffic; no account, the URL stays"},
		{Name: tunnelCloudflared, Summary: "Cloudflare carries the traffic; no account, another URL each time"},
		{Name: tunnelDirect, Summary: "nobody in between: a domain of your own that leads to this machine"},
		{Name: tunnelManual, Summary: "a proxy or tunnel of your own that points at the local URL"},
	}
	if !slices.ContainsFunc(choices, func(c tui.Choice) bool { return c.Name == open }) && open != "" {
		choices = append(choices, tui.Choice{Name: open, Summary: "named at the start"})
	}
	for i := range choices {
		c := &choices[i]
		c.Open, c.Missing = c.Name == open, t.missing(c.Name)
	}
	return choices, nil
}

// missing says what a tunnel lacks, "" for nothing.
func (t *tunnels) missing(name string) string {
	f := t.session.flags
	switch name {
	case tunnelNgrok:
		if t.session.secrets.Authtoken.Empty() {
			return "no authtoken: set NGROK_AUTHTOKEN and start again"
		}
	case tunnelManual:
		if f.PublicURL == "" {
			return "start igloo with --public-url https://…"
		}
	case tunnelDirect:
		if f.Domain == "" {
			return "start igloo with --domain hooks.example.com"
		}
	case tunnelCloudflared:
		if _, err := exec.LookPath(tunnelCloudflared); err != nil {
			return "cloudflared is not installed"
		}
	}
	return ""
}

// Open opens the named tunnel in place of the one that is open.
func (t *tunnels) Open(_ context.Context, name string) error {
	if _, err := t.provider(name); err != nil {
		return err
	}
	return t.order([]string{name})
}

// Close closes the tunnel that is open.
func (t *tunnels) Close(context.Context) error { return t.order(nil) }

func (t *tunnels) order(names []string) error {
	select {
	case t.orders <- names:
		return nil
	default:
		return errors.New("a tunnel is being opened or closed already")
	}
}
