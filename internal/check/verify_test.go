package check_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

const ownChallenge = "OWNCHALLENGEOFTHETEST"

func verifyAt(t *testing.T, target string) check.Reply {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return check.Verify(t.Context(), check.Request{URL: u, Token: secret.New("a token+&"), Challenge: ownChallenge})
}

// Verify asks once, as Meta does.
func TestVerifyRequest(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI, r.UserAgent())
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	verifyAt(t, server.URL+"/webhook")
	want := []string{
		"GET /webhook?hub.mode=subscribe&hub.challenge=" + ownChallenge + "&hub.verify_token=a%20token%2B%26",
		"facebookplatform/1.0 (+http://developers.facebook.com)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestVerifyReply(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		status int
		page   bool
		code   string
		meta   string // part of it
	}{
		{"right", echo, 200, false, "handshake", ""},
		{"another body", say(200, "text/plain", "hello"), 200, false, "challenge-other", "Response does not match challenge"},
		{"a page", say(200, "text/html", "<!DOCTYPE html><html>"), 200, true, "handshake-page", `received="\u003C!DOCTYPE html>\u003Chtml…"`},
		{"not found", say(404, "", ""), 404, false, "get-missing", "HTTP Status Code = 404; HTTP Message = Not Found"},
		{"bad gateway", say(502, "text/html", "<html>"), 502, true, "handshake-status", "HTTP Status Code = 502"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, 302, true, "handshake-redirect", "curl_errno = 47"},
		{"hang up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, false, "handshake-closed", "curl_errno = 52; curl_error = Empty reply from server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			got := verifyAt(t, server.URL)
			if got.Status != tt.status || got.Page != tt.page || got.Finding.Code != tt.code || !strings.Contains(got.Finding.Meta, tt.meta) || (tt.meta == "") != (got.Finding.Meta == "") {
				t.Errorf("Verify() = %d, page %v, %q, Meta %q, want %d, page %v, %q, Meta %q in it",
					got.Status, got.Page, got.Finding.Code, got.Finding.Meta, tt.status, tt.page, tt.code, tt.meta)
			}
			if (got.Err != nil) != (tt.status == 0) {
				t.Errorf("Err = %v", got.Err)
			}
		})
	}
}

// echo answers as an app should.
func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, r.URL.Query().Get(webhook.ChallengeParam))
}

func say(status int, kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// No error tells the token, wherever the request fails.
func TestVerifyUnreachable(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	private := httptest.NewUnstartedServer(http.NotFoundHandler())
	private.Config.ErrorLog = log.New(io.Discard, "", 0)
	private.StartTLS()
	defer private.Close()
	for name, tt := range map[string]struct{ url, code, got string }{
		"nothing listens":       {closed.URL, "handshake-closed", "no answer: connection refused, nothing listens there"},
		"no such host":          {"https://nowhere.invalid", "handshake-closed", "no answer: there is no host \"nowhere.invalid\""},
		"a private certificate": {private.URL, "certificate-untrusted", "issued by O=Acme Co"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verifyAt(t, tt.url+"/webhook")
			if got.Status != 0 || got.Err == nil || got.Finding.Code != tt.code || !strings.Contains(got.Finding.Got, tt.got) || got.Untrusted != (tt.url == private.URL) {
				t.Errorf("Verify() = %d, %v, %q %q, want no status, %q and %q", got.Status, got.Err, got.Finding.Code, got.Finding.Got, tt.code, tt.got)
			}
			if text := got.Err.Error(); strings.Contains(text, "token") || strings.Contains(text, "/webhook") {
				t.Errorf("the error %q shows the URL", text)
			}
		})
	}
}

// A proxy that refuses is told from a URL that does.
func TestVerifyProxy(t *testing.T) {
	proxy := httptest.NewServer(say(http.StatusProxyAuthRequired, "", ""))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	got := check.Verify(t.Context(), check.Request{
		URL: &url.URL{Scheme: "https", Host: "bakery.example", Path: "/webhook"}, Token: secret.New("token"), Challenge: ownChallenge,
		Proxy: http.ProxyURL(at),
	})
	if got.Err == nil || got.Finding.Got != "no answer: the proxy answers 407 Proxy Authentication Required" {
		t.Errorf("Verify() = %v, %q", got.Err, got.Finding.Got)
	}
}

func TestVerifyIsInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and answers none
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		cancel()
		if err == nil {
			defer conn.Close()
			<-ctx.Done()
		}
	}()
	got := check.Verify(ctx, check.Request{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}, Token: secret.New("token"), Challenge: ownChallenge})
	if got.Err == nil || got.Timeout {
		t.Errorf("Verify() = %v, timeout %v, want the interruption", got.Err, got.Timeout)
	}
}
