package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// ErrNoCloudflared is returned by [NewCloudflared] when the program is not installed.
// It is never downloaded.
var ErrNoCloudflared = errors.New("cloudflared is not installed")

// CloudflaredConfig says where Cloudflare's program is. The zero value looks for it
// in PATH.
type CloudflaredConfig struct {
	// Path is the program.
	Path string

	// Environ is the environment as NAME=value. The program is given a few variables
	// of it that say how to get out of this network, none of its own settings, and no
	// secret but a password that the URL of a proxy may hold.
	Environ []string

	// Timeout bounds the wait for a public URL that works, once over UDP and once
	// over TCP. 0 means 12 s.
	Timeout time.Duration
}

// Cloudflared is the provider that runs Cloudflare's program for a quick tunnel: no
// account, another URL each time.
type Cloudflared struct {
	cfg    CloudflaredConfig
	logger *slog.Logger
}

// NewCloudflared returns the provider for cfg. A nil logger is silent; what the
// program says goes to it too, as debug messages.
func NewCloudflared(cfg CloudflaredConfig, logger *slog.Logger) (*Cloudflared, error) {
	name := cfg.Path
	if name == "" {
		name = "cloudflared"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCloudflared, err)
	}
	cfg.Path = path
	if cfg.Timeout <= 0 {
		cfg.Timeout = cloudflaredTimeout
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Cloudflared{cfg: cfg, logger: logger.With("provider", "cloudflared")}, nil
}

// Info describes the provider.
func (*Cloudflared) Info() Info { return Info{Name: "cloudflared", TLS: TLSAtEdge} }

const cloudflaredTimeout = 12 * time.Second

// Run keeps a quick tunnel open until ctx ends.
func (c *Cloudflared) Run(ctx context.Context, in Ingress, emit func(Status)) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	target, err := url.Parse(in.LoopbackURL)
	if err != nil || target.Host == "" {
		return &FatalError{Err: fmt.Errorf("no local address for cloudflared: %q", in.LoopbackURL)}
	}
	emit(Status{State: Connecting})
	// A quick tunnel goes over UDP and does not fall back to TCP on its own, though
	// many networks let no UDP out.
	overTCP := false
	return keepUp(ctx, emit, func(ctx context.Context, _ bool) (bool, error) {
		cameUp, err := c.runOnce(ctx, in.LoopbackURL, overTCP, emit)
		if !overTCP && !cameUp && errors.Is(err, errNoEdge) {
			overTCP = true
			c.logger.Info("cloudflared goes over TCP, as UDP comes to nothing")
			cameUp, err = c.runOnce(ctx, in.LoopbackURL, overTCP, emit)
		}
		return cameUp, err
	})
}

// runOnce runs the program until ctx ends or it fails.
func (c *Cloudflared) runOnce(ctx context.Context, target string, overTCP bool, emit func(Status)) (cameUp bool, err error) {
	metrics, err := freePort(ctx)
	if err != nil {
		return false, err
	}
	args := []string{
		"--config", os.DevNull, // the user's own would disturb a quick tunnel
		"tunnel", "--no-autoupdate", "--output", "json",
		"--metrics", metrics, "--grace-period", cloudflaredGrace.String(), "--url", target,
	}
	if overTCP {
		args = append(args, "--protocol", "http2")
	}
	p := &cloudflaredProcess{Cloudflared: c, metrics: metrics, emit: emit}
	err = p.run(ctx, args)
	return p.url != nil, err
}

// passedOn are the variables that the program is given.
var passedOn = []string{
	"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// environ returns the program's environment. It is never nil, which would pass on
// everything.
func (c *Cloudflared) environ() []string {
	env := []string{}
	for _, pair := range c.cfg.Environ {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(passedOn, strings.ToUpper(name)) {
			env = append(env, pair)
		}
	}
	return env
}

// freePort returns an address of this machine for the program's own door.
func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
