package tunnel_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

func TestNgrokComesBackAfterADrop(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	began := time.Now()
	edge.DropSessions()
	if st := l.Await(t, tunnel.Reconnecting); st.Err == nil || st.Attempt != 0 {
		t.Errorf("report %+v, want an error and no failed attempt yet", st)
	}
	if got := l.Await(t, tunnel.Online).URL.String(); got != url {
		t.Errorf("public URL %q, want %q as before", got, url)
	}
	if _, body := get(t, edge.Client(), url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the URL works again after %v, want 1 s at most", took)
	}
	l.stop(t)
	want := []tunnel.State{tunnel.Connecting, tunnel.Online, tunnel.Reconnecting, tunnel.Online, tunnel.Closed}
	if got := l.States(); !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	seen := edge.Snapshot()
	if len(seen.Auths) != 2 || seen.Auths[1].Cookie == "" {
		t.Errorf("auths %+v, want two, the second with a cookie", seen.Auths)
	}
	if len(seen.Binds) != 2 || seen.Binds[1].ID == "" || seen.Binds[1].Token == "" {
		t.Errorf("binds %+v, want two, the second a renewal", seen.Binds)
	}
	l.checkNoToken(t)
}

func TestNgrokComesBackAfterAnOutage(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	url := l.Await(t, tunnel.Online).URL.String()
	edge.Down()
	// The tries are 0, 0.5 and 1.5 s after the loss.
	st := l.AwaitFunc(t, "of the third failure", func(st tunnel.Status) bool { return st.Attempt == 3 })
	if st.State != tunnel.Reconnecting || st.RetryIn != 2*time.Second || st.Err == nil {
		t.Errorf("report %+v, want %v, again in 2s", st, tunnel.Reconnecting)
	}
	if err := edge.Up(); err != nil {
		t.Fatal(err)
	}
	l.Await(t, tunnel.Online)
	if _, body := get(t, edge.Client(), url); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)
}

func TestNgrokNoticesASilentConnection(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{Server: tunnel.NgrokServer{Heartbeat: 200 * time.Millisecond}}, say("hello"))
	l.AwaitFunc(t, "with a latency", func(st tunnel.Status) bool {
		return st.State == tunnel.Online && st.Latency > 0
	})
	edge.MuteHeartbeats(true)
	l.Await(t, tunnel.Reconnecting)
	edge.MuteHeartbeats(false)
	l.Await(t, tunnel.Online)
	l.stop(t)
}

func TestNgrokRenewalRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		code  int
		fatal bool
	}{
		{"our own lost connection still has the URL", 334, false},
		{"unknown", 4242, false},
		{"the domain went to somebody else", 320, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			edge := tunneltest.New(t)
			l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
			l.Await(t, tunnel.Online)
			refuse := tunneltest.Refuse(tt.code, "Your authtoken: "+authtoken)
			edge.OnBind(func(b tunneltest.Bind) error {
				if b.Token == "" {
					t.Error("the renewal has no token")
				}
				return refuse
			})
			edge.DropSessions()
			if tt.fatal {
				l.failed(t)
				l.checkNoToken(t)
				return
			}
			st := l.AwaitFunc(t, "with a code", func(st tunnel.Status) bool { return st.Code != "" })
			if st.State != tunnel.Reconnecting || st.Attempt != 1 {
				t.Errorf("report %+v, want %v after 1 attempt", st, tunnel.Reconnecting)
			}
			edge.OnBind(nil)
			l.Await(t, tunnel.Online)
			l.stop(t)
			l.checkNoToken(t)
		})
	}
}

func TestNgrokAuthtokenRevoked(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	edge.OnAuth(func(a tunneltest.Auth) error { return tunneltest.Refuse(107, "Your authtoken: "+a.Authtoken) })
	edge.DropSessions()
	if st := l.failed(t); st.Code != "ERR_NGROK_107" {
		t.Errorf("code %q, want ERR_NGROK_107", st.Code)
	}
	l.checkNoToken(t)
}

