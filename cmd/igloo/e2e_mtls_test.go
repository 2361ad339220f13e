//go:build unix

package main

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/simulator"
)

// guarded is an app behind a real nginx that has the configuration igloo prints.
type guarded struct {
	url      *url.URL
	serverCA string // file with the certificate of nginx
	arrived  atomic.Int64
}

// guard starts nginx with what `igloo mtls nginx` prints, but for the places of files
// and the ports. ca is the file of the trusted authority, "" for the printed one.
func guard(t *testing.T, s *sandbox, ca string) *guarded {
	t.Helper()
	g := &guarded{}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // nginx sends it whole or not at all
		g.arrived.Add(1)
		_, _ = io.WriteString(w, "EVENT_RECEIVED")
	}))
	t.Cleanup(app.Close)
	code, config, stderr := s.run(t, "mtls", "nginx")
	if code != 0 {
		t.Fatalf("igloo mtls nginx: exit %d: %s", code, stderr)
	}
	dir := t.TempDir()
	var key string
	g.serverCA, key = serverCertificate(t, dir)
	address := freeAddress(t)
	for old, place := range map[string]string{
		"listen 443 ssl;":                          "listen " + address + " ssl;",
		"/etc/nginx/webhooks.example.com.pem":      g.serverCA,
		"/etc/nginx/webhooks.example.com.key":      key,
		"proxy_pass http://127.0.0.1:3000;":        "proxy_pass " + app.URL + ";",
		`ssl_client_certificate "` + s.ca(t) + `"`: `ssl_client_certificate "` + cmp.Or(ca, s.ca(t)) + `"`,
	} {
		if !strings.Contains(config, old) {
			t.Fatalf("the printed configuration lacks %q:\n%s", old, config)
		}
		config = strings.ReplaceAll(config, old, place)
	}
	startNginx(t, dir, config, address)
	var err error
	if g.url, err = url.Parse("https://" + address + "/webhook"); err != nil {
		t.Fatal(err)
	}
	return g
}

// ca is where the sandbox's stand-in authority is.
func (s *sandbox) ca(t *testing.T) string {
	t.Helper()
	_, cert, _ := s.run(t, "mtls", "cert")
	return filepath.Join(filepath.Dir(strings.TrimSpace(cert)), "ca.pem")
}

// serverCertificate writes a certificate for 127.0.0.1 and its key.
func serverCertificate(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	own := server.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
	write(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return certificate, key
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// startNginx runs nginx with a file of conf.d until the test ends.
func startNginx(t *testing.T, dir, config, address string) {
	t.Helper()
	binary, err := exec.LookPath("/usr/sbin/nginx") // often not in a user's PATH
	if err != nil {
		binary = program(t, "nginx")
	}
	write(t, filepath.Join(dir, "webhook.conf"), []byte(config))
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %q;\n", kind, filepath.Join(dir, kind))
	}
	write(t, filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, "daemon off;\nmaster_process off;\npid %q;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n%sinclude %q;\n}\n",
		filepath.Join(dir, "nginx.pid"), temp.String(), filepath.Join(dir, "webhook.conf")))
	cmd := exec.CommandContext(t.Context(), binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("nginx said:\n%s", said.String())
		}
	})
	poll(t, "nginx listens", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// TestMTLSThroughNginx fires the stand-in at a real nginx that trusts it.
func TestMTLSThroughNginx(t *testing.T) {
	s := withSecret(t)
	g := guard(t, s, "")
	fire := func(args ...string) (int, string) {
		code, stdout, stderr := s.run(t, append([]string{"fire", "comments", "--to", g.url.String()}, args...)...)
		return code, stdout + stderr
	}
	if code, text := fire("--mtls", "--cacert", g.serverCA); code != 0 || !strings.Contains(text, ": 200 in ") || g.arrived.Load() != 1 {
		t.Errorf("with --mtls: exit %d, %d arrived: %s", code, g.arrived.Load(), text)
	}
	_, chain, _ := s.run(t, "mtls", "cert")
	chain = strings.TrimSpace(chain)
	key := filepath.Join(filepath.Dir(chain), "client.key")
	if code, text := fire("--client-cert", chain, "--client-key", key, "--cacert", g.serverCA); code != 0 || g.arrived.Load() != 2 {
		t.Errorf("with --client-cert: exit %d: %s", code, text)
	}
	if code, text := fire("--cacert", g.serverCA); code != 3 || !strings.Contains(text, ": 400 in ") {
		t.Errorf("without a certificate: exit %d: %s", code, text)
	}
	// The other direction: igloo does not trust a server it does not know.
	if code, text := fire("--mtls"); code != 1 || !strings.Contains(text, "signed by an authority this computer does not trust") {
		t.Errorf("without --cacert: exit %d: %s", code, text)
	}
	if g.arrived.Load() != 2 {
		t.Errorf("%d deliveries reached the app, want 2", g.arrived.Load())
	}
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v, want 0600", info.Mode().Perm(), err)
	}
}

