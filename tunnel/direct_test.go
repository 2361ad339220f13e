package tunnel_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

const domain = "hooks.example.com"

// newDirect returns the provider with a certificate for domain, at addr.
func newDirect(t *testing.T, ca *tunneltest.CA, addr, dir string, clients *x509.CertPool, log *logBuffer) *tunnel.Direct {
	t.Helper()
	certFile, keyFile := ca.WriteServer(t, dir, domain)
	p, err := tunnel.NewDirect(tunnel.DirectConfig{
		Domain: domain, Listen: addr, TLS: tunnel.TLSConfig{CertFile: certFile, KeyFile: keyFile, ClientCAs: clients},
	}, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDirectConforms(t *testing.T) {
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		ca, addr := tunneltest.NewCA(t), tunneltest.FreeAddr(t)
		return tunneltest.Subject{
			Provider: newDirect(t, ca, addr, t.TempDir(), nil, &logBuffer{}),
			Client:   tlsClient(addr, ca.Pool()),
		}
	})
}

func TestDirectClientCertificates(t *testing.T) {
	t.Parallel()
	server, clients, addr, log := tunneltest.NewCA(t), tunneltest.NewCA(t), tunneltest.FreeAddr(t), &logBuffer{}
	l := openLab(t, newDirect(t, server, addr, t.TempDir(), clients.Pool(), log), ingress(http.HandlerFunc(sayName)), log)
	url := l.Await(t, tunnel.Online).URL.String()
	checkClientCertificates(t, addr, url, server, clients, log)
	l.stop(t)
}

// A renewed certificate is used without a restart, and one that is half written is not.
func TestDirectReadsTheCertificateAgain(t *testing.T) {
	t.Parallel()
	ca, addr, dir, log := tunneltest.NewCA(t), tunneltest.FreeAddr(t), t.TempDir(), &logBuffer{}
	l := openLab(t, newDirect(t, ca, addr, dir, nil, log), ingress(say("hello")), log)
	l.Await(t, tunnel.Online)
	first := serial(t, addr, ca)

	old, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ca.WriteServer(t, dir, domain)
	renewed, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), old, 0o600); err != nil { // not yet
		t.Fatal(err)
	}
	await(t, "a warning", func() bool {
		return serial(t, addr, ca) == first && strings.Contains(log.String(), "the renewed certificate cannot be used")
	})
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), renewed, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the renewed certificate", func() bool { return serial(t, addr, ca) != first })
	l.stop(t)
}

// serial returns the serial number of the certificate that is shown at addr.
func serial(t *testing.T, addr string, ca *tunneltest.CA) string {
	t.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: ca.Pool(), ServerName: domain}}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// await waits until what happened.
func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * soon); !happened(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within %v", what, 2*soon)
		}
	}
}

