package tunnel_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

func TestNgrokConforms(t *testing.T) {
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		edge := tunneltest.New(t)
		return tunneltest.Subject{
			Provider: newNgrok(t, edge, tunnel.NgrokConfig{}, &logBuffer{}),
			Client:   edge.Client(),
		}
	})
}

func TestNgrokAsksForWhatItIsGiven(t *testing.T) {
	t.Parallel()
	const policy = "on_http_request:\n  - actions: [{type: basic-auth, config: {credentials: ['a:geheim']}}]\n"
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{
		URL:      "Meta.Example.com/",
		Policy:   policy,
		Metadata: `{"project":"demo"}`,
	}, say("hello"))
	st := l.Await(t, tunnel.Online)
	if got, want := st.URL.String(), "https://meta.example.com"; got != want {
		t.Errorf("public URL %q, want %q", got, want)
	}
	if want := (tunnel.Account{Name: "Ada", Plan: "Free", Region: "lab"}); st.Account != want {
		t.Errorf("account %+v, want %+v", st.Account, want)
	}
	if _, body := get(t, edge.Client(), "https://meta.example.com/webhook"); body != "hello" {
		t.Errorf("answer %q, want %q", body, "hello")
	}
	l.stop(t)

	seen := edge.Snapshot()
	for i := range seen.Auths {
		if !strings.HasPrefix(seen.Auths[i].UserAgent, "igloo/") {
			t.Errorf("User-Agent %q, want igloo/…", seen.Auths[i].UserAgent)
		}
		seen.Auths[i].UserAgent = ""
	}
	if len(seen.Unbinds) != 1 {
		t.Errorf("unbinds %q, want one", seen.Unbinds)
	}
	seen.Unbinds = nil
	want := tunneltest.Seen{
		Auths: []tunneltest.Auth{{Authtoken: authtoken}},
		Binds: []tunneltest.Bind{{URL: "https://meta.example.com", Policy: policy, Metadata: `{"project":"demo"}`}},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("the edge saw (-want +got):\n%s", diff)
	}
	if strings.Contains(l.log.String(), "geheim") {
		t.Errorf("the policy shows in the log: %s", l.log)
	}
	l.checkNoToken(t)
}

func TestNgrokTakesTheOwnDomain(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say(""))
	if got, want := l.Await(t, tunnel.Online).URL.Host, edge.OwnHost(authtoken); got != want {
		t.Errorf("public host %q, want %q", got, want)
	}
	if status, _ := get(t, edge.Client(), "https://other."+tunneltest.Domain); status != http.StatusNotFound {
		t.Errorf("an unknown host answers %d, want %d", status, http.StatusNotFound)
	}
}

