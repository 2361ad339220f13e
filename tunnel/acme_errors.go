package tunnel

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// explain says why there is no certificate, and when to try again: the CA counts
// failures.
func (a *acmeClient) explain(err error) error {
	text := oneLine(err.Error())
	if failed, ok := errors.AsType[*acme.AuthorizationError](err); ok {
		var why []string
		for _, e := range failed.Errors {
			why = append(why, acmeText(e))
		}
		return &retryError{
			err:  fmt.Errorf("the certificate authority does not find igloo at https://%s: %s", a.domain, oneLine(strings.Join(why, "; "))),
			hint: fmt.Sprintf("let the DNS entry of %s lead to this machine, and port 443 of it to igloo", a.domain),
			wait: acmeRefused,
		}
	}
	if failed, ok := errors.AsType[*acme.OrderError](err); ok && failed.Problem != nil {
		return a.refused(failed.Problem)
	}
	if problem, ok := errors.AsType[*acme.Error](err); ok {
		return a.refused(problem)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return &retryError{err: errors.New(text), outage: true, hint: "look whether this machine is online"}
	}
	return &retryError{err: errors.New(text)}
}

// refused is the error for a certificate that the CA does not want to give.
func (a *acmeClient) refused(problem *acme.Error) error {
	err := fmt.Errorf("the certificate authority refuses: %s", acmeText(problem))
	code := strings.TrimPrefix(problem.ProblemType, "urn:ietf:params:acme:error:")
	if wait, limited := acme.RateLimit(problem); limited {
		return &retryError{err: err, code: code, wait: max(wait, acmeRefused), hint: "wait, or give a certificate of your own with --tls-cert and --tls-key"}
	}
	if problem.StatusCode >= http.StatusInternalServerError {
		return &retryError{err: err, code: code, wait: time.Minute, hint: "wait until the certificate authority works again"}
	}
	return &FatalError{Err: err, Code: code, Hint: "look at --domain, or give a certificate of your own with --tls-cert and --tls-key"}
}

// acmeText is what the CA says, without the parts that are for programs.
func acmeText(err error) string {
	problem, ok := errors.AsType[*acme.Error](err)
	if !ok {
		return oneLine(err.Error())
	}
	return oneLine(problem.Detail)
}
