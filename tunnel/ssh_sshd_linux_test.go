package tunnel_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// sshdPath returns the path of OpenSSH's server. Without it the test is skipped,
// or fails where IGLOO_REQUIRE_ALL wants every test.
func sshdPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"sshd", "/usr/sbin/sshd"} {
		if path, err := exec.LookPath(name); err == nil && strings.HasPrefix(path, "/") {
			return path // sshd starts itself anew and needs its whole path
		}
	}
	if os.Getenv("IGLOO_REQUIRE_ALL") == "1" {
		t.Fatal("sshd is missing, and IGLOO_REQUIRE_ALL=1 wants every test")
	}
	t.Skip("sshd is missing: install openssh-server")
	return ""
}

// openSSHD supervises a tunnel through a real sshd.
func openSSHD(t *testing.T, cfg tunnel.SSHConfig, handler http.Handler) (*lab, *tunneltest.SSHD, *http.Client) {
	t.Helper()
	server := tunneltest.NewSSHD(t, sshdPath(t))
	cfg.Server = server.User + "@" + server.Addr
	cfg.PublicURL = "https://hooks.example.com"
	cfg.KeyFile = server.NewClientKey(t)
	if cfg.Remote == "" {
		cfg.Remote = tunneltest.FreeAddr(t)
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	log := &logBuffer{}
	p, err := tunnel.NewSSH(cfg, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	client := tunneltest.Public(cfg.Remote)
	return openLab(t, p, ingress(handler), log), server, client
}

func TestSSHDConforms(t *testing.T) {
	path := sshdPath(t)
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		server := tunneltest.NewSSHD(t, path)
		remote := tunneltest.FreeAddr(t)
		p, err := tunnel.NewSSH(tunnel.SSHConfig{
			Server: server.User + "@" + server.Addr, Remote: remote, PublicURL: "https://hooks.example.com",
			KeyFile: server.NewClientKey(t), Dir: t.TempDir(),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tunneltest.Subject{Provider: p, Client: tunneltest.Public(remote)}
	})
}

func TestSSHDRestart(t *testing.T) {
	t.Parallel()
	l, server, client := openSSHD(t, tunnel.SSHConfig{}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()

	began := time.Now()
	server.Drop()
	l.Await(t, tunnel.Reconnecting)
	l.Await(t, tunnel.Online)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the URL works again %v after a drop, want 1 s at most", took)
	}
	if _, body := get(t, client, url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}

	server.Stop()
	l.AwaitFunc(t, "of the third failure", func(st tunnel.Status) bool { return st.Attempt == 3 })
	server.Start(t)
	ended := time.Now()
	l.Await(t, tunnel.Online)
	if took := time.Since(ended); took > 5*time.Second {
		t.Errorf("the URL works again %v after the outage, want 5 s at most", took)
	}
	if _, body := get(t, client, url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

// A machine that sleeps says nothing, not even that it is gone. Its server still holds
// the port when the next connection asks for it, which must not end the tunnel.
func TestSSHDFrozen(t *testing.T) {
	t.Parallel()
	l, server, client := openSSHD(t, tunnel.SSHConfig{KeepAlive: 50 * time.Millisecond}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	server.Freeze()
	if st := l.Await(t, tunnel.Reconnecting); !strings.Contains(st.Err.Error(), "does not answer any more") {
		t.Errorf("error %q, want that the server is silent", st.Err)
	}
	st := l.AwaitFunc(t, "that the port is held", func(st tunnel.Status) bool {
		return st.Err != nil && strings.Contains(st.Err.Error(), "does not forward the port")
	})
	if st.State != tunnel.Reconnecting {
		t.Errorf("report %+v, want %v", st, tunnel.Reconnecting)
	}
	server.Thaw()
	l.Await(t, tunnel.Online)
	if _, body := get(t, client, url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

func TestSSHDHostKeyChanged(t *testing.T) {
	t.Parallel()
	l, server, _ := openSSHD(t, tunnel.SSHConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	server.Stop()
	server.ChangeHostKey(t)
	server.Start(t)
	if st := l.failed(t); !strings.Contains(st.Err.Error(), "another key than before") || !strings.Contains(st.Hint, "ssh_known_hosts") {
		t.Errorf("error %q with hint %q, want that the key changed, and the file", st.Err, st.Hint)
	}
}

func TestSSHDPortTaken(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	l, _, _ := openSSHD(t, tunnel.SSHConfig{Remote: other.Addr().String()}, say("hello"))
	st := l.failed(t)
	if want := "the SSH server does not forward the port " + other.Addr().String(); st.Err.Error() != want || !strings.Contains(st.Hint, "--ssh-remote") {
		t.Errorf("error %q with hint %q, want %q and --ssh-remote", st.Err, st.Hint, want)
	}
}

func TestSSHDDoesNotKnowTheKey(t *testing.T) {
	t.Parallel()
	server := tunneltest.NewSSHD(t, sshdPath(t))
	p, err := tunnel.NewSSH(tunnel.SSHConfig{
		Server: server.User + "@" + server.Addr, PublicURL: "https://hooks.example.com", Dir: t.TempDir(),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := openLab(t, p, ingress(say("")), &logBuffer{})
	st := l.failed(t)
	if !strings.Contains(st.Hint, "authorized_keys") || !strings.Contains(st.Hint, "ssh-ed25519 AAAA") || strings.Contains(st.Hint, "PRIVATE") {
		t.Errorf("hint %q, want the line for authorized_keys", st.Hint)
	}
}

func TestSSHDLeavesNothingBehind(t *testing.T) {
	server := tunneltest.NewSSHD(t, sshdPath(t))
	remote := tunneltest.FreeAddr(t)
	log := &logBuffer{}
	p, err := tunnel.NewSSH(tunnel.SSHConfig{
		Server: server.User + "@" + server.Addr, Remote: remote, PublicURL: "https://hooks.example.com",
		KeyFile: server.NewClientKey(t), Dir: t.TempDir(), KeepAlive: 20 * time.Millisecond,
	}, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	client := tunneltest.Public(remote)
	checkCycles(t, func() {
		l := openLab(t, p, ingress(say("hello")), log)
		get(t, client, l.Await(t, tunnel.Online).URL.String())
		l.stop(t)
	})
}
