package forward_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/forward"
)

// closedPort returns an address nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// politeListener's connections are read to their end before they close: closed with
// bytes unread, a TCP connection is reset, and the alert before it may be lost.
type politeListener struct{ net.Listener }

type politeConn struct{ *net.TCPConn }

func (l politeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return politeConn{c.(*net.TCPConn)}, nil
}

func (c politeConn) Close() error {
	_ = c.CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.Copy(io.Discard, c.TCPConn)
	return c.TCPConn.Close()
}

func TestReasonOfNoAnswer(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	plain := httptest.NewServer(ok)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(ok)
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	t.Cleanup(secure.Close)
	strict := httptest.NewUnstartedServer(ok)
	strict.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	strict.Config.ErrorLog = quiet
	strict.Listener = politeListener{strict.Listener}
	strict.StartTLS()
	t.Cleanup(strict.Close)
	trusting := &tls.Config{RootCAs: x509.NewCertPool()}
	trusting.RootCAs.AddCert(secure.Certificate())
	late := trusting.Clone()
	late.Time = func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }
	elsewhere := trusting.Clone()
	elsewhere.ServerName = "app.test"
	address := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	refusing := closedPort(t)

	tests := []struct {
		name, target string
		config       *tls.Config
		want         string
	}{
		{"refused", "http://" + refusing, nil, "connection refused by " + refusing},
		{"unknown authority", secure.URL, nil, "the certificate of " + address(secure) + " is signed by an unknown authority"},
		{"another name", secure.URL, elsewhere, "the certificate of " + address(secure) + ` is not for "app.test"`},
		{"expired", secure.URL, late, "the certificate of " + address(secure) + " is expired or not valid yet"},
		{"client certificate wanted", strict.URL, trusting, address(strict) + " wants a client certificate"},
		{"no TLS there", strings.Replace(plain.URL, "http:", "https:", 1), nil, address(plain) + " does not speak TLS; is it http?"},
		{"trusted", secure.URL, trusting, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newForwarder(t, tt.target, forward.Config{TLS: tt.config}, &memory{})
			d := message("1", "hi")
			d.ReceivedAt = time.Now().Add(-time.Minute) // no second try
			if a := f.Send(t.Context(), d); a.Err != tt.want {
				t.Errorf("Err = %q, want %q", a.Err, tt.want)
			}
		})
	}
}

func TestReasonOfDialErrors(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"no such host", &net.DNSError{Err: "no such host", Name: "app.test\x1b[2J", IsNotFound: true}, `no address for the host "app.test\x1b[2J"`},
		{"unreachable", errors.New("network is unreachable"), "no answer from app.test: network is unreachable"},
		{"long", errors.New(strings.Repeat("é", 400)), "no answer from app.test: " + strings.Repeat("é", 137) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newForwarder(t, "http://app.test", forward.Config{}, &memory{})
			forward.SetDial(f, func(context.Context, string, string) (net.Conn, error) { return nil, tt.err })
			if a := f.Send(t.Context(), message("1", "hi")); a.Err != tt.want || a.Status != 0 {
				t.Errorf("Send = status %d, Err %q, want %q", a.Status, a.Err, tt.want)
			}
		})
	}
}
