package forward_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
)

// wiretap is an app that keeps the very bytes of each request and answers 200.
type wiretap struct {
	url      string
	requests chan string
}

func newWiretap(t *testing.T) *wiretap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	tap := &wiretap{url: "http://" + listener.Addr().String(), requests: make(chan string, 16)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go tap.serve(conn)
		}
	}()
	return tap
}

func (tap *wiretap) serve(conn net.Conn) {
	defer conn.Close()
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		tap.requests <- raw.String()
		raw.Reset()
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
}

func TestForwardBytes(t *testing.T) {
	tap := newWiretap(t)
	host := strings.TrimPrefix(tap.url, "http://")
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	tests := []struct {
		name, target string
		preserveHost bool
		method, uri  string
		header       http.Header
		body         string
		line         string   // the request line that is wanted
		lines        []string // the header lines that are wanted, sorted
	}{
		{
			name: "a delivery as Meta sends it", target: "/webhook", method: "POST", uri: "/webhook",
			header: http.Header{
				"Content-Length": {"17"}, "Accept": {"*/*"}, "Accept-Encoding": {"deflate, gzip"}, "User-Agent": {"facebookexternalua"},
				"Content-Type": {"application/json"}, "X-Hub-Signature": {"sha1=00"}, "X-Hub-Signature-256": {"sha256=00"}, "Facebook-Api-Version": {"v23.0"},
			},
			body: `{"a":"\/ \u00e9"}`,
			line: "POST /webhook HTTP/1.1",
			lines: []string{
				"Accept-Encoding: deflate, gzip", "Accept: */*", "Content-Length: 17", "Content-Type: application/json", "Facebook-API-Version: v23.0",
				"Host: " + host, "User-Agent: facebookexternalua", "X-Hub-Signature-256: sha256=00", "X-Hub-Signature: sha1=00",
			},
		},
		{
			name: "nothing is added", target: "/", method: "POST", uri: "/webhook", body: "x",
			line: "POST / HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host},
		},
		{
			name: "an empty body", target: "/", method: "POST", uri: "/webhook",
			line: "POST / HTTP/1.1", lines: []string{"Content-Length: 0", "Host: " + host},
		},
		{
			name: "the host that was received", target: "/", preserveHost: true, method: "POST", uri: "/webhook", body: "x",
			line: "POST / HTTP/1.1", lines: []string{"Content-Length: 1", "Host: hooks.test"},
		},
		{
			name: "binary body", target: "/", method: "POST", uri: "/webhook", body: string(binary),
			line: "POST / HTTP/1.1", lines: []string{"Content-Length: 256", "Host: " + host},
		},
		{
			name: "CRLF and chunk sizes in the body", target: "/", method: "POST", uri: "/webhook", body: "5\r\nhello\r\n0\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
			line: "POST / HTTP/1.1", lines: []string{"Content-Length: 34", "Host: " + host},
		},
		{
			name: "chunked and compressed arrives whole, with its length", target: "/", method: "POST", uri: "/webhook",
			header: http.Header{"Transfer-Encoding": {"chunked"}, "Content-Encoding": {"gzip"}}, body: "\x1f\x8b\x08\x00",
			line: "POST / HTTP/1.1", lines: []string{"Content-Encoding: gzip", "Content-Length: 4", "Host: " + host},
		},
		{
			name: "what concerns the connection stays behind", target: "/", method: "POST", uri: "/webhook",
			header: http.Header{
				"Connection": {"keep-alive, x-one", " X-Two ,facebook-api-version"}, "Keep-Alive": {"timeout=5"}, "Proxy-Connection": {"keep-alive"},
				"Proxy-Authenticate": {"x"}, "Proxy-Authorization": {"x"}, "Te": {"trailers"}, "Trailer": {"X-End"}, "Upgrade": {"h2c"}, "Expect": {"100-continue"},
				"X-One": {"1"}, "X-Two": {"2"}, "X-Three": {"3"}, "Facebook-Api-Version": {"v23.0"},
			},
			body: "x",
			line: "POST / HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host, "X-Three: 3"},
		},
		{
			name: "values as they came", target: "/", method: "POST", uri: "/webhook",
			header: http.Header{
				"X-Forwarded-For": {"203.0.113.9, 10.0.0.1"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=203.0.113.9"},
				"X-Twice": {"b", "a"}, "X-Empty": {""}, "X-Latin": {"caf\xe9"}, "X-Tab": {"a\tb"}, "X_under.score": {"1"}, "Cookie": {"a=b"}, "Authorization": {"Bearer x"},
			},
			body: "x",
			line: "POST / HTTP/1.1",
			lines: []string{
				"Authorization: Bearer x", "Content-Length: 1", "Cookie: a=b", "Forwarded: for=203.0.113.9", "Host: " + host, "X-Empty: ",
				"X-Forwarded-For: 203.0.113.9, 10.0.0.1", "X-Forwarded-Proto: https", "X-Latin: caf\xe9", "X-Tab: a\tb", "X-Twice: a", "X-Twice: b", "X_under.score: 1",
			},
		},
		{
			name: "query as it came", target: "/", method: "POST", uri: "/webhook?b=%2F&a=1;c&&%zz=+%20", body: "x",
			line: "POST /?b=%2F&a=1;c&&%zz=+%20 HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host},
		},
		{
			name: "the target's query comes first", target: "/in?key=1", method: "POST", uri: "/webhook?a=1", body: "x",
			line: "POST /in?key=1&a=1 HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host},
		},
		{
			name: "the target's query alone", target: "/in?key=1", method: "POST", uri: "/webhook", body: "x",
			line: "POST /in?key=1 HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host},
		},
		{
			name: "a bare question mark", target: "/in", method: "POST", uri: "/webhook?", body: "x",
			line: "POST /in? HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host},
		},
		{
			name: "escaped slashes in the target", target: "/a%2Fb/%7Ec//d", method: "POST", uri: "/webhook", body: "x",
			line: "POST /a%2Fb/%7Ec//d HTTP/1.1", lines: []string{"Content-Length: 1", "Host: " + host},
		},
		{
			name: "a verification request", target: "/webhook", method: "GET", uri: "/webhook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=t",
			header: http.Header{"User-Agent": {"facebookplatform/1.0"}, "Accept": {"*/*"}},
			line:   "GET /webhook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=t HTTP/1.1",
			lines:  []string{"Accept: */*", "Host: " + host, "User-Agent: facebookplatform/1.0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newForwarder(t, tap.url+tt.target, forward.Config{PreserveHost: tt.preserveHost}, &memory{})
			before := cloneHeader(tt.header)
			a := f.Send(t.Context(), journal.Delivery{
				ID: 7, ReceivedAt: time.Now(), Method: tt.method, URI: tt.uri, Host: "hooks.test", Header: tt.header, Body: []byte(tt.body),
			})
			if a.Status != http.StatusOK || a.Err != "" || a.Delivery != 7 {
				t.Fatalf("Send = %+v", a)
			}
			head, body, _ := strings.Cut(<-tap.requests, "\r\n\r\n")
			line, rest, _ := strings.Cut(head, "\r\n")
			lines := slices.Sorted(strings.SplitSeq(rest, "\r\n"))
			slices.Sort(tt.lines)
			if line != tt.line {
				t.Errorf("request line %q, want %q", line, tt.line)
			}
			if diff := cmp.Diff(tt.lines, lines); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if body != tt.body {
				t.Errorf("body %q, want %q", body, tt.body)
			}
			if diff := cmp.Diff(before, tt.header); diff != "" {
				t.Errorf("the recorded header was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func cloneHeader(h http.Header) http.Header {
	c := maps.Clone(h)
	for name, values := range c {
		c[name] = slices.Clone(values)
	}
	return c
}

func TestAnswers(t *testing.T) {
	big := strings.Repeat("igloo ", 100_000) // 600 kB
	const kept = 256 << 10
	tests := []struct {
		name   string
		app    http.HandlerFunc
		status int
		body   string
		cut    bool
		err    string
	}{
		{"ok", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "OK") }, 200, "OK", false, ""},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, "", false, ""},
		{"an error page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "boom", 500) }, 500, "boom\n", false, ""},
		{"a redirect is an answer", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, 302, "", false, ""},
		{"chunked", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, big[:3000])
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, big[3000:9000])
		}, 200, big[:9000], false, ""},
		{"exactly what is kept", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, big[:kept]) }, 200, big[:kept], false, ""},
		{"one more", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, big[:kept+1]) }, 200, big[:kept], true, ""},
		{"huge", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, big) }, 200, big[:kept], true, ""},
		{"huge with its length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(big)))
			fmt.Fprint(w, big)
		}, 200, big[:kept], true, ""},
		{"compressed stays compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "\x1f\x8bnot really")
		}, 200, "\x1f\x8bnot really", false, ""},
		{"hints before the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			fmt.Fprint(w, "OK")
		}, 200, "OK", false, ""},
		{"switching protocols", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		}, 101, "", false, ""},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")
		}, 200, "hal", false, "the answer broke off after 3 bytes"},
		{"hung up", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, 0, "", false, "connection closed by HOST before it answered"},
		{"half a header", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "HTTP/1.1 200 OK\r\nConte") }, 0, "", false, "no answer from HOST: malformed MIME header: missing colon: \"Conte\""},
		{"not HTTP", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "\x1b]0;title\x07 220 smtp\r\n") }, 0, "", false, "HOST does not speak HTTP; is it https?"},
		{"endless header", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 300<<10)+"\r\n\r\n")
		}, 0, "", false, "no answer from HOST: net/http: server response headers exceeded 262144 bytes; aborted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := httptest.NewServer(tt.app)
			t.Cleanup(app.Close)
			f := newForwarder(t, app.URL, forward.Config{}, &memory{})
			a := f.Send(t.Context(), message("1", "hi"))
			want := strings.ReplaceAll(tt.err, "HOST", strings.TrimPrefix(app.URL, "http://"))
			if a.Status != tt.status || a.Err != want || a.Truncated != tt.cut || a.Took <= 0 || a.At.IsZero() || a.Target != app.URL {
				a.Body = nil
				t.Errorf("Send = %+v, want status %d, truncated %v, err %q", a, tt.status, tt.cut, want)
			}
			if string(a.Body) != tt.body {
				t.Errorf("answer of %d bytes, want %d", len(a.Body), len(tt.body))
			}
		})
	}
}

