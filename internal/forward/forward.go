// Package forward sends recorded deliveries to the developer's app.
//
// A [Forwarder] follows the journal by cursor and records an attempt for each
// delivery that is to be forwarded. The order is the journal's within a
// conversation, and as close to it as the concurrency allows between them. Method,
// query, header values and body reach the app as they came.
//
// A connection that is refused is tried again for ten seconds, because apps under
// development restart all the time. Anything else is the app's answer or a failed
// attempt: nothing that may have reached the app is sent twice by itself.
//
// The package makes no API promise before v1.
package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// Defaults of [Config].
const (
	DefaultConcurrency  = 16
	DefaultTimeout      = 30 * time.Second
	DefaultRetryRefused = 10 * time.Second
	DefaultDrainTimeout = 10 * time.Second
)

// Journal is what the forwarder reads deliveries from and records attempts in.
type Journal interface {
	LastID() int64
	Since(ctx context.Context, after int64, limit int) ([]journal.Delivery, error)
	Watch() (changed <-chan struct{}, stop func())
	Record(ctx context.Context, a journal.Attempt) error
}

// Config says where deliveries go and how. Only Target is required.
type Config struct {
	Target       *url.URL    // made by [TargetURL]
	PreserveHost bool        // send the Host that was received, not the target's
	TLS          *tls.Config // for an https target; nil trusts the system's CAs

	Concurrency  int           // deliveries sent at once; 1 keeps the journal's order
	Timeout      time.Duration // of one try, the answer included
	RetryRefused time.Duration // after its arrival, how long a delivery is tried at a target that refuses connections
	DrainTimeout time.Duration // how long Run goes on after its context ended

	Logger *slog.Logger // nil discards
}

// Forwarder sends deliveries to one target. It is safe for concurrent use, and
// [New] makes one.
type Forwarder struct {
	cfg       Config
	host      string // the target's
	target    string // the target, written out
	journal   Journal
	transport *http.Transport
	log       *slog.Logger
	cursor    int64 // the last delivery that was taken from the journal; Run's own
	results   *results
}

// New returns a Forwarder to cfg.Target that keeps its attempts in j. What is in
// the journal by now is not its business: it begins with the next delivery.
func New(cfg Config, j Journal) (*Forwarder, error) {
	switch {
	case cfg.Target == nil:
		return nil, errors.New("forwarder needs a target")
	case cfg.Target.Scheme != "http" && cfg.Target.Scheme != "https", cfg.Target.Host == "":
		return nil, fmt.Errorf("target %q is not an http or https url", cfg.Target.Redacted())
	case cfg.Target.User != nil:
		return nil, errUser
	case cfg.Concurrency < 0, cfg.Timeout < 0, cfg.RetryRefused < 0, cfg.DrainTimeout < 0:
		return nil, errors.New("concurrency and times must not be negative")
	}
	setDefault(&cfg.Concurrency, DefaultConcurrency)
	setDefault(&cfg.Timeout, DefaultTimeout)
	setDefault(&cfg.RetryRefused, DefaultRetryRefused)
	setDefault(&cfg.DrainTimeout, DefaultDrainTimeout)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Forwarder{
		cfg:       cfg,
		host:      cfg.Target.Host,
		target:    cfg.Target.String(),
		journal:   j,
		transport: newTransport(cfg.TLS),
		log:       cfg.Logger,
		cursor:    j.LastID(),
		results:   newResults(),
	}, nil
}

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Run forwards what is appended to the journal until ctx ends. Then it drains: it
// goes on with what was appended so far, but waits no longer for a target that
// refuses connections, and after [Config.DrainTimeout] gives up what is not
// answered. What was never sent stays pending in the journal, which has to outlive
// Run. The error is the journal's.
//
// Call it once.
func (f *Forwarder) Run(ctx context.Context) error {
	// Sending goes on after ctx, for as long as draining takes.
	sending, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	q := newQueue(f.cfg.Concurrency)
	var workers sync.WaitGroup
	for range f.cfg.Concurrency {
		workers.Go(func() { f.work(sending, ctx.Done(), q) })
	}
	err := f.feed(ctx, sending, q)
	q.close()
	abort()
	workers.Wait()
	close(f.results.stopped)
	f.transport.CloseIdleConnections()
	return err
}

