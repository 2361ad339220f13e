//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// The proxies that people put in front of igloo, right ones and wrong ones, and what a
// session says of its public URL behind them.
func TestSelfCheckThroughProxies(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t) // for its certificates
	for _, tt := range []struct {
		name  string
		proxy func(ingress *url.URL) http.Handler
		state string
		code  string
	}{
		{"passes everything on", through(nil, nil), "online", ""},
		{"names igloo's own host", through(func(r *httputil.ProxyRequest) { r.Out.Host = "localhost" }, nil), "online", ""},
		{"names another host", through(func(r *httputil.ProxyRequest) { r.Out.Host = "backend.internal" }, nil), "degraded", "host"},
		{"takes the path off", through(func(r *httputil.ProxyRequest) { r.Out.URL.Path = "/" }, nil), "degraded", "path"},
		{"wraps the answer", through(nil, func(r *http.Response) error {
			r.Header.Del("Content-Length")
			r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader("<html>wrapped</html>"))
			return nil
		}), "degraded", "changed"},
		{"does not know the path", answers(http.NotFound), "degraded", "path"},
		{"redirects", answers(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/webhook?"+r.URL.RawQuery, http.StatusMovedPermanently)
		}), "degraded", "redirect"},
		{"asks for a password", answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "<html>who are you?")
		}), "degraded", "page"},
		{"finds nothing behind it", through(func(r *httputil.ProxyRequest) { r.Out.URL.Host = "127.0.0.1:1" }, nil), "degraded", "gateway"},
		{"hangs up", answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "degraded", "unreachable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outside := newInternet(t, "", edge.CA())
			s := withSecret(t, append(outside.env(), "IGLOO_VERIFY_TOKEN="+verifyToken)...)
			address := freeAddress(t)
			proxyAt(t, edge, outside, tt.proxy(&url.URL{Scheme: "http", Host: address}))
			l := s.listen(t, "--tunnel", "manual", "--public-url", "https://hooks.example", "--listen", address)
			got := l.await(t, "tunnel", func(l jsonLine) bool { return l.State == "online" || l.State == "degraded" })
			if got.State != tt.state || tt.code != "" && !bytes.Contains(got.raw, []byte(`"code":"`+tt.code+`"`)) {
				t.Errorf("%s, want %s %s", got.raw, tt.state, tt.code)
			}
			for _, host := range outside.hosts() {
				if host != "hooks.example:443" {
					t.Errorf("igloo asked %s, want the public host alone", host)
				}
			}
			l.end(t)
			checkHidden(t, []string{verifyToken, appSecret}, map[string]string{"stdout": l.stdout.String(), "stderr": l.stderr.String()}, s.dir)
		})
	}
}

// through is a reverse proxy that changes requests and answers.
func through(request func(*httputil.ProxyRequest), answer func(*http.Response) error) func(*url.URL) http.Handler {
	return func(ingress *url.URL) http.Handler {
		return &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.Out.URL.Scheme, r.Out.URL.Host = ingress.Scheme, ingress.Host
				if request != nil {
					request(r)
				}
			},
			ModifyResponse: answer, ErrorLog: log.New(io.Discard, "", 0),
		}
	}
}

// answers is a server that answers itself.
func answers(handler http.HandlerFunc) func(*url.URL) http.Handler {
	return func(*url.URL) http.Handler { return handler }
}

// proxyAt has every public host lead to a handler.
func proxyAt(t *testing.T, edge *tunneltest.Edge, outside *internet, handler http.Handler) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler, TLSConfig: edge.ServerConfig(), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		if err := srv.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() { _ = srv.Close() })
	outside.lead(l.Addr().String())
}
