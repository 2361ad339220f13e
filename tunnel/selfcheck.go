package tunnel

import (
	"context"
	"net/url"
	"sync"
	"time"
)

// Check asks from outside whether a public URL reaches this program, and returns nil
// when it does. It sets its own deadline. An error with a method Hint() string says
// what to do about it, one with Code() string has a code for [Status].
type Check func(ctx context.Context, public *url.URL) error

// When a self-check is made again. A URL that is new may take a moment to work, so
// its first failure is not believed yet. A free plan counts requests, so a URL that
// works is asked again only after a long silence.
const (
	believedFailures = 2
	firstRecheck     = 2 * time.Second
	maxRecheck       = 5 * time.Minute
	longSilence      = 30 * time.Minute
)

// finding is what a self-check found out about a URL.
type finding struct {
	public *url.URL
	err    error
}

// prober makes the self-checks of one [Supervisor.Run].
type prober struct {
	check   Check
	silence func() time.Duration // since the last request; nil: always long
	found   func(finding)
	urls    chan *url.URL // the URL to check, nil for none; holds the latest
}

func newProber(s *Supervisor, found func(finding)) *prober {
	return &prober{check: s.Check, silence: s.Silence, found: found, urls: make(chan *url.URL, 1)}
}

// watch tells which URL is up now, nil when none is. One caller at a time; it never
// blocks.
func (p *prober) watch(public *url.URL) {
	select {
	case <-p.urls:
	default:
	}
	p.urls <- public
}

// run checks the URL that is up until ctx ends.
func (p *prober) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case public := <-p.urls:
			p.whileUp(ctx, public)
		}
	}
}

// whileUp checks a URL until another takes its place.
func (p *prober) whileUp(ctx context.Context, public *url.URL) {
	for public != nil && ctx.Err() == nil {
		probing, stop := context.WithCancel(ctx)
		var probe sync.WaitGroup
		probe.Go(func() { p.probe(probing, public) })
		next := public
		select {
		case <-ctx.Done():
		case next = <-p.urls:
		}
		stop()
		probe.Wait()
		public = next
	}
}

// probe checks one URL again and again.
func (p *prober) probe(ctx context.Context, public *url.URL) {
	for failures := 0; ; {
		err := p.check(ctx, public)
		if ctx.Err() != nil {
			return
		}
		wait := longSilence
		if err == nil {
			failures = 0
		} else {
			failures++
			wait = min(firstRecheck<<min(failures-1, 10), maxRecheck)
		}
		if err == nil || failures >= believedFailures {
			p.found(finding{public, err})
		}
		if !p.sleep(ctx, wait, err == nil) {
			return
		}
	}
}

// sleep waits, and when told to, until it has been silent for as long. It returns
// false when ctx ended.
func (p *prober) sleep(ctx context.Context, wait time.Duration, untilSilent bool) bool {
	for left := wait; left > 0; {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(left):
		}
		left = 0
		if untilSilent && p.silence != nil {
			left = wait - p.silence()
		}
	}
	return true
}

// explainCheck puts what a self-check found wrong into a report.
func (st *Status) explainCheck(err error) {
	st.State, st.Err = Degraded, err
	if hinter, ok := err.(interface{ Hint() string }); ok {
		st.Hint = hinter.Hint()
	}
	if coder, ok := err.(interface{ Code() string }); ok {
		st.Code = coder.Code()
	}
}
