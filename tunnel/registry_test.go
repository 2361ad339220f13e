package tunnel_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
)

func TestNew(t *testing.T) {
	full := tunnel.Config{
		PublicURL:   "https://a.test",
		Ngrok:       tunnel.NgrokConfig{Authtoken: secret.New(authtoken)},
		SSH:         tunnel.SSHConfig{Dir: t.TempDir(), PublicURL: "https://a.test"},
		Cloudflared: tunnel.CloudflaredConfig{Path: os.Args[0]},
		Direct:      tunnel.DirectConfig{Domain: "a.test", ACME: tunnel.ACMEConfig{Dir: t.TempDir()}},
	}
	for _, name := range tunnel.Names() {
		name = strings.Replace(name, "host:port", "host:22", 1)
		p, err := tunnel.New(name, full)
		if err != nil {
			t.Errorf("New(%q) = %v", name, err)
			continue
		}
		if got := p.Info().Name; got != name {
			t.Errorf("New(%q).Info().Name = %q", name, got)
		}
	}
	if diff := cmp.Diff([]string{
		"ngrok", "ssh:localhost.run", "ssh:srv.us", "ssh:serveo", "ssh:pinggy", "ssh:user@host:port", "cloudflared", "direct", "manual", "none",
	}, tunnel.Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
}

const available = "ngrok, ssh:localhost.run, ssh:srv.us, ssh:serveo, ssh:pinggy, ssh:user@host:port, cloudflared, direct, manual, none"

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name string
		is   error
		want string
	}{
		{"ngrok", tunnel.ErrNoAuthtoken, `set up tunnel "ngrok": no ngrok authtoken`},
		{"manual", tunnel.ErrNoPublicURL, `set up tunnel "manual": no public URL`},
		{"ssh", tunnel.ErrNoSSHServer, `set up tunnel "ssh": no SSH server named`},
		{"cloudflared", tunnel.ErrNoCloudflared, `set up tunnel "cloudflared": cloudflared is not installed: exec: "no-such-program": executable file not found in $PATH`},
		{"direct", tunnel.ErrNoDomain, `set up tunnel "direct": no domain`},
		{"ssh:", tunnel.ErrNoSSHServer, `set up tunnel "ssh": no SSH server named`},
		{"ssh:geheim@pinggy", tunnel.ErrSSHToken, `set up tunnel "ssh": the user name for this SSH server would be a token`},
		{"ssh:geheim@pro.pinggy.io:443", tunnel.ErrSSHToken, `set up tunnel "ssh": the user name for this SSH server would be a token`},
		{"ssh:ada:geheim@127.0.0.1:22", tunnel.ErrSSHPassword, `set up tunnel "ssh": an SSH server is user@host:port, without a password`},
		{"ngrok:eu", nil, `unknown tunnel "ngrok:eu", available: ` + available},
		{"carrier pigeon", nil, `unknown tunnel "carrier pigeon", available: ` + available},
		{"", nil, `unknown tunnel "", available: ` + available},
	}
	for _, tt := range tests {
		_, err := tunnel.New(tt.name, tunnel.Config{Cloudflared: tunnel.CloudflaredConfig{Path: "no-such-program"}})
		if err == nil || err.Error() != tt.want {
			t.Errorf("New(%q) = %v, want %q", tt.name, err, tt.want)
			continue
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("New(%q) = %v, want %v in it", tt.name, err, tt.is)
		}
		if unknown, ok := errors.AsType[*tunnel.UnknownError](err); tt.is == nil && (!ok || unknown.Name != tt.name) {
			t.Errorf("New(%q) = %v, want an UnknownError", tt.name, err)
		}
	}
}

func TestStateString(t *testing.T) {
	want := map[tunnel.State]string{
		tunnel.Connecting: "connecting", tunnel.Online: "online", tunnel.Degraded: "degraded",
		tunnel.Reconnecting: "reconnecting", tunnel.Failed: "failed", tunnel.Closed: "closed", tunnel.State(99): "unknown",
	}
	for state, text := range want {
		if got := state.String(); got != text {
			t.Errorf("State(%d).String() = %q, want %q", state, got, text)
		}
	}
}

func TestTLSEndString(t *testing.T) {
	want := map[tunnel.TLSEnd]string{
		tunnel.TLSNowhere: "nowhere", tunnel.TLSAtEdge: "edge", tunnel.TLSHere: "here", tunnel.TLSEnd(99): "unknown",
	}
	for end, text := range want {
		if got := end.String(); got != text {
			t.Errorf("TLSEnd(%d).String() = %q, want %q", end, got, text)
		}
	}
}

func TestFatalError(t *testing.T) {
	cause := errors.New("no")
	tests := []struct {
		err  *tunnel.FatalError
		want string
	}{
		{&tunnel.FatalError{Err: cause}, "no"},
		{&tunnel.FatalError{Err: cause, Code: "E1"}, "no (E1)"},
		{&tunnel.FatalError{Err: errors.New("E1: no"), Code: "E1"}, "E1: no"},
		{&tunnel.FatalError{Code: "E1"}, "refused (E1)"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
	if !errors.Is(tests[1].err, cause) {
		t.Error("a FatalError does not unwrap")
	}
}
