package tunnel_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/igloo-dev/igloo/tunnel"
)

func TestNewSSHRefuses(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		cfg  tunnel.SSHConfig
		want string
	}{
		{"no server", tunnel.SSHConfig{Dir: dir}, "no SSH server named"},
		{"no user", tunnel.SSHConfig{Dir: dir, Server: "vps.example.com"}, `SSH server "vps.example.com" is neither a preset nor user@host:port`},
		{"no host", tunnel.SSHConfig{Dir: dir, Server: "ada@"}, `SSH server "ada@" is neither a preset nor user@host:port`},
		{"no port", tunnel.SSHConfig{Dir: dir, Server: "ada@vps:ssh"}, `SSH server "vps:ssh" is not host:port`},
		{"token", tunnel.SSHConfig{Dir: dir, Server: "geheim@pinggy"}, "the user name for this SSH server would be a token"},
		{"no public URL", tunnel.SSHConfig{Dir: dir, Server: ownServer}, "no public URL"},
		{"remote", tunnel.SSHConfig{Dir: dir, Server: "serveo", Remote: "80"}, `remote address "80" is not host:port`},
		{"no folder", tunnel.SSHConfig{Server: "serveo"}, "no folder for the SSH key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tunnel.NewSSH(tt.cfg, nil); err == nil || err.Error() != tt.want {
				t.Errorf("NewSSH = %v, want %q", err, tt.want)
			}
		})
	}
}

// Whatever stands behind "ssh:", what is taken for a server has a user and a host and
// nothing that does not belong there.
func FuzzSSHServer(f *testing.F) {
	for _, text := range []string{"localhost.run", "ada@vps.example.com:2222", "ada@[2001:db8::1]:22", "t@pinggy", "@", ":22", "a@b@c", "a@b:c"} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := tunnel.NewSSH(tunnel.SSHConfig{Server: text, Dir: dir, PublicURL: "https://a.test"}, nil)
		if err != nil {
			return
		}
		if got := p.Info().Name; got != "ssh:"+text {
			t.Errorf("name %q, want %q", got, "ssh:"+text)
		}
		_, host, _ := strings.Cut(text, "@")
		if strings.ContainsFunc(host, unicode.IsSpace) || strings.ContainsAny(host, "/@") {
			t.Errorf("%q is taken for a server", text)
		}
	})
}
