package check_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
)

// authority issues certificates for the tests.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// issue makes a certificate of this authority; a nil authority signs itself.
func (a *authority) issue(t *testing.T, template x509.Certificate) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject.Organization = []string{"igloo tests"}
	parent, signer := &template, crypto.Signer(key)
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func ca(name string) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func leaf(from, to time.Duration) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

// certificateCodes are those TestCertificates is about.
var certificateCodes = map[string]bool{
	"plain-http": true, "tls": true, "certificate-name": true, "certificate-expired": true, "certificate-incomplete": true,
	"certificate-untrusted": true, "certificate-own": true,
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	root := (*authority)(nil).issue(t, ca("root"))
	between := root.issue(t, ca("intermediate"))
	good := between.issue(t, leaf(-time.Hour, time.Hour))
	late := between.issue(t, leaf(-2*time.Hour, -time.Hour))
	early := between.issue(t, leaf(time.Hour, 2*time.Hour))
	alone := (*authority)(nil).issue(t, leaf(-time.Hour, time.Hour))
	public := x509.NewCertPool()
	public.AddCert(root.certificate)

	for _, tt := range []struct {
		name   string
		host   string
		chain  []*authority
		public *x509.CertPool
		extra  []byte
		want   []string
		meta   string // in Meta's words
		got    string // of the chain
	}{
		{
			name: "good", chain: []*authority{good, between}, public: public, extra: root.pem(),
			got: "app (until " + good.certificate.NotAfter.UTC().Format(time.DateOnly) + ") ← intermediate (until " + between.certificate.NotAfter.UTC().Format(time.DateOnly) + ") ← issued by CN=root,O=igloo tests",
		},
		{name: "own authority", chain: []*authority{good, between}, public: x509.NewCertPool(), extra: root.pem(), want: []string{"warn certificate certificate-own"}, meta: "curl_errno = 60"},
		{
			name: "another name", host: "127.0.0.1", chain: []*authority{good, between}, public: public, extra: root.pem(), want: []string{"fail certificate certificate-name"},
			meta: "curl_errno = 51; curl_error = SSL: no alternative certificate subject name matches target host name '127.0.0.1'",
		},
		{name: "expired", chain: []*authority{late, between}, public: public, want: []string{"fail certificate certificate-expired"}, meta: "curl_errno = 60; curl_error = SSL certificate problem: certificate has expired"},
		{name: "not yet", chain: []*authority{early, between}, public: public, want: []string{"fail certificate certificate-expired"}, meta: "certificate is not yet valid"},
		{name: "no intermediate", chain: []*authority{good}, public: public, want: []string{"fail certificate certificate-incomplete"}, meta: "curl_errno = 60; curl_error = SSL certificate problem: unable to get local issuer certificate"},
		{name: "unknown authority", chain: []*authority{good, between, root}, public: x509.NewCertPool(), want: []string{"fail certificate certificate-untrusted"}, meta: "self-signed certificate in certificate chain"},
		{name: "self-signed", chain: []*authority{alone}, public: public, want: []string{"fail certificate certificate-untrusted"}, meta: "SSL certificate problem: self-signed certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(newApp())
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // what it says is the point
			certificate := tls.Certificate{PrivateKey: tt.chain[0].key}
			for _, c := range tt.chain {
				certificate.Certificate = append(certificate.Certificate, c.certificate.Raw)
			}
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.StartTLS()
			defer server.Close()
			_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
			host := "localhost"
			if tt.host != "" {
				host = tt.host
			}
			cfg := config(t, "https://"+host+":"+port+"/webhook")
			cfg.Choice.Only = []string{"certificate", "handshake", "unsigned"}
			cfg.Choice.Skip = []string{"token-*", "handshake-order", "mode-missing"}
			cfg.TLS = check.TLS{Public: tt.public, ExtraCAs: tt.extra}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if len(want) > 0 && strings.HasPrefix(want[0], "fail") {
				want = append(want, "error handshake <- certificate", "error unsigned <- certificate")
			}
			if diff := cmp.Diff(want, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			f := report.Findings[0]
			if !strings.Contains(f.Meta, tt.meta) || !strings.Contains(f.Got, tt.got) {
				t.Errorf("Meta %q, got %q; want %q and %q in them", f.Meta, f.Got, tt.meta, tt.got)
			}
		})
	}
}

func TestNoTLS(t *testing.T) {
	t.Parallel()
	server := serve(t, newApp())
	cfg := config(t, strings.Replace(server.URL, "http://", "https://", 1)+"/webhook")
	cfg.Choice.Only = []string{"certificate", "delivery"}
	cfg.Choice.Skip = []string{"user-agent", "reuse", "status-200"}
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"fail certificate tls", "error delivery <- certificate"}, odd(report)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// On this machine http:// is usual. An address that igloo does not know for this
// machine's is another's.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	cfg := config(t, strings.Replace(serve(t, newApp()).URL, "127.0.0.1", "0.0.0.0", 1)+"/webhook")
	cfg.Choice.Only = []string{"certificate", "handshake"}
	cfg.Choice.Skip = []string{"token-*", "handshake-order", "mode-missing"}
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"warn certificate plain-http"}, odd(report)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
