package check

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

const (
	codeUserAgent = "user-agent"
	codeDelivery  = "delivery"
	codeStatus200 = "status-200"
	codeReuse     = "reuse"
)

// The causes of a delivery that is refused in both dialects.
const (
	codePostMissing      = "post-missing"
	codeDeliveryRedirect = "delivery-redirect"
	codeDeliverySlow     = "delivery-slow"
	codeDeliveryClosed   = "delivery-closed"
	codeDeliveryCSRF     = "delivery-csrf"
	codeDeliveryPage     = "delivery-page"
	codeContentType      = "content-type"
	codeSecretOther      = "secret-other"
	codeSecretQuotes     = "secret-quotes"
	codeSecretHex        = "secret-hex"
	codeSignatureHeader  = "signature-header"
	codeSignatureForm    = "signature-form"
	codeServerError      = "server-error"
	codeDeliveryRefused  = "delivery-refused"
)

func deliveryChecks() []Check {
	const group = codeDelivery
	return []Check{
		{
			Code: codeUserAgent, Group: group, modest: true, Title: "Meta's User-Agents are answered like a browser's",
			run: func(ctx context.Context, p *player) Finding { return p.judgeAgents(ctx) },
		},
		{
			Code: codeDelivery, Group: group, modest: true, Title: "a signed delivery is accepted",
			causes: append([]string{
				codeClientCertificate, codePortTLS, codeNotHTTP,
				codePostMissing, codeDeliveryRedirect, codeDeliverySlow, codeDeliveryClosed, codeDeliveryCSRF, codeDeliveryPage,
				codeContentType, codeSecretOther, codeSecretQuotes, codeSecretHex, codeSignatureHeader, codeSignatureForm, codeServerError, codeDeliveryRefused,
			}, bodyCauses()...),
			run: func(ctx context.Context, p *player) Finding { return p.judgeDelivery(ctx) },
		},
		{
			Code: codeStatus200, Group: group, modest: true, accepted: true, Title: "the answer is 200, not another 2xx",
			run: func(ctx context.Context, p *player) Finding { return p.judgeStatus(ctx) },
		},
		{
			Code: codeReuse, Group: group, accepted: true, Title: "a connection can be used again",
			run: func(ctx context.Context, p *player) Finding { return p.judgeReuse(ctx) },
		},
	}
}

// baseNames are the fixtures that stand for their dialect, and baseText is a text
// that every serialiser writes alike.
var baseNames = [2]string{webhook.Changes: "comments", webhook.Messaging: "messages/text"}

const baseText = "hello igloo"

// withText renders the delivery that stands for a dialect, with another text.
func (p *player) withText(d webhook.Dialect, text string) *simulator.Request {
	return p.render(baseNames[d], simulator.Options{Changes: []simulator.Change{set("text", text)}})
}

// base is the plainest delivery of each dialect, and what the app says to it.
type base struct {
	key      secret.Value // what the app takes, else what it should
	keyName  string
	requests [2]*simulator.Request
	answers  [2]answer
}

func (b *base) accepted(d webhook.Dialect) bool { return b.answers[d].ok() }

func (b *base) any() bool { return b.accepted(webhook.Changes) || b.accepted(webhook.Messaging) }

// dialect is one that the app accepts.
func (b *base) dialect() webhook.Dialect {
	if b.accepted(webhook.Changes) {
		return webhook.Changes
	}
	return webhook.Messaging
}

// deliverable sends the plainest deliveries, once. When the app knows several app
// secrets, the first that it takes is the one everything is signed with: Instagram
// Login and Facebook Login have different ones.
func (p *player) deliverable(ctx context.Context) *base {
	if p.base != nil {
		return p.base
	}
	defer p.asked(codeDelivery)()
	first, _ := p.cfg.Secrets.App.For(webhook.InstagramLogin) // newPlayer has refused an empty keyring
	p.base = p.tryKey(ctx, first)
	for _, key := range p.cfg.Secrets.App.Secrets() {
		if p.base.any() || !mayBeSignature(p.base.answers) {
			break
		}
		if key.Name == first.Name {
			continue
		}
		if other := p.tryKey(ctx, key); other.any() {
			p.base = other
		}
	}
	for d, a := range p.base.answers {
		p.note(a, p.base.requests[d])
	}
	return p.base
}

