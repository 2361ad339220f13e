package simulator_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

func newClient(t testing.TB, cfg simulator.ClientConfig) *simulator.Client {
	t.Helper()
	c, err := simulator.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func target(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := simulator.ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func signed(t testing.TB, name string) *simulator.Request {
	t.Helper()
	r, err := simulator.Render(builtin(t, name), simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Sign(simulator.NewSecret(key))
	return r
}

// listen accepts connections and hands each to handle, with its number from 1.
func listen(t testing.TB, handle func(n int, c net.Conn)) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = c.Close() }()
				handle(n, c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return target(t, "http://"+l.Addr().String()+"/webhook?a=b%20c")
}

// readRequest reads one request as bytes: the head, and the body by its length.
func readRequest(r *bufio.Reader) (head string, body []byte, err error) {
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", nil, err
		}
		head += line
		if text, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				return "", nil, err
			}
		}
		if line == "\r\n" {
			body = make([]byte, length)
			_, err := io.ReadFull(r, body)
			return head, body, err
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nEVENT_RECEIVED"

// TestSendBytes reads what goes over the wire: names, order and values are Meta's.
func TestSendBytes(t *testing.T) {
	heads := make(chan string, 2)
	u := listen(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			head, body, err := readRequest(r)
			if err != nil {
				return
			}
			heads <- head + string(body)
			_, _ = io.WriteString(c, ok)
		}
	})
	client := newClient(t, simulator.ClientConfig{})
	for _, name := range []string{"comments", "messages"} {
		r := signed(t, name)
		answer, err := client.Send(t.Context(), u, r, fixtures.HeaderField{Name: "X-Ticket", Value: "7"})
		if err != nil || answer.Status != http.StatusOK || string(answer.Body) != "EVENT_RECEIVED" || answer.Took <= 0 {
			t.Fatalf("Send = %+v, %v", answer, err)
		}
		length := strconv.Itoa(len(r.Body))
		want := "POST /webhook?a=b%20c HTTP/1.1\r\nHost: " + u.Host + "\r\n"
		if name == "comments" {
			want += "User-Agent: Webhooks/1.0 (https://fb.me/webhooks)\r\nContent-Length: " + length + "\r\nAccept: */*\r\nContent-Type: application/json\r\n"
		} else {
			want += "Content-Length: " + length + "\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip\r\nUser-Agent: facebookexternalua\r\nContent-Type: application/json\r\n"
		}
		want += "X-Hub-Signature: " + r.Get("X-Hub-Signature") + "\r\nX-Hub-Signature-256: " + r.Get("X-Hub-Signature-256") + "\r\n"
		if name == "messages" {
			want += "Facebook-API-Version: v23.0\r\n"
		}
		want += "X-Ticket: 7\r\n\r\n" + string(r.Body)
		if diff := cmp.Diff(want, <-heads); diff != "" {
			t.Errorf("%s on the wire (-want +got):\n%s", name, diff)
		}
		printed, err := r.AppendHTTP(nil, u)
		if err != nil || string(printed) != strings.Replace(want, "X-Ticket: 7\r\n", "", 1) {
			t.Errorf("AppendHTTP = %q, %v, want what was sent", printed, err)
		}
	}
}

// TestUnsigned sends no empty signature header.
func TestUnsigned(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, has := r.Header[http.CanonicalHeaderKey(webhook.SignatureHeader)]
		_, _ = fmt.Fprint(w, has)
	}))
	defer server.Close()
	r, err := simulator.Render(builtin(t, "comments"), simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := newClient(t, simulator.ClientConfig{}).Send(t.Context(), target(t, server.URL), r)
	if err != nil || string(answer.Body) != "false" {
		t.Errorf("signature header sent: %s, %v", answer.Body, err)
	}
}

// TestKeepAlive reuses connections, also under concurrency, and not after the app
// said to close.
func TestKeepAlive(t *testing.T) {
	var conns atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
		_, _ = io.Copy(io.Discard, r.Body) // the test server's trouble is the client's
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client, r := newClient(t, simulator.ClientConfig{}), signed(t, "comments")
	send := func(path string) {
		if answer, err := client.Send(t.Context(), target(t, server.URL+path), r); err != nil || answer.Status != http.StatusOK {
			t.Errorf("Send = %d, %v", answer.Status, err)
		}
	}
	for range 20 {
		send("/")
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for 20 deliveries in a row, want 1", n)
	}
	for range 3 {
		send("/close")
	}
	if n := conns.Load(); n != 3 { // the first of them used the kept one
		t.Errorf("%d connections after 3 that were closed, want 3", n)
	}
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 50 {
				send("/")
			}
		})
	}
	workers.Wait()
	if n := conns.Load(); n > 3+8 {
		t.Errorf("%d connections for 8 at once, want at most 11", n)
	}
}