// hijack answers with the very bytes and hangs up.
func hijack(w http.ResponseWriter, raw string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, raw)
	_ = conn.Close()
}

func TestAnswerHeader(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/next?x", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(app.Close)
	a := newForwarder(t, app.URL, forward.Config{}, &memory{}).Send(t.Context(), message("1", "hi"))
	if got := a.Header.Get("Location"); a.Status != 307 || got != "/next?x" || a.OK() {
		t.Errorf("Send = status %d, Location %q, OK %v, want 307 /next?x false", a.Status, got, a.OK())
	}
}

func TestConnectionIsKept(t *testing.T) {
	var opened atomic.Int32
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// 400 kB: more than is kept, little enough to be read to its end.
		_, _ = io.Copy(w, io.LimitReader(strings.NewReader(strings.Repeat("x", 400<<10)), 400<<10))
	}))
	app.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	app.Start()
	t.Cleanup(app.Close)
	f := newForwarder(t, app.URL, forward.Config{}, &memory{})
	for range 5 {
		if a := f.Send(t.Context(), message("1", "hi")); !a.OK() || !a.Truncated {
			t.Fatalf("Send = status %d, truncated %v, err %q", a.Status, a.Truncated, a.Err)
		}
	}
	if got := opened.Load(); got != 1 {
		t.Errorf("%d connections for 5 deliveries, want 1", got)
	}
}

func TestAttemptTarget(t *testing.T) {
	tap := newWiretap(t)
	d := message("1", "hi")
	d.URI = "/webhook?a=1"
	a := newForwarder(t, tap.url+"/in?k=1", forward.Config{}, &memory{}).Send(t.Context(), d)
	if want := tap.url + "/in?k=1&a=1"; a.Target != want {
		t.Errorf("Attempt.Target = %q, want %q", a.Target, want)
	}
}