func (p *player) tryKey(ctx context.Context, key webhook.AppSecret) *base {
	b := &base{key: key.Value, keyName: key.Name}
	for _, d := range []webhook.Dialect{webhook.Changes, webhook.Messaging} {
		b.requests[d] = p.withText(d, baseText)
		b.requests[d].Sign(key.Value)
		b.answers[d] = p.send(ctx, b.requests[d])
	}
	return b
}

// mayBeSignature reports whether answers may mean that the signature is refused.
func mayBeSignature(answers [2]answer) bool {
	for _, a := range answers {
		if a.status < http.StatusBadRequest || a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
			return false
		}
	}
	return true
}

// note remembers the slowest answer, and one of 2xx that is not 200. What was not
// answered has failed its own check.
func (p *player) note(a answer, r *simulator.Request) {
	slowest := &p.slowest
	if a.crowded {
		slowest = &p.crowded
	}
	if a.status != 0 && a.took > slowest.took {
		*slowest = pace{a, r}
	}
	if a.ok() && a.status != http.StatusOK && p.unusual.status == 0 {
		p.unusual = pace{a, r}
	}
}

// agents says in which dialects the User-Agent decides.
type agents struct {
	blocked [2]bool
	browser [2]answer // to the delivery with a browser's
}

// meetAgents sends the plainest deliveries with a browser's User-Agent.
func (p *player) meetAgents(ctx context.Context) *agents {
	if p.agents != nil {
		return p.agents
	}
	p.agents = &agents{}
	b := p.deliverable(ctx)
	if b.answers[webhook.Changes].timeout && b.answers[webhook.Messaging].timeout {
		return p.agents // it would be the same again, and takes long
	}
	for d := range b.answers {
		r := copyOf(b.requests[d])
		r.Set("User-Agent", browserAgent)
		a := p.send(ctx, r)
		p.agents.browser[d] = a
		p.agents.blocked[d] = !b.answers[d].ok() && a.ok()
	}
	return p.agents
}

func (p *player) judgeAgents(ctx context.Context) Finding {
	met, b := p.meetAgents(ctx), p.deliverable(ctx)
	sent := "comments and messages/text, signed, each with Meta's User-Agent and a browser's"
	for _, d := range []webhook.Dialect{webhook.Changes, webhook.Messaging} {
		if met.blocked[d] {
			detail := fmt.Sprintf("%s arrive with the User-Agent %q, and only a browser's is let through", dialectName(d), b.requests[d].Get("User-Agent"))
			return found(Fail, codeUserAgent, detail).of(sent, b.answers[d], metaRetries)
		}
	}
	f := pass(sent, b.answers[b.dialect()])
	if !b.any() {
		f.Got = "the same refusal for all: " + f.Got
	} else if browser := met.browser[b.dialect()]; !browser.ok() {
		f.Got += "; a browser gets " + browser.String()
	}
	return f
}

func (p *player) judgeDelivery(ctx context.Context) Finding {
	b := p.deliverable(ctx)
	sent := fmt.Sprintf("comments and messages/text, signed with the app secret %q", b.keyName)
	refused := b.answers[webhook.Changes]
	switch {
	case p.gone == codeDelivery:
		return Finding{Sent: sent} // what there is to say says the stop
	case b.any():
		f := pass(sent, b.answers[b.dialect()])
		for d, a := range b.answers {
			if !a.ok() {
				f.Got += fmt.Sprintf("; %s get %s", dialectName(webhook.Dialect(d)), a)
			}
		}
		return f
	case p.misdirected(ctx, refused) != "":
		return found(Fail, p.misdirected(ctx, refused), "").of(sent, refused, metaRetries)
	case p.meetAgents(ctx).blocked[webhook.Changes] || p.agents.blocked[webhook.Messaging]:
		f := p.blocked(codeUserAgent, "Meta's User-Agents are kept out")
		f.Sent, f.Got = sent, refused.String()
		return f
	}
	code, detail := p.diagnoseDelivery(ctx, b, refused)
	f := found(Fail, code, detail).of(sent, refused, metaRetries)
	if refused.toLogin() {
		f.Fix = toLogin
	}
	return f
}

