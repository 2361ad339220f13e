package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	codeHandshakeOrder  = "handshake-order"
	codeTokenWrong      = "token-wrong"
	codeTokenEmpty      = "token-empty"
	codeTokenMissing    = "token-missing"
	codeTokenCase       = "token-case"
	codeModeMissing     = "mode-missing"
	codeTokenCharacters = "token-characters"
	codeTokenLong       = "token-long"
)

// plainTokenCharacters are those that need no encoding anywhere.
const plainTokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// longToken is the length above which tokens were reported to fail.
const longToken = 64

// wrongToken is no token of anybody.
const wrongToken = "not-the-verify-token"

// wrongRequest is a verification request that must be refused.
type wrongRequest struct {
	code, title string
	accepted    Status   // of the finding when it is not
	after       []string // the wrong requests that, when accepted, explain this one
	make        func(token, challenge string) (query, shown string)
}

func wrongRequests() []wrongRequest {
	return []wrongRequest{
		{
			code: codeTokenWrong, title: "a wrong verify token is refused", accepted: Fail,
			make: func(_, challenge string) (string, string) {
				return encode(params(challenge, wrongToken)), shown(challenge, wrongToken)
			},
		},
		{
			code: codeTokenEmpty, title: "an empty verify token is refused", accepted: Fail, after: []string{codeTokenWrong},
			make: func(_, challenge string) (string, string) {
				return encode(params(challenge, "")), shown(challenge, "")
			},
		},
		{
			code: codeTokenMissing, title: "a request without a verify token is refused", accepted: Fail, after: []string{codeTokenWrong, codeTokenEmpty},
			make: func(_, challenge string) (string, string) {
				return encode(params(challenge, "")[:2]), "GET ?hub.mode=subscribe&hub.challenge=" + challenge
			},
		},
		{
			code: codeTokenCase, title: "the verify token in the other case is refused", accepted: Fail, after: []string{codeTokenWrong},
			make: func(token, challenge string) (string, string) {
				return encode(params(challenge, otherCase(token))), shown(challenge, "[the token with its case changed]")
			},
		},
		{
			code: codeModeMissing, title: "a request without hub.mode is refused", accepted: Warn,
			make: func(token, challenge string) (string, string) {
				return encode(params(challenge, token)[1:]), "GET ?hub.challenge=" + challenge + "&hub.verify_token=[redacted]"
			},
		},
	}
}

func verificationChecks() []Check {
	const group = codeHandshake
	checks := []Check{
		{
			Code: codeHandshake, Group: group, Title: "the verification request is answered with the challenge",
			causes: []string{
				codeGetMissing, codeHandshakeRedirect, codeHandshakeSlow, codeHandshakeClosed, codeHandshakeToken,
				codeHandshakeEncoding, codeHandshakeQuotes, codeHandshakeDots, codeHandshakeUserAgent, codeHandshakePage,
				codeHandshakeStatus, codeChallengeQuoted, codeChallengeJSON, codeChallengeNumber, codeChallengeHTML,
				codeChallengeSpace, codeChallengeBOM, codeChallengeWrapped, codeChallengeOther,
				codeClientCertificate, codePortTLS, codeNotHTTP,
			},
			run: func(ctx context.Context, p *player) Finding { return p.judgeHandshake(ctx) },
		},
		{
			Code: codeHandshakeOrder, Group: group, Title: "the order of its parameters does not matter",
			run: func(ctx context.Context, p *player) Finding { return p.judgeOrder(ctx) },
		},
	}
	for _, w := range wrongRequests() {
		checks = append(checks, Check{
			Code: w.code, Group: group, Title: w.title, causes: []string{codeRefusalBroken}, wrong: true,
			run: func(ctx context.Context, p *player) Finding { return p.judgeWrongRequest(ctx, w) },
		})
	}
	return append(checks, Check{
		Code: codeTokenCharacters, Group: group, Title: "the verify token is short and made of plain characters",
		causes: []string{codeTokenLong},
		run:    func(_ context.Context, p *player) Finding { return p.judgeToken() },
	})
}

