package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

const (
	codeReachable   = "reachable"
	codeCertificate = "certificate"

	codePlainHTTP              = "plain-http"
	codeCertificateName        = "certificate-name"
	codeCertificateExpired     = "certificate-expired"
	codeCertificateIncomplete  = "certificate-incomplete"
	codeCertificateUntrusted   = "certificate-untrusted"
	codeCertificateOwn         = "certificate-own"
	codeCertificateUnavailable = "tls"
)

func connectionChecks() []Check {
	const group = "connection"
	return []Check{
		{
			Code: codeReachable, Group: group, Title: "something answers at the URL",
			run: func(_ context.Context, p *player) Finding { return p.judgeReachable() },
		},
		{
			Code: codeCertificate, Group: group, Title: "the certificate holds for Meta",
			causes: []string{
				codePlainHTTP, codeCertificateUnavailable, codeClientCertificate, codeCertificateName, codeCertificateExpired,
				codeCertificateIncomplete, codeCertificateUntrusted, codeCertificateOwn,
			},
			run: func(ctx context.Context, p *player) Finding { return p.judgeCertificate(ctx) },
		},
	}
}

// metaUnreachable is what Meta does where igloo gets no connection.
const (
	metaUnreachable = "would get no connection either"
	metaNoTLS       = "would get a connection, and no TLS on it either"
)

// reach connects once. Its error wraps [ErrUnreachable].
func (p *player) reach(ctx context.Context) error {
	conn, err := p.dial(ctx)
	switch {
	case err == nil:
		_ = conn.Close() // that it could be opened is all
		return nil
	case ctx.Err() != nil:
		p.err = ctx.Err()
		return p.err
	}
	return fmt.Errorf("%w at %q: %s", ErrUnreachable, p.url.Redacted(), dialReason(err))
}

// dialReason is why a connection can't be made, in plain words.
func dialReason(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case simulator.Refused(err):
		return "connection refused, nothing listens there"
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("there is no host %q", dns.Name)
	case errors.Is(err, context.DeadlineExceeded):
		return "no connection in time"
	}
	return reasonOf(err)
}

func (p *player) judgeReachable() Finding {
	sent := "a connection to " + p.url.Host
	if p.unreachable != nil {
		f := found(Error, codeReachable, "")
		f.Sent, f.Got, f.Meta = sent, p.unreachable.Error(), metaUnreachable
		return f
	}
	return Finding{Status: Pass, Sent: sent, Got: "a connection"}
}

// judgeCertificate looks at the certificate as Meta does, with public authorities.
func (p *player) judgeCertificate(ctx context.Context) Finding {
	if p.certificate == nil {
		f := p.lookAtCertificate(ctx)
		p.certificate = &f
	}
	return *p.certificate
}

func (p *player) lookAtCertificate(ctx context.Context) Finding {
	if p.url.Scheme == "http" {
		if isLoopback(p.url.Hostname()) {
			return Finding{Status: Skipped, Why: "http:// on this machine has no certificate; the URL Meta gets must be https://"}
		}
		f := found(Warn, codePlainHTTP, "")
		f.Sent, f.Meta = "nothing", "would not take this URL: a callback URL must be https://"
		return f
	}
	chain, err := p.presented(ctx)
	sent := "a TLS handshake for " + p.url.Hostname()
	if err != nil {
		f := found(Fail, codeCertificateUnavailable, "")
		if wantsCertificate(err) {
			f = found(Fail, codeClientCertificate, "")
		}
		f.Sent, f.Got, f.Meta = sent, handshakeReason(err), metaNoTLS
		return f
	}
	f := p.judgeChain(chain)
	f.Sent, f.Got = sent, describeChain(chain)
	return f
}

// presented returns the certificates that the app shows.
func (p *player) presented(ctx context.Context) ([]*x509.Certificate, error) {
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, &tls.Config{
		ServerName: p.url.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		Certificates:       p.cfg.TLS.Certificates,
		InsecureSkipVerify: true, //nolint:gosec // the chain is judged below, and nothing is sent here
	})
	defer func() { _ = secured.Close() }()
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Limits.Answer+p.cfg.Limits.Margin)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured.ConnectionState().PeerCertificates, nil
}

func (p *player) judgeChain(chain []*x509.Certificate) Finding {
	leaf, host := chain[0], p.url.Hostname()
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: p.cfg.TLS.Public, Intermediates: between})
	if err == nil {
		return Finding{Status: Pass}
	}
	if own := trusted(p.cfg.TLS); own != nil {
		if _, ownErr := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: own, Intermediates: between}); ownErr == nil {
			f := found(Warn, codeCertificateOwn, "")
			f.Meta = dashboard(curlUntrusted(chain))
			return f
		}
	}
	_, wrongName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case wrongName:
		f := found(Fail, codeCertificateName, wrongChain(err, leaf, host))
		f.Meta = dashboard(fmt.Sprintf("curl_errno = 51; curl_error = SSL: no alternative certificate subject name matches target host name '%s'", host))
		return f
	case isInvalid && invalid.Reason == x509.Expired:
		f := found(Fail, codeCertificateExpired, wrongChain(err, leaf, host))
		problem := "certificate has expired"
		if time.Now().Before(leaf.NotBefore) {
			problem = "certificate is not yet valid"
		}
		f.Meta = dashboard("curl_errno = 60; curl_error = SSL certificate problem: " + problem)
		return f
	case len(chain) == 1 && !selfIssued(leaf):
		f := found(Fail, codeCertificateIncomplete, wrongChain(err, leaf, host))
		f.Meta = dashboard(curlUntrusted(chain))
		return f
	}
	f := found(Fail, codeCertificateUntrusted, wrongChain(err, leaf, host))
	f.Meta = dashboard(curlUntrusted(chain))
	return f
}

// selfIssued reports whether a certificate names nobody above it.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// curlUntrusted is curl's text about a chain that ends nowhere.
func curlUntrusted(chain []*x509.Certificate) string {
	problem := "unable to get local issuer certificate"
	if selfIssued(chain[len(chain)-1]) {
		problem = "self-signed certificate"
		if len(chain) > 1 {
			problem += " in certificate chain"
		}
	}
	return "curl_errno = 60; curl_error = SSL certificate problem: " + problem
}

// describeChain lists certificates from the app's own upward.
func describeChain(chain []*x509.Certificate) string {
	var parts []string
	for _, c := range chain {
		parts = append(parts, fmt.Sprintf("%s (until %s)", certificateName(c), c.NotAfter.UTC().Format(time.DateOnly)))
	}
	text := strings.Join(parts, " ← ")
	return text + " ← issued by " + chain[len(chain)-1].Issuer.String()
}

func certificateName(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	}
	return c.Subject.String()
}

// isLoopback reports whether a host name stays on this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