// TestStaleConnection replaces a connection that the app closed while it was idle.
func TestStaleConnection(t *testing.T) {
	closed := make(chan struct{})
	u := listen(t, func(n int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, _, err := readRequest(r); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(c, ok)
		if n == 1 {
			_ = c.Close()
			close(closed)
			return
		}
		_, _ = r.ReadByte() // until the client closes
	})
	client, r := newClient(t, simulator.ClientConfig{}), signed(t, "comments")
	for i := range 2 {
		if _, err := client.Send(t.Context(), u, r); err != nil {
			t.Fatalf("delivery %d: %v", i+1, err)
		}
		<-closed
	}
}

// TestAnswers reads odd answers.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", 256<<10)
	tests := []struct {
		name, answer string
		want         simulator.Response
	}{
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", simulator.Response{Status: 200, Body: []byte("abc")}},
		{"no length", "HTTP/1.0 201 Created\r\n\r\nabc", simulator.Response{Status: 201, Proto: "HTTP/1.0", Body: []byte("abc")}},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", simulator.Response{Status: 204}},
		{"continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!", simulator.Response{Status: 200, Body: []byte("!")}},
		{"redirect is not followed", "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", simulator.Response{Status: 302}},
		{"error status", "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno", simulator.Response{Status: 500, Body: []byte("no")}},
		{"as long as is kept", "HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n" + long, simulator.Response{Status: 200, Body: []byte(long)}},
		{"longer", "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + long + "y", simulator.Response{Status: 200, Body: []byte(long), Truncated: true}},
		{"compressed stays so", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08", simulator.Response{Status: 200, Body: []byte("\x1f\x8b\x08")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := listen(t, func(_ int, c net.Conn) {
				if _, _, err := readRequest(bufio.NewReader(c)); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(c, tt.answer)
			})
			got, err := newClient(t, simulator.ClientConfig{}).Send(t.Context(), u, signed(t, "comments"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != tt.want.Status || !bytes.Equal(got.Body, tt.want.Body) || got.Truncated != tt.want.Truncated {
				t.Errorf("Send = %d, %d bytes, truncated %t, want %d, %d, %t",
					got.Status, len(got.Body), got.Truncated, tt.want.Status, len(tt.want.Body), tt.want.Truncated)
			}
			if tt.want.Proto != "" && got.Proto != tt.want.Proto {
				t.Errorf("Proto = %q, want %q", got.Proto, tt.want.Proto)
			}
		})
	}
}

// TestEarlyAnswer delivers a large body to an app that answers without reading it.
func TestEarlyAnswer(t *testing.T) {
	u := listen(t, func(_ int, c net.Conn) {
		if _, err := bufio.NewReaderSize(c, 16).ReadByte(); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<20)) // until the client gives up
	})
	r := signed(t, "comments")
	r.Body = bytes.Repeat([]byte("x"), 64<<20)
	answer, err := newClient(t, simulator.ClientConfig{}).Send(t.Context(), u, r)
	if err != nil || answer.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("Send = %d, %v, want 413", answer.Status, err)
	}
}

// TestLargeBody delivers one that is written beside the reading.
func TestLargeBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = webhook.Verify(simulator.NewSecret(key), body, r.Header.Get(webhook.SignatureHeader))
		}
		_, _ = fmt.Fprint(w, len(body), err)
	}))
	defer server.Close()
	client := newClient(t, simulator.ClientConfig{})
	for range 3 {
		r := signed(t, "comments")
		r.Body = bytes.Repeat([]byte("x"), 3<<20)
		r.Sign(simulator.NewSecret(key))
		answer, err := client.Send(t.Context(), target(t, server.URL), r)
		if want := fmt.Sprint(3<<20, nil); err != nil || string(answer.Body) != want {
			t.Errorf("Send = %s, %v, want %s", answer.Body, err, want)
		}
	}
}