func TestDirectRefuses(t *testing.T) {
	t.Parallel()
	ca, dir := tunneltest.NewCA(t), t.TempDir()
	certFile, keyFile := ca.WriteServer(t, dir, domain)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the subtests
	files := tunnel.TLSConfig{CertFile: certFile, KeyFile: keyFile}
	tests := []struct {
		name string
		cfg  tunnel.DirectConfig
		want string // of New, or of Run after a "Run: "
	}{
		{"no domain", tunnel.DirectConfig{TLS: files}, "no domain"},
		{"a path", tunnel.DirectConfig{Domain: "a.test/x", TLS: files}, `"a.test/x" is not a domain name`},
		{"an address", tunnel.DirectConfig{Domain: "192.0.2.1", TLS: files}, `"192.0.2.1" is not a domain name`},
		{"other letters", tunnel.DirectConfig{Domain: "müller.test", TLS: files}, "xn--"},
		{"no port", tunnel.DirectConfig{Domain: domain, Listen: "443", TLS: files}, `address "443" is not host:port`},
		{"no key", tunnel.DirectConfig{Domain: domain, TLS: tunnel.TLSConfig{CertFile: certFile}}, "a certificate needs its key"},
		{"no certificate", tunnel.DirectConfig{Domain: domain, TLS: tunnel.TLSConfig{CertFile: keyFile, KeyFile: keyFile}}, "read the certificate: "},
		{"no folder", tunnel.DirectConfig{Domain: domain}, "no folder for certificates"},
		{"no directory", tunnel.DirectConfig{Domain: domain, ACME: tunnel.ACMEConfig{Dir: dir, Directory: "http://a.test"}}, "is not an https URL"},
		{"another name", tunnel.DirectConfig{Domain: "other.example.com", Listen: "127.0.0.1:0", TLS: files}, `Run: the certificate is not for "other.example.com"`},
		{"taken", tunnel.DirectConfig{Domain: domain, Listen: taken.Addr().String(), TLS: files}, "Run: listen on " + taken.Addr().String()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := tunnel.NewDirect(tt.cfg, nil)
			want, atRun := strings.CutPrefix(tt.want, "Run: ")
			if !atRun {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("NewDirect = %v, want %q in it", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			l := openLab(t, p, ingress(say("")), &logBuffer{})
			if st := l.failed(t); !strings.Contains(st.Err.Error(), want) || st.Hint == "" {
				t.Errorf("error %q with hint %q, want %q and some hint", st.Err, st.Hint, want)
			}
		})
	}
}

// A public port meets strangers all day, and the log is a file on the user's disk. Those
// without a certificate don't hide one that is refused.
func TestDirectSaysLittleOfStrangers(t *testing.T) {
	t.Parallel()
	server, clients, addr, log := tunneltest.NewCA(t), tunneltest.NewCA(t), tunneltest.FreeAddr(t), &logBuffer{}
	l := openLab(t, newDirect(t, server, addr, t.TempDir(), clients.Pool(), log), ingress(say("")), log)
	url := l.Await(t, tunnel.Online).URL.String()
	wrong := clients.Client(t, "client.example.com")
	for _, certs := range [][]tls.Certificate{nil, {wrong}} {
		for range 50 {
			if got, err := answer(t, tlsClient(addr, server.Pool(), certs...), url); err == nil {
				t.Fatalf("a stranger is answered %q, want none", got)
			}
		}
	}
	l.stop(t)
	for _, said := range []string{`msg="client without a certificate refused"`, `msg="client certificate refused"`} {
		if n := strings.Count(log.String(), said); n != 20 {
			t.Errorf("the log says %d times %s, want 20 times", n, said)
		}
	}
}

// A client that says nothing is hung up on.
func TestDirectHandshakesEndInTime(t *testing.T) {
	t.Parallel()
	ca, addr, log := tunneltest.NewCA(t), tunneltest.FreeAddr(t), &logBuffer{}
	l := openLab(t, newDirect(t, ca, addr, t.TempDir(), nil, log), ingress(say("hello")), log)
	l.Await(t, tunnel.Online)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(2 * soon)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the server does not hang up: %v", err)
	}
	l.stop(t)
}

// Who connects to a public port and does not speak TLS is nothing to complain of.
func TestDirectIsCalmWithStrangers(t *testing.T) {
	t.Parallel()
	ca, addr, log := tunneltest.NewCA(t), tunneltest.FreeAddr(t), &logBuffer{}
	l := openLab(t, newDirect(t, ca, addr, t.TempDir(), nil, log), ingress(say("hello")), log)
	url := l.Await(t, tunnel.Online).URL.String()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got, err := answer(t, tlsClient(addr, ca.Pool()), url); got != "hello" || err != nil {
		t.Errorf("answer %q, %v, want %q", got, err, "hello")
	}
	await(t, "a word of the handshake", func() bool { return strings.Contains(log.String(), "tls handshake") })
	l.stop(t)
	if strings.Contains(log.String(), "level=WARN") {
		t.Errorf("a stranger's handshake is a warning: %s", log)
	}
}

// publicACME counts the certificates that the public is shown.
type publicACME struct {
	*http.Client
	mu    sync.Mutex
	shown map[string]bool // by serial number
}

func newPublicACME(ca *tunneltest.ACME, addr string) *publicACME {
	p := &publicACME{shown: map[string]bool{}}
	p.Client = ca.Public(addr)
	p.Transport.(*http.Transport).TLSClientConfig.VerifyConnection = func(state tls.ConnectionState) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.shown[state.PeerCertificates[0].SerialNumber.String()] = true
		return nil
	}
	return p
}

func (p *publicACME) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.shown)
}

