package tunneltest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA is a certificate authority for tests: of servers, and of clients that show an
// intermediate between them and it, as Meta's does.
type CA struct{ authority *authority }

// NewCA returns an authority of its own.
func NewCA(t testing.TB) *CA {
	t.Helper()
	authority, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return &CA{authority}
}

// Pool returns a pool that trusts this authority alone.
func (ca *CA) Pool() *x509.CertPool { return ca.authority.pool() }

// PEM is the authority's certificate.
func (ca *CA) PEM() []byte { return ca.authority.pem() }

// Front starts a proxy that ends TLS for every host and passes the connections on to
// an address, and returns its own.
func (ca *CA) Front(t testing.TB, to string) string {
	t.Helper()
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	secure := tls.NewListener(listener, ca.authority.serverConfig())
	go func() {
		for {
			in, err := secure.Accept()
			if err != nil {
				return
			}
			go pass(in, to)
		}
	}()
	return listener.Addr().String()
}

// pass joins a connection with an address.
func pass(in net.Conn, to string) {
	defer func() { _ = in.Close() }()
	var d net.Dialer
	out, err := d.DialContext(context.Background(), "tcp", to)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
}

// WriteCA writes the authority's certificate into dir and returns its path.
func (ca *CA) WriteCA(t testing.TB, dir string) string {
	t.Helper()
	return write(t, filepath.Join(dir, "ca.pem"), ca.authority.pem())
}

// WriteServer writes a certificate for host and its key into dir. Each is another
// one, with another serial number.
func (ca *CA) WriteServer(t testing.TB, dir, host string) (certFile, keyFile string) {
	t.Helper()
	ca.authority.mu.Lock()
	delete(ca.authority.issued, host)
	ca.authority.mu.Unlock()
	cert, err := ca.authority.issue(host)
	if err != nil {
		t.Fatal(err)
	}
	return WritePair(t, dir, *cert)
}

// Client returns a certificate for a client of that common name, below an
// intermediate authority.
func (ca *CA) Client(t testing.TB, commonName string) tls.Certificate {
	t.Helper()
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	middle, middleKey := ca.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "tunneltest intermediate"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: usage,
	}, ca.authority.cert, ca.authority.key)
	leaf, key := ca.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
	}, middle, middleKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, middle.Raw}, PrivateKey: key, Leaf: leaf}
}

// sign makes a certificate of a template, with a key.
func (ca *CA) sign(t testing.TB, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca.authority.mu.Lock()
	ca.authority.serial++
	template.SerialNumber = big.NewInt(ca.authority.serial)
	ca.authority.mu.Unlock()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// WritePair writes a certificate with its chain, and its key, into dir.
func WritePair(t testing.TB, dir string, cert tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return write(t, filepath.Join(dir, "cert.pem"), chain), write(t, filepath.Join(dir, "key.pem"), key)
}

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
