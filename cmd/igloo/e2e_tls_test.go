//go:build unix

package main

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHintsOnTLS: who fires at a server over TLS and gets no answer is told what helps.
func TestHintsOnTLS(t *testing.T) {
	s := withSecret(t)
	server := func(config *tls.Config) *httptest.Server {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.TLS = config
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	open := server(&tls.Config{})
	guarded := server(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert})
	ca := filepath.Join(t.TempDir(), "server.pem") // httptest has one certificate for all
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: open.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		hint string
	}{
		{"untrusted", []string{"--to", open.URL}, "name the authority that signed it: --cacert FILE"},
		{"wrong name", []string{"--cacert", ca, "--to", strings.Replace(open.URL, "127.0.0.1", "localhost", 1)}, "use a name that it is for: --to https://example.com/…"},
		{"wants a certificate", []string{"--cacert", ca, "--to", guarded.URL}, "it asks for a client certificate: --mtls shows the stand-in for Meta's"},
		{"wants another certificate", []string{"--mtls", "--cacert", ca, "--to", guarded.URL}, "let the server trust the stand-in's authority: igloo mtls ca"},
		{"no TLS", []string{"--to", strings.Replace(plain.URL, "http:", "https:", 1)}, "write --to http://…"},
	}
	for _, tt := range tests {
		code, stdout, stderr := s.run(t, append([]string{"fire", "comments"}, tt.args...)...)
		if code != exitFailed || !strings.HasSuffix(stderr, "igloo: hint: "+tt.hint+"\n") {
			t.Errorf("%s: exit code %d, %s%s, want the hint %q", tt.name, code, stdout, stderr, tt.hint)
		}
	}
}
