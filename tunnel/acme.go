package tunnel

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// ACMEConfig says where certificates come from. Only Dir is needed.
type ACMEConfig struct {
	// Directory is the URL of the CA's ACME directory; empty means Let's Encrypt,
	// to whose terms of service the user agrees by using it.
	Directory string

	// CAs are the authorities that the directory's own certificate may come from,
	// nil for the system's.
	CAs *x509.CertPool

	// Dir is where the account's key and the certificates are kept, for the user
	// only.
	Dir string
}

const (
	acmeTimeout = 2 * time.Minute // for a certificate, from the first request to the file
	acmePause   = time.Hour       // after a renewal that failed
	// The CA counts what fails, and refuses for hours after a few.
	acmeRefused = 15 * time.Minute
)

// acmeClient gets a certificate for a domain, proves with it that the domain is
// ours, and renews it. The proof is a handshake on port 443, so no other port has
// to be open.
//
// It is written on the protocol's library and not on its manager: there is one
// domain, known from the start, and why it gets no certificate has to be told before
// anybody connects. The manager would also bring the tables of international names,
// 0.3 MB.
type acmeClient struct {
	cfg    ACMEConfig
	domain string
	logger *slog.Logger

	mu        sync.Mutex
	cert      *tls.Certificate // nil until there is one
	challenge *tls.Certificate // nil while nothing is to be proved
}

// errNoCertificate is what early clients cause.
var errNoCertificate = errors.New("no certificate yet")

func newACMEClient(cfg ACMEConfig, domain string, logger *slog.Logger) (*acmeClient, error) {
	if cfg.Directory == "" {
		cfg.Directory = acme.LetsEncryptURL
	}
	u, err := url.Parse(cfg.Directory)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("ACME directory %q is not an https URL", cfg.Directory)
	}
	if cfg.Dir == "" {
		return nil, errors.New("no folder for certificates")
	}
	// A certificate of a test CA must not pass for one of the real CA.
	cfg.Dir = filepath.Join(cfg.Dir, safeFile(u.Host))
	return &acmeClient{cfg: cfg, domain: domain, logger: logger}, nil
}

// safeFile makes a file name of a host and port.
func safeFile(text string) string {
	name := []byte(text)
	for i, c := range name {
		if !hostRune(rune(c)) {
			name[i] = '_'
		}
	}
	return string(name)
}

// get returns the certificate.
func (a *acmeClient) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cert == nil {
		return nil, errNoCertificate
	}
	return a.cert, nil
}

// challengeConfig returns the configuration for the CA that looks whether the domain
// is ours, nil for everybody else. The CA has no client certificate.
func (a *acmeClient) challengeConfig(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if !slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.challenge == nil {
		return nil, errNoCertificate
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{acme.ALPNProto}, Certificates: []tls.Certificate{*a.challenge},
	}, nil
}

// keep gets a certificate and renews it in time, until ctx ends. It sends nil for
// each one, and an error for a first one that cannot be had or one that ran out.
func (a *acmeClient) keep(ctx context.Context, send func(error)) {
	if err := a.load(); err != nil {
		a.logger.Debug("no certificate in store", "err", err)
	}
	for {
		leaf := a.leaf()
		if leaf != nil && time.Now().Before(leaf.NotAfter) {
			send(nil)
		}
		if !sleepUntil(ctx, renewAt(leaf)) {
			return
		}
		for {
			err := a.obtain(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				break
			}
			if leaf == nil || time.Now().After(leaf.NotAfter) {
				send(a.explain(err))
			} else {
				a.logger.Warn("the certificate is not renewed; the next try is in an hour", "until", leaf.NotAfter, "err", a.explain(err))
			}
			if !sleepUntil(ctx, time.Now().Add(acmePause)) {
				return
			}
		}
	}
}

// renewAt is when to get another certificate: after two thirds of this one's life.
func renewAt(leaf *x509.Certificate) time.Time {
	if leaf == nil {
		return time.Time{}
	}
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}

// sleepUntil reports whether t came before the end of ctx.
func sleepUntil(ctx context.Context, t time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(t)):
		return true
	}
}

