package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// maxRetrying bounds the deliveries that wait for their next try. While there are as
// many, no new one is sent.
const maxRetrying = 1000

// retried says of a fired delivery which try it was and what follows.
type retried struct {
	Number  int    `json:"number,omitempty"`   // what the tries of one delivery share
	Try     int    `json:"try,omitempty"`      // 1 for the first
	AfterMS int64  `json:"after_ms,omitempty"` // since the first try, by Meta's clock
	NextMS  *int64 `json:"next_ms,omitempty"`  // when the next try comes, by that clock; none when the delivery is done
	Dropped bool   `json:"dropped,omitempty"`  // not accepted, and there is no further try
}

func newRetried(number int, try simulator.Try, status int) retried {
	r := retried{Number: number, Try: try.N, AfterMS: try.After.Milliseconds()}
	if status == http.StatusOK {
		return r
	}
	left := simulator.Retry{Made: try.N}.Left()
	if r.Dropped = len(left) == 0; !r.Dropped {
		next := left[0].After.Milliseconds()
		r.NextMS = &next
	}
	return r
}

// again reports whether a further try follows.
func (r retried) again() bool { return r.NextMS != nil }

func (r retried) after() time.Duration { return time.Duration(r.AfterMS) * time.Millisecond }

// retry is a delivery that was not accepted yet.
type retry struct {
	request *simulator.Request
	number  int
	made    int // tries
}

// retrying tries deliveries again, each beside the others.
type retrying struct {
	order   fireOrder
	work    fireWork
	report  func(outcome)
	slots   chan struct{}
	running sync.WaitGroup
}

// goOn makes the tries that are left of a delivery, in the background. Once too many
// wait it waits itself.
func (r *retrying) goOn(ctx context.Context, it retry) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		r.work.kept.keep(it)
		return
	}
	r.running.Go(func() {
		defer func() { <-r.slots }()
		last, _, err := simulator.Retry{Scale: r.order.Scale, Made: it.made}.Run(ctx, func(ctx context.Context, try simulator.Try) bool {
			out := r.order.try(ctx, r.work, it, try)
			if ctx.Err() == nil || out.Status == http.StatusOK {
				r.report(out)
			}
			return out.Status == http.StatusOK
		})
		if err != nil {
			it.made = last.N
			r.work.kept.keep(it)
		}
	})
}

// keptRetries are deliveries whose retries were interrupted. A session keeps them
// while it runs. The zero value is ready to use; nil keeps nothing.
type keptRetries struct {
	mu  sync.Mutex
	all []retry
}

func (k *keptRetries) keep(it retry) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.all) == maxRetrying {
		k.all = k.all[1:] // the oldest was forgotten longest ago
	}
	k.all = append(k.all, it)
}

// take returns what is kept and keeps it no longer.
func (k *keptRetries) take() []retry {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.all
	k.all = nil
	return all
}
