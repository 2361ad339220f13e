package tunnel_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// tlsClient is the public with a certificate, or without.
func tlsClient(addr string, roots *x509.CertPool, own ...tls.Certificate) *http.Client {
	transport := tunneltest.Public(addr).Transport.(*http.Transport)
	transport.DialContext, transport.DialTLSContext = transport.DialTLSContext, nil
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, Certificates: own}
	return &http.Client{Transport: transport}
}

// answer returns what a client is answered, or why it is not.
func answer(t *testing.T, client *http.Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// sayName answers with the common name of the client's certificate.
func sayName(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	_, _ = io.WriteString(w, name)
}

// checkClientCertificates wants Meta to be let in, and nobody else.
func checkClientCertificates(t *testing.T, addr, url string, server, clients *tunneltest.CA, log *logBuffer) {
	t.Helper()
	other := tunneltest.NewCA(t)
	if got, err := answer(t, tlsClient(addr, server.Pool(), clients.Client(t, tunnel.MetaClientName)), url); got != tunnel.MetaClientName || err != nil {
		t.Errorf("Meta is answered %q, %v, want its name", got, err)
	}
	for name, certs := range map[string][]tls.Certificate{
		"no certificate":       nil,
		"another name":         {clients.Client(t, "client.example.com")},
		"a longer name":        {clients.Client(t, tunnel.MetaClientName+".evil.example")},
		"a name with a prefix": {clients.Client(t, "x"+tunnel.MetaClientName)},
		"another authority":    {other.Client(t, tunnel.MetaClientName)},
		"no intermediate":      {withoutChain(clients.Client(t, tunnel.MetaClientName))},
	} {
		if got, err := answer(t, tlsClient(addr, server.Pool(), certs...), url); err == nil {
			t.Errorf("%s: answered %q, want none", name, got)
		} else if alert := tls.AlertError(42); !errors.As(err, &alert) && !strings.Contains(err.Error(), "bad certificate") {
			t.Errorf("%s: error %v, want the alert of a bad certificate", name, err)
		}
	}
	for _, want := range []string{
		"client certificate accepted", "CN=" + tunnel.MetaClientName, "client without a certificate refused",
		"its common name is", "not from the CA given with --mtls-ca", "sha256=",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q: %s", want, log)
		}
	}
}

func withoutChain(cert tls.Certificate) tls.Certificate {
	cert.Certificate = cert.Certificate[:1]
	return cert
}

// igloo decrypts what ngrok passes through, so it sees the client's certificate.
func TestNgrokClientCertificates(t *testing.T) {
	t.Parallel()
	edge, server, clients := tunneltest.New(t), tunneltest.NewCA(t), tunneltest.NewCA(t)
	certFile, keyFile := server.WriteServer(t, t.TempDir(), "hooks.example.com")
	l := openNgrok(t, edge, tunnel.NgrokConfig{
		URL: "https://Hooks.example.com",
		TLS: &tunnel.TLSConfig{CertFile: certFile, KeyFile: keyFile, ClientCAs: clients.Pool()},
	}, http.HandlerFunc(sayName))
	url := l.Await(t, tunnel.Online).URL.String()
	if url != "https://hooks.example.com" {
		t.Errorf("public URL %q, want https://hooks.example.com", url)
	}
	checkClientCertificates(t, edge.PublicAddr(), url, server, clients, l.log)
	l.stop(t)
	want := []tunneltest.Bind{{URL: "tls://hooks.example.com"}}
	if diff := cmp.Diff(want, edge.Snapshot().Binds); diff != "" {
		t.Errorf("binds (-want +got):\n%s", diff)
	}
}

func TestNgrokTLSConforms(t *testing.T) {
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		edge, server := tunneltest.New(t), tunneltest.NewCA(t)
		certFile, keyFile := server.WriteServer(t, t.TempDir(), "hooks.example.com")
		return tunneltest.Subject{
			Provider: newNgrok(t, edge, tunnel.NgrokConfig{
				URL: "hooks.example.com", TLS: &tunnel.TLSConfig{CertFile: certFile, KeyFile: keyFile},
			}, &logBuffer{}),
			Client: tlsClient(edge.PublicAddr(), server.Pool()),
		}
	})
}

func TestNgrokTLSRefuses(t *testing.T) {
	t.Parallel()
	edge, ca := tunneltest.New(t), tunneltest.NewCA(t)
	certFile, keyFile := ca.WriteServer(t, t.TempDir(), "other.example.com")
	l := openNgrok(t, edge, tunnel.NgrokConfig{
		URL: "hooks.example.com", TLS: &tunnel.TLSConfig{CertFile: certFile, KeyFile: keyFile},
	}, say(""))
	if st := l.failed(t); !strings.Contains(st.Err.Error(), `the certificate is not for "hooks.example.com"`) || !strings.Contains(st.Hint, "--tls-cert") {
		t.Errorf("error %q with hint %q, want the wrong name", st.Err, st.Hint)
	}
	if seen := edge.Snapshot(); len(seen.Auths) > 0 {
		t.Error("ngrok was asked for a URL that nobody could use")
	}
}
