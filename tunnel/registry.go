package tunnel

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Config is what [New] makes providers of; each provider takes its own part.
type Config struct {
	PublicURL   string            // for manual
	Ngrok       NgrokConfig       // for ngrok
	SSH         SSHConfig         // for ssh, but for the server, which the name says
	Cloudflared CloudflaredConfig // for cloudflared
	Direct      DirectConfig      // for direct
	Logger      *slog.Logger      // for all; nil is silent
}

// provider is a line of the provider list.
type provider struct {
	name string
	// ask is what has to follow the name and a colon, empty for nothing.
	ask  []string
	open func(cfg Config, arg string) (Provider, error)
}

// providers lists the providers in the order in which they are shown.
func providers() []provider {
	return []provider{
		{name: "ngrok", open: func(cfg Config, _ string) (Provider, error) { return NewNgrok(cfg.Ngrok, cfg.Logger) }},
		{name: "ssh", ask: append(SSHPresets(), "user@host:port"), open: func(cfg Config, server string) (Provider, error) {
			cfg.SSH.Server = server
			return NewSSH(cfg.SSH, cfg.Logger)
		}},
		{name: "cloudflared", open: func(cfg Config, _ string) (Provider, error) { return NewCloudflared(cfg.Cloudflared, cfg.Logger) }},
		{name: "direct", open: func(cfg Config, _ string) (Provider, error) { return NewDirect(cfg.Direct, cfg.Logger) }},
		{name: "manual", open: func(cfg Config, _ string) (Provider, error) { return NewManual(cfg.PublicURL) }},
		{name: "none", open: func(Config, string) (Provider, error) { return None{}, nil }},
	}
}

// Names returns the names that [New] knows, with what may follow them.
func Names() []string {
	var names []string
	for _, p := range providers() {
		if len(p.ask) == 0 {
			names = append(names, p.name)
		}
		for _, arg := range p.ask {
			names = append(names, p.name+":"+arg)
		}
	}
	return names
}

// New returns the provider of that name, such as "ngrok" or "ssh:localhost.run". The
// error is an [UnknownError] when there is none, else it says what cfg lacks.
func New(name string, cfg Config) (Provider, error) {
	kind, arg, hasArg := strings.Cut(name, ":")
	list := providers()
	i := slices.IndexFunc(list, func(p provider) bool { return p.name == kind })
	if i < 0 || (hasArg && len(list[i].ask) == 0) {
		return nil, &UnknownError{Name: name}
	}
	p, err := list[i].open(cfg, arg)
	if err != nil {
		return nil, fmt.Errorf("set up tunnel %q: %w", kind, err) // the rest may be a token
	}
	return p, nil
}

// UnknownError is returned for the name of a provider that does not exist.
type UnknownError struct{ Name string }

// Error names the provider and those that exist.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown tunnel %q, available: %s", e.Name, strings.Join(Names(), ", "))
}
