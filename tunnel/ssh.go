package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The errors of [NewSSH] for a server that is not named, as igloo does not choose
// who carries the user's traffic, and for one with a secret in its name.
var (
	ErrNoSSHServer = errors.New("no SSH server named")
	ErrSSHToken    = errors.New("the user name for this SSH server would be a token")
	ErrSSHPassword = errors.New("an SSH server is user@host:port, without a password")
)

// SSHConfig says how to reach an SSH server that forwards a port to us. Server and
// Dir are needed.
type SSHConfig struct {
	// Server is the name of a preset, see [SSHPresets], or user@host:port for an
	// own sshd. A preset's host may be given with another user or port.
	Server string

	// Dir is where igloo keeps a key and the host keys of its own, for the user
	// only. The files of ~/.ssh are neither read nor written.
	Dir string

	// KeyFile is a private key to use in place of igloo's own.
	KeyFile string

	// Remote is the host:port to ask the server for, in place of the preset's. An
	// own sshd is asked for port 4456 of its loopback.
	Remote string

	// PublicURL is where an own sshd can be reached from outside, through whatever
	// ends TLS there. With a preset it is the custom domain that the service may
	// announce beside the names of its own domain.
	PublicURL string

	// Connect is a host:port to connect to in place of the server's, for networks
	// that let nothing out but through a port of their own, and for tests.
	Connect string

	// KeepAlive is the time between two checks that the connection still lives;
	// without an answer for three times as long it counts as lost. 0 means 15 s.
	KeepAlive time.Duration
}

// SSH is the provider that lets an SSH server forward a port, as ssh -R does.
type SSH struct {
	cfg       SSHConfig
	service   sshService
	publicURL *url.URL // nil when the service announces it
	logger    *slog.Logger
}

const (
	defaultKeepAlive = 15 * time.Second
	ownRemote        = "127.0.0.1:4456"
)

// NewSSH returns the provider for cfg. A nil logger is silent. What a user should
// read, such as a server's key that is seen for the first time, is a warning.
func NewSSH(cfg SSHConfig, logger *slog.Logger) (*SSH, error) {
	service, err := parseSSHServer(cfg.Server)
	if err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, errors.New("no folder for the SSH key")
	}
	if cfg.Remote != "" {
		if service.bind, err = parseHostPort("remote address", cfg.Remote); err != nil {
			return nil, err
		}
	}
	if cfg.Connect == "" {
		cfg.Connect = service.address()
	} else if _, err := parseHostPort("connect address", cfg.Connect); err != nil {
		return nil, err
	}
	s := &SSH{cfg: cfg, service: service, logger: logger}
	if cfg.PublicURL != "" {
		if s.publicURL, err = parsePublicURL(cfg.PublicURL); err != nil {
			return nil, err
		}
		s.service.custom = s.publicURL.Hostname()
	}
	if service.announces() {
		s.publicURL = nil // the service says
	} else if s.publicURL == nil {
		return nil, ErrNoPublicURL
	}
	if s.cfg.KeepAlive <= 0 {
		s.cfg.KeepAlive = defaultKeepAlive
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.logger = s.logger.With("provider", s.Info().Name)
	return s, nil
}

// Info describes the provider.
func (s *SSH) Info() Info {
	return Info{
		Name:      "ssh:" + s.cfg.Server,
		StableURL: s.service.stable,
		Account:   s.service.account,
		TLS:       TLSAtEdge,
		MaxLife:   s.service.maxLife,
	}
}

// Run keeps a forwarded port open until ctx ends.
func (s *SSH) Run(ctx context.Context, in Ingress, emit func(Status)) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	emit(Status{State: Connecting})
	signer, err := loadSSHKey(s.keyFile(), s.cfg.KeyFile == "")
	if err != nil {
		return err
	}
	hosts := &hostKeys{path: filepath.Join(s.cfg.Dir, "ssh_known_hosts"), logger: s.logger}
	return keepUp(ctx, emit, func(ctx context.Context, again bool) (bool, error) {
		session := newSSHSession(s, signer, hosts, emit, again)
		return session.run(ctx, in)
	})
}

// keyFile is the path of the private key.
func (s *SSH) keyFile() string {
	if s.cfg.KeyFile != "" {
		return s.cfg.KeyFile
	}
	return filepath.Join(s.cfg.Dir, "ssh_key")
}

// hostPort is an address as SSH sends it: a name, and a port as a number.
type hostPort struct {
	host string
	port uint16
}

func (a hostPort) String() string { return net.JoinHostPort(a.host, strconv.Itoa(int(a.port))) }

// parseHostPort reads host:port; what is named in the error. An empty host is one.
func parseHostPort(what, text string) (hostPort, error) {
	host, portText, err := net.SplitHostPort(text)
	port, perr := strconv.ParseUint(portText, 10, 16)
	if err != nil || perr != nil || strings.ContainsAny(host, " \t\r\n/@") {
		return hostPort{}, fmt.Errorf("%s %q is not host:port", what, text)
	}
	return hostPort{host, uint16(port)}, nil
}
