package check

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

const (
	codeSignatureWrong = "signature-wrong"
	codeUnsigned       = "unsigned"
	codeAlteredBody    = "altered-body"
	codeNewlineAdded   = "newline-added"
	codeSHA1Only       = "sha1-only"

	// codeRefusalBroken is a refusal that looks like an accident.
	codeRefusalBroken = "refusal-broken"
)

// forgery is a delivery the app must refuse.
type forgery struct {
	code, title string
	sent        string // how it differs from a good one
	make        func(*player, *simulator.Request)
	// lenient: nothing is lost when the app accepts it.
	lenient bool
	// unheaded: it has no X-Hub-Signature-256, so that what the app does about an
	// unsigned delivery decides.
	unheaded bool
}

// forgeries returns them in the order they are sent. The first two are what the rest
// depends on.
func forgeries() []forgery {
	broken := func(f simulator.Fault) func(*player, *simulator.Request) {
		return func(_ *player, r *simulator.Request) { breakWith(r, f) }
	}
	return []forgery{
		{
			code: codeSignatureWrong, title: "a signature of wrong digits is refused", sent: "all digits of both signatures made up",
			make: func(p *player, r *simulator.Request) { p.makeUp(r) },
		},
		{code: codeUnsigned, title: "a delivery without a signature is refused", sent: "no signature header", make: broken(simulator.NoSignature), unheaded: true},
		{code: "signature-prefix", title: "a signature that is wrong at its end is refused", sent: "the last digit of both signatures changed", make: broken(simulator.WrongSignature)},
		{code: codeSHA1Only, title: "X-Hub-Signature alone is refused", sent: "only the legacy header X-Hub-Signature, rightly signed", make: broken(simulator.SHA1Only), unheaded: true},
		{code: "swapped-headers", title: "each signature in the other's header is refused", sent: "each signature in the other's header", make: broken(simulator.SwappedHeaders), lenient: true},
		{
			code: codeAlteredBody, title: "another body with a signature seen before is refused", sent: "a delivery that was accepted, one digit of its body changed",
			make: broken(simulator.AlteredBody),
		},
		{code: codeNewlineAdded, title: "a body with a newline after it is refused", sent: "a newline after the signed body", make: broken(simulator.NewlineAdded)},
		{code: "secret-stranger", title: "another app's secret is refused", sent: "signed with another secret", make: broken(simulator.WrongSecret)},
		{
			code: "secret-empty", title: "an empty secret is refused", sent: "signed with an empty secret",
			// HMAC fills a short key up with zero bytes: one of them is the empty key.
			make: func(_ *player, r *simulator.Request) { signOver(r, secret.New("\x00"), r.Body) },
		},
		{
			code: "secret-token", title: "the verify token is no secret to sign with", sent: "signed with the verify token",
			make: func(p *player, r *simulator.Request) { r.Sign(p.cfg.Secrets.VerifyToken) },
		},
		{code: "uppercase-hex", title: "a signature in upper-case hex is refused", sent: "both signatures in upper-case hex", make: broken(simulator.UppercaseHex), lenient: true},
		{code: "no-prefix", title: "a signature without sha256= is refused", sent: "both signatures without their prefix", make: broken(simulator.NoPrefix), lenient: true},
		{
			code: "form-encoded", title: "a form with a wrong signature is refused", sent: "Content-Type application/x-www-form-urlencoded, the body payload={…}, and signatures of wrong digits",
			make: func(p *player, r *simulator.Request) { broken(simulator.FormEncoded)(p, r); p.makeUp(r) },
		},
		{
			code: "empty-body", title: "an empty body with a wrong signature is refused", sent: "no body, and signatures of wrong digits",
			make: func(p *player, r *simulator.Request) { r.Body = nil; p.makeUp(r) },
		},
	}
}

// breakWith gives a request a fault.
func breakWith(r *simulator.Request, f simulator.Fault) {
	if err := r.Break(f); err != nil {
		panic(fmt.Sprintf("check: %v", err)) // the simulator's own constants
	}
}

func signatureChecks() []Check {
	var checks []Check
	for _, f := range forgeries() {
		checks = append(checks, Check{
			Code: f.code, Group: "signature", accepted: true, Title: f.title, causes: []string{codeRefusalBroken},
			run: func(ctx context.Context, p *player) Finding { return p.judgeForgery(ctx, f) },
		})
	}
	return checks
}

// makeUp writes signatures of the right form that nobody made.
func (p *player) makeUp(r *simulator.Request) {
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0123456789abcdef"[p.rng.IntN(16)])
		}
		return b.String()
	}
	r.Set(webhook.SHA1SignatureHeader, "sha1="+digits(40))
	r.Set(webhook.SignatureHeader, "sha256="+digits(64))
}