// TestNginxRefuses shows a real nginx certificates that only look right.
func TestNginxRefuses(t *testing.T) {
	s := withSecret(t)
	now := time.Now()
	authority, err := simulator.NewClientAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := simulator.NewClientAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, authority.CA())
	g := guard(t, s, ca)
	serverCA, err := os.ReadFile(g.serverCA)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fixtures.Builtin().Get("comments")
	if err != nil {
		t.Fatal(err)
	}
	const name = "client.webhooks.fbclientcerts.com"
	begin, end := now.Add(-time.Hour), now.Add(time.Hour)
	tests := []struct {
		what       string
		signer     *simulator.ClientAuthority // nil shows no certificate
		name       string
		from, to   time.Time
		leafAlone  bool
		wantStatus int
	}{
		{what: "right", signer: authority, name: name, from: begin, to: end, wantStatus: 200},
		{what: "none", wantStatus: 400},
		{what: "another authority's", signer: stranger, name: name, from: begin, to: end, wantStatus: 400},
		{what: "another name", signer: authority, name: "client.example.com", from: begin, to: end, wantStatus: 403},
		{what: "a name with a suffix", signer: authority, name: name + ".example.com", from: begin, to: end, wantStatus: 403},
		{what: "a name with a prefix", signer: authority, name: "x" + name, from: begin, to: end, wantStatus: 403},
		{what: "a name with another character for a dot", signer: authority, name: "client-webhooks.fbclientcerts.com", from: begin, to: end, wantStatus: 403},
		{what: "a name inside of a name", signer: authority, name: "x,CN=" + name, from: begin, to: end, wantStatus: 403},
		{what: "a name before a comma", signer: authority, name: name + ",x", from: begin, to: end, wantStatus: 403},
		{what: "the leaf alone", signer: authority, name: name, from: begin, to: end, leafAlone: true, wantStatus: 400},
		{what: "expired", signer: authority, name: name, from: begin, to: now.Add(-time.Minute), wantStatus: 400},
		{what: "not yet valid", signer: authority, name: name, from: end, to: end.Add(time.Hour), wantStatus: 400},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			config := simulator.ClientConfig{ExtraCAs: serverCA}
			if tt.signer != nil {
				chain, key, err := tt.signer.Issue(tt.name, tt.from, tt.to)
				if err != nil {
					t.Fatal(err)
				}
				certificate, err := simulator.ParseClientCertificate(chain, key)
				if err != nil {
					t.Fatal(err)
				}
				if len(certificate.Certificate) != 2 {
					t.Fatalf("%d certificates in the chain, want the leaf and its intermediate", len(certificate.Certificate))
				}
				if tt.leafAlone {
					certificate.Certificate = certificate.Certificate[:1]
				}
				config.Certificates = append(config.Certificates, certificate)
			}
			client, err := simulator.NewClient(config)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			before := g.arrived.Load()
			target := simulator.Target{URL: g.url.String(), AppSecret: simulator.NewSecret(appSecret), Client: client}
			answer, err := simulator.Deliver(t.Context(), target, f)
			if err != nil || answer.Status != tt.wantStatus {
				t.Errorf("nginx answered %d, %v, want %d", answer.Status, err, tt.wantStatus)
			}
			if passed := g.arrived.Load() > before; passed != (tt.wantStatus == 200) {
				t.Errorf("reached the app: %v", passed)
			}
		})
	}
}
