package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Request is a verification request for [Verify].
type Request struct {
	URL       *url.URL
	Token     secret.Value
	Challenge string
	// Proxy says which proxy leads to the URL, as in [http.Transport]; nil is none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Reply is what came back for a verification request, as it came.
type Reply struct {
	Status  int // 0 when nothing came
	Header  http.Header
	Body    []byte // the first 64 KiB
	Page    bool   // the body is an HTML page
	Timeout bool
	// Untrusted says that the certificate does not hold; the finding says why.
	Untrusted bool
	Err       error // why nothing came; it does not show the token
	// Finding judges the reply as [Run] does the first verification request. It knows
	// less of the causes.
	Finding Finding
}

// ProxyError is the error of a proxy that does not lead on.
type ProxyError struct{ Status int }

// Error says what the proxy answered.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy answers %s", statusText(e.Status))
}

// Verify sends one verification request as Meta does, with Meta's User-Agent and
// patience, and follows no redirect. Where [Run] asks on to find out why a request
// fails, this does not: some public URLs count every request. It trusts the system's
// authorities.
func Verify(ctx context.Context, r Request) Reply {
	p := &player{
		cfg: Config{Limits: Limits{}.withDefaults(), Secrets: Secrets{VerifyToken: r.Token}},
		url: r.URL, gets: newGetter(TLS{}), once: true, hidden: written(r.Token),
	}
	defer p.gets.CloseIdleConnections()
	if r.Proxy != nil {
		p.gets.Transport.(*http.Transport).Proxy = r.Proxy
		p.gets.Transport.(*http.Transport).OnProxyConnectResponse = refusedByProxy
	}
	start := time.Now()
	v := &verification{p.get(ctx, encode(params(r.Challenge, r.Token.Reveal())), webhook.VerificationUserAgent), r.Challenge}
	f := p.judgeVerification(ctx, v)
	wrong, untrusted := errors.AsType[*tls.CertificateVerificationError](v.err)
	if untrusted {
		f = p.judgeChain(wrong.UnverifiedCertificates)
		v.reason = describeChain(wrong.UnverifiedCertificates)
	} else if v.status == 0 && !v.timeout {
		v.reason = dialReason(withoutURL(v.err))
	}
	f.Check, f.Sent, f.Got, f.Took = codeHandshake, shown(r.Challenge, secret.Redacted), v.String(), time.Since(start)
	if f.Code == "" {
		f.Code = codeHandshake
	}
	f.Got, f.Meta, f.Why = p.hide(f.Got), p.hide(f.Meta), p.hide(f.Why)
	return Reply{
		Status: v.status, Header: v.header, Body: v.body, Page: v.html(),
		Timeout: v.timeout, Untrusted: untrusted, Err: withoutURL(v.err), Finding: f,
	}
}

// refusedByProxy tells a proxy's refusal from an answer of the URL.
func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Status: answer.StatusCode}
}

// withoutURL takes off an error of net/http the URL, whose query holds the token.
func withoutURL(err error) error {
	for {
		wrapped, ok := err.(*url.Error) //nolint:errorlint // only this layer is taken off
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}
