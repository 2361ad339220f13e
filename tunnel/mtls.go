package tunnel

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// MetaClientName is the common name of the client certificate with which Meta
// delivers when mutual TLS is switched on.
const MetaClientName = "client.webhooks.fbclientcerts.com"

// The reasons to refuse a client, beside an untrusted certificate.
var (
	errNoClientCert   = errors.New("the client showed no certificate")
	errWrongClientCN  = errors.New("the client certificate is not Meta's")
	errUntrustedChain = errors.New("the client certificate is not from the CA given with --mtls-ca")
)

// clientCheck lets Meta in and nobody else.
type clientCheck struct {
	authorities *x509.CertPool
	logger      *slog.Logger

	// Told apart, so that those who show none don't hide a certificate of Meta's that
	// is refused.
	without, refused refusalLog
}

// verify is a [tls.Config.VerifyConnection], which also runs for resumed sessions.
// The client learns that it is refused, the log learns why.
func (c *clientCheck) verify(state tls.ConnectionState) error {
	err := c.judge(state.PeerCertificates)
	attrs := []any{"server_name", state.ServerName}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		sum := sha256.Sum256(leaf.Raw)
		attrs = append(attrs,
			"subject", oneLine(leaf.Subject.String()), "issuer", oneLine(leaf.Issuer.String()), "chain", len(state.PeerCertificates),
			"until", leaf.NotAfter, "sha256", hex.EncodeToString(sum[:]))
	}
	switch {
	case errors.Is(err, errNoClientCert): // anybody who comes along
		if unsaid, ok := c.without.next(time.Now()); ok {
			c.logger.Info("client without a certificate refused", append(attrs, "unsaid", unsaid)...)
		}
		return err
	case err != nil:
		if unsaid, ok := c.refused.next(time.Now()); ok {
			c.logger.Warn("client certificate refused", append(attrs, "unsaid", unsaid, "err", err)...)
		}
		return err
	}
	c.logger.Info("client certificate accepted", attrs...)
	return nil
}

// maxRefusalsLogged are told of in a minute. Strangers connect as often as they like,
// and the log is a file on the user's disk.
const maxRefusalsLogged = 20

// refusalLog counts refusals, to tell of the first in each minute. The zero value is
// ready to use.
type refusalLog struct {
	mu    sync.Mutex
	began time.Time // of the minute
	count int       // in it
}

// next counts a refusal and reports whether to tell of it, and how many were not told
// of in the minute before.
func (r *refusalLog) next(now time.Time) (unsaid int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.began) >= time.Minute {
		unsaid = max(r.count-maxRefusalsLogged, 0)
		r.began, r.count = now, 0
	}
	r.count++
	return unsaid, r.count <= maxRefusalsLogged
}

// judge looks at the certificates that a client showed, its own first.
func (c *clientCheck) judge(shown []*x509.Certificate) error {
	if len(shown) == 0 {
		return errNoClientCert
	}
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{
		Roots:         c.authorities,
		Intermediates: between,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("%w: %s", errUntrustedChain, oneLine(err.Error()))
	}
	// The whole name, not a part of it: anybody can get a certificate for
	// client.webhooks.fbclientcerts.com.evil.example.
	if name := shown[0].Subject.CommonName; name != MetaClientName {
		return fmt.Errorf("%w: its common name is %q", errWrongClientCN, name)
	}
	return nil
}
