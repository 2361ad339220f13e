package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// errWinRefused is WSAECONNREFUSED. Windows returns it where others return
// ECONNREFUSED, and no other system has an error of this number.
const errWinRefused = syscall.Errno(10061)

// refused reports whether nobody listened at the target.
func refused(err error) bool {
	return err != nil && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, errWinRefused))
}

// maxReason bounds a text that may quote the app.
const maxReason = 300

// reason says in the user's words why there is no answer, or no whole one.
func (f *Forwarder) reason(ctx context.Context, a journal.Attempt, err error) string {
	text := f.explain(ctx, a, err)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

func (f *Forwarder) explain(ctx context.Context, a journal.Attempt, err error) string {
	answer := "answer"
	if a.Status != 0 {
		answer = "end of the answer"
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		deadline, _ := ctx.Deadline()
		return fmt.Sprintf("no %s within %v", answer, deadline.Sub(a.At).Round(100*time.Millisecond))
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Sprintf("igloo stopped before the %s of %s", answer, f.host)
	}
	if a.Status != 0 {
		return fmt.Sprintf("the answer broke off after %d bytes", len(a.Body))
	}
	if refused(err) {
		return "connection refused by " + f.host
	}
	if text := f.explainTLS(err); text != "" {
		return text
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("no address for the host %q", e.Name)
	}
	if strings.Contains(err.Error(), "malformed HTTP") {
		return fmt.Sprintf("%s does not speak HTTP; is it https?", f.host)
	}
	if hungUp(err) {
		return fmt.Sprintf("connection closed by %s before it answered", f.host)
	}
	return fmt.Sprintf("no answer from %s: %s", f.host, strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: "))
}

// explainTLS returns "" when the trouble is none of TLS.
func (f *Forwarder) explainTLS(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Sprintf("%s does not speak TLS; is it http?", f.host)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the certificate of %s is signed by an unknown authority", f.host)
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the certificate of %s is not for %q", f.host, e.Host)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return fmt.Sprintf("the certificate of %s is expired or not valid yet", f.host)
		}
		return fmt.Sprintf("the certificate of %s is not valid: %v", f.host, e)
	}
	// What net/http wraps around it depends on which of its goroutines saw it first.
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		alert := strings.TrimPrefix(e.Err.Error(), "tls: ")
		if alert == "certificate required" {
			return fmt.Sprintf("%s wants a client certificate", f.host)
		}
		return fmt.Sprintf("%s broke off the TLS handshake: %s", f.host, alert)
	}
	if _, text, ok := strings.Cut(err.Error(), "tls: "); ok {
		return fmt.Sprintf("TLS with %s failed: %s", f.host, text)
	}
	return ""
}

// hungUp reports whether the app closed the connection instead of answering. Where
// net/http has no value to compare with, its text has to do.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection")
}