// leaf returns the certificate itself, nil when there is none.
func (a *acmeClient) leaf() *x509.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cert == nil {
		return nil
	}
	return a.cert.Leaf
}

// obtain gets a certificate, uses it and keeps it.
func (a *acmeClient) obtain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, acmeTimeout)
	defer cancel()
	account, err := a.accountKey()
	if err != nil {
		return err
	}
	client := &acme.Client{Key: account, DirectoryURL: a.cfg.Directory, UserAgent: "igloo"}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if a.cfg.CAs != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: a.cfg.CAs, MinVersion: tls.VersionTLS12}
	}
	client.HTTPClient = &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	if _, err := client.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return fmt.Errorf("register with the certificate authority: %w", err)
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(a.domain))
	if err != nil {
		return fmt.Errorf("order a certificate: %w", err)
	}
	for _, at := range order.AuthzURLs {
		if err := a.prove(ctx, client, at); err != nil {
			return fmt.Errorf("prove that %s is ours: %w", a.domain, err)
		}
	}
	return a.collect(ctx, client, order.URI)
}

// prove shows the CA, when it connects, what it asks to see.
func (a *acmeClient) prove(ctx context.Context, client *acme.Client, at string) error {
	authorization, err := client.GetAuthorization(ctx, at)
	if err != nil {
		return err
	}
	if authorization.Status == acme.StatusValid {
		return nil
	}
	i := slices.IndexFunc(authorization.Challenges, func(c *acme.Challenge) bool { return c.Type == "tls-alpn-01" })
	if i < 0 {
		return errors.New("the certificate authority has no check by way of TLS (tls-alpn-01)")
	}
	challenge := authorization.Challenges[i]
	cert, err := client.TLSALPN01ChallengeCert(challenge.Token, a.domain)
	if err != nil {
		return err
	}
	a.setChallenge(&cert)
	defer a.setChallenge(nil)
	if _, err := client.Accept(ctx, challenge); err != nil {
		return err
	}
	_, err = client.WaitAuthorization(ctx, at)
	return err
}

func (a *acmeClient) setChallenge(cert *tls.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.challenge = cert
}

// collect takes the certificate of an order whose proofs are done.
func (a *acmeClient) collect(ctx context.Context, client *acme.Client, at string) error {
	order, err := client.WaitOrder(ctx, at)
	if err != nil {
		return fmt.Errorf("wait for the certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{a.domain}}, key)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return fmt.Errorf("get the certificate: %w", err)
	}
	data, err := encodeKey(key)
	if err != nil {
		return err
	}
	for _, der := range chain {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if err := a.use(data); err != nil {
		return err
	}
	a.logger.Info("certificate issued", "domain", a.domain, "until", a.leaf().NotAfter)
	return replaceFile(a.certFile(), data)
}

func (a *acmeClient) certFile() string { return filepath.Join(a.cfg.Dir, a.domain+".pem") }

// load takes the certificate of an earlier run.
func (a *acmeClient) load() error {
	data, err := os.ReadFile(a.certFile())
	if err != nil {
		return err
	}
	return a.use(data)
}

// use takes a key and its certificates into service.
func (a *acmeClient) use(data []byte) error {
	cert, err := tls.X509KeyPair(data, data)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	if err := cert.Leaf.VerifyHostname(a.domain); err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cert = &cert
	return nil
}

// accountKey returns the key of the account with the CA, and makes it the first time.
func (a *acmeClient) accountKey() (crypto.Signer, error) {
	path := filepath.Join(a.cfg.Dir, "account.pem")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, fmt.Errorf("make the account's key: %w", err)
		}
		if data, err = encodeKey(key); err == nil {
			err = replaceFile(path, data)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keep the account's key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("the account's key %q is not a key", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the account's key %q: %w", path, err)
	}
	return key, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// replaceFile writes a file of the user's alone, whole or not at all.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep %s: %w", filepath.Base(path), err)
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("keep %s: %w", filepath.Base(path), err)
	}
	return os.Rename(path+".new", path)
}
