package tunnel_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

func TestNgrokRefusedForGood(t *testing.T) {
	t.Parallel()
	echo := "It is refused.\nYour authtoken: " + authtoken + "\nNot " + otherToken + " either.\n"
	tests := []struct {
		code   int
		atBind bool
		want   string // in the error
	}{
		{105, false, "does not look like one"},
		{107, false, "revoked"},
		{108, false, "as many agents"},
		{334, true, "online already"},
		{15013, true, "no domain yet"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			t.Parallel()
			edge := tunneltest.New(t)
			if tt.atBind {
				edge.OnBind(func(tunneltest.Bind) error { return tunneltest.Refuse(tt.code, echo) })
			} else {
				edge.OnAuth(func(tunneltest.Auth) error { return tunneltest.Refuse(tt.code, echo) })
			}
			l := openNgrok(t, edge, tunnel.NgrokConfig{}, http.NotFoundHandler())
			st := l.failed(t)
			if want := fmt.Sprintf("ERR_NGROK_%d", tt.code); st.Code != want {
				t.Errorf("code %q, want %q", st.Code, want)
			}
			if !strings.Contains(st.Err.Error(), tt.want) || st.Hint == "" {
				t.Errorf("error %q with hint %q, want one with %q and some hint", st.Err, st.Hint, tt.want)
			}
			if n := len(edge.Snapshot().Auths); n != 1 {
				t.Errorf("%d tries to connect, want 1", n)
			}
			l.checkNoToken(t, st.Err)
		})
	}
}

// Refusals that igloo does not know may pass: they are shown, and tried again.
func TestNgrokRefusedForNow(t *testing.T) {
	t.Parallel()
	echo := "Something\x1b[31m broke.\n\nYour authtoken: " + authtoken
	for _, where := range []string{"auth", "bind"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			edge := tunneltest.New(t)
			if where == "auth" {
				edge.OnAuth(func(tunneltest.Auth) error { return tunneltest.Refuse(4242, echo) })
			} else {
				edge.OnBind(func(tunneltest.Bind) error { return tunneltest.Refuse(4242, echo) })
			}
			l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
			st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
			if st.State != tunnel.Connecting || st.Code != "ERR_NGROK_4242" || st.Attempt != 1 || st.RetryIn == 0 {
				t.Errorf("report %+v, want %v with the code after 1 attempt, and when the next is", st, tunnel.Connecting)
			}
			if text := st.Err.Error(); !strings.Contains(text, "Something�[31m broke.") || strings.Contains(text, "\n") {
				t.Errorf("error %q, want the service's words on one line", text)
			}
			edge.OnAuth(nil)
			edge.OnBind(nil)
			l.Await(t, tunnel.Online)
			l.checkNoToken(t, st.Err)
		})
	}
}

func TestNgrokURLTaken(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	first := openNgrok(t, edge, tunnel.NgrokConfig{URL: "https://a.example.com"}, say("first"))
	first.Await(t, tunnel.Online)
	second := openNgrok(t, edge, tunnel.NgrokConfig{URL: "https://a.example.com"}, say("second"))
	if st := second.failed(t); st.Code != "ERR_NGROK_334" {
		t.Errorf("code %q, want ERR_NGROK_334", st.Code)
	}
	if _, body := get(t, edge.Client(), "https://a.example.com"); body != "first" {
		t.Errorf("answer %q, want %q", body, "first")
	}
}

func TestNgrokUnreachable(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	edge.Down()
	l := openNgrok(t, edge, tunnel.NgrokConfig{}, say("hello"))
	for attempt, wait := range []time.Duration{500 * time.Millisecond, time.Second} {
		st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
		if st.State != tunnel.Connecting || st.Attempt != attempt+1 || st.RetryIn != wait {
			t.Errorf("report %+v, want %v with attempt %d, again in %v", st, tunnel.Connecting, attempt+1, wait)
		}
		if text := st.Err.Error(); !strings.HasPrefix(text, "dial tcp "+edge.ConnectURL()) {
			t.Errorf("error %q, want the dialer's own", text)
		}
	}
	l.stop(t)
}

// A server that takes connections and says nothing must not keep igloo from ending.
func TestNgrokEndsWithASilentServer(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	connected := make(chan net.Conn)
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			connected <- conn
		}
	}()
	p, err := tunnel.NewNgrok(tunnel.NgrokConfig{
		Authtoken: secret.New(authtoken), Server: tunnel.NgrokServer{ConnectURL: silent.Addr().String()},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := openLab(t, p, ingress(say("")), &logBuffer{})
	defer (<-connected).Close()
	l.stop(t)
}

func TestNgrokForeignCertificate(t *testing.T) {
	t.Parallel()
	edge, other := tunneltest.New(t), tunneltest.New(t)
	p, err := tunnel.NewNgrok(tunnel.NgrokConfig{
		Authtoken: secret.New(authtoken), Server: tunnel.NgrokServer{ConnectURL: edge.ConnectURL(), CAs: other.Pool()},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := openLab(t, p, ingress(say("")), &logBuffer{})
	st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
	if !strings.Contains(st.Err.Error(), "x509: ") || !strings.Contains(st.Hint, "--ngrok-ca") {
		t.Errorf("error %q with hint %q, want x509 and --ngrok-ca", st.Err, st.Hint)
	}
	if seen := edge.Snapshot(); len(seen.Auths) > 0 {
		t.Error("the authtoken went to a server that is not ngrok's")
	}
	l.stop(t)
}

func TestExplainNgrok(t *testing.T) {
	tests := []struct{ code, meaning string }{
		{"ERR_NGROK_107", "ngrok does not know the authtoken, or it was revoked"},
		{"ERR_NGROK_3200", "no tunnel is online at this URL"},
		{"ERR_NGROK_1", ""},
		{"107", ""},
		{"", ""},
	}
	for _, tt := range tests {
		meaning, fix := tunnel.ExplainNgrok(tt.code)
		if meaning != tt.meaning || (fix == "") != (meaning == "") {
			t.Errorf("ExplainNgrok(%q) = %q, %q, want %q and a fix", tt.code, meaning, fix, tt.meaning)
		}
	}
	// What the notes say people meet must be explained.
	for _, n := range []int{
		105, 107, 108, 109, 110, 120, 121, 123, 310, 313, 314, 316, 318, 319, 320, 324, 334, 401, 702, 703, 725, 726, 727,
		734, 3004, 3200, 6024, 7027, 7030, 8012, 9009, 9036, 9037, 9038, 9040, 15002, 15013,
	} {
		if meaning, fix := tunnel.ExplainNgrok(fmt.Sprintf("ERR_NGROK_%d", n)); meaning == "" || fix == "" || slices.Contains([]string{meaning}, fix) {
			t.Errorf("ERR_NGROK_%d is explained as %q, %q", n, meaning, fix)
		}
	}
}
