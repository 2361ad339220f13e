package simulator

import (
	"context"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Burst is a number of deliveries, at a rate or as fast as the app answers.
type Burst struct {
	Count       int
	Rate        float64 // deliveries a second; 0 = no limit
	Concurrency int     // under way at once; 0 = 1
}

// Run calls fire Count times, with n from 0, and counts the outcomes in tally, which
// may be read meanwhile. fire delivers once and returns the app's status. With a
// rate, deliveries start at even distances and never in advance; when all places
// are taken they start late. Run returns early when ctx ends, with its error,
// after the deliveries under way.
func (b Burst) Run(ctx context.Context, tally *Tally, fire func(ctx context.Context, n int) (status int, err error)) error {
	start := time.Now()
	tally.begin(start)
	defer func() { tally.finish(time.Now()) }()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(max(b.Concurrency, 1), b.Count) {
		workers.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= b.Count || !b.wait(ctx, start, n) {
					return
				}
				began := time.Now()
				status, err := fire(ctx, n)
				if err != nil && ctx.Err() != nil {
					return // broken off by us, not by the app
				}
				tally.Add(status, err, time.Since(began))
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

// wait waits for the turn of delivery n and reports whether it still comes.
func (b Burst) wait(ctx context.Context, start time.Time, n int) bool {
	if b.Rate > 0 {
		offset := float64(n) / b.Rate * float64(time.Second)
		if offset > math.MaxInt64/2 {
			offset = math.MaxInt64 / 2
		}
		if left := time.Until(start.Add(time.Duration(offset))); left > 0 {
			turn := time.NewTimer(left)
			defer turn.Stop()
			select {
			case <-turn.C:
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err() == nil
}

// maxErrors bounds the error texts a [Tally] tells apart.
const maxErrors = 20

// OtherErrors is the text under which a [Summary] counts the errors beyond the
// first 20.
const OtherErrors = "other errors"

// Tally counts the outcomes of deliveries. The zero value is ready to use, and it is
// safe for concurrent use.
type Tally struct {
	mu             sync.Mutex
	started, ended time.Time
	summary        Summary
	times          histogram
}

// Summary says how a burst went.
type Summary struct {
	Sent     int            // deliveries that have an outcome
	OK       int            // answered with any 2xx
	Statuses map[int]int    // answers by status
	Errors   map[string]int // deliveries without an answer, by reason
	Took     time.Duration  // since the start, or from start to end
	// P50, P95 and P99 are what half, 95 and 99 of a hundred answers took at most,
	// to about 1 %. They are 0 without an answer.
	P50, P95, P99, Max time.Duration
}

// Rate returns the deliveries a second.
func (s Summary) Rate() float64 {
	if s.Took <= 0 {
		return 0
	}
	return float64(s.Sent) / s.Took.Seconds()
}

func (t *Tally) begin(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = at
}

func (t *Tally) finish(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = at
}

// Add counts one delivery: the app's status, or why there is no answer.
func (t *Tally) Add(status int, err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.summary
	s.Sent++
	if err != nil {
		if s.Errors == nil {
			s.Errors = map[string]int{}
		}
		text := err.Error()
		if _, known := s.Errors[text]; !known && len(s.Errors) >= maxErrors {
			text = OtherErrors
		}
		s.Errors[text]++
		return
	}
	if s.Statuses == nil {
		s.Statuses = map[int]int{}
	}
	s.Statuses[status]++
	if status >= 200 && status < 300 {
		s.OK++
	}
	t.times.add(took)
}

// Summary returns the counts so far.
func (t *Tally) Summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.summary
	s.Statuses, s.Errors = maps.Clone(s.Statuses), maps.Clone(s.Errors)
	switch {
	case t.started.IsZero():
	case t.ended.IsZero():
		s.Took = time.Since(t.started)
	default:
		s.Took = t.ended.Sub(t.started)
	}
	s.P50, s.P95, s.P99, s.Max = t.times.percentile(0.5), t.times.percentile(0.95), t.times.percentile(0.99), t.times.max
	return s
}
