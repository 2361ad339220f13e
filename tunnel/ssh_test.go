package tunnel_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// ownServer is an sshd of the user's own.
const ownServer = "ada@vps.example.com"

// newSSH returns the provider that talks to an imitation.
func newSSH(t *testing.T, server *tunneltest.SSHServer, cfg tunnel.SSHConfig, log *logBuffer) *tunnel.SSH {
	t.Helper()
	cfg.Connect = server.Addr()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Server == ownServer && cfg.PublicURL == "" {
		cfg.PublicURL = "https://hooks.example.com"
	}
	p, err := tunnel.NewSSH(cfg, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// openSSH supervises a tunnel through an imitation of the service.
func openSSH(t *testing.T, service string, cfg tunnel.SSHConfig, handler http.Handler) (*lab, *tunneltest.SSHServer) {
	t.Helper()
	server := tunneltest.NewSSHServer(t, service)
	if cfg.Server = service; service == "own" {
		cfg.Server = ownServer
	}
	log := &logBuffer{}
	return openLab(t, newSSH(t, server, cfg, log), ingress(handler), log), server
}

func TestSSHConforms(t *testing.T) {
	t.Parallel()
	for _, service := range append(tunnel.SSHPresets(), "own") {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir() // the same key throughout
			tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
				server := tunneltest.NewSSHServer(t, service)
				name := service
				if service == "own" {
					name = ownServer
				}
				if err := os.RemoveAll(filepath.Join(dir, "ssh_known_hosts")); err != nil {
					t.Fatal(err)
				}
				return tunneltest.Subject{
					Provider: newSSH(t, server, tunnel.SSHConfig{Server: name, Dir: dir}, &logBuffer{}),
					Client:   server.Client(),
				}
			})
		})
	}
}

// The order in which a service is asked is part of what it wants.
func TestSSHPresets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		service string
		host    string // what the public URL ends in
		seen    []string
	}{
		{"localhost.run", ".lhr.life", []string{"user nokey", "session", "forward localhost:80", "exec --output json", "cancel"}},
		{"srv.us", ".srv.us", []string{"user igloo", "session", "forward localhost:1", "shell", "cancel"}},
		{"serveo", "-203-0-113-9.serveousercontent.com", []string{"user igloo", "session", "forward localhost:80", "shell", "cancel"}},
		{"pinggy", ".a.free.pinggy.link", []string{"user free", "session", "forward localhost:0", "shell", "cancel"}},
		{"own", "hooks.example.com", []string{"user ada", "forward 127.0.0.1:4456", "cancel"}},
	}
	for _, tt := range tests {
		t.Run(tt.service, func(t *testing.T) {
			t.Parallel()
			l, server := openSSH(t, tt.service, tunnel.SSHConfig{}, say("hello"))
			u := l.Await(t, tunnel.Online).URL
			if !strings.HasSuffix(u.Host, tt.host) || u.Scheme != "https" {
				t.Errorf("public URL %q, want https and a host that ends in %q", u, tt.host)
			}
			if _, body := get(t, server.Client(), u.String()); body != "hello" {
				t.Errorf("answer %q, want %q", body, "hello")
			}
			l.stop(t)
			if diff := cmp.Diff(tt.seen, server.Seen()); diff != "" {
				t.Errorf("the server saw (-want +got):\n%s", diff)
			}
			if hosts := server.Hosts(); len(hosts) > 0 {
				t.Errorf("%q are online after the end", hosts)
			}
		})
	}
}

// srv.us names its hosts after the key, so the URL lasts as long as the key.
func TestSSHKeepsTheURLOfSrvUS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var urls []string
	for range 2 {
		l, _ := openSSH(t, "srv.us", tunnel.SSHConfig{Dir: dir}, say(""))
		urls = append(urls, l.Await(t, tunnel.Online).URL.String())
		l.stop(t)
		if err := os.Remove(filepath.Join(dir, "ssh_known_hosts")); err != nil { // each has a key of its own
			t.Fatal(err)
		}
	}
	if urls[0] != urls[1] || strings.Contains(urls[0], "ada") {
		t.Errorf("public URLs %q, want the same one twice, not the account's", urls)
	}
	if len(urls[0]) != len("https://")+26+len(".srv.us") {
		t.Errorf("public URL %q, want 26 characters before .srv.us", urls[0])
	}
}

