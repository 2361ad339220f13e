package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
)

// The wait before a provider that failed is run again: it doubles from
// firstBackoff to maxBackoff. A tunnel that was online for steadyAfter starts
// again from the first.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
	steadyAfter  = maxBackoff
)

// errEnded stands for a provider that ended without a reason, against its
// contract.
var errEnded = errors.New("tunnel ended by itself")

// Supervisor runs a Provider for as long as the program wants a tunnel.
type Supervisor struct {
	Provider Provider
	Ingress  Ingress
	// Secrets are the texts that must not show in a report or an error, beside
	// everything that looks like a tunnel token.
	Secrets []secret.Value
	Logger  *slog.Logger // nil is silent

	// Check proves a public URL, nil believes the provider. It is asked when a URL
	// comes up or changes, with growing waits while it fails, and after each half
	// hour of silence; a URL is Checking before the first answer, and Degraded while
	// the answer is no.
	Check Check
	// Silence tells how long nothing has come through the tunnel; nil counts from
	// the last check.
	Silence func() time.Duration
}

// Run runs the provider until ctx ends, and again, after a growing wait, each
// time it fails with an error that may pass. It returns nil when ctx has ended
// and an error that wraps a [FatalError] when the provider gave up for good.
//
// emit gets every report in order, one at a time. It may take its time, which
// the provider does not notice: to a slow reader repeated reports are merged.
// The last report is Closed or Failed, and Run returns after it.
func (s *Supervisor) Run(ctx context.Context, emit func(Status)) error {
	logger := s.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	w := &watch{
		queue:   newStatusQueue(),
		secrets: s.Secrets,
		logger:  logger.With("provider", s.Provider.Info().Name),
	}
	var reader, checks sync.WaitGroup
	checking, stopChecks := context.WithCancel(ctx)
	defer stopChecks()
	if s.Check != nil {
		w.prober = newProber(s, w.proved)
		checks.Go(func() { w.prober.run(checking) })
	}
	reader.Go(func() {
		if n := w.queue.each(emit); n > 0 {
			w.logger.Debug("tunnel reports merged for a slow reader", "dropped", n)
		}
	})
	err := s.keepRunning(ctx, w)
	stopChecks()
	checks.Wait()
	w.queue.close()
	reader.Wait()
	return err
}

// keepRunning is the loop of Run.
func (s *Supervisor) keepRunning(ctx context.Context, w *watch) error {
	for attempt := 1; ; attempt++ {
		err := w.run(ctx, s.Provider, s.Ingress)
		if ctx.Err() != nil {
			w.report(Status{State: Closed})
			return nil //nolint:nilerr // the end was asked for
		}
		if fatal, ok := errors.AsType[*FatalError](err); ok {
			w.report(Status{State: Failed, Err: fatal, Code: fatal.Code, Hint: fatal.Hint})
			return fmt.Errorf("open tunnel %q: %w", s.Provider.Info().Name, redactError(fatal, s.Secrets))
		}
		if w.wasSteady() {
			attempt = 1
		}
		st := Status{State: Connecting, Err: err, Attempt: attempt, RetryIn: backoff(attempt)}
		if retry, ok := errors.AsType[*retryError](err); ok {
			st.Code, st.Hint = retry.code, retry.hint
			if retry.outage {
				st.RetryIn = min(st.RetryIn, maxOutageBackoff)
			}
			st.RetryIn = max(st.RetryIn, retry.wait)
		}
		w.report(st)
		select {
		case <-ctx.Done():
		case <-time.After(st.RetryIn):
		}
	}
}

// backoff returns the wait after that many failures in a row. Up to a quarter of
// it is cut at random, so that programs which lost the service together do not
// come back together.
func backoff(failures int) time.Duration {
	d := maxBackoff
	if doublings := failures - 1; doublings < 6 { // 0.5 s << 6 is more than maxBackoff
		d = firstBackoff << doublings
	}
	return d - rand.N(d/4) //nolint:gosec // spread, not secrecy
}