func TestNewNgrokRefuses(t *testing.T) {
	token := secret.New(authtoken)
	tests := []struct {
		name string
		cfg  tunnel.NgrokConfig
		want string
	}{
		{"no authtoken", tunnel.NgrokConfig{}, "no ngrok authtoken"},
		{"http URL", tunnel.NgrokConfig{Authtoken: token, URL: "http://a.test"}, `ngrok URL: public URL "http://a.test" does not begin with https://, which Meta requires`},
		{"URL with a path", tunnel.NgrokConfig{Authtoken: token, URL: "a.test/webhook"}, `ngrok URL: public URL "https://a.test/webhook" has more than a host; the path is set on its own`},
		{"connect URL with a scheme", tunnel.NgrokConfig{Authtoken: token, Server: tunnel.NgrokServer{ConnectURL: "https://a.test"}}, `ngrok connect URL "https://a.test" is not host:port`},
		{"connect URL without a port", tunnel.NgrokConfig{Authtoken: token, Server: tunnel.NgrokServer{ConnectURL: "a.test"}}, `ngrok connect URL "a.test" is not host:port`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tunnel.NewNgrok(tt.cfg, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("NewNgrok = %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := tunnel.NewNgrok(tunnel.NgrokConfig{}, nil); !errors.Is(err, tunnel.ErrNoAuthtoken) {
		t.Errorf("NewNgrok = %v, want %v", err, tunnel.ErrNoAuthtoken)
	}
}

func TestNgrokCarriesLargeBodies(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	url := l.Await(t, tunnel.Online).URL.String()
	body := bytes.Repeat([]byte("0123456789abcde\n"), 5<<20/16)
	if _, got := post(t, edge.Client(), http.MethodPost, url, bytes.NewReader(body)); got != string(body) {
		t.Errorf("the answer has %d bytes and is another than the %d sent", len(got), len(body))
	}
}

func TestNgrokCarriesManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	const n = 200
	// The library resets connections when more than 128 wait to be accepted, so
	// no more than that are on their way to the handler at a time.
	onTheirWay := make(chan struct{}, 64)
	var together sync.WaitGroup
	together.Add(n)
	edge := tunneltest.New(t)
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-onTheirWay
		together.Done()
		together.Wait() // until all are here
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	url := l.Await(t, tunnel.Online).URL.String()
	var clients sync.WaitGroup
	for range n {
		onTheirWay <- struct{}{}
		clients.Go(func() {
			if status, body := get(t, edge.Client(), url+"/x"); status != http.StatusOK || body != "/x" {
				t.Errorf("answer %d %q, want %d %q", status, body, http.StatusOK, "/x")
				<-onTheirWay // so that the others are not kept waiting
				together.Done()
			}
		})
	}
	clients.Wait()
}

func TestNgrokServerTimeoutsHold(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sent string }{
		{"slow header", "POST /webhook HTTP/1.1\r\nHost: a.test\r\nX-"},
		{"slow body", "POST /webhook HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n{"},
		{"nothing at all", ""},
	}
	edge := tunneltest.New(t)
	in := tunnel.HTTPIngress("", soon, func() *http.Server {
		return &http.Server{
			ReadHeaderTimeout: 200 * time.Millisecond,
			ReadTimeout:       300 * time.Millisecond,
			Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
			}),
		}
	})
	l := openLab(t, newNgrok(t, edge, tunnel.NgrokConfig{}, &logBuffer{}), in, &logBuffer{})
	host := l.Await(t, tunnel.Online).URL.Host
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn, err := edge.OpenRaw(host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.sent); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(soon)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("the server does not hang up: %v", err)
			}
		})
	}
}

// The edge must not hear more of a session that has ended, and this process must
// not keep more of it than what the library needs for a heartbeat or two.
func TestNgrokLeavesNothingBehind(t *testing.T) {
	edge := tunneltest.New(t)
	cycle := func() {
		l := openNgrok(t, edge, tunnel.NgrokConfig{Server: tunnel.NgrokServer{Heartbeat: 50 * time.Millisecond}}, say("hello"))
		get(t, edge.Client(), l.Await(t, tunnel.Online).URL.String())
		l.stop(t)
		if online := edge.Online(); len(online) > 0 {
			t.Errorf("%q are online after the end", online)
		}
	}
	checkCycles(t, cycle)
}

// Whatever the library says goes to the given logger: a line on the terminal
// would land in the middle of the TUI.
func TestNgrokIsSilent(t *testing.T) {
	edge := tunneltest.New(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said logBuffer
	stderr, logger := os.Stderr, slog.Default()
	os.Stderr = write
	slog.SetDefault(said.logger())
	defer func() { os.Stderr = stderr; slog.SetDefault(logger) }()

	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	l.Await(t, tunnel.Online)
	edge.DropSessions()
	l.Await(t, tunnel.Online)
	l.stop(t)

	os.Stderr = stderr
	slog.SetDefault(logger)
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(read)
	if err != nil || len(text) > 0 {
		t.Errorf("stderr got %q, %v, want nothing", text, err)
	}
	if said.String() != "" {
		t.Errorf("slog.Default got %q, want nothing", said.String())
	}
	if !strings.Contains(l.log.String(), "ngrok: ") {
		t.Errorf("the log has nothing of the library: %s", l.log)
	}
}