// otherCase is a token with small letters large and large ones small.
func otherCase(token string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, token)
}

// judgeOrder sends the parameters in the order of the Messenger page.
func (p *player) judgeOrder(ctx context.Context) Finding {
	if v := p.verify(ctx); !v.accepted() {
		return p.blocked(codeHandshake, "the right verification request is refused: "+v.String())
	}
	v := verification{challenge: p.challenge()}
	ps := params(v.challenge, p.token())
	ps[1], ps[2] = ps[2], ps[1]
	v.answer = p.get(ctx, encode(ps), webhook.VerificationUserAgent)
	sent := fmt.Sprintf("GET ?hub.mode=subscribe&hub.verify_token=[redacted]&hub.challenge=%s", v.challenge)
	if v.accepted() {
		return pass(sent, v.answer)
	}
	meta := v.dashboardRefused()
	if v.status == http.StatusOK {
		meta = dashboardMismatch(v.challenge, v.answer)
	}
	return found(Fail, codeHandshakeOrder, "").of(sent, v.answer, meta)
}

// meta says what the request means that is accepted.
func (w wrongRequest) meta() string {
	if w.code == codeModeMissing || w.code == codeTokenCase {
		return "never sends this; who does knows the token already, or nearly"
	}
	return "never sends this for your app; whoever knows the URL can subscribe it to theirs"
}

// wrongly sends a verification request that must be refused, once.
func (p *player) wrongly(ctx context.Context, w wrongRequest) (v *verification, sent string) {
	if v, ok := p.wrong[w.code]; ok {
		_, sent = w.make(p.token(), v.challenge)
		return v, sent
	}
	defer p.asked(w.code)()
	v = &verification{challenge: p.challenge()}
	query, sent := w.make(p.token(), v.challenge)
	v.answer = p.get(ctx, query, webhook.VerificationUserAgent)
	p.wrong[w.code] = v
	return v, sent
}

func (p *player) judgeWrongRequest(ctx context.Context, w wrongRequest) Finding {
	if w.code == codeTokenCase && otherCase(p.token()) == p.token() {
		return Finding{Status: Skipped, Why: "the verify token has no letters"}
	}
	if p.verify(ctx).status == 0 {
		return p.blocked(codeHandshake, "the right verification request gets no answer, and waiting for more takes long")
	}
	for _, earlier := range wrongRequests() {
		if !slices.Contains(w.after, earlier.code) {
			continue
		}
		if v, _ := p.wrongly(ctx, earlier); v.accepted() {
			return p.blocked(earlier.code, "the app accepts one that is further off")
		}
	}
	v, sent := p.wrongly(ctx, w)
	switch {
	case v.accepted():
		return found(w.accepted, w.code, "").of(sent, v.answer, w.meta())
	case !p.verify(ctx).accepted():
		f := p.blocked(codeHandshake, "the right verification request is refused too, so a refusal says nothing")
		f.Sent, f.Got = sent, v.String()
		return f
	case v.status == 0, v.status >= http.StatusInternalServerError:
		return found(Warn, codeRefusalBroken, "").of(sent, v.answer, metaNever)
	}
	return pass(sent, v.answer)
}

func (p *player) judgeToken() Finding {
	token := p.token()
	f := Finding{Status: Pass, Sent: "nothing", Got: fmt.Sprintf("a verify token of %d characters", len(token))}
	switch {
	case strings.Trim(token, plainTokenCharacters) != "":
		f = found(Warn, codeTokenCharacters, "")
	case len(token) > longToken:
		f = found(Warn, codeTokenLong, fmt.Sprintf("it has %d characters", len(token)))
	default:
		return f
	}
	f.Sent, f.Meta = "nothing", "sends it percent-encoded, and it must come out the same in the app"
	return f
}