// feed moves deliveries from the journal to the queue. It returns when ctx has
// ended and there is nothing left to do, or no time left to do it.
func (f *Forwarder) feed(ctx, sending context.Context, q *queue) error {
	changed, stop := f.journal.Watch()
	defer stop()
	ending := ctx.Done()
	var overdue <-chan time.Time
	for {
		var again <-chan time.Time
		caughtUp, err := f.fetch(sending, q)
		switch {
		case err == nil:
		case errors.Is(err, journal.ErrBusy):
			// Somebody else has the file locked. Nothing is lost by waiting.
			f.log.Warn("the journal is locked, forwarding waits", "err", err)
			again = time.After(retryRead)
		default:
			return fmt.Errorf("read journal: %w", err)
		}
		if ending == nil && q.empty() && caughtUp {
			return nil
		}
		select {
		case <-changed:
		case <-q.room:
		case <-again:
		case <-ending:
			ending, overdue = nil, time.After(f.cfg.DrainTimeout)
		case <-overdue:
			f.log.Warn("stopped before everything was forwarded; igloo replay --pending sends the rest")
			return nil
		}
	}
}

// retryRead is the wait before a locked journal is read again.
const retryRead = 500 * time.Millisecond

// fetchLimit is how many deliveries are asked of the journal at once.
const fetchLimit = 64

// fetch takes deliveries from the journal until it has seen all of them, or the
// queue is full.
func (f *Forwarder) fetch(ctx context.Context, q *queue) (caughtUp bool, err error) {
	for f.cursor < f.journal.LastID() {
		if q.full() {
			return false, nil
		}
		deliveries, err := f.journal.Since(ctx, f.cursor, fetchLimit)
		if err != nil {
			return false, err
		}
		if len(deliveries) == 0 {
			break // the journal tells when there is more
		}
		for _, d := range deliveries {
			f.cursor = d.ID
			if d.Forward {
				q.add(f.job(d))
			}
		}
	}
	return true, nil
}

func (f *Forwarder) job(d journal.Delivery) *job {
	j := &job{delivery: d}
	if f.cfg.Concurrency > 1 { // else the order is total, and nobody needs to know
		j.keys = d.Conversations()
	}
	return j
}

// work sends one delivery after the other until the queue is closed. hurry is
// closed when Run drains.
func (f *Forwarder) work(ctx context.Context, hurry <-chan struct{}, q *queue) {
	for j := q.next(nil); j != nil; j = q.next(j) {
		d := &j.delivery
		a := f.send(ctx, d, d.ReceivedAt.Add(f.cfg.RetryRefused), hurry)
		f.record(ctx, a)
		f.results.put(a)
	}
}

// record keeps an attempt, whatever became of the context it was made in.
func (f *Forwarder) record(ctx context.Context, a journal.Attempt) {
	if err := f.journal.Record(context.WithoutCancel(ctx), a); err != nil {
		f.log.Error("an attempt could not be recorded", "delivery", a.Delivery, "status", a.Status, "err", err)
	}
}

// Send makes one attempt at d and returns it. It keeps no order and records
// nothing.
func (f *Forwarder) Send(ctx context.Context, d journal.Delivery) journal.Attempt {
	return f.send(ctx, &d, d.ReceivedAt.Add(f.cfg.RetryRefused), nil)
}

// Replay sends d again, the same bytes, and records the attempt as a replay. It
// keeps no order.
func (f *Forwarder) Replay(ctx context.Context, d journal.Delivery) journal.Attempt {
	return f.replay(ctx, d, false)
}

// ReplayResigned is Replay of a delivery whose signature the caller has made anew. The
// attempt is recorded as such.
func (f *Forwarder) ReplayResigned(ctx context.Context, d journal.Delivery) journal.Attempt {
	return f.replay(ctx, d, true)
}

func (f *Forwarder) replay(ctx context.Context, d journal.Delivery, resigned bool) journal.Attempt {
	a := f.send(ctx, &d, time.Now().Add(f.cfg.RetryRefused), nil)
	a.Replay, a.Resigned = true, resigned
	f.record(ctx, a)
	return a
}
