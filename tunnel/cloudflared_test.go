//go:build unix

package tunnel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// TestMain lets this binary stand in for cloudflared when it is called by that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "cloudflared" {
		os.Exit(standIn(os.Args))
	}
	os.Exit(m.Run())
}

// quickURL is the URL that the stand-in gets.
const quickURL = "https://brave-red-fox-jumps.trycloudflare.com"

// standIn does what cloudflared 2026.8.2 was seen to do. The files beside it tell it
// what to do otherwise, and take what it was given.
func standIn(args []string) int {
	dir := filepath.Dir(args[0])
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	leave := func(name, text string) { _ = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	say := func(level, message string) {
		line, _ := json.Marshal(map[string]string{"level": level, "message": message, "time": "2026-11-21T00:00:00Z"})
		fmt.Fprintf(os.Stderr, "%s\n", line)
	}
	flag := func(name string) string {
		if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	leave("args", strings.Join(args[1:], "\n"))
	leave("environ", strings.Join(os.Environ(), "\n"))
	leave("pid", strconv.Itoa(os.Getpid()))
	say("error", "open "+os.DevNull+": no configuration")
	say("info", "Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick way to experiment and try it out. However, be aware that these account-less Tunnels have no uptime guarantee, are subject to the Cloudflare Online Services Terms of Use (https://www.cloudflare.com/website-terms/)")
	say("info", "Requesting new quick Tunnel on https://api.trycloudflare.com...")
	if has("limited") {
		say("error", `Error unmarshaling QuickTunnel response: error code: 1015: invalid character 'e' looking for beginning of value status_code="429 Too Many Requests"`)
		return 1
	}
	if has("broken") {
		say("fatal", "failed to request quick Tunnel: \x1b[31mno route to host")
		return 1
	}
	if has("child") {
		child := exec.Command("sh", "-c", "trap '' TERM; exec sleep 600") // does not end when asked
		_ = child.Start()
		leave("child", strconv.Itoa(child.Process.Pid))
	}
	say("info", "|  "+quickURL+"   |")
	connected := func() bool { return !has("down") && (!has("no-udp") || flag("--protocol") == "http2") }
	return serveStandIn(flag("--metrics"), flag("--url"), connected, func() bool { return has("crash") }, leave)
}

// serveStandIn serves the program's own door, and the public.
func serveStandIn(metrics, target string, connected, crash func() bool, leave func(name, text string)) int {
	mux := http.NewServeMux()
	mux.HandleFunc("/quicktunnel", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"hostname":"`+strings.TrimPrefix(quickURL, "https://")+`"}`)
	})
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if connected() {
			_, _ = io.WriteString(w, `{"status":200,"readyConnections":1,"connectorId":"1"}`)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"status":503,"readyConnections":0,"connectorId":"1"}`)
	})
	door, err := net.Listen("tcp", metrics)
	if err != nil {
		return 1
	}
	go func() { _ = http.Serve(door, mux) }()
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	to, err := url.Parse(target)
	if err != nil {
		return 1
	}
	server := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("Cf-Connecting-Ip", "203.0.113.9")
	}}}
	go func() { _ = server.Serve(public) }()
	leave("public", public.Addr().String())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	for {
		select {
		case <-ended:
			_ = server.Shutdown(context.Background())
			return 0
		case <-time.After(10 * time.Millisecond):
			if crash() {
				return 1
			}
		}
	}
}

// cloudflaredDir is where a stand-in and its files are.
type cloudflaredDir string

func newCloudflaredDir(t *testing.T, marks ...string) cloudflaredDir {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := cloudflaredDir(t.TempDir())
	if err := os.Symlink(self, dir.program()); err != nil {
		t.Fatal(err)
	}
	for _, name := range marks {
		dir.mark(t, name)
	}
	return dir
}

func (d cloudflaredDir) program() string { return filepath.Join(string(d), "cloudflared") }

func (d cloudflaredDir) mark(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(d), name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d cloudflaredDir) unmark(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(string(d), name)); err != nil {
		t.Fatal(err)
	}
}

func (d cloudflaredDir) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(string(d), name))
	return string(data)
}

// client is the public.
func (d cloudflaredDir) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "tcp", d.read("public"))
		},
	}}
}

func newCloudflared(t *testing.T, dir cloudflaredDir, cfg tunnel.CloudflaredConfig, log *logBuffer) *tunnel.Cloudflared {
	t.Helper()
	cfg.Path = dir.program()
	p, err := tunnel.NewCloudflared(cfg, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// openCloudflared supervises a tunnel through a stand-in, with handler behind it.
func openCloudflared(t *testing.T, dir cloudflaredDir, cfg tunnel.CloudflaredConfig, handler http.Handler) *lab {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local := &http.Server{Handler: handler, ReadHeaderTimeout: soon}
	go func() { _ = local.Serve(listener) }()
	t.Cleanup(func() { _ = local.Close() })
	log := &logBuffer{}
	in := tunnel.Ingress{LoopbackURL: "http://" + listener.Addr().String()}
	return openLab(t, newCloudflared(t, dir, cfg, log), in, log)
}

func TestCloudflaredConforms(t *testing.T) {
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		dir := newCloudflaredDir(t)
		return tunneltest.Subject{
			Provider: newCloudflared(t, dir, tunnel.CloudflaredConfig{}, &logBuffer{}), Client: dir.client(), Loopback: true,
		}
	})
}

func TestCloudflared(t *testing.T) {
	t.Parallel()
	dir := newCloudflaredDir(t, "down", "child")
	l := openCloudflared(t, dir, tunnel.CloudflaredConfig{Environ: []string{
		"PATH=" + os.Getenv("PATH"), "https_proxy=http://proxy.test:3128",
		"TUNNEL_URL=http://evil.example", "IGLOO_APP_SECRET=geheim", "NGROK_AUTHTOKEN=geheim",
	}}, say("hello"))
	// The URL is known before it works.
	await(t, "public side", func() bool { return dir.read("public") != "" })
	if got := l.States(); !slices.Equal(got, []tunnel.State{tunnel.Connecting}) {
		t.Errorf("states %v before Cloudflare is reached, want %v", got, tunnel.Connecting)
	}
	dir.unmark(t, "down")
	if got := l.Await(t, tunnel.Online).URL.String(); got != quickURL {
		t.Errorf("public URL %q, want %q", got, quickURL)
	}
	if _, body := get(t, dir.client(), quickURL); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	args := strings.Split(dir.read("args"), "\n")
	metrics := args[slices.Index(args, "--metrics")+1]
	target := args[len(args)-1]
	want := []string{
		"--config", "/dev/null", "tunnel", "--no-autoupdate", "--output", "json",
		"--metrics", metrics, "--grace-period", "2s", "--url", target,
	}
	if diff := cmp.Diff(want, args); diff != "" || !strings.HasPrefix(metrics, "127.0.0.1:") || !strings.HasPrefix(target, "http://127.0.0.1:") {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	environ := strings.Split(dir.read("environ"), "\n")
	if diff := cmp.Diff([]string{"PATH=" + os.Getenv("PATH"), "https_proxy=http://proxy.test:3128"}, environ); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	l.stop(t)
	for _, name := range []string{"pid", "child"} {
		pid, err := strconv.Atoi(dir.read(name))
		if err != nil {
			t.Fatal(err)
		}
		await(t, "end of the "+name, func() bool { return gone(pid) })
	}
}

// gone reports whether a process has ended. One that nobody waits for is a zombie.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestCloudflaredIsNotReady(t *testing.T) {
	t.Parallel()
	dir := newCloudflaredDir(t)
	l := openCloudflared(t, dir, tunnel.CloudflaredConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	dir.mark(t, "down")
	if st := l.Await(t, tunnel.Reconnecting); st.Err == nil {
		t.Errorf("report %+v, want an error", st)
	}
	dir.unmark(t, "down")
	l.Await(t, tunnel.Online)
	l.stop(t)
}

func TestCloudflaredCrashes(t *testing.T) {
	t.Parallel()
	dir := newCloudflaredDir(t)
	l := openCloudflared(t, dir, tunnel.CloudflaredConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	first := dir.read("pid")
	dir.mark(t, "crash")
	l.Await(t, tunnel.Reconnecting)
	dir.unmark(t, "crash")
	l.Await(t, tunnel.Online)
	if dir.read("pid") == first {
		t.Error("the program was not started again")
	}
	if _, body := get(t, dir.client(), quickURL); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

// Without UDP the program reaches nobody and does not try TCP by itself.
func TestCloudflaredGoesOverTCP(t *testing.T) {
	t.Parallel()
	dir := newCloudflaredDir(t, "no-udp")
	l := openCloudflared(t, dir, tunnel.CloudflaredConfig{Timeout: time.Second}, say("hello"))
	l.Await(t, tunnel.Online)
	if args := dir.read("args"); !strings.HasSuffix(args, "--protocol\nhttp2") {
		t.Errorf("arguments %q, want the protocol http2", args)
	}
	l.stop(t)
}

func TestCloudflaredFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mark, want string
		wait       time.Duration // at least, before the next try
	}{
		{"limited", "cloudflare gives out no more URLs to this address for now", 5 * time.Minute},
		{"broken", "cloudflared ended: failed to request quick Tunnel: �[31mno route to host", 0},
		{"down", "cloudflared reaches none of Cloudflare's servers", 0},
	}
	for _, tt := range tests {
		t.Run(tt.mark, func(t *testing.T) {
			t.Parallel()
			l := openCloudflared(t, newCloudflaredDir(t, tt.mark), tunnel.CloudflaredConfig{Timeout: time.Second}, say(""))
			st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
			if st.Err.Error() != tt.want || st.Hint == "" || st.RetryIn < tt.wait {
				t.Errorf("report %+v, want %q, a hint, and %v at least", st, tt.want, tt.wait)
			}
			l.stop(t)
		})
	}
}

func TestCloudflaredLeavesNothingBehind(t *testing.T) {
	dir, log := newCloudflaredDir(t), &logBuffer{}
	p := newCloudflared(t, dir, tunnel.CloudflaredConfig{}, log)
	checkCycles(t, func() {
		l := openLab(t, p, tunnel.Ingress{LoopbackURL: "http://127.0.0.1:9"}, log)
		l.Await(t, tunnel.Online)
		l.stop(t)
	})
}
