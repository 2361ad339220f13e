package tunnel_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

func TestNgrokTellsTheAccount(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	edge.SetAccount(tunneltest.Account{Name: "Ada", Plan: "Hobbyist", Region: "eu", Banner: "Maintenance at noon, " + otherToken})
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say(""))
	got := l.Await(t, tunnel.Online).Account
	if want := (tunnel.Account{Name: "Ada", Plan: "Hobbyist", Region: "eu", Banner: "Maintenance at noon, [redacted]"}); got != want {
		t.Errorf("account %+v, want %+v", got, want)
	}
	l.stop(t)
}

// Two sessions that ask for pooling share a URL, and are told what that means.
func TestNgrokPooling(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	cfg := tunnel.NgrokConfig{URL: "shared.example.com", Pooling: true}
	first := openNgrok(t, edge, cfg, say("first"))
	first.Await(t, tunnel.Online)
	second := openNgrok(t, edge, cfg, say("second"))
	second.Await(t, tunnel.Online)
	for _, bind := range edge.Snapshot().Binds {
		if !bind.Pooled {
			t.Errorf("bind %+v, want one that is pooled", bind)
		}
	}
	if log := first.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "shared out") {
		t.Errorf("pooling is not warned of: %s", log)
	}
}

// The context that opens a session is its life: one with a deadline would end it.
func TestNgrokOutlivesTheTimeout(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{Server: tunnel.NgrokServer{Timeout: timeout, Heartbeat: timeout / 3}}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	online := time.Now()
	l.AwaitFunc(t, "long after the timeout", func(st tunnel.Status) bool { return time.Since(online) > 3*timeout })
	if got := l.States(); !slices.Equal(got, []tunnel.State{tunnel.Connecting, tunnel.Online}) {
		t.Errorf("states %v, want the first session to last", got)
	}
	edge.DropSessions()
	l.Await(t, tunnel.Online)
	if _, body := get(t, edge.Client(), url); body != "hello" {
		t.Errorf("answer after a drop %q, want %q", body, "hello")
	}
	l.stop(t)
}

// A server that lets us in and gives out no URL must not keep us for ever.
func TestNgrokGivesUpOnAServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	release := make(chan struct{})
	var once sync.Once
	edge.OnBind(func(tunneltest.Bind) error {
		<-release
		return nil
	})
	defer once.Do(func() { close(release) })
	l := openNgrok(t, edge, tunnel.NgrokConfig{Server: tunnel.NgrokServer{Timeout: 200 * time.Millisecond}}, say("hello"))
	st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
	if st.Err.Error() != "ngrok does not answer" || st.RetryIn == 0 || st.RetryIn > 4*time.Second {
		t.Errorf("report %+v, want that ngrok does not answer, and a try soon", st)
	}
	edge.OnBind(nil)
	once.Do(func() { close(release) })
	l.Await(t, tunnel.Online)
	l.stop(t)
}

// After five tries the library would sleep for 8 s, then 16, then 30.
func TestNgrokComesBackAfterALongOutage(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	edge.Down()
	var last int
	for last < 7 { // more than one agent tries
		st := l.AwaitFunc(t, "of a failure", func(st tunnel.Status) bool { return st.Err != nil })
		if st.State != tunnel.Reconnecting || st.RetryIn > 4*time.Second || st.Attempt < last {
			t.Errorf("report %+v after attempt %d, want %v, a later attempt, and a try within 4s", st, last, tunnel.Reconnecting)
		}
		last = st.Attempt
	}
	if err := edge.Up(); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	if got := l.Await(t, tunnel.Online).URL.String(); got != url {
		t.Errorf("public URL %q, want %q as before", got, url)
	}
	if took := time.Since(ended); took > 5*time.Second {
		t.Errorf("the URL works again %v after the outage, want 5 s at most", took)
	}
	if _, body := get(t, edge.Client(), url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

// The library takes the text before the first colon for the server's name.
func TestNgrokConnectsToAnIPv6Address(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer six.Close()
	go relay(six, edge.ConnectURL())
	p, err := tunnel.NewNgrok(tunnel.NgrokConfig{
		Authtoken: secret.New(authtoken), Server: tunnel.NgrokServer{ConnectURL: six.Addr().String(), CAs: edge.Pool()},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := openLab(t, p, ingress(say("")), &logBuffer{})
	l.Await(t, tunnel.Online)
	l.stop(t)
}

// relay passes connections on to an address, until the listener is closed.
func relay(l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			var d net.Dialer
			out, err := d.DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			go func() {
				_, _ = io.Copy(out, in)
				_ = out.Close()
			}()
			_, _ = io.Copy(in, out)
			_ = in.Close()
		}()
	}
}

// Who calls is told by ngrok outside of the request, where nobody can forge it.
func TestNgrokTellsWhoCalls(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	seen := make(chan string, 1)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.RemoteAddr }))
	conn, err := edge.OpenRaw(l.Await(t, tunnel.Online).URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := <-seen, "203.0.113.9:4711"; got != want {
		t.Errorf("RemoteAddr %q, want %q", got, want)
	}
}

// connectProxy is an HTTP proxy that wants a password.
type connectProxy struct {
	net.Listener
	mu   sync.Mutex
	asks []string
}

func newConnectProxy(t *testing.T) *connectProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &connectProxy{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *connectProxy) serve(conn net.Conn) {
	defer conn.Close()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asks = append(p.asks, req.Method+" "+req.RequestURI)
	p.mu.Unlock()
	if req.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("ada:geheim")) {
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	var d net.Dialer
	out, err := d.DialContext(context.Background(), "tcp", req.RequestURI)
	if err != nil {
		return
	}
	defer out.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(out, conn) }()
	_, _ = io.Copy(conn, out)
}

func TestNgrokGoesThroughAProxy(t *testing.T) {
	t.Parallel()
	edge, proxy := tunneltest.New(t), newConnectProxy(t)
	through := func(user *url.Userinfo) tunnel.NgrokConfig {
		return tunnel.NgrokConfig{Server: tunnel.NgrokServer{
			Proxy: &url.URL{Scheme: "http", Host: proxy.Addr().String(), User: user},
		}}
	}
	l := openNgrok(t, edge, through(url.UserPassword("ada", "geheim")), say("hello"))
	u := l.Await(t, tunnel.Online).URL.String()
	if _, body := get(t, edge.Client(), u); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	edge.DropSessions()
	l.Await(t, tunnel.Online)
	l.stop(t)
	proxy.mu.Lock()
	asks := strings.Join(proxy.asks, ", ")
	proxy.mu.Unlock()
	if want := "CONNECT " + edge.ConnectURL(); asks != want+", "+want {
		t.Errorf("the proxy was asked for %q, want %q twice", asks, want)
	}

	l = openNgrok(t, edge, through(url.UserPassword("ada", "falsch")), say(""))
	st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
	if !strings.Contains(st.Err.Error(), "it wants a user name and a password") || !strings.Contains(st.Hint, "HTTPS_PROXY") {
		t.Errorf("error %q with hint %q, want the proxy's refusal", st.Err, st.Hint)
	}
	if strings.Contains(l.log.String()+st.Err.Error(), "falsch") {
		t.Errorf("the proxy's password shows in %s or %q", l.log, st.Err)
	}
	l.stop(t)
}
