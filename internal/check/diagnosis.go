package check

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// diagnoseDelivery finds out why a good delivery is refused.
func (p *player) diagnoseDelivery(ctx context.Context, b *base, a answer) (code, detail string) {
	switch {
	case a.timeout:
		return codeDeliverySlow, a.reason
	case a.status == 0:
		return codeDeliveryClosed, ""
	case a.redirect():
		return codeDeliveryRedirect, p.redirectDetail(a)
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotImplemented:
		return codePostMissing, ""
	case a.csrf():
		return codeDeliveryCSRF, ""
	}
	if p.cfg.Choice.Remote { // the questions are deliveries that Meta never sends
		switch {
		case a.html():
			return codeDeliveryPage, ""
		case a.status >= http.StatusInternalServerError:
			return codeServerError, ""
		}
		return codeDeliveryRefused, "why exactly igloo asks another machine only with --allow-remote"
	}
	if code, detail := p.wrongKey(ctx, b); code != "" {
		return code, detail
	}
	if code, detail := p.wrongHeader(ctx, b); code != "" {
		return code, detail
	}
	for _, d := range []webhook.Dialect{webhook.Messaging, webhook.Changes} {
		if v, ok := p.hashedInstead(ctx, p.withText(d, allTexts)); ok {
			return v.code, v.detail()
		}
	}
	switch {
	case a.html():
		return codeDeliveryPage, ""
	case a.status >= http.StatusInternalServerError:
		return codeServerError, ""
	}
	return codeDeliveryRefused, ""
}

// wrongKey tries the keys that apps have in place of the right one.
func (p *player) wrongKey(ctx context.Context, b *base) (code, detail string) {
	type candidate struct {
		code, detail string
		key          secret.Value
	}
	var all []candidate
	for _, other := range p.cfg.Secrets.Others {
		all = append(all, candidate{codeSecretOther, fmt.Sprintf("the app takes deliveries signed with the app secret %q", other.Name), other.Value})
	}
	all = append(all, candidate{codeSecretOther, "the app takes deliveries signed with the verify token", p.cfg.Secrets.VerifyToken})
	for _, known := range p.cfg.Secrets.App.Secrets() {
		text := known.Value.Reveal()
		for _, wrong := range []struct{ how, text string }{
			{"in double quotes", `"` + text + `"`},
			{"in single quotes", "'" + text + "'"},
			{"with a newline at its end", text + "\n"},
			{"with a carriage return at its end", text + "\r"},
			{"with a space at its end", text + " "},
			{"with a space before it", " " + text},
		} {
			all = append(all, candidate{codeSecretQuotes, "the app has the app secret " + wrong.how, secret.New(wrong.text)})
		}
		if bytes, err := hex.DecodeString(text); err == nil {
			all = append(all, candidate{codeSecretHex, "", secret.New(string(bytes))})
		}
	}
	// HMAC fills a short key up with zero bytes: one of them is the empty key.
	all = append(all, candidate{codeSecretOther, "the app takes deliveries signed with an empty app secret: its setting is missing", secret.New("\x00")})
	for _, c := range all {
		r := copyOf(b.requests[webhook.Messaging])
		signOver(r, c.key, r.Body)
		a := p.send(ctx, r)
		if a.ok() {
			return c.code, c.detail
		}
		if p.done(a) {
			break
		}
	}
	return "", ""
}

// wrongHeader sends what apps look for in place of Meta's headers.
func (p *player) wrongHeader(ctx context.Context, b *base) (code, detail string) {
	for _, probe := range []struct {
		code, detail string
		change       func(*simulator.Request)
	}{
		{codeContentType, "the same delivery is accepted as application/json; charset=utf-8", func(r *simulator.Request) {
			r.Set("Content-Type", "application/json; charset=utf-8")
		}},
		{codeSignatureHeader, "the app takes the SHA-256 signature in the header X-Hub-Signature", func(r *simulator.Request) {
			r.Set(webhook.SHA1SignatureHeader, r.Get(webhook.SignatureHeader))
		}},
		{codeSignatureForm, "the app takes the digits without sha256= in front", func(r *simulator.Request) {
			r.Set(webhook.SignatureHeader, strings.TrimPrefix(r.Get(webhook.SignatureHeader), "sha256="))
		}},
		{codeSignatureForm, "the app takes the signature in base64", func(r *simulator.Request) { inBase64(r, "sha256=") }},
		{codeSignatureForm, "the app takes the signature in base64, without sha256= in front", func(r *simulator.Request) { inBase64(r, "") }},
	} {
		r := copyOf(b.requests[webhook.Messaging])
		probe.change(r)
		a := p.send(ctx, r)
		if a.ok() {
			return probe.code, probe.detail
		}
		if p.done(a) {
			break
		}
	}
	return "", ""
}

// inBase64 writes a signature in base64, as other senders do.
func inBase64(r *simulator.Request, prefix string) {
	digest, err := hex.DecodeString(strings.TrimPrefix(r.Get(webhook.SignatureHeader), "sha256="))
	if err != nil {
		panic(fmt.Sprintf("check: %v", err)) // the simulator's own signature
	}
	r.Set(webhook.SignatureHeader, prefix+base64.StdEncoding.EncodeToString(digest))
}
