package tunnel

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLSConfig says how igloo itself decrypts the public traffic.
type TLSConfig struct {
	// CertFile and KeyFile are PEM files: the certificate with its whole chain, and
	// its key. They are read again when they change.
	CertFile, KeyFile string

	// ClientCAs are the authorities of which every client must show a certificate
	// for [MetaClientName]. Nil asks for none.
	ClientCAs *x509.CertPool
}

// errHalfPair is a certificate without its key, or the other way round.
var errHalfPair = errors.New("a certificate needs its key, and a key its certificate")

// server returns the configuration of a server with get's certificates.
func (c *TLSConfig) server(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), logger *slog.Logger) *tls.Config {
	cfg := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: get,
	}
	if c.ClientCAs != nil {
		// The library would refuse without a word of what was shown.
		check := &clientCheck{authorities: c.ClientCAs, logger: logger}
		cfg.ClientAuth = tls.RequestClientCert
		cfg.ClientCAs = c.ClientCAs // named to the client, for it to choose by
		cfg.VerifyConnection = check.verify
	}
	return cfg
}

// certificateCheck is the time between two looks at the files of a certificate.
const certificateCheck = time.Second

// certificateFiles is a certificate that somebody else renews.
type certificateFiles struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	read    [2]fileStamp // of what cert was made of
	checked time.Time
}

// fileStamp tells two versions of a file apart.
type fileStamp struct {
	size    int64
	changed time.Time
}

// loadCertificate reads a certificate and its key.
func loadCertificate(certFile, keyFile string, logger *slog.Logger) (*certificateFiles, error) {
	if certFile == "" || keyFile == "" {
		return nil, errHalfPair
	}
	f := &certificateFiles{certFile: certFile, keyFile: keyFile, logger: logger, checked: time.Now()}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// get returns the certificate as the files have it now. While they do not fit
// together, because somebody is about to replace them, the last one stays.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.checked) >= certificateCheck {
		f.checked = now
		if f.stamps() != f.read {
			if err := f.load(); err != nil {
				f.logger.Warn("the renewed certificate cannot be used; the one before it stays", "err", err)
			} else {
				f.logger.Info("certificate read again", "until", f.cert.Leaf.NotAfter)
			}
		}
	}
	return f.cert, nil
}

func (f *certificateFiles) load() error {
	read := f.stamps()
	cert, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	f.cert, f.read = &cert, read
	return nil
}

func (f *certificateFiles) stamps() (stamps [2]fileStamp) {
	for i, path := range []string{f.certFile, f.keyFile} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = fileStamp{info.Size(), info.ModTime()}
		}
	}
	return stamps
}

// checkName returns why clients that call host would not accept the certificate,
// nil when nothing of that can be seen from here.
func (f *certificateFiles) checkName(host string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return checkLeaf(f.cert.Leaf, host)
}

func checkLeaf(leaf *x509.Certificate, host string) error {
	if err := leaf.VerifyHostname(host); err != nil {
		return fmt.Errorf("the certificate is not for %q: %w", host, err)
	}
	if time.Now().After(leaf.NotAfter) {
		return fmt.Errorf("the certificate ran out on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	return nil
}
