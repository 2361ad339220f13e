package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// SendError says why there is no answer.
type SendError struct {
	Target string // URL, without a password
	Reason string // in plain words
	Err    error
}

// Error returns the target and the reason.
func (e *SendError) Error() string { return fmt.Sprintf("deliver to %q: %s", e.Target, e.Reason) }

// Unwrap returns what the network said.
func (e *SendError) Unwrap() error { return e.Err }

// Refused reports whether an error says that nothing listens at the target, which
// a program that is just starting soon changes.
func Refused(err error) bool {
	// Windows reports its own number, which the syscall package does not name.
	const windowsRefused = syscall.Errno(10061)
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsRefused)
}

var errHugeHeader = fmt.Errorf("the answer's header is larger than %d KiB", maxAnswerHeader>>10)

// notHTTPError is an answer that can't be read.
type notHTTPError struct{ err error }

func (e *notHTTPError) Error() string { return e.err.Error() }
func (e *notHTTPError) Unwrap() error { return e.err }

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// explain says in plain words why a delivery failed.
func explain(ctx context.Context, target *url.URL, err error, took time.Duration) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("deliver to %q: %w", target.Redacted(), ended)
	}
	return &SendError{Target: target.Redacted(), Reason: reason(target, err, took), Err: err}
}

func reason(target *url.URL, err error, took time.Duration) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	alert, isAlert := errors.AsType[*net.OpError](err)
	switch {
	case Refused(err):
		return "connection refused, nothing listens there"
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("there is no host %q", dns.Name)
	case is[tls.RecordHeaderError](err):
		return "the server does not speak TLS; is it http://?"
	case is[x509.UnknownAuthorityError](err):
		return "its certificate is signed by an authority this computer does not trust"
	case is[x509.HostnameError](err):
		return fmt.Sprintf("its certificate is not for %q: %v", target.Hostname(), err)
	case is[x509.CertificateInvalidError](err):
		return fmt.Sprintf("its certificate is not valid: %v", err)
	case isAlert && alert.Op == "remote error": // crypto/tls's own type has no name outside
		return fmt.Sprintf("the server broke off TLS: %s", strings.TrimPrefix(alert.Err.Error(), "tls: "))
	case isTimeout(err):
		return fmt.Sprintf("no answer within %v", took.Round(100*time.Millisecond))
	case errors.Is(err, errHugeHeader):
		return err.Error()
	case is[*notHTTPError](err) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return fmt.Sprintf("the answer is not HTTP: %v", err)
	case hungUp(err):
		return "the connection was closed before the answer was complete"
	}
	return err.Error()
}