// judgeStatus looks at the answers so far; alone it asks for the plainest ones.
func (p *player) judgeStatus(ctx context.Context) Finding {
	b := p.deliverable(ctx)
	if p.unusual.status != 0 {
		return found(Warn, codeStatus200, "").of(p.unusual.request.Fixture, p.unusual.answer, "documents only 200; whether it takes another 2xx is not known")
	}
	return pass("the deliveries that are accepted", b.answers[b.dialect()])
}

// judgeReuse sends three deliveries one after the other, the second of which is to
// be refused: an app that answers without reading the body leaves it in the way.
func (p *player) judgeReuse(ctx context.Context) Finding {
	b := p.deliverable(ctx)
	name := baseNames[b.dialect()]
	sent := fmt.Sprintf("%s signed, unsigned, and signed again, on one connection", name)
	p.send(ctx, p.signed(ctx, name, plainText()))
	p.send(ctx, p.withText(b.dialect(), baseText))
	a := p.send(ctx, p.signed(ctx, name, plainText()))
	if !a.ok() {
		return found(Fail, codeReuse, "").of(sent, a, metaRetries)
	}
	f := pass(sent, a)
	if !a.reused {
		f.Got += "; the app closes connections, so each delivery opens one"
	}
	return f
}

// maxUnanswered is how many deliveries of one check may go without an answer before
// igloo stops waiting: each takes seconds.
const maxUnanswered = 3

// trial is deliveries that the app should take.
type trial struct {
	code, sent string
	refusal    Status // of the finding when one is refused
	ordered    bool   // they go one after the other
	requests   []*simulator.Request
}

// accept sends deliveries the app should take and judges the answers. A refusal that
// another check explains is that check's.
func (p *player) accept(ctx context.Context, t trial) Finding {
	code, sent, requests := t.code, t.sent, t.requests
	var refused []string // by name, those nothing explains
	var first, last answer
	because, unanswered := "", 0
	answers := p.each
	if t.ordered {
		answers = p.inOrder
	}
	for i, a := range answers(ctx, requests) {
		r := requests[i]
		if p.err != nil {
			return Finding{}
		}
		p.note(a, r)
		last = a
		id := eventID(r.Body)
		known := !t.ordered && p.sent[id]
		p.sent[id] = true
		if a.ok() || known && a.status == http.StatusConflict { // whether repeats are refused is a check of its own
			continue
		}
		if root := p.explains(ctx, r, a); root != "" {
			because = cmp.Or(because, root)
			continue
		}
		if len(refused) == 0 {
			first = a
		}
		refused = append(refused, fmt.Sprintf("%s (%s)", r.Fixture, a.short()))
		if a.timeout {
			unanswered++
		}
		if p.gone != "" || unanswered == maxUnanswered {
			requests = requests[:i+1]
			break
		}
	}
	switch {
	case len(refused) > 0:
		p.refusals[code] = first
		f := found(t.refusal, code, "").of(sent, first, metaRetries)
		if code == codeNeverSent {
			f.Meta = "prints these shapes, and was not seen to send them"
		}
		if len(requests) > 1 {
			f.Got = fmt.Sprintf("refused: %s of %d; the first with %s", enumerate(refused), len(requests), first)
		}
		return f
	case because != "":
		f := p.blocked(because, "refused for the reason of "+because)
		f.Sent = sent
		return f
	}
	return pass(sent, last)
}

// enumerate lists names, the first few of many.
func enumerate(names []string) string {
	const shown = 8
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// short is an answer in a word.
func (a answer) short() string {
	if a.status == 0 {
		return a.reason
	}
	return fmt.Sprint(a.status)
}

// explains returns the check that says already why a delivery like this one is
// refused, "" when none does.
func (p *player) explains(ctx context.Context, r *simulator.Request, a answer) string {
	b, d := p.deliverable(ctx), r.Dialect
	switch {
	case p.gone != "":
		return ""
	case !b.accepted(d) && a.like(b.answers[d]):
		if p.meetAgents(ctx).blocked[d] {
			return codeUserAgent
		}
		return textCode(d)
	case b.accepted(d) && a.status >= http.StatusBadRequest && p.matrix(ctx, d).explains(r.Body, a):
		return textCode(d)
	}
	for _, hashed := range []webhook.Dialect{webhook.Changes, webhook.Messaging} {
		if p.hashesOther(ctx, hashed) && p.matrices[hashed].refused(a) {
			return textCode(hashed) // some bodies of this dialect come out right, and this one does not
		}
	}
	return ""
}
