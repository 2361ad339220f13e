package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// The causes that have to do with the port, not with the app behind it.
const (
	codeClientCertificate = "client-certificate"
	codePortTLS           = "port-tls"
	codeNotHTTP           = "not-http"
)

// misdirected finds out whether an answer comes from something before the app, which
// wants to be spoken to otherwise; "" when it does not.
func (p *player) misdirected(ctx context.Context, a answer) string {
	plain := p.url.Scheme == "http"
	switch {
	case a.wantsCertificate():
		return codeClientCertificate
	case plain && a.wantsTLS(), plain && a.closed() && p.gone == "" && !p.once && p.speaksTLS(ctx):
		return codePortTLS
	case a.closed() && a.notHTTP():
		return codeNotHTTP
	}
	return ""
}

// wantsCertificate reports whether a server asks for a client certificate, by TLS or, as
// nginx does, in words.
func (a answer) wantsCertificate() bool {
	if a.status == http.StatusBadRequest {
		return bytes.Contains(a.body, []byte("No required SSL certificate was sent"))
	}
	return wantsCertificate(a.err)
}

func wantsCertificate(err error) bool {
	alert, ok := errors.AsType[*net.OpError](err)
	return ok && alert.Op == "remote error" && // crypto/tls's own type has no name outside
		(strings.Contains(alert.Err.Error(), "certificate required") || strings.Contains(alert.Err.Error(), "bad certificate"))
}

// wantsTLS reports whether a server says that it was asked in plain HTTP: in the words
// of nginx, Apache and Go.
func (a answer) wantsTLS() bool {
	if a.status != http.StatusBadRequest {
		return false
	}
	for _, words := range []string{"plain HTTP request was sent to HTTPS port", "plain HTTP to an SSL-enabled", "HTTP request to an HTTPS server"} {
		if bytes.Contains(a.body, []byte(words)) {
			return true
		}
	}
	return false
}

// notHTTP reports whether something came that is no answer.
func (a answer) notHTTP() bool {
	return strings.HasPrefix(a.reason, "the answer is not HTTP") || strings.Contains(a.err.Error(), "malformed HTTP")
}

// speaksTLS tries a TLS handshake.
func (p *player) speaksTLS(ctx context.Context) bool {
	_, err := p.presented(ctx)
	return err == nil || wantsCertificate(err)
}

// reasonOf is why there is no answer, in plain words.
func reasonOf(err error) string {
	alert, isAlert := errors.AsType[*net.OpError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	var timeout interface{ Timeout() bool }
	switch {
	case simulator.Refused(err):
		return "connection refused, nothing listens there"
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("there is no host %q", dns.Name)
	case isAlert && alert.Op == "remote error":
		return "the server broke off TLS: " + strings.TrimPrefix(alert.Err.Error(), "tls: ")
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nothing came in time"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "the answer is not HTTP"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed before the answer was complete"
	}
	return err.Error()
}

// wrongChain is why a certificate does not hold, in plain words.
func wrongChain(err error, leaf *x509.Certificate, host string) string {
	_, wrongName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case wrongName && len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0:
		return fmt.Sprintf("it has the name %q as its common name alone, which nobody reads any more: the subjectAltName is missing", certificateName(leaf))
	case wrongName:
		names := leaf.DNSNames
		for _, ip := range leaf.IPAddresses {
			names = append(slices.Clip(names), ip.String())
		}
		return fmt.Sprintf("it is for %s, and not for %s", enumerate(names), host)
	case isInvalid && invalid.Reason == x509.Expired && time.Now().Before(leaf.NotBefore):
		return "it is valid from " + leaf.NotBefore.UTC().Format(time.DateOnly) + " on"
	case isInvalid && invalid.Reason == x509.Expired:
		return "it was valid until " + leaf.NotAfter.UTC().Format(time.DateOnly)
	case selfIssued(leaf):
		return "it is signed by itself"
	}
	return fmt.Sprintf("nobody here knows %q, who issued it", leaf.Issuer.String())
}

// handshakeReason is why there is no TLS, in plain words.
func handshakeReason(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS; is it http://?"
	}
	return reasonOf(err)
}
