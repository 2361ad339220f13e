package check

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

const (
	codeSpeed     = "speed"
	codeBatchFull = "batch-1000"
	codeHugeBody  = "huge-body"

	codeSpeedSlow = "speed-slow"
)

// hugeBody is more than any delivery has.
const hugeBody = 16 << 20

func limitChecks() []Check {
	const group = "limits"
	return []Check{
		{
			Code: codeSpeed, Group: group, modest: true, accepted: true, Title: "the answers come in time", causes: []string{codeSpeedSlow},
			run: func(ctx context.Context, p *player) Finding { return p.judgeSpeed(ctx) },
		},
		{
			Code: codeBatchFull, Group: group, accepted: true, Title: "a full batch of 1000 events is accepted", Heavy: true,
			run: func(ctx context.Context, p *player) Finding { return p.judgeFullBatch(ctx) },
		},
		{
			Code: codeHugeBody, Group: group, accepted: true, Title: "a huge body is refused and does no harm", Heavy: true, causes: []string{codeRefusalBroken},
			run: func(ctx context.Context, p *player) Finding { return p.judgeHugeBody(ctx) },
		},
	}
}

// judgeSpeed judges the slowest of the answers so far.
func (p *player) judgeSpeed(ctx context.Context) Finding {
	b := p.deliverable(ctx)
	if p.crowded.took > p.cfg.Limits.Slow { // beside others; so it does not count
		p.note(p.send(ctx, p.crowded.request), p.crowded.request)
	}
	slowest, limits := p.slowest, p.cfg.Limits
	sent := "the plain deliveries"
	if slowest.request != nil {
		sent = slowest.request.Fixture
	}
	took := fmt.Sprintf("the slowest answer took %v", slowest.took.Round(time.Millisecond))
	first := ""
	if sent == baseNames[webhook.Changes] && b.answers[webhook.Changes].took == slowest.took {
		first = "it was the first: a cold start, perhaps"
	}
	switch {
	case slowest.took > limits.Answer:
		f := found(Fail, codeSpeed, first)
		f.Sent, f.Got, f.Meta = sent, took, fmt.Sprintf("waits %v by one of its pages, and would then count the delivery as failed", limits.Answer)
		return f
	case slowest.took > limits.Slow:
		f := found(Warn, codeSpeedSlow, first)
		f.Sent, f.Got, f.Meta = sent, took, fmt.Sprintf("waits %v by one of its pages", limits.Answer)
		return f
	}
	return Finding{Status: Pass, Sent: "the deliveries above", Got: took}
}

func (p *player) judgeFullBatch(ctx context.Context) Finding {
	var requests []*simulator.Request
	var sizes []int
	for _, d := range []webhook.Dialect{webhook.Changes, webhook.Messaging} {
		r := p.batch(ctx, d, simulator.MaxBatch)
		requests, sizes = append(requests, r), append(sizes, len(r.Body))
	}
	sent := fmt.Sprintf("comments and messages/text with %d events each, %d and %d bytes", simulator.MaxBatch, sizes[0], sizes[1])
	before := p.slowest
	p.slowest = pace{}
	f := p.accept(ctx, trial{code: codeBatchFull, sent: sent, refusal: Fail, ordered: true, requests: requests})
	batch := p.slowest
	p.slowest = before // speed is about usual deliveries
	if small, ok := p.refusals[codeBatch]; ok && f.Status == Fail && small.like(p.refusals[codeBatchFull]) {
		return p.blocked(codeBatch, "a batch of a few events is refused in the same way")
	}
	if f.Status == Pass && batch.took > p.cfg.Limits.Answer {
		f = found(Fail, codeBatchFull, fmt.Sprintf("it took %v", batch.took.Round(time.Millisecond))).of(sent, batch.answer, metaRetries)
	}
	return f
}

// judgeHugeBody sends what nobody signed, and then a good delivery.
func (p *player) judgeHugeBody(ctx context.Context) Finding {
	b := p.deliverable(ctx)
	if !p.comparesSignatures(ctx) {
		return p.blocked(codeSignatureWrong, "the app takes any signature")
	}
	huge := p.withText(b.dialect(), baseText)
	huge.Body = append(bytes.Repeat([]byte(" "), hugeBody-len(huge.Body)), huge.Body...)
	p.makeUp(huge)
	sent := fmt.Sprintf("a body of %d bytes with a wrong signature, and a good delivery after it", hugeBody)
	a := p.send(ctx, huge)
	after := p.send(ctx, p.signed(ctx, baseNames[b.dialect()], plainText()))
	switch {
	case a.ok():
		return found(Fail, codeHugeBody, "the huge body was accepted").of(sent, a, metaNever)
	case !after.ok():
		return found(Fail, codeHugeBody, "the good delivery after it was not accepted").of(sent, after, metaRetries)
	case a.status >= http.StatusInternalServerError:
		return p.judgeBroken(sent, a)
	}
	return pass(sent, a)
}
