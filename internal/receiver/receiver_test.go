package receiver_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]receiver.Config{
		"no path":       {Keyring: keyring(t)},
		"a bare word":   {Keyring: keyring(t), Path: "webhook"},
		"two slashes":   {Keyring: keyring(t), Path: "//webhook"},
		"a query":       {Keyring: keyring(t), Path: "/webhook?x=1"},
		"an empty one":  {Keyring: keyring(t), Path: "/webhook?"},
		"a fragment":    {Keyring: keyring(t), Path: "/webhook#x"},
		"a bad escape":  {Keyring: keyring(t), Path: "/%zz"},
		"no keyring":    {Path: "/webhook"},
		"a control":     {Keyring: keyring(t), Path: "/web\nhook"},
		"a whole url":   {Keyring: keyring(t), Path: "http://localhost/webhook"},
		"a proxied one": {Keyring: keyring(t), Path: "//localhost/webhook"},
	} {
		if _, err := receiver.New(cfg, &recorder{}); err == nil {
			t.Errorf("New with %s returns no error", name)
		}
	}
}

func TestVerdicts(t *testing.T) {
	development := webhook.AppSecret{Name: webhook.DevelopmentSecret, Value: secret.New("dev-secret-of-the-project")}
	good := webhook.Sign(instagram.Value, []byte(body))
	tests := []struct {
		name      string
		cfg       receiver.Config
		signature string
		status    int
		text      string
		verdict   webhook.Verdict
		secret    string
		forward   bool
	}{
		{"verified", receiver.Config{HasTarget: true}, good, 200, "EVENT_RECEIVED", webhook.Verified, "instagram", true},
		{"verified, no target", receiver.Config{}, good, 200, "EVENT_RECEIVED", webhook.Verified, "instagram", false},
		{"invalid", receiver.Config{HasTarget: true}, "sha256=" + strings.Repeat("0", 64), 401, "invalid signature\n", webhook.Invalid, "", false},
		{"malformed", receiver.Config{HasTarget: true}, "sha256=\x1b[2J", 401, "invalid signature\n", webhook.Invalid, "", false},
		{"unsigned", receiver.Config{HasTarget: true}, "", 401, "no signature\n", webhook.Unsigned, "", false},
		{"unchecked", receiver.Config{HasTarget: true, Keyring: keyring(t, development)}, good, 200, "EVENT_RECEIVED", webhook.Unchecked, "", false},
		{
			"signed with the development secret",
			receiver.Config{HasTarget: true, Keyring: keyring(t, development)},
			webhook.Sign(development.Value, []byte(body)),
			200, "EVENT_RECEIVED", webhook.Verified, "development", true,
		},
		{"invalid, forwarded all the same", receiver.Config{HasTarget: true, ForwardUnverified: true}, "sha256=" + strings.Repeat("0", 64), 401, "invalid signature\n", webhook.Invalid, "", true},
		{"unsigned, forwarded all the same", receiver.Config{HasTarget: true, ForwardUnverified: true}, "", 401, "no signature\n", webhook.Unsigned, "", true},
		{"unchecked, forwarded all the same", receiver.Config{HasTarget: true, ForwardUnverified: true, Keyring: keyring(t)}, good, 200, "EVENT_RECEIVED", webhook.Unchecked, "", true},
		{"all, but no target", receiver.Config{ForwardUnverified: true}, "", 401, "no signature\n", webhook.Unsigned, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			r := newReceiver(t, tt.cfg, rec)
			req := signed(body)
			req.Header.Del(webhook.SignatureHeader)
			if tt.signature != "" {
				req.Header.Set(webhook.SignatureHeader, tt.signature)
			}
			resp := do(r, req)
			if got := text(t, resp); resp.StatusCode != tt.status || got != tt.text {
				t.Errorf("answered %d %q, want %d %q", resp.StatusCode, got, tt.status, tt.text)
			}
			d := rec.only(t)
			if d.Verdict != tt.verdict || d.Secret != tt.secret || d.Forward != tt.forward || d.Status != tt.status {
				t.Errorf("recorded verdict %q, secret %q, forward %v, status %d, want %q, %q, %v, %d",
					d.Verdict, d.Secret, d.Forward, d.Status, tt.verdict, tt.secret, tt.forward, tt.status)
			}
			if (d.Reason == "") != (tt.verdict == webhook.Verified) {
				t.Errorf("reason %q for verdict %q", d.Reason, d.Verdict)
			}
			if got := r.Counts(); got != (receiver.Counts{Recorded: 1}) {
				t.Errorf("Counts = %+v", got)
			}
		})
	}
}

