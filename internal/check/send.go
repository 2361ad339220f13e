package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// done reports whether it is no use to ask on after an answer: the run is over, or each
// further question would be waited for in vain.
func (p *player) done(a answer) bool { return p.err != nil || p.gone != "" || a.timeout }

// send delivers a request, and nothing beside it.
func (p *player) send(ctx context.Context, r *simulator.Request) answer {
	again := func() answer { return p.settle(ctx, p.exchange(ctx, r)) }
	return p.outlived(ctx, describe(r), again(), again)
}

// exchange is a delivery and what came back.
type exchange struct {
	at       time.Time
	request  *simulator.Request
	response simulator.Response
	err      error
}

// exchange makes one. It may do so beside others.
func (p *player) exchange(ctx context.Context, r *simulator.Request) exchange {
	at := time.Now()
	response, err := p.client.Send(ctx, p.url, r)
	response.Took = cmp.Or(response.Took, time.Since(at))
	return exchange{at, r, response, err}
}

// settle records an exchange and returns the answer.
func (p *player) settle(ctx context.Context, e exchange) answer {
	a := p.newAnswer(e.response.Status, e.response.Header, e.response.Body, e.err)
	a.reused, a.took = e.response.Reused, e.response.Took
	if ctx.Err() != nil {
		p.err = ctx.Err()
		return a
	}
	if p.cfg.Recorder != nil && p.err == nil {
		e.response.Took = a.took
		id, err := p.cfg.Recorder.Record(ctx, Exchange{p.current, p.url, e.request, e.at, e.response, e.err})
		if err != nil {
			p.err = fmt.Errorf("keep what was sent: %w", err)
		}
		p.kept = append(p.kept, id)
	}
	return a
}

func (p *player) newAnswer(status int, header http.Header, body []byte, err error) answer {
	a := answer{status: status, header: header, body: body, err: err, hide: p.hide}
	if err == nil {
		return a
	}
	a.reason = reasonOf(err)
	if failed, ok := errors.AsType[*simulator.SendError](err); ok {
		a.reason = failed.Reason
	}
	var timeout interface{ Timeout() bool }
	a.timeout = errors.As(err, &timeout) && timeout.Timeout()
	return a
}

// How many deliveries go at once, to an app that does not answer each within quick.
const (
	quick      = 25 * time.Millisecond
	maxAbreast = 8
)

// each delivers requests whose order does not matter, and hands on their answers in
// it. An app that takes its time gets several at once, as many as it answers no later
// than one.
func (p *player) each(ctx context.Context, requests []*simulator.Request) iter.Seq2[int, answer] {
	return func(yield func(int, answer) bool) {
		for next := 0; next < len(requests); {
			n := min(p.width(ctx), len(requests)-next)
			if n == 1 {
				if !yield(next, p.send(ctx, requests[next])) {
					return
				}
				next++
				continue
			}
			for i, a := range p.together(ctx, requests[next:next+n]) {
				// What may be the company's fault is asked again, alone.
				if a.doubtful() && p.err == nil && p.gone == "" {
					a = p.send(ctx, requests[next+i])
				}
				if !yield(next+i, a) {
					return
				}
			}
			next += n
		}
	}
}

// inOrder delivers requests one after the other.
func (p *player) inOrder(ctx context.Context, requests []*simulator.Request) iter.Seq2[int, answer] {
	return func(yield func(int, answer) bool) {
		for i, r := range requests {
			if !yield(i, p.send(ctx, r)) {
				return
			}
		}
	}
}

// doubtful reports whether an answer may come of there being others.
func (a answer) doubtful() bool {
	return a.status == 0 || a.status == http.StatusTooManyRequests || a.status >= http.StatusInternalServerError
}

// together delivers requests at once.
func (p *player) together(ctx context.Context, requests []*simulator.Request) []answer {
	exchanges := make([]exchange, len(requests))
	var group sync.WaitGroup
	for i, r := range requests {
		group.Go(func() { exchanges[i] = p.exchange(ctx, r) })
	}
	group.Wait()
	answers := make([]answer, len(requests))
	var lost []string
	var first answer
	for i, e := range exchanges {
		a := p.settle(ctx, e)
		a.crowded = true
		if answers[i] = a; a.closed() {
			if len(lost) == 0 {
				first = a
			}
			lost = append(lost, describe(e.request))
		}
	}
	p.widen(ctx, answers)
	if len(lost) > 0 && p.err == nil && !p.listens(ctx) && !p.comesBack(ctx) {
		p.stopAt("one of these, which came at once: "+enumerate(lost), first, false)
	}
	return answers
}

// width is how many deliveries to send at once.
func (p *player) width(ctx context.Context) int {
	if p.usual(ctx) < quick {
		return 1
	}
	return p.abreast
}

// usual is how long the app takes for a plain delivery, the slower dialect of the two.
func (p *player) usual(ctx context.Context) time.Duration {
	b, usual := p.deliverable(ctx), time.Duration(0)
	for d, a := range b.answers {
		if !b.accepted(webhook.Dialect(d)) {
			continue
		}
		took := a.took
		if p.agents != nil && p.agents.browser[d].ok() {
			took = min(took, p.agents.browser[d].took) // the first may be a cold start
		}
		usual = max(usual, took)
	}
	return usual
}

// widen learns how many at once the app can take.
func (p *player) widen(ctx context.Context, answers []answer) {
	const leeway = 50 * time.Millisecond
	late := p.usual(ctx)*3/2 + leeway
	for _, a := range answers {
		if a.doubtful() || a.took > late {
			p.abreast, p.limited = max(1, len(answers)/2), true
			return
		}
	}
	if !p.limited && len(answers) == p.abreast {
		p.abreast = min(2*p.abreast, maxAbreast)
	}
}

// dial connects to the app, and to nothing more.
func (p *player) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Limits.Answer+p.cfg.Limits.Margin)
	defer cancel()
	port := cmp.Or(p.url.Port(), map[string]string{"http": "80", "https": "443"}[p.url.Scheme])
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(p.url.Hostname(), port))
}

// listens reports whether the app accepts connections.
func (p *player) listens(ctx context.Context) bool {
	conn, err := p.dial(ctx)
	if err == nil {
		_ = conn.Close()
	}
	return !simulator.Refused(err)
}

// comesBack waits until the app accepts connections again.
func (p *player) comesBack(ctx context.Context) bool {
	deadline := time.NewTimer(p.cfg.Limits.Return)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-deadline.C:
			return false
		case <-tick.C:
			if conn, err := p.dial(ctx); err == nil {
				_ = conn.Close()
				return true
			}
		}
	}
}
