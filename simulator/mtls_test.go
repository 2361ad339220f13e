package simulator_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// guardedServer asks for a client certificate of an authority.
func guardedServer(t *testing.T, ca []byte) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // what it refuses is the test
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func authority(t *testing.T) *simulator.ClientAuthority {
	t.Helper()
	a, err := simulator.NewClientAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestClientCertificate shows a Go server the right certificate and wrong ones.
func TestClientCertificate(t *testing.T) {
	ours, others := authority(t), authority(t)
	server := guardedServer(t, ours.CA())
	serverCA := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	now := time.Now()
	tests := []struct {
		name   string
		signer *simulator.ClientAuthority
		until  time.Time
		alone  bool
		want   string // in the error; "" is accepted
	}{
		{"right", ours, now.Add(time.Hour), false, ""},
		{"none", nil, time.Time{}, false, "the server broke off TLS: certificate required"},
		{"other authority", others, now.Add(time.Hour), false, "the server broke off TLS: unknown certificate authority"},
		{"leaf alone", ours, now.Add(time.Hour), true, "the server broke off TLS: unknown certificate authority"},
		{"expired", ours, now.Add(-time.Minute), false, "the server broke off TLS: expired certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := simulator.ClientConfig{ExtraCAs: serverCA}
			if tt.signer != nil {
				chain, key, err := tt.signer.Issue(simulator.ClientName, now.Add(-time.Hour), tt.until)
				if err != nil {
					t.Fatal(err)
				}
				certificate, err := simulator.ParseClientCertificate(chain, key)
				if err != nil {
					t.Fatal(err)
				}
				if tt.alone {
					certificate.Certificate = certificate.Certificate[:1]
				}
				config.Certificates = []tls.Certificate{certificate}
			}
			answer, err := newClient(t, config).Send(t.Context(), target(t, server.URL), signed(t, "comments"))
			if tt.want == "" {
				if err != nil || string(answer.Body) != "client.webhooks.fbclientcerts.com" {
					t.Errorf("Send = %d %q, %v", answer.Status, answer.Body, err)
				}
				return
			}
			if sendErr, ok := errors.AsType[*simulator.SendError](err); !ok || sendErr.Reason != tt.want {
				t.Errorf("Send: %v, want %s", err, tt.want)
			}
		})
	}
}

// TestClientAuthority looks at what is made.
func TestClientAuthority(t *testing.T) {
	a := authority(t)
	if years := time.Until(a.Expires()).Hours() / 24 / 365; years < 2.9 || years > 3.1 {
		t.Errorf("good for %.1f years, want 3", years)
	}
	chain, key, err := a.Issue(simulator.ClientName, time.Now(), a.Expires())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := simulator.ParseClientCertificate(chain, key)
	if err != nil || len(certificate.Certificate) != 2 || certificate.Leaf.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("%d certificates, %v, want an ECDSA leaf and its intermediate", len(certificate.Certificate), err)
	}
	if strings.Contains(string(a.CA())+string(chain), "PRIVATE") {
		t.Error("a key is among the certificates")
	}
}

// TestParseClientCertificate refuses what cannot be shown.
func TestParseClientCertificate(t *testing.T) {
	a := authority(t)
	chain, key, err := a.Issue("x", time.Now(), a.Expires())
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey, err := a.Issue("y", time.Now(), a.Expires())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		chain, key []byte
		want       string
	}{
		"another key":   {chain, otherKey, "client certificate: tls: private key does not match public key"},
		"nothing":       {nil, nil, "client certificate: tls: failed to find any PEM data in certificate input"},
		"encrypted key": {chain, bytes.ReplaceAll(key, []byte("PRIVATE KEY"), []byte("ENCRYPTED PRIVATE KEY")), "client certificate: its key is encrypted"},
	} {
		if _, err := simulator.ParseClientCertificate(tt.chain, tt.key); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
