package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// publicHost is the host of the user's own domain in these tests.
const publicHost = "hooks.example.com"

// sshd starts a real sshd. Where that is missing the test is skipped, or fails.
func sshd(t *testing.T) *tunneltest.SSHD {
	t.Helper()
	path := "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		path = program(t, "sshd")
	}
	return tunneltest.NewSSHD(t, path)
}

// send is a request of the public's through client.
func send(t *testing.T, client *http.Client, method, to, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature-256", signed(body))
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// checkPublic wants the callback URL to work, and nothing else, for client.
func checkPublic(t *testing.T, client *http.Client, app *developersApp, callback string, n int) {
	t.Helper()
	query := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {"1158201444"}, "hub.verify_token": {verifyToken}}
	if status, answer := send(t, client, http.MethodGet, callback+"?"+query.Encode(), ""); status != http.StatusOK || answer != "1158201444" {
		t.Errorf("verification request = %d %q, want 200 and the challenge", status, answer)
	}
	body := message(1, n)
	if status, answer := send(t, client, http.MethodPost, callback, body); status != http.StatusOK {
		t.Errorf("POST = %d %q, want 200", status, answer)
	}
	poll(t, "the app has the delivery", func() bool {
		got := app.received()
		return len(got) > 0 && got[len(got)-1] == body
	})
	base := strings.TrimSuffix(callback, "/webhook")
	for _, path := range []string{"/", "/webhook/x", "/debug/pprof/", "/session"} {
		if status, _ := send(t, client, http.MethodGet, base+path, ""); status != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, status)
		}
	}
}

// A tunnel through the user's own server, from the first start with a key that the
// server does not know yet to the end.
func TestSSHTunnel(t *testing.T) {
	t.Parallel()
	server, app := sshd(t), newDevelopersApp(t, nil)
	remote, ca := tunneltest.FreeAddr(t), tunneltest.NewCA(t)
	front := ca.Front(t, remote) // the proxy beside the server, which ends TLS
	world := newInternet(t, front, ca.PEM())
	s := withSecret(t, append(world.env(), "IGLOO_VERIFY_TOKEN="+verifyToken)...)
	flags := []string{
		"--tunnel", "ssh:" + server.User + "@" + server.Addr, "--ssh-remote", remote,
		"--public-url", "https://" + publicHost, "--forward-to", app.URL(),
	}
	code, _, stderr := s.run(t, append([]string{"listen", "--json", "--listen", "127.0.0.1:0"}, flags...)...)
	_, line, found := strings.Cut(stderr, "~/.ssh/authorized_keys there: ")
	if code != exitFailed || !found {
		t.Fatalf("exit code %d, stderr %q, want %d and the line for authorized_keys", code, stderr, exitFailed)
	}
	line, _, _ = strings.Cut(line, "\n")
	if err := os.WriteFile(filepath.Join(server.Dir, "authorized_keys"), []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	l := s.listen(t, flags...)
	callback := l.await(t, "tunnel", online).URL
	if want := "https://" + publicHost + "/webhook"; callback != want {
		t.Fatalf("callback URL %q, want %q", callback, want)
	}
	client := tunneltest.Public(remote) // as the proxy does
	checkPublic(t, client, app, callback, 1)
	if status, _ := send(t, client, http.MethodPost, "https://evil.example/webhook", "{}"); status != http.StatusMisdirectedRequest {
		t.Errorf("POST to another host = %d, want 421", status)
	}

	reconnects(t, l, server.Drop, time.Second)
	checkPublic(t, client, app, callback, 2)
	server.Stop()
	l.await(t, "tunnel", func(line jsonLine) bool { return strings.Contains(line.Error, "connection refused") })
	reconnects(t, l, func() { server.Start(t) }, 5*time.Second)
	checkPublic(t, client, app, callback, 3)

	l.signal(t, syscall.SIGTERM)
	if code := l.wait(t); code != exitDone {
		t.Errorf("exit code %d after SIGTERM, want %d", code, exitDone)
	}
	keys, err := filepath.Glob(filepath.Join(filepath.Dir(s.dir), "state", "igloo", "projects", "*", "ssh_key"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %q, %v, want one in the state dir", keys, err)
	}
	if info, err := os.Stat(keys[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.dir), ".ssh")); err == nil {
		t.Error("igloo wrote into ~/.ssh")
	}
	checkHidden(t, []string{appSecret, verifyToken}, map[string]string{"stdout": l.stdout.String(), "stderr": l.stderr.String()}, filepath.Dir(s.dir))
}

// reconnects wants the tunnel online again within a time after what happens.
func reconnects(t *testing.T, l *listening, happens func(), within time.Duration) {
	t.Helper()
	before := strings.Count(l.stdout.String(), `"state":"online"`)
	began := time.Now()
	happens()
	l.awaitOutput(t, &l.stdout, "the tunnel online again", func(text string) bool {
		return strings.Count(text, `"state":"online"`) > before
	})
	if took := time.Since(began); took > within && !raced {
		t.Errorf("the URL works again after %v, want %v at most", took, within)
	}
}

// A domain of the user's own, with a certificate from an ACME authority.
func TestDirectTunnel(t *testing.T) {
	addr, app := tunneltest.FreeAddr(t), newDevelopersApp(t, nil)
	ca := tunneltest.NewACME(t, addr, time.Hour)
	world := newInternet(t, addr, ca.Root)
	s := withSecret(t, append(world.env(), "IGLOO_VERIFY_TOKEN="+verifyToken)...)
	l := s.listen(t, "--tunnel", "direct", "--domain", publicHost, "--tls-listen", addr, "--forward-to", app.URL(),
		"--acme-directory", ca.Directory, "--acme-ca", ca.CAFile)
	checkPublic(t, ca.Public(addr), app, l.await(t, "tunnel", online).URL, 1)
	l.signal(t, syscall.SIGTERM)
	if code := l.wait(t); code != exitDone || l.stderr.String() != "" {
		t.Errorf("exit code %d, stderr %q, want %d and nothing", code, l.stderr.String(), exitDone)
	}
}

// The same, and only Meta's client certificate opens the door.
func TestDirectTunnelForMetaAlone(t *testing.T) {
	addr, app := tunneltest.FreeAddr(t), newDevelopersApp(t, nil)
	ca, clients := tunneltest.NewACME(t, addr, time.Hour), tunneltest.NewCA(t)
	s := withSecret(t, "IGLOO_VERIFY_TOKEN="+verifyToken)
	l := s.listen(t, "--tunnel", "direct", "--domain", publicHost, "--tls-listen", addr, "--forward-to", app.URL(),
		"--acme-directory", ca.Directory, "--acme-ca", ca.CAFile, "--mtls-ca", clients.WriteCA(t, t.TempDir()))
	callback := l.await(t, "tunnel", online).URL
	client := ca.Public(addr)
	transport := client.Transport.(*http.Transport)
	if resp, err := client.Get(callback); err == nil {
		_ = resp.Body.Close()
		t.Errorf("GET without a certificate = %d, want no answer", resp.StatusCode)
	}
	transport.TLSClientConfig.Certificates = []tls.Certificate{clients.Client(t, tunnel.MetaClientName)}
	checkPublic(t, client, app, callback, 1)
	l.signal(t, syscall.SIGTERM)
	if code := l.wait(t); code != exitDone || l.stderr.String() != "" {
		t.Errorf("exit code %d, stderr %q, want %d and nothing", code, l.stderr.String(), exitDone)
	}
	log, err := os.ReadFile(filepath.Join(l.info.DataDir, "igloo.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`msg="client without a certificate refused"`,
		`msg="client certificate accepted" provider=direct server_name=` + publicHost + ` subject="CN=` + tunnel.MetaClientName,
	} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the log has no %s: %s", want, log)
		}
	}
}