func TestNgrokEndpointStopped(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	host := l.Await(t, tunnel.Online).URL.Host
	if err := edge.StopTunnel(host, "ERR_NGROK_4711", "The domain was deleted by "+otherToken+"."); err != nil {
		t.Fatal(err)
	}
	st := l.failed(t)
	if st.Code != "ERR_NGROK_4711" || !strings.Contains(st.Err.Error(), "The domain was deleted by [redacted].") {
		t.Errorf("report %+v, want the service's code and words", st)
	}
	l.checkNoToken(t, st.Err)
}

func TestNgrokStoppedFromTheDashboard(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	if err := edge.Restart(); err != nil {
		t.Fatal(err)
	}
	l.Await(t, tunnel.Reconnecting)
	l.Await(t, tunnel.Online)
	if err := edge.Stop(); err != nil {
		t.Fatal(err)
	}
	if st := l.failed(t); st.Hint == "" {
		t.Errorf("report %+v, want a hint", st)
	}
}

// While an answer is on its way the session stays, and nothing new comes in.
func TestNgrokShutsDownInOrder(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "late")
	}))
	url := l.Await(t, tunnel.Online).URL.String()
	answered := make(chan string, 1)
	go func() {
		_, body := get(t, edge.Client(), url)
		answered <- body
	}()
	<-arrived
	l.cancel()
	for len(edge.Snapshot().Unbinds) == 0 || len(edge.Online()) > 0 {
		<-time.After(time.Millisecond)
	}
	if status, _ := get(t, edge.Client(), url); status != http.StatusNotFound {
		t.Errorf("a new request is answered %d, want %d", status, http.StatusNotFound)
	}
	close(release)
	if body := <-answered; body != "late" {
		t.Errorf("answer %q, want %q", body, "late")
	}
	l.stop(t)
}

// The library's own Close waits until every connection was accepted, and the server
// behind the tunnel accepts no more.
func TestNgrokEndsWithUnacceptedConnections(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	ended := make(chan struct{})
	in := tunnel.Ingress{Serve: func(net.Listener) error { // accepts nothing
		<-ended
		return io.ErrUnexpectedEOF
	}}
	var r tunneltest.Recorder
	returned := make(chan error, 1)
	p := newNgrok(t, edge, tunnel.NgrokConfig{}, &logBuffer{})
	go func() { returned <- p.Run(t.Context(), in, r.Emit) }()
	host := r.Await(t, tunnel.Online).URL.Host
	for range 20 {
		conn, err := edge.OpenRaw(host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	close(ended)
	const most = 1500 * time.Millisecond // less than it takes to cut the connection
	select {
	case err := <-returned:
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Run = %v, want %v", err, io.ErrUnexpectedEOF)
		}
	case <-time.After(most):
		t.Errorf("Run does not return within %v", most)
	}
}

// A lost connection has nobody to say goodbye to.
func TestNgrokEndsDuringAnOutage(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	edge.Down()
	l.AwaitFunc(t, "of a failure", func(st tunnel.Status) bool { return st.Attempt > 0 })
	start := time.Now()
	l.stop(t)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it takes %v to end", took)
	}
}

// The library's last word about a session is an event without an error. Other ways
// tell of the end too, and now one is first, now the other.
func TestNgrokEndedBeforeItIsUp(t *testing.T) {
	t.Parallel()
	for range 10 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			edge := tunneltest.New(t)
			asked, release := make(chan struct{}, 8), make(chan struct{})
			edge.OnBind(func(tunneltest.Bind) error {
				asked <- struct{}{}
				<-release
				return nil
			})
			l := openNgrok(t, edge, tunnel.NgrokConfig{}, say(""))
			<-asked
			if err := edge.Restart(); err != nil {
				t.Fatal(err)
			}
			l.AwaitFunc(t, "of a lost session", func(st tunnel.Status) bool { return st.Err != nil })
			edge.OnBind(nil)
			close(release)
			l.Await(t, tunnel.Online)
			l.stop(t)
		})
	}
}