func TestSendErrors(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + free.Addr().String() + "/"
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	answering := func(answer string) string {
		return listen(t, func(_ int, c net.Conn) {
			_, _, _ = readRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, answer)
		}).String()
	}
	hanging := listen(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) }).String()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it will be told of the refusal
	untrusted.StartTLS()
	defer untrusted.Close()
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = untrusted.Config.ErrorLog
	plain.Start()
	defer plain.Close()

	tests := []struct{ name, url, want string }{
		{"refused", refused, "connection refused, nothing listens there"},
		{"closed", answering(""), "the connection was closed before the answer was complete"},
		{"half a header", answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), "the connection was closed before the answer was complete"},
		{"half a body", answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), "the connection was closed before the answer was complete"},
		{"not HTTP", answering("220 mail.example.com ESMTP\r\n\r\n"), `the answer is not HTTP: malformed HTTP status code "mail.example.com"`},
		{"endless header", answering("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), "the answer's header is larger than 256 KiB"},
		{"hanging", hanging, "no answer within 300ms"},
		{"plain", strings.Replace(plain.URL, "http://", "https://", 1), "the server does not speak TLS; is it http://?"},
		{"untrusted", untrusted.URL, "its certificate is signed by an authority this computer does not trust"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := time.Minute
			if tt.name == "hanging" {
				timeout = 300 * time.Millisecond
			}
			client := newClient(t, simulator.ClientConfig{Timeout: timeout})
			_, err := client.Send(t.Context(), target(t, tt.url), signed(t, "comments"))
			if want := fmt.Sprintf("deliver to %q: %s", tt.url, tt.want); fmt.Sprint(err) != want {
				t.Errorf("Send:\n got %v\nwant %s", err, want)
			}
			if e, ok := errors.AsType[*simulator.SendError](err); !ok || e.Err == nil {
				t.Errorf("Send: %T, want a *SendError with its cause", err)
			}
			if got := simulator.Refused(err); got != (tt.name == "refused") {
				t.Errorf("Refused = %t", got)
			}
		})
	}
}

func TestSendRefusesBadHeaders(t *testing.T) {
	client := newClient(t, simulator.ClientConfig{})
	u := target(t, "http://127.0.0.1:1/")
	for _, f := range []fixtures.HeaderField{{Name: "X", Value: "a\r\nY: b"}, {Name: "X\r\nY", Value: "b"}, {Name: "X:Y", Value: "b"}, {Name: "X", Value: "\x00"}} {
		if _, err := client.Send(t.Context(), u, signed(t, "comments"), f); err == nil || !strings.Contains(err.Error(), "can't be sent") {
			t.Errorf("header %q: %v", f, err)
		}
	}
	withPassword := &url.URL{Scheme: "http", User: url.UserPassword("me", "secret"), Host: "127.0.0.1:1", Path: "/"}
	if _, err := client.Send(t.Context(), withPassword, signed(t, "comments")); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("URL with a password: %v, want an error without it", err)
	}
}

func TestCancel(t *testing.T) {
	arrived := make(chan struct{})
	u := listen(t, func(_ int, c net.Conn) {
		_, _, _ = readRequest(bufio.NewReader(c))
		close(arrived)
		_, _ = io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // ends with the first delivery
		<-arrived
		cancel()
	}()
	_, err := newClient(t, simulator.ClientConfig{}).Send(ctx, u, signed(t, "comments"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Send: %v, want context.Canceled", err)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %d", r.Proto, len(r.TLS.PeerCertificates))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	client := newClient(t, simulator.ClientConfig{ExtraCAs: ca, Certificates: server.TLS.Certificates})
	for range 2 {
		answer, err := client.Send(t.Context(), target(t, server.URL), signed(t, "comments"))
		if err != nil || string(answer.Body) != "HTTP/1.1 1" {
			t.Fatalf("Send = %q, %v, want HTTP/1.1 with a client certificate", answer.Body, err)
		}
	}
	if _, err := simulator.NewClient(simulator.ClientConfig{ExtraCAs: []byte("no certificate")}); err == nil {
		t.Error("a file without a certificate is taken")
	}
}

func TestParseURL(t *testing.T) {
	for _, text := range []string{"", "localhost:3000", "ftp://x", "http://", "http://bücher.example/", "://", "/webhook"} {
		if u, err := simulator.ParseURL(text); err == nil {
			t.Errorf("ParseURL(%q) = %v, want an error", text, u)
		}
	}
	for _, text := range []string{"http://me:secret@x/", "ftp://me:secret@x/", "http://me:secret@x:port/", "http://me:secret@bücher.example/"} {
		if u, err := simulator.ParseURL(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseURL(%q) = %v, %v, want an error without the password", text, u, err)
		}
	}
}