// newDirectACME returns the provider whose certificates come from ca.
func newDirectACME(t *testing.T, ca *tunneltest.ACME, addr, dir string, clients *x509.CertPool, log *logBuffer) *tunnel.Direct {
	t.Helper()
	p, err := tunnel.NewDirect(tunnel.DirectConfig{
		Domain: domain, Listen: addr, TLS: tunnel.TLSConfig{ClientCAs: clients},
		ACME: tunnel.ACMEConfig{Directory: ca.Directory, CAs: ca.CAs, Dir: dir},
	}, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDirectGetsACertificate(t *testing.T) {
	addr, dir, log := tunneltest.FreeAddr(t), t.TempDir(), &logBuffer{}
	ca := tunneltest.NewACME(t, addr, time.Hour)
	public := newPublicACME(ca, addr)
	for range 2 { // the second time from the folder
		l := openLab(t, newDirectACME(t, ca, addr, dir, nil, log), ingress(say("hello")), log)
		url := l.Await(t, tunnel.Online).URL.String()
		if got, err := answer(t, public.Client, url); got != "hello" || err != nil {
			t.Errorf("answer %q, %v, want %q", got, err, "hello")
		}
		l.stop(t)
	}
	if n := public.count(); n != 1 {
		t.Errorf("%d certificates were shown, want the same one twice", n)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.pem"))
	if err != nil || len(files) != 2 {
		t.Errorf("files %q, %v, want the account's key and the certificate", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
			t.Errorf("%s: %v, %v, want mode 0600", file, info.Mode(), err)
		}
	}
}

func TestDirectRenewsItsCertificate(t *testing.T) {
	addr, log := tunneltest.FreeAddr(t), &logBuffer{}
	ca := tunneltest.NewACME(t, addr, 9*time.Second)
	l := openLab(t, newDirectACME(t, ca, addr, t.TempDir(), nil, log), ingress(say("hello")), log)
	url := l.Await(t, tunnel.Online).URL.String()
	public := newPublicACME(ca, addr)
	await(t, "second certificate", func() bool {
		if got, err := answer(t, public.Client, url); got != "hello" || err != nil {
			t.Fatalf("answer %q, %v, want %q throughout", got, err, "hello")
		}
		return public.count() > 1
	})
	l.stop(t)
}

// The CA that looks whether the domain is ours has no client certificate.
func TestDirectGetsACertificateAndWantsOne(t *testing.T) {
	addr, log, clients := tunneltest.FreeAddr(t), &logBuffer{}, tunneltest.NewCA(t)
	ca := tunneltest.NewACME(t, addr, time.Hour)
	l := openLab(t, newDirectACME(t, ca, addr, t.TempDir(), clients.Pool(), log), ingress(http.HandlerFunc(sayName)), log)
	url := l.Await(t, tunnel.Online).URL.String()
	public := newPublicACME(ca, addr)
	if got, err := answer(t, public.Client, url); err == nil {
		t.Errorf("a client without a certificate is answered %q, want none", got)
	}
	public.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{clients.Client(t, tunnel.MetaClientName)}
	if got, err := answer(t, public.Client, url); got != tunnel.MetaClientName || err != nil {
		t.Errorf("Meta is answered %q, %v, want its name", got, err)
	}
	l.stop(t)
}

// What the CA connects for is over with the handshake. It must not reach the program,
// which would answer somebody who has shown no certificate.
func TestDirectEndsTheProof(t *testing.T) {
	addr, clients := tunneltest.FreeAddr(t), tunneltest.NewCA(t)
	ca := tunneltest.NewACME(t, addr, time.Hour)
	accepted := make(chan net.Conn, 16)
	in := tunnel.Ingress{Serve: func(l net.Listener) error {
		for {
			conn, err := l.Accept()
			if err != nil {
				return nil //nolint:nilerr // the listener was closed
			}
			accepted <- conn
			_ = conn.Close()
		}
	}}
	log := &logBuffer{}
	l := openLab(t, newDirectACME(t, ca, addr, t.TempDir(), clients.Pool(), log), in, log)
	l.Await(t, tunnel.Online)
	l.stop(t)
	if n := len(accepted); n > 0 {
		t.Errorf("%d connections of the certificate authority reach the program, want none", n)
	}
}

func TestDirectIsNotFound(t *testing.T) {
	addr, log := tunneltest.FreeAddr(t), &logBuffer{}
	ca := tunneltest.NewACME(t, tunneltest.FreeAddr(t), time.Hour) // looks where nobody is
	l := openLab(t, newDirectACME(t, ca, addr, t.TempDir(), nil, log), ingress(say("")), log)
	st := l.AwaitFunc(t, "with an error", func(st tunnel.Status) bool { return st.Err != nil })
	if !strings.HasPrefix(st.Err.Error(), "the certificate authority does not find igloo at https://"+domain) || st.RetryIn < 10*time.Minute {
		t.Errorf("report %+v, want that the authority does not find igloo, and a long wait", st)
	}
	l.stop(t)
}

func TestDirectDomainRefused(t *testing.T) {
	addr, log := tunneltest.FreeAddr(t), &logBuffer{}
	ca := tunneltest.NewACME(t, addr, time.Hour)
	ca.Block(t, domain)
	l := openLab(t, newDirectACME(t, ca, addr, t.TempDir(), nil, log), ingress(say("")), log)
	if st := l.failed(t); st.Code != "rejectedIdentifier" || !strings.Contains(st.Err.Error(), "refuses") {
		t.Errorf("report %+v, want the authority's refusal", st)
	}
}