func TestSSHFollowsANewURL(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "localhost.run", tunnel.SSHConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	server.Rename("another.lhr.life")
	st := l.AwaitFunc(t, "of the new URL", func(st tunnel.Status) bool {
		return st.State == tunnel.Online && st.URL.Host == "another.lhr.life"
	})
	if _, body := get(t, server.Client(), st.URL.String()); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

// Only what stands where the service says its URL, and belongs to it, is one.
func TestSSHIgnoresOtherURLs(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "serveo", tunnel.SSHConfig{}, say("hello"))
	before := l.Await(t, tunnel.Online).URL.String()
	for _, line := range []string{
		"Forwarding HTTP traffic from https://serveousercontent.com.evil.example\r\n",
		"Forwarding HTTP traffic from https://a.serveousercontent.com@evil.example\r\n",
		"Forwarding HTTP traffic from https://a.serveousercontent.com:22\r\n",
		"Forwarding HTTP traffic from https://xserveousercontent.com\r\n",
		"Forwarding HTTP traffic from http://a.serveousercontent.com\r\n",
		"Read more at https://blog.serveo.net\r\n",
		strings.Repeat("x", 1<<20) + " Forwarding HTTP traffic from https://late.serveousercontent.com\r\n",
		"\x1b]0;https://title.serveousercontent.com\x07 Forwarding HTTP traffic from nowhere\r\n",
	} {
		server.Say(line)
	}
	server.Rename("last.serveousercontent.com")
	l.AwaitFunc(t, "of the real change", func(st tunnel.Status) bool {
		return st.State == tunnel.Online && st.URL.Host == "last.serveousercontent.com"
	})
	l.stop(t)
	var urls []string
	for _, st := range l.All() {
		if st.URL != nil {
			urls = append(urls, st.URL.String())
		}
	}
	if diff := cmp.Diff([]string{before, "https://last.serveousercontent.com"}, slices.Compact(urls)); diff != "" {
		t.Errorf("public URLs (-want +got):\n%s", diff)
	}
}

// A service that says one URL after the other is not followed at every step.
func TestSSHIsNotRushed(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "pinggy", tunnel.SSHConfig{}, say(""))
	l.Await(t, tunnel.Online)
	for i := range 200 {
		server.Say(fmt.Sprintf("https://n%d.a.free.pinggy.link\r\n", i))
		<-time.After(2 * time.Millisecond)
	}
	l.AwaitFunc(t, "of the last URL", func(st tunnel.Status) bool {
		return st.State == tunnel.Online && st.URL.Host == "n199.a.free.pinggy.link"
	})
	l.stop(t)
	if n := len(l.All()); n > 20 {
		t.Errorf("%d reports, want a few", n)
	}
}

func TestSSHServiceRefuses(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "localhost.run", tunnel.SSHConfig{}, say(""))
	l.Await(t, tunnel.Online)
	server.Say(`{"event":"tcpip-forward","authz_code":"DENIED","message":"\u001b[31mthis domain is not yours"}` + "\n")
	st := l.failed(t)
	if want := "localhost.run refuses: DENIED �[31mthis domain is not yours"; st.Err.Error() != want {
		t.Errorf("error %q, want %q", st.Err, want)
	}
}

