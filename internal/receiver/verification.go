package receiver

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// serveVerification answers a GET: Meta's verification request, igloo's own check of
// the public URL, or somebody's browser.
func (r *Receiver) serveVerification(w http.ResponseWriter, req *http.Request) Arrival {
	query := req.URL.Query()
	challenge, err := webhook.CheckVerification(query, r.cfg.VerifyToken)
	if errors.Is(err, webhook.ErrNotVerification) {
		return answerText(w, http.StatusBadRequest, "this is a callback URL for webhooks; "+err.Error()+"\n")
	}
	v := journal.Verification{
		ReceivedAt: time.Now(),
		URI:        redactVerifyToken(requestURI(req), r.cfg.VerifyToken),
		Host:       req.Host,
		Remote:     req.RemoteAddr,
		Header:     req.Header,
		Status:     http.StatusOK,
	}
	var own *SelfCheck
	if own, v.Self = r.selfChecks.redeem(query.Get(webhook.ChallengeParam)); v.Self {
		own.arrived.Store(true)
	}
	if r.cfg.App != nil && !v.Self {
		return r.relayVerification(w, req, v)
	}
	text := challenge
	if err != nil {
		v.Status, v.Reason, text = http.StatusForbidden, err.Error(), "verification refused\n"
	}
	r.recordVerification(req.Context(), v)
	return answerText(w, v.Status, text)
}

// recordVerification keeps a verification request. One that cannot be kept is
// answered all the same: unlike a delivery it carries nothing that could be lost.
func (r *Receiver) recordVerification(ctx context.Context, v journal.Verification) {
	switch {
	case v.Self:
		r.log.Debug("answered igloo's own check of the callback url", "status", v.Status)
	case v.Reason != "" && r.refusals.pass(v.ReceivedAt):
		r.log.Warn("refused a verification request", "status", v.Status, "err", v.Reason, "remote", v.Remote)
	case v.Reason == "":
		r.log.Info("answered a verification request", "status", v.Status, "remote", v.Remote)
	}
	if _, err := r.rec.AppendVerification(ctx, v); err != nil {
		r.log.Error("a verification request could not be recorded", "err", err)
	}
}

// redactVerifyToken hides the verify token in a request target, ours or another:
// the journal is read by more people than may know it. The rest stays as it came.
func redactVerifyToken(uri string, token secret.Value) string {
	path, query, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		pairs[i] = redactPair(pair)
	}
	uri = path + "?" + strings.Join(pairs, "&")
	for _, written := range []string{token.Reveal(), url.QueryEscape(token.Reveal()), url.PathEscape(token.Reveal())} {
		uri = secret.Redact(uri, secret.New(written))
	}
	return uri
}

// redactPair hides the value of "hub.verify_token=…", however the name is written.
func redactPair(pair string) string {
	const name = "verify_token"
	key, _, _ := strings.Cut(pair, "=")
	decoded, err := url.QueryUnescape(key)
	if err != nil {
		decoded = key
	}
	switch {
	case strings.Contains(strings.ToLower(decoded), name):
		return key + "=" + secret.Redacted
	case strings.Contains(strings.ToLower(pair), name):
		return secret.Redacted // behind a separator that net/url does not know
	}
	return pair
}
