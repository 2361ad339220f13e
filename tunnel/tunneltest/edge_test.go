package tunneltest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// TestEdgeForAnotherProcess uses the edge as a test does that starts the igloo
// binary: by its address and the file with its CA.
func TestEdgeForAnotherProcess(t *testing.T) {
	edge, err := tunneltest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer edge.Close()
	path, err := edge.WriteCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %q", text)
	}
	r := open(t, tunnel.NgrokConfig{
		Authtoken: secret.New("token"), URL: "hooks.example.com",
		Server: tunnel.NgrokServer{ConnectURL: edge.ConnectURL(), CAs: pool},
	})
	r.Await(t, tunnel.Online)

	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: "hooks.example.com"}}).
		DialContext(t.Context(), "tcp", edge.PublicAddr())
	if err != nil {
		t.Fatalf("connect to the public side: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestEdgeClosesUnderAnAgent(t *testing.T) {
	edge := tunneltest.New(t)
	r := open(t, tunnel.NgrokConfig{
		Authtoken: secret.New("token"), Server: tunnel.NgrokServer{ConnectURL: edge.ConnectURL(), CAs: edge.Pool()},
	})
	host := r.Await(t, tunnel.Online).URL.Host
	edge.Close()
	r.Await(t, tunnel.Reconnecting)
	if _, err := edge.OpenRaw(host); err == nil {
		t.Error("a closed edge still has an agent")
	}
	if err := edge.Up(); err != nil {
		t.Errorf("Up of a closed edge = %v, want nil and nothing done", err)
	}
}

// The library keeps showing the first URL when a renewal gives another one. That
// is why the public URL has to be looked at from outside.
func TestEdgeForgetsTokens(t *testing.T) {
	edge := tunneltest.New(t)
	r := open(t, tunnel.NgrokConfig{
		Authtoken: secret.New("token"), Server: tunnel.NgrokServer{ConnectURL: edge.ConnectURL(), CAs: edge.Pool()},
	})
	before := r.Await(t, tunnel.Online).URL
	edge.ForgetTokens()
	edge.DropSessions()
	r.Await(t, tunnel.Reconnecting)
	r.Await(t, tunnel.Online)
	if online := edge.Online(); len(online) != 1 || online[0] == before.Host || online[0] != edge.OwnHost("token") {
		t.Errorf("%q are online, want one other than %q", online, before.Host)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, before.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := edge.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if code := resp.Header.Get("Ngrok-Error-Code"); resp.StatusCode != http.StatusNotFound || code != "ERR_NGROK_3200" {
		t.Errorf("the old URL answers %d with code %q, want %d with ERR_NGROK_3200", resp.StatusCode, code, http.StatusNotFound)
	}
}

// open runs ngrok with an empty handler until the test ends.
func open(t *testing.T, cfg tunnel.NgrokConfig) *tunneltest.Recorder {
	t.Helper()
	p, err := tunnel.NewNgrok(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := tunnel.HTTPIngress("", 0, func() *http.Server {
		return &http.Server{Handler: http.NotFoundHandler()}
	})
	var r tunneltest.Recorder
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context(), in, r.Emit) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	return &r
}
