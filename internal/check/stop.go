package check

import (
	"context"
	"strings"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// codeAppStopped is the cause of any check at which the app stops.
const codeAppStopped = "app-stopped"

// stop is where the app stopped.
type stop struct {
	at   string // what it was sent
	got  answer
	back bool // it was there again soon
}

// stopAt remembers that the app stopped.
func (p *player) stopAt(at string, got answer, back bool) {
	if _, ok := p.stops[p.current]; !ok {
		p.stops[p.current] = stop{at, got, back}
	}
	if !back {
		p.gone = p.current
	}
}

// asked makes a check the one under way, whoever needs its answer first: what stops the
// app there is that check's. The result ends it.
func (p *player) asked(code string) (done func()) {
	current := p.current
	p.current = code
	return func() { p.current = current }
}

// outlived looks whether the app is still there after a request that was not answered.
// One that something starts anew gets a little time to come back, and the request again.
func (p *player) outlived(ctx context.Context, at string, a answer, again func() answer) answer {
	if p.once || p.err != nil || p.gone != "" || !a.closed() {
		return a
	}
	if simulator.Refused(a.err) { // by this request, or before it
		if !p.comesBack(ctx) {
			p.stopAt(at, a, false)
			return a
		}
		if a = again(); p.err != nil || !a.closed() {
			return a
		}
	}
	if !p.listens(ctx) {
		p.stopAt(at, a, p.comesBack(ctx))
	}
	return a
}

// closed reports whether there was no answer, and no waiting for one.
func (a answer) closed() bool { return a.status == 0 && a.err != nil && !a.timeout }

// finding is that of the check at which the app stopped, in place of what else there
// was to say.
func (s stop) finding(c Check, f Finding) Finding {
	detail := "your app stopped at this: " + s.at
	if s.back {
		detail += "; it was started again"
	}
	meta := metaRetries
	if c.Group == "signature" || c.wrong {
		meta = metaNever
	}
	stopped := found(Fail, codeAppStopped, detail).of(f.Sent, s.got, meta)
	if stopped.Sent == "" {
		stopped.Sent = s.at
	}
	return stopped
}

// describe names a delivery.
func describe(r *simulator.Request) string {
	what := []string{r.Fixture}
	if r.Get(webhook.SignatureHeader) == "" {
		what = append(what, "without "+webhook.SignatureHeader)
	}
	if len(r.Body) == 0 {
		what = append(what, "without a body")
	}
	return strings.Join(what, " ")
}
