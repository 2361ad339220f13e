package simulator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// ClientName is the common name of the certificate that Meta shows when mutual TLS is
// on. A receiver checks for exactly this name: its authority signs others, too.
const ClientName = "client.webhooks.fbclientcerts.com"

// authorityLife is how long a [ClientAuthority] is good.
const authorityLife = 3 * 365 * 24 * time.Hour

// clockSkew is how far back certificates are dated, for clocks that are behind.
const clockSkew = time.Hour

// ClientAuthority stands in for the authority that signs Meta's client certificate:
// like that one a root, which receivers trust, and an intermediate, which signs. It
// has nothing to do with Meta and is trusted by nobody who was not told to.
type ClientAuthority struct {
	root, intermediate *x509.Certificate
	key                *ecdsa.PrivateKey // of the intermediate; the root's is forgotten
}

// NewClientAuthority makes an authority with keys of its own.
func NewClientAuthority(now time.Time) (*ClientAuthority, error) {
	root := authorityTemplate("igloo stand-in for Meta's outbound API CA", now)
	root.MaxPathLen = 1
	rootCert, rootKey, err := issue(root, root, nil)
	if err != nil {
		return nil, err
	}
	intermediate := authorityTemplate("igloo stand-in for Meta's intermediate CA", now)
	intermediate.MaxPathLenZero = true
	a := &ClientAuthority{root: rootCert}
	a.intermediate, a.key, err = issue(intermediate, rootCert, rootKey)
	return a, err
}

func authorityTemplate(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name, Organization: []string{"igloo"}},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// issue signs a certificate for a new key. Without a signer's key it signs itself.
func issue(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if signer == nil {
		signer = key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, fmt.Errorf("make a serial number: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("read the signed certificate: %w", err)
	}
	return certificate, key, nil
}

// CA returns the root in PEM form: what a receiver trusts.
func (a *ClientAuthority) CA() []byte { return pemCertificate(a.root) }

// Expires returns when the authority ends, and with it all it issued.
func (a *ClientAuthority) Expires() time.Time { return a.root.NotAfter }

// Issue returns a client certificate with its intermediate, and its key, in PEM form.
// Meta's certificate has the name [ClientName]; another is for testing that it is
// refused, as is one whose time is over.
func (a *ClientAuthority) Issue(name string, from, until time.Time) (chain, key []byte, err error) {
	leaf, private, err := issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: []string{"igloo"}},
		NotBefore:   from,
		NotAfter:    until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.intermediate, a.key)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return append(pemCertificate(leaf), pemCertificate(a.intermediate)...), key, nil
}

func pemCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// ParseClientCertificate reads a client certificate in PEM form, with its intermediates
// behind it, and its key. Only the first is checked to fit the key.
func ParseClientCertificate(chain, key []byte) (tls.Certificate, error) {
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		return tls.Certificate{}, errors.New("client certificate: its key is encrypted")
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("client certificate: %w", err)
	}
	return certificate, nil
}