func TestSSHComesBack(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "own", tunnel.SSHConfig{}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	began := time.Now()
	server.Drop()
	if st := l.Await(t, tunnel.Reconnecting); st.Err == nil || st.URL != nil {
		t.Errorf("report %+v, want an error and no URL", st)
	}
	if got := l.Await(t, tunnel.Online).URL.String(); got != url {
		t.Errorf("public URL %q, want %q as before", got, url)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the URL works again after %v, want 1 s at most", took)
	}
	if _, body := get(t, server.Client(), url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

func TestSSHComesBackAfterAnOutage(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "own", tunnel.SSHConfig{}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	server.Down()
	st := l.AwaitFunc(t, "of the fourth failure", func(st tunnel.Status) bool { return st.Attempt == 4 })
	if st.State != tunnel.Reconnecting || st.RetryIn > 4*time.Second || !strings.Contains(st.Err.Error(), "connection refused") {
		t.Errorf("report %+v, want %v, again within 4s", st, tunnel.Reconnecting)
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	l.Await(t, tunnel.Online)
	if took := time.Since(ended); took > 5*time.Second {
		t.Errorf("the URL works again %v after the outage, want 5 s at most", took)
	}
	if _, body := get(t, server.Client(), url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

func TestSSHNoticesASilentConnection(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "own", tunnel.SSHConfig{KeepAlive: 50 * time.Millisecond}, say("hello"))
	l.AwaitFunc(t, "with a latency", func(st tunnel.Status) bool { return st.State == tunnel.Online && st.Latency > 0 })
	server.Mute(true)
	if st := l.Await(t, tunnel.Reconnecting); !strings.Contains(st.Err.Error(), "does not answer any more") {
		t.Errorf("error %q, want that the server is silent", st.Err)
	}
	server.Mute(false)
	l.Await(t, tunnel.Online)
	l.stop(t)
}

// A client that sends half a request must not keep its connection.
func TestSSHServerTimeoutsHold(t *testing.T) {
	t.Parallel()
	server := tunneltest.NewSSHServer(t, "own")
	in := tunnel.HTTPIngress("", soon, func() *http.Server {
		return &http.Server{
			ReadHeaderTimeout: 200 * time.Millisecond,
			ReadTimeout:       300 * time.Millisecond,
			Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
			}),
		}
	})
	log := &logBuffer{}
	l := openLab(t, newSSH(t, server, tunnel.SSHConfig{Server: ownServer}, log), in, log)
	host := l.Await(t, tunnel.Online).URL.Host
	for name, sent := range map[string]string{
		"slow header": "POST /webhook HTTP/1.1\r\nHost: a.test\r\nX-",
		"slow body":   "POST /webhook HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n{",
		"nothing":     "",
	} {
		conn, err := server.OpenRaw(host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := conn.SetDeadline(began.Add(soon)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn) // until the server hangs up
		if took := time.Since(began); took > soon/2 {
			t.Errorf("%s: the server hangs up after %v", name, took)
		}
	}
}

// The public's end of sending is not the end of the answer.
func TestSSHAnswersAHalfClosedConnection(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "own", tunnel.SSHConfig{}, say("hello"))
	conn, err := server.OpenRaw(l.Await(t, tunnel.Online).URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(answer), "hello") {
		t.Errorf("answer %q, %v, want one that ends in %q", answer, err, "hello")
	}
}

// A server that takes connections and says nothing must not keep igloo from ending.
func TestSSHEndsWithASilentServer(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	connected := make(chan net.Conn, 1)
	go func() {
		if conn, err := silent.Accept(); err == nil {
			connected <- conn
		}
	}()
	p, err := tunnel.NewSSH(tunnel.SSHConfig{Server: "serveo", Connect: silent.Addr().String(), Dir: t.TempDir()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := openLab(t, p, ingress(say("")), &logBuffer{})
	defer (<-connected).Close()
	l.stop(t)
}

func TestSSHLeavesNothingBehind(t *testing.T) {
	server := tunneltest.NewSSHServer(t, "localhost.run")
	log := &logBuffer{}
	p := newSSH(t, server, tunnel.SSHConfig{Server: "localhost.run", KeepAlive: 20 * time.Millisecond}, log)
	checkCycles(t, func() {
		l := openLab(t, p, ingress(say("hello")), log)
		get(t, server.Client(), l.Await(t, tunnel.Online).URL.String())
		l.stop(t)
		server.Client().CloseIdleConnections()
	})
}