// watch passes the provider's reports on and remembers what the supervisor has
// to know of them.
type watch struct {
	queue   *statusQueue
	secrets []secret.Value
	logger  *slog.Logger

	mu      sync.Mutex
	last    Status
	everUp  bool      // it was online at some time
	upSince time.Time // it is online, since then
	steady  bool      // in this run it was online for long

	prober *prober  // nil: what the provider says of a URL is believed
	up     Status   // the provider's last Online, to be proved
	proof  *finding // what the last self-check found about up.URL
}

// run runs the provider once.
func (w *watch) run(ctx context.Context, p Provider, in Ingress) error {
	w.mu.Lock()
	w.steady = false
	w.mu.Unlock()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	err := p.Run(ctx, in, w.report)
	w.mu.Lock()
	w.down(time.Now())
	w.mu.Unlock()
	if err == nil {
		return errEnded
	}
	return err
}

// report cleans a report and queues it. It never blocks.
func (w *watch) report(st Status) {
	if st.At.IsZero() {
		st.At = time.Now()
	}
	st.Err = redactError(st.Err, w.secrets)
	st.Hint = Redact(st.Hint, w.secrets...)
	st.Account.Banner = Redact(st.Account.Banner, w.secrets...)

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prober != nil {
		st = w.prove(st)
	}
	w.push(st)
}

// prove gives a public URL the state that its self-check found it in.
func (w *watch) prove(st Status) Status {
	if st.State != Online {
		if w.up.URL != nil {
			w.up, w.proof = Status{}, nil
			w.prober.watch(nil)
		}
		return st
	}
	if !sameURL(st, w.up) {
		w.proof = nil
		w.prober.watch(st.URL)
	}
	w.up = st
	switch {
	case w.proof == nil:
		st.State = Checking
	case w.proof.err != nil:
		st.explainCheck(w.proof.err)
		st.Err, st.Hint = redactError(st.Err, w.secrets), Redact(st.Hint, w.secrets...)
	}
	return st
}

// proved takes what a self-check found.
func (w *watch) proved(f finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.up.URL == nil || *w.up.URL != *f.public {
		return // the tunnel has changed meanwhile
	}
	known := w.proof != nil && w.proof.err == nil
	w.proof = &f
	if known && f.err == nil {
		return // no news
	}
	st := w.prove(w.up)
	st.At = time.Now()
	w.push(st)
}

// push queues a report. The caller holds the lock, so that the order holds.
func (w *watch) push(st Status) {
	switch st.State {
	case Checking, Online, Degraded:
		w.everUp = true
		if w.upSince.IsZero() {
			w.upSince = st.At
		}
	case Connecting, Reconnecting:
		w.down(st.At)
		if w.everUp { // a provider that was run again does not know
			st.State = Reconnecting
		}
	case Failed, Closed:
		w.down(st.At)
	}
	w.log(st)
	w.last = st
	w.queue.push(st)
}

// down notes the end of a time online.
func (w *watch) down(at time.Time) {
	if !w.upSince.IsZero() && at.Sub(w.upSince) >= steadyAfter {
		w.steady = true
	}
	w.upSince = time.Time{}
}

func (w *watch) wasSteady() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steady
}

// log writes st to the log: what changes as news, what repeats for debugging.
// Failed is left to the one who gets the error.
func (w *watch) log(st Status) {
	attrs := []any{"state", st.State.String()}
	if st.URL != nil {
		attrs = append(attrs, "url", st.URL.String())
	}
	if st.Err != nil {
		attrs = append(attrs, "err", st.Err, "attempt", st.Attempt, "retry_in", st.RetryIn)
	}
	if st.Latency > 0 {
		attrs = append(attrs, "took", st.Latency)
	}
	changed := st.State != w.last.State || !sameURL(st, w.last)
	switch {
	case changed && st.State == Online:
		w.logger.Info("tunnel online", attrs...)
	case changed && (st.State == Reconnecting || st.State == Degraded):
		w.logger.Warn("tunnel disturbed", attrs...)
	default:
		w.logger.Debug("tunnel", attrs...)
	}
}
