package check

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// The causes of a signature that fails for some texts: what the app hashes in place
// of the bytes it received.
const (
	codeBodyEmpty        = "body-empty"
	codeBodyReserialised = "body-reserialised"
	codeBodyDecoded      = "body-decoded"
	codeBodySlashes      = "body-slashes"
	codeBodyEscaped      = "body-escaped"
	codeBodyNewline      = "body-newline"
	codeBodyBase64       = "body-base64"
	codeDialectRefused   = "dialect-refused"
	codeTextRefused      = "text-refused"
)

func bodyCauses() []string {
	return []string{codeBodyEmpty, codeBodyReserialised, codeBodyDecoded, codeBodySlashes, codeBodyEscaped, codeBodyNewline, codeBodyBase64}
}

// textCode is the check of a dialect's texts.
func textCode(d webhook.Dialect) string { return "text-" + d.String() }

func textChecks() []Check {
	var checks []Check
	for _, d := range []webhook.Dialect{webhook.Changes, webhook.Messaging} {
		checks = append(checks, Check{
			Code: textCode(d), Group: "text", accepted: true, Title: dialectName(d) + " verify whatever their text",
			causes: append(bodyCauses(), codeDialectRefused, codeTextRefused),
			run:    func(ctx context.Context, p *player) Finding { return p.judgeText(ctx, d) },
		})
	}
	return checks
}

// The texts of the matrix. Programs that don't hash what they received go wrong with
// some of them, and which ones says how.
const (
	ascii = iota
	accent
	emoji
	slash
	symbols
	texts
)

var matrixTexts = [texts]struct{ name, text string }{
	ascii:   {"ascii", baseText},
	accent:  {"é", "Qué rico, Zoë"},
	emoji:   {"emoji", "good \U0001F950 morning"},
	slash:   {"/", "open 24/7"},
	symbols: {"<@%", "<b> @ana 100%"},
}

// allTexts has everything in it, so that no two wrong ways of hashing agree.
const allTexts = "Qué rico \U0001F950 24/7 <b> @ana 100%"

// matrix is what the app says to each text of a dialect.
type matrix struct {
	answers      [texts]answer
	code, detail string // why some are refused, once it was asked for
}

// matrix sends the texts of a dialect, once.
func (p *player) matrix(ctx context.Context, d webhook.Dialect) *matrix {
	if p.matrices[d] != nil {
		return p.matrices[d]
	}
	m := &matrix{}
	p.matrices[d] = m
	m.answers[ascii] = p.deliverable(ctx).answers[d]
	var requests []*simulator.Request
	for i := accent; i < texts; i++ {
		r := p.withText(d, matrixTexts[i].text)
		r.Sign(p.base.key)
		requests = append(requests, r)
	}
	for i, a := range p.each(ctx, requests) {
		m.answers[accent+i] = a
		p.note(a, requests[i])
	}
	return m
}

// holds reports whether all texts are accepted.
func (m *matrix) holds() bool {
	for _, a := range m.answers {
		if !a.ok() {
			return false
		}
	}
	return true
}

// refused reports whether some text is refused as an answer does.
func (m *matrix) refused(a answer) bool {
	for _, one := range m.answers {
		if !one.ok() && one.like(a) {
			return true
		}
	}
	return false
}

// String lists the texts with the statuses they get.
func (m *matrix) String() string {
	var parts []string
	for i, a := range m.answers {
		parts = append(parts, matrixTexts[i].name+" "+a.short())
	}
	return strings.Join(parts, ", ")
}

var escapes = regexp.MustCompile(`\\u[0-9a-f]{4}`)

// explains reports whether a body is refused because of a character that is refused
// in the matrix too.
func (m *matrix) explains(body []byte, a answer) bool {
	has := [texts]bool{
		ascii:   true,
		accent:  escapes.Match(body),
		emoji:   bytes.Contains(body, []byte(`\ud8`)),
		slash:   bytes.IndexByte(body, '/') >= 0,
		symbols: bytes.ContainsAny(body, "<@%"),
	}
	for i := range m.answers {
		if has[i] && !m.answers[i].ok() && m.answers[i].like(a) {
			return true
		}
	}
	return false
}

func (p *player) judgeText(ctx context.Context, d webhook.Dialect) Finding {
	if !p.deliverable(ctx).accepted(d) && p.meetAgents(ctx).blocked[d] {
		return p.blocked(codeUserAgent, "Meta's User-Agents are kept out")
	}
	m := p.matrix(ctx, d)
	f := Finding{Status: Pass}
	if !m.holds() {
		code := p.cause(ctx, d)
		f = found(Fail, code, m.detail)
		f.Meta = metaRetries
	}
	f.Sent = fmt.Sprintf("%s, signed, with the texts ascii, é, emoji, / and <@%%", baseNames[d])
	f.Got = m.String()
	return f
}

// cause is why some texts of a dialect are refused, "" when none are.
func (p *player) cause(ctx context.Context, d webhook.Dialect) string {
	m := p.matrix(ctx, d)
	if m.code == "" && !m.holds() {
		m.code, m.detail = p.diagnoseText(ctx, d, m)
	}
	return m.code
}

// hashesOther reports whether the app hashes something else than the bytes of a
// dialect it received.
func (p *player) hashesOther(ctx context.Context, d webhook.Dialect) bool {
	return slices.Contains(bodyCauses(), p.cause(ctx, d))
}

// diagnoseText names what the app hashes: for certain where it takes a signature
// over those bytes, else by the pattern of what it refuses.
func (p *player) diagnoseText(ctx context.Context, d webhook.Dialect, m *matrix) (code, detail string) {
	var signs [texts]bool
	silent := false
	for i, a := range m.answers {
		signs[i] = !a.ok()
		silent = silent || a.timeout
	}
	if !silent { // who compares signatures says so at once
		if v, ok := p.hashedInstead(ctx, p.withText(d, allTexts)); ok {
			return v.code, v.detail()
		}
	}
	switch signs {
	case [texts]bool{true, true, true, true, true}:
		if silent || m.answers[ascii].status >= http.StatusInternalServerError {
			return codeDialectRefused, "the app breaks on them"
		}
		return codeDialectRefused, ""
	}
	if silent {
		return codeTextRefused, "the app breaks on them: there is no answer in time"
	}
	switch signs {
	case [texts]bool{accent: true, emoji: true}, [texts]bool{emoji: true}, [texts]bool{accent: true}:
		return codeBodyDecoded, "by the pattern of what is refused"
	case [texts]bool{slash: true}:
		return codeBodySlashes, "by the pattern of what is refused"
	case [texts]bool{symbols: true}:
		return codeBodyEscaped, "by the pattern of what is refused"
	case [texts]bool{accent: true, emoji: true, slash: true}:
		return codeBodyReserialised, "by the pattern of what is refused"
	}
	return codeTextRefused, ""
}

// hashedInstead looks for the bytes that the app hashes in place of the body: the
// body stays right, and the signature is made over each of them. The second result
// is false when none is taken.
func (p *player) hashedInstead(ctx context.Context, r *simulator.Request) (variant, bool) {
	for _, v := range variants(r.Body) {
		wrong := copyOf(r)
		signOver(wrong, p.base.key, v.bytes)
		a := p.send(ctx, wrong)
		if a.ok() {
			return v, true
		}
		if p.done(a) || a.status == http.StatusNotFound {
			break
		}
	}
	return variant{}, false
}
