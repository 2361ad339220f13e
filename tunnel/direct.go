package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrNoDomain is returned by [NewDirect] without a domain.
var ErrNoDomain = errors.New("no domain")

// DirectConfig says under which name this machine can be reached.
type DirectConfig struct {
	// Domain is the host of the public URL, with a port when that is not 443. Its
	// address in the DNS is this machine's, or that of a router that passes the
	// connections on.
	Domain string

	// Listen is the local address; empty means port 443 of all of them.
	Listen string

	// TLS has the certificate. Without files it comes from the CA of ACME.
	TLS  TLSConfig
	ACME ACMEConfig
}

// Direct is the provider of a machine that the public can reach: the traffic comes
// to a port here and nobody else decrypts it.
type Direct struct {
	cfg    DirectConfig
	url    *url.URL
	files  *certificateFiles // nil with ACME
	acme   *acmeClient       // nil with files
	logger *slog.Logger
}

const directListen = ":443"

// NewDirect returns the provider for cfg. A nil logger is silent.
func NewDirect(cfg DirectConfig, logger *slog.Logger) (*Direct, error) {
	if cfg.Domain == "" {
		return nil, ErrNoDomain
	}
	u, err := parsePublicURL("https://" + strings.TrimPrefix(cfg.Domain, "https://"))
	if err != nil || !validHost(u.Hostname()) || net.ParseIP(u.Hostname()) != nil {
		return nil, fmt.Errorf("%q is not a domain name; one with other letters than a-z is written as xn--…", cfg.Domain)
	}
	if u.Port() == "443" {
		u.Host = u.Hostname()
	}
	if cfg.Listen == "" {
		cfg.Listen = directListen
	}
	if _, err := parseHostPort("address", cfg.Listen); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	d := &Direct{cfg: cfg, url: u, logger: logger.With("provider", "direct")}
	if cfg.TLS.CertFile == "" && cfg.TLS.KeyFile == "" {
		d.acme, err = newACMEClient(cfg.ACME, u.Hostname(), d.logger)
	} else {
		d.files, err = loadCertificate(cfg.TLS.CertFile, cfg.TLS.KeyFile, d.logger)
	}
	return d, err
}

// Info describes the provider.
func (*Direct) Info() Info {
	return Info{Name: "direct", StableURL: true, TLS: TLSHere, ClientCert: true}
}

// Run listens until ctx ends.
func (d *Direct) Run(ctx context.Context, in Ingress, emit func(Status)) error {
	if ctx.Err() != nil {
		return nil
	}
	emit(Status{State: Connecting})
	if d.files != nil {
		if err := d.files.checkName(d.url.Hostname()); err != nil {
			return &FatalError{Err: err, Hint: fixCertificate}
		}
	}
	var lc net.ListenConfig
	port, err := lc.Listen(ctx, "tcp", d.cfg.Listen)
	if err != nil {
		return d.listenError(err)
	}
	l := newHandshakeListener(port, d.tlsConfig(), d.logger)
	var running sync.WaitGroup
	running.Go(l.pump)
	served := make(chan error, 1)
	running.Go(func() { served <- in.Serve(l) })
	certified, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		_ = l.Close() // no more requests; Serve answers those under way
		running.Wait()
	}()
	certs := make(chan error, 1)
	running.Go(func() { d.certify(certified, certs) })
	return d.watch(ctx, l, certs, served, emit)
}

// tlsConfig returns the configuration of the public port.
func (d *Direct) tlsConfig() *tls.Config {
	if d.files != nil {
		return d.cfg.TLS.server(d.files.get, d.logger)
	}
	cfg := d.cfg.TLS.server(d.acme.get, d.logger)
	cfg.GetConfigForClient = d.acme.challengeConfig
	return cfg
}

// watch reports how the certificate does. It returns nil when ctx has ended.
func (d *Direct) watch(ctx context.Context, l *handshakeListener, certs, served <-chan error, emit func(Status)) error {
	up := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-certs:
			switch {
			case err == nil:
				up = true
				emit(Status{State: Online, URL: cloneURL(d.url)})
			case !up:
				return err
			default:
				emit(Status{State: Degraded, URL: cloneURL(d.url), Err: err, Hint: "renew the certificate"})
			}
		case <-l.ended:
			return fmt.Errorf("accept connections: %w", l.err)
		case err := <-served:
			_ = l.Close() // nobody accepts any more
			return servingEnded(err)
		}
	}
}

// certificateRounds is the time between two looks whether the certificate still
// holds.
const certificateRounds = time.Minute

// certify sends nil when there is a certificate that holds, and an error when there
// is none or it holds no more, until ctx ends.
func (d *Direct) certify(ctx context.Context, certs chan<- error) {
	send := func(err error) {
		select {
		case certs <- err:
		case <-ctx.Done():
		}
	}
	if d.acme != nil {
		d.acme.keep(ctx, send)
		return
	}
	send(nil)
	held := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(certificateRounds):
		}
		_, _ = d.files.get(nil) // reads a renewed one; there is always one
		if err := d.files.checkName(d.url.Hostname()); (err == nil) != held {
			held = err == nil
			send(err)
		}
	}
}

// listenError says what to do about a port that cannot be had.
func (d *Direct) listenError(err error) error {
	hint := "choose another with --tls-listen, and have port 443 forwarded to it"
	switch {
	case errors.Is(err, os.ErrPermission):
		hint = "ports below 1024 are not for everybody: sudo setcap cap_net_bind_service=+ep \"$(command -v igloo)\", or --tls-listen :8443 with port 443 forwarded to it"
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "stop what listens there, or let it pass requests on to igloo and use --public-url"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return &FatalError{Err: fmt.Errorf("listen on %s: %w", d.cfg.Listen, err), Hint: hint}
}
