package check_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
)

// What is wrong with the port is not put on the app.
func TestPort(t *testing.T) {
	t.Parallel()
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure := httptest.NewUnstartedServer(newApp())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	t.Cleanup(secure.Close)
	nginx := func(text string) string {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<html><head><title>400 "+text+"</title></head><center>nginx</center></html>")
		})).URL
	}
	tests := []struct{ name, url, code string }{
		{"no client certificate", nginx("No required SSL certificate was sent"), "client-certificate"},
		{"HTTP to an HTTPS port of nginx", nginx("The plain HTTP request was sent to HTTPS port"), "port-tls"},
		{"HTTP to an HTTPS port of Go", strings.Replace(secure.URL, "https://", "http://", 1), "port-tls"},
		{"HTTP to an HTTPS port that closes", "http://" + hangingUpTLS(t, secure.TLS), "port-tls"},
		{"another protocol", "http://" + babbling(t), "not-http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, tt.url+"/webhook")
			cfg.Choice.Only = []string{"handshake", "delivery"}
			cfg.Choice.Skip = []string{"token-*", "handshake-order", "mode-missing", "user-agent", "status-200", "reuse"}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"fail handshake " + tt.code, "fail delivery " + tt.code}, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// hangingUpTLS speaks TLS, and closes without a word what does not.
func hangingUpTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(conn, first); err == nil && first[0] == 0x16 { // a TLS handshake begins so
			_ = tls.Server(prefixed{conn, io.MultiReader(strings.NewReader(string(first)), conn)}, config).Handshake()
		}
	})
}

type prefixed struct {
	net.Conn
	r io.Reader
}

func (p prefixed) Read(b []byte) (int, error) { return p.r.Read(b) }

// babbling answers what is no HTTP.
func babbling(t *testing.T) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4<<10))
		_, _ = io.WriteString(conn, "-ERR unknown command\r\n")
	})
}

func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// A finding's reason is in people's words, not in a library's.
func TestCertificateWords(t *testing.T) {
	t.Parallel()
	bare := leaf(-time.Hour, time.Hour)
	bare.DNSNames = nil
	many := leaf(-time.Hour, time.Hour)
	many.DNSNames = nil
	for i := range 26 {
		many.DNSNames = append(many.DNSNames, fmt.Sprintf("n%d.example", i))
	}
	for _, tt := range []struct {
		name     string
		template x509.Certificate
		want     string
	}{
		{"a common name alone", bare, "the subjectAltName is missing; "},
		{"many names", many, "it is for n0.example, n1.example, n2.example, n3.example, n4.example, n5.example, n6.example, n7.example and 18 more, and not for localhost; "},
		{"self-signed", leaf(-time.Hour, time.Hour), "it is signed by itself; "},
		{"over", leaf(-2*time.Hour, -time.Hour), "it was valid until 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			own := (*authority)(nil).issue(t, tt.template)
			server := httptest.NewUnstartedServer(newApp())
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{own.certificate.Raw}, PrivateKey: own.key}}}
			server.StartTLS()
			defer server.Close()
			_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
			cfg := config(t, "https://localhost:"+port+"/webhook")
			cfg.Choice.Only = []string{"certificate"}
			cfg.TLS.Public = x509.NewCertPool()
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if f := report.Findings[0]; !strings.Contains(f.Why, tt.want) || strings.Contains(f.Why, "x509") {
				t.Errorf("why %q, want %q in it", f.Why, tt.want)
			}
		})
	}
}

// A form whose field holds a signed delivery is what fire --fault form-encoded sends.
func TestFormField(t *testing.T) {
	t.Parallel()
	a := newApp()
	also(func(r *http.Request, body []byte) bool {
		form, err := url.ParseQuery(string(body))
		return err == nil && r.Header.Get("X-Hub-Signature-256") == "sha256="+mac(sha256.New, appSecret, []byte(form.Get("payload")))
	})(a)
	cfg := config(t, serve(t, a).URL+"/webhook")
	cfg.Choice.Only = []string{"form-encoded"}
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if f := report.Findings[0]; f.Status != check.Fail || !strings.HasPrefix(f.Why, "the app takes the signature over the field payload") {
		t.Errorf("%s, why %q, want a failure", f.Status, f.Why)
	}
}