// TestRecordedAsReceived sends raw bytes and looks at what was kept of them.
func TestRecordedAsReceived(t *testing.T) {
	const host = "Host: localhost:4456\r\n"
	tests := []struct {
		name string
		raw  string
		want journal.Delivery // Method, URI, Proto, Host, Header, Body
	}{
		{
			"weird headers, escaped slashes, CRLF",
			"POST /webhook?a=%2F&b;c&&%zz=+ HTTP/1.1\r\n" + host + "Content-Length: 10\r\nx-twice: b\r\nX-Twice:a\r\nX-Empty:\r\nX-Latin: caf\xe9\r\n" +
				"facebook-api-version: v23.0\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\r\n{\"a\":\r\n\x00\xff}",
			journal.Delivery{
				Method: "POST", URI: "/webhook?a=%2F&b;c&&%zz=+", Proto: "HTTP/1.1", Host: "localhost:4456", Body: []byte("{\"a\":\r\n\x00\xff}"),
				Header: http.Header{
					"Content-Length": {"10"}, "X-Twice": {"b", "a"}, "X-Empty": {""}, "X-Latin": {"caf\xe9"}, "Facebook-Api-Version": {"v23.0"},
					"X-Forwarded-For": {"203.0.113.9"}, "Connection": {"keep-alive, x-hop"}, "X-Hop": {"1"},
				},
			},
		},
		{
			"chunked",
			"POST /webhook HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-End: 1\r\n\r\n",
			journal.Delivery{
				Method: "POST", URI: "/webhook", Proto: "HTTP/1.1", Host: "localhost:4456", Body: []byte("abcde"),
				Header: http.Header{"Transfer-Encoding": {"chunked"}},
			},
		},
		{
			"compressed stays compressed",
			"POST /webhook HTTP/1.1\r\n" + host + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08\x00\x00",
			journal.Delivery{
				Method: "POST", URI: "/webhook", Proto: "HTTP/1.1", Host: "localhost:4456", Body: []byte("\x1f\x8b\x08\x00\x00"),
				Header: http.Header{"Content-Encoding": {"gzip"}, "Content-Length": {"5"}},
			},
		},
		{
			"empty",
			"POST /webhook HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n",
			journal.Delivery{Method: "POST", URI: "/webhook", Proto: "HTTP/1.1", Host: "localhost:4456", Header: http.Header{"Content-Length": {"0"}}},
		},
		{
			"as to a proxy",
			"POST http://localhost:4456/webhook?x=1 HTTP/1.1\r\nHost: elsewhere.test\r\nContent-Length: 1\r\n\r\nx",
			journal.Delivery{Method: "POST", URI: "/webhook?x=1", Proto: "HTTP/1.1", Host: "localhost:4456", Header: http.Header{"Content-Length": {"1"}}, Body: []byte("x")},
		},
		{
			"HTTP/1.0",
			"POST /webhook HTTP/1.0\r\n" + host + "Content-Length: 1\r\n\r\nx",
			journal.Delivery{Method: "POST", URI: "/webhook", Proto: "HTTP/1.0", Host: "localhost:4456", Header: http.Header{"Content-Length": {"1"}}, Body: []byte("x")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			w := dial(t, serve(t, newReceiver(t, receiver.Config{}, rec)))
			w.send(tt.raw)
			if resp, _ := w.answer(); resp.StatusCode != http.StatusUnauthorized {
				t.Fatalf("answered %d, want 401", resp.StatusCode)
			}
			d := rec.only(t)
			if d.Remote != w.LocalAddr().String() || d.ReceivedAt.IsZero() || d.Source != journal.Live || d.Fixture != "" {
				t.Errorf("recorded remote %q, at %v, source %q, fixture %q", d.Remote, d.ReceivedAt, d.Source, d.Fixture)
			}
			got := journal.Delivery{Method: d.Method, URI: d.URI, Proto: d.Proto, Host: d.Host, Header: d.Header, Body: d.Body}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGate(t *testing.T) {
	allow := func(name string) bool { return name == "hooks.test" }
	tests := []struct {
		method, target, host string
		status               int
	}{
		{"POST", "/webhook", "localhost", 401},
		{"POST", "/webhook", "LOCALHOST:1", 401},
		{"POST", "/webhook", "127.0.0.1:4456", 401},
		{"POST", "/webhook", "127.9.9.9", 401},
		{"POST", "/webhook", "[::1]:4456", 401},
		{"POST", "/webhook", "Hooks.Test.:8443", 401},
		{"POST", "/webhook?x=1", "hooks.test", 401},
		{"POST", "/webhook", "evil.test", 421},
		{"POST", "/webhook", "hooks.test.evil.test", 421},
		{"POST", "/webhook", "localhost.evil.test", 421},
		{"POST", "/webhook", "192.168.1.9", 421},
		{"POST", "/webhook", "", 421},
		{"GET", "/", "evil.test", 421},
		{"POST", "/", "localhost", 404},
		{"POST", "/webhook/", "localhost", 404},
		{"POST", "//webhook", "localhost", 404},
		{"POST", "/Webhook", "localhost", 404},
		{"POST", "/web%68ook", "localhost", 404},
		{"POST", "/a/../webhook", "localhost", 404},
		{"GET", "/debug/pprof/", "localhost", 404},
		{"DELETE", "/elsewhere", "localhost", 404},
		{"PUT", "/webhook", "localhost", 405},
		{"HEAD", "/webhook", "localhost", 405},
		{"OPTIONS", "/webhook", "localhost", 405},
		{"CONNECT", "/webhook", "localhost", 405},
		{"GET", "/webhook", "localhost", 400},
	}
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{AllowHost: allow}, rec)
	for _, tt := range tests {
		req := httptest.NewRequest(tt.method, "/", strings.NewReader("x"))
		req.Host = tt.host
		u, err := req.URL.Parse(tt.target)
		if err != nil || strings.HasPrefix(tt.target, "//") || strings.Contains(tt.target, "..") {
			u.Host, u.Path = "", tt.target
		}
		req.URL, req.RequestURI = u, tt.target
		resp := do(r, req)
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s to %q answered %d, want %d", tt.method, tt.target, tt.host, resp.StatusCode, tt.status)
		}
		if got := resp.Header.Get("Allow"); tt.status == 405 && got != "GET, POST" {
			t.Errorf("%s: Allow %q", tt.method, got)
		}
		if got := text(t, resp); (tt.status == 404 || tt.status == 421) && got != "" {
			t.Errorf("%s %s answered the body %q, want none", tt.method, tt.target, got)
		}
	}
	if got := len(rec.all()); got != 7 {
		t.Errorf("%d recorded, want only the 7 that passed the gate", got)
	}
}

func TestEscapedCallbackPath(t *testing.T) {
	for path, others := range map[string][]string{
		"/hooks%2Fig": {"/hooks/ig", "/hooks%2fig"},
		"/café":       {"/cafe"},
		"/":           {"/x"},
	} {
		r := newReceiver(t, receiver.Config{Path: path}, &recorder{})
		req := httptest.NewRequest(http.MethodPost, path, nil)
		req.Host = "localhost"
		if got := do(r, req).StatusCode; got != 401 {
			t.Errorf("%s answered %d, want 401", path, got)
		}
		for _, other := range others {
			req := httptest.NewRequest(http.MethodPost, other, nil)
			req.Host = "localhost"
			if got := do(r, req).StatusCode; got != 404 {
				t.Errorf("%s answered %d behind the path %s, want 404", other, got, path)
			}
		}
	}
}

// TestNotFoundSaysNothing compares the bytes of the answer for many paths.
func TestNotFoundSaysNothing(t *testing.T) {
	w := dial(t, serve(t, newReceiver(t, receiver.Config{}, &recorder{})))
	answer := func(line string) string {
		w.send(line + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, text := w.answer()
		resp.Header.Set("Date", "now")
		var b strings.Builder
		if err := resp.Header.Write(&b); err != nil {
			t.Fatal(err)
		}
		return resp.Status + "\n" + b.String() + text
	}
	first := answer("GET /")
	for _, line := range []string{"POST /", "GET /webhook/", "PUT /x", "GET /igloo/control", "OPTIONS *", "GET /%2e%2e/etc/passwd"} {
		if got := answer(line); got != first {
			t.Errorf("%s answered\n%s\nwant the same as GET /:\n%s", line, got, first)
		}
	}
}

func TestUnrecordedIsNotAcknowledged(t *testing.T) {
	logger, logged := logTo()
	rec := &recorder{err: errors.New("disk full")}
	r := newReceiver(t, receiver.Config{Logger: logger}, rec)
	resp := do(r, signed(body))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d, Retry-After %q, want 503 and a time", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if got := text(t, resp); strings.Contains(got, "disk") {
		t.Errorf("the answer %q tells strangers about our disk", got)
	}
	if got := r.Counts(); got.Unrecorded != 1 || got.Recorded != 0 {
		t.Errorf("Counts = %+v, want one unrecorded", got)
	}
	if !strings.Contains(logged.String(), "level=ERROR") || !strings.Contains(logged.String(), "disk full") {
		t.Errorf("log %q does not name the trouble", logged)
	}
}

func TestHostileTextIsLoggedQuoted(t *testing.T) {
	logger, logged := logTo()
	r := newReceiver(t, receiver.Config{Logger: logger}, &recorder{})
	req := signed(body)
	req.Host = "\x1b]0;owned\x07.test"
	do(r, req)
	req = signed(body)
	req.URL.Path, req.RequestURI = "/\x1b[2J", "/\x1b[2J"
	do(r, req)
	if strings.ContainsAny(logged.String(), "\x1b\x07") || !strings.Contains(logged.String(), "owned") {
		t.Errorf("log is %q", logged)
	}
}

func TestForeignHostsDoNotFloodTheLog(t *testing.T) {
	logger, logged := logTo()
	r := newReceiver(t, receiver.Config{Logger: logger}, &recorder{})
	for range 50 {
		req := signed(body)
		req.Host = "evil.test"
		do(r, req)
	}
	if got := strings.Count(logged.String(), "level=WARN"); got != 1 || r.Counts().WrongHost != 50 {
		t.Errorf("%d warnings for %d requests, want 1 for 50", got, r.Counts().WrongHost)
	}
}

func ExampleNew() {
	keys, _ := webhook.NewKeyring(webhook.AppSecret{Name: "instagram", Value: secret.New("the app secret")})
	r, err := receiver.New(receiver.Config{Path: "/webhook", Keyring: keys, VerifyToken: secret.New("t")}, &recorder{})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	resp, err := http.Get(server.URL + "/webhook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=t")
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(os.Stdout, resp.Body)
	// Output: 1158201444
}
