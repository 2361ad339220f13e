package tunneltest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// ACME is a certificate authority of the kind of Let's Encrypt, made of its own test
// server. For it every name leads to this machine.
type ACME struct {
	Directory string         // URL
	CAs       *x509.CertPool // of the directory's own certificate
	CAFile    string         // the same

	Root []byte // of the certificates it gives, in PEM

	store *db.MemoryStore
}

// NewACME returns an authority that looks at tlsAddr, a host:port of this machine,
// for what others would show it at port 443. Its certificates live for so long. It
// ends when t ends, and forbids t to run in parallel.
func NewACME(t testing.TB, tlsAddr string, life time.Duration) *ACME {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	_, portText, err := net.SplitHostPort(tlsAddr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	logger := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {ValidityPeriod: uint64(life.Seconds())}}
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, profiles)
	validation := va.New(logger, 1, port, false, startDNS(t), store)
	front := wfe.New(logger, store, validation, authority, []string{"pebble.test"}, false, false, 0, 0)

	own := NewCA(t)
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: front.Handler(), ReadHeaderTimeout: patience, ErrorLog: logger, TLSConfig: own.authority.serverConfig()}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })

	return &ACME{
		Directory: "https://" + listener.Addr().String() + wfe.DirectoryPath,
		CAs:       own.Pool(),
		CAFile:    write(t, filepath.Join(t.TempDir(), "acme-ca.pem"), own.authority.pem()),
		Root:      authority.GetRootCert(0).PEM(),
		store:     store,
	}
}

// Block makes the authority refuse a name.
func (a *ACME) Block(t testing.TB, name string) {
	t.Helper()
	if err := a.store.AddBlockedDomain(name); err != nil {
		t.Fatal(err)
	}
}

// Public returns a client that trusts the authority and finds every host at addr.
func (a *ACME) Public(addr string) *http.Client {
	client := Public(addr)
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		return client // never: Public makes it
	}
	transport.DialContext, transport.DialTLSContext = transport.DialTLSContext, nil
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.Root)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return client
}

// startDNS returns the address of a name server for which every name is this machine.
func startDNS(t testing.TB) string {
	t.Helper()
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, ask *dns.Msg) {
		reply := new(dns.Msg).SetReply(ask)
		if q := ask.Question[0]; q.Qtype == dns.TypeA {
			reply.Answer = []dns.RR{&dns.A{
				Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1),
			}}
		}
		_ = w.WriteMsg(reply) // who hung up does not want it
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return listener.Addr().String()
}
