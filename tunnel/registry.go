package tunnel

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Config is what [New] makes providers of; each provider takes its own part.
type Config struct {
	PublicURL string       // for manual
	Ngrok     NgrokConfig  // for ngrok
	Logger    *slog.Logger // for all; nil is silent
}

// provider is a line of the provider list.
type provider struct {
	name string
	open func(Config) (Provider, error)
}

// providers lists the providers in the order in which they are shown.
func providers() []provider {
	return []provider{
		{"ngrok", func(cfg Config) (Provider, error) { return NewNgrok(cfg.Ngrok, cfg.Logger) }},
		{"manual", func(cfg Config) (Provider, error) { return NewManual(cfg.PublicURL) }},
		{"none", func(Config) (Provider, error) { return None{}, nil }},
	}
}

// Names returns the names that [New] knows.
func Names() []string {
	var names []string
	for _, p := range providers() {
		names = append(names, p.name)
	}
	return names
}

// New returns the provider of that name. The error is an [UnknownError] when
// there is none, else it says what cfg lacks.
func New(name string, cfg Config) (Provider, error) {
	list := providers()
	i := slices.IndexFunc(list, func(p provider) bool { return p.name == name })
	if i < 0 {
		return nil, &UnknownError{Name: name}
	}
	p, err := list[i].open(cfg)
	if err != nil {
		return nil, fmt.Errorf("set up tunnel %q: %w", name, err)
	}
	return p, nil
}

// UnknownError is returned for the name of a provider that does not exist.
type UnknownError struct{ Name string }

// Error names the provider and those that exist.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown tunnel %q, available: %s", e.Name, strings.Join(Names(), ", "))
}