// cloudflaredScript stands in for cloudflared: it answers at its own door and passes
// nothing on.
const cloudflaredScript = `#!/bin/sh
echo $$ > "$0.pid"
exec python3 -c '
import http.server, sys
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b"{\"hostname\":\"quick.trycloudflare.com\",\"readyConnections\":1}")
    def log_message(self, *a): pass
host, port = sys.argv[sys.argv.index("--metrics") + 1].split(":")
http.server.HTTPServer((host, int(port)), Door).serve_forever()
' "$@"
`

// Whatever ends igloo ends cloudflared.
func TestCloudflaredEndsWithIgloo(t *testing.T) {
	t.Parallel()
	program(t, "python3")
	for name, sig := range map[string]syscall.Signal{"asked": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := t.TempDir()
			path := filepath.Join(bin, "cloudflared")
			if err := os.WriteFile(path, []byte(cloudflaredScript), 0o700); err != nil {
				t.Fatal(err)
			}
			s := newSandbox(t)
			s.env = append(s.env, "PATH="+bin+":"+os.Getenv("PATH"))
			l := s.listen(t, "--tunnel", "cloudflared")
			if got, want := l.await(t, "tunnel", func(line jsonLine) bool { return line.URL != "" }).URL, "https://quick.trycloudflare.com/webhook"; got != want {
				t.Errorf("callback URL %q, want %q", got, want)
			}
			text, err := os.ReadFile(path + ".pid")
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			l.signal(t, sig)
			l.wait(t)
			poll(t, "the end of cloudflared", func() bool { return ended(pid) })
		})
	}
}

// ended reports whether a process runs no more.
func ended(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// Where cloudflared is not installed igloo says so, and fetches nothing.
func TestCloudflaredIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("cloudflared"); err == nil {
		t.Skip("cloudflared is installed here")
	}
	code, _, stderr := newSandbox(t).run(t, "listen", "--tunnel", "cloudflared")
	if code != exitFailed || !strings.Contains(stderr, "cloudflared is not installed") || !strings.Contains(stderr, "igloo: hint: install it") {
		t.Errorf("exit code %d, stderr %q, want %d and where to get it", code, stderr, exitFailed)
	}
}