// judgeBroken is the finding of a refusal that looks like an accident. It is said
// once: the next ones pass.
func (p *player) judgeBroken(sent string, a answer) Finding {
	if p.broken != nil && p.broken.like(a) {
		f := pass(sent, a)
		f.Got += "; refused by an accident, as said above"
		return f
	}
	p.broken = &a
	return found(Warn, codeRefusalBroken, "").of(sent, a, metaNever)
}

// forge sends a delivery the app must refuse, in a dialect it accepts.
func (p *player) forge(ctx context.Context, f forgery) answer {
	r := p.withText(p.deliverable(ctx).dialect(), baseText)
	r.Sign(p.base.key)
	if f.code == codeAlteredBody {
		p.send(ctx, copyOf(r)) // so that the app knows the signature
	}
	f.make(p, r)
	return p.send(ctx, r)
}

// comparesSignatures reports whether the app looks at the signature's digits at all.
func (p *player) comparesSignatures(ctx context.Context) bool {
	if p.compares == nil {
		defer p.asked(codeSignatureWrong)()
		compares := !p.forge(ctx, forgeries()[0]).ok()
		p.compares = &compares
	}
	return *p.compares
}

// acceptsUnsigned reports whether the app lets a delivery without a signature in.
func (p *player) acceptsUnsigned(ctx context.Context) bool {
	if p.unsigned == nil {
		defer p.asked(codeUnsigned)()
		a := p.forge(ctx, forgeries()[1])
		p.unsigned = &a
	}
	return p.unsigned.ok()
}

// whyAccepted says what more can be found out about a forgery that is accepted.
func (p *player) whyAccepted(ctx context.Context, f forgery, a answer) string {
	b := p.deliverable(ctx)
	good := b.answers[b.dialect()]
	switch {
	case bytes.Equal(b.answers[webhook.Changes].body, b.answers[webhook.Messaging].body) && !bytes.Equal(a.body, good.body):
		return "it is answered otherwise than a good delivery: maybe refused, but with a status that says accepted"
	case f.code == codeSHA1Only:
		r := p.withText(b.dialect(), baseText)
		right := webhook.SignSHA1(b.key, r.Body)
		p.makeUp(r)
		r.Set(webhook.SHA1SignatureHeader, right)
		if p.send(ctx, r).ok() {
			return "X-Hub-Signature-256 is not looked at, even where it is wrong"
		}
		return "X-Hub-Signature is looked at where X-Hub-Signature-256 is missing"
	}
	return ""
}

func (p *player) judgeForgery(ctx context.Context, f forgery) Finding {
	sent := baseNames[p.deliverable(ctx).dialect()] + ", " + f.sent
	if f.code != codeSignatureWrong && f.code != codeUnsigned {
		switch {
		case !p.comparesSignatures(ctx):
			return p.blocked(codeSignatureWrong, "the app takes any signature")
		case f.unheaded && p.acceptsUnsigned(ctx):
			return p.blocked(codeUnsigned, "the app takes deliveries without X-Hub-Signature-256")
		}
	}
	a := p.forge(ctx, f)
	switch f.code {
	case codeSignatureWrong:
		compares := !a.ok()
		p.compares = &compares
	case codeUnsigned:
		p.unsigned = &a
		if a.ok() && !p.comparesSignatures(ctx) {
			return p.blocked(codeSignatureWrong, "the app takes any signature, and none")
		}
	}
	if !a.ok() && f.code == "form-encoded" {
		// The same with a right signature over what the field holds: the rest of a form
		// would not be signed.
		f.make = func(_ *player, r *simulator.Request) { breakWith(r, simulator.FormEncoded) }
		if again := p.forge(ctx, f); again.ok() {
			return found(Fail, f.code, "the app takes the signature over the field payload, and not over the body").of(sent+"; then with the signature of the JSON in it", again, metaNever)
		}
	}
	if a.ok() && f.code == codeNewlineAdded {
		for _, d := range []webhook.Dialect{webhook.Messaging, webhook.Changes} {
			if p.hashesOther(ctx, d) {
				return p.blocked(textCode(d), "the app does not hash the bytes it received, so that a newline does not show")
			}
		}
	}
	switch {
	case a.ok() && f.lenient:
		return found(Warn, f.code, "").of(sent, a, "never sends this")
	case a.ok():
		return found(Fail, f.code, p.whyAccepted(ctx, f, a)).of(sent, a, metaNever)
	case a.status == 0, a.status >= http.StatusInternalServerError:
		return p.judgeBroken(sent, a)
	}
	return pass(sent, a)
}
