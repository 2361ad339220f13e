package forward

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/igloo-dev/igloo/internal/journal"
)

// Why [Forwarder.Wait] has no attempt to return.
var (
	ErrForgotten = errors.New("attempt no longer remembered")
	ErrStopped   = errors.New("forwarding stopped")
)

// remembered is how many attempts back Wait can look.
const remembered = 1024

// results remembers how the last first attempts ended and tells those who wait. It
// is safe for concurrent use.
type results struct {
	mu      sync.Mutex
	recent  [remembered]journal.Attempt // at Delivery % remembered
	waiting map[int64][]chan journal.Attempt
	stopped chan struct{}
}

func newResults() *results {
	return &results{waiting: map[int64][]chan journal.Attempt{}, stopped: make(chan struct{})}
}

func (r *results) put(a journal.Attempt) {
	a.Header, a.Body = nil, nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if place := &r.recent[a.Delivery%remembered]; place.Delivery <= a.Delivery {
		*place = a
	}
	if len(r.waiting) == 0 {
		return
	}
	for _, waiter := range r.waiting[a.Delivery] {
		waiter <- a // has room
	}
	delete(r.waiting, a.Delivery)
}

// subscribe returns the attempt when it is remembered, else a channel that gets it.
func (r *results) subscribe(delivery int64) (a journal.Attempt, later chan journal.Attempt, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch place := &r.recent[delivery%remembered]; {
	case place.Delivery == delivery:
		return *place, nil, nil
	case place.Delivery > delivery:
		return journal.Attempt{}, nil, ErrForgotten
	}
	later = make(chan journal.Attempt, 1)
	r.waiting[delivery] = append(r.waiting[delivery], later)
	return journal.Attempt{}, later, nil
}

// forget drops a subscription nobody waits for any more.
func (r *results) forget(delivery int64, later chan journal.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := slices.DeleteFunc(r.waiting[delivery], func(c chan journal.Attempt) bool { return c == later })
	if len(left) == 0 {
		delete(r.waiting, delivery)
		return
	}
	r.waiting[delivery] = left
}

// Wait returns the first attempt [Forwarder.Run] makes at a delivery, without the
// header and body of the app's answer, as soon as it is over. Ask for deliveries
// that are to be forwarded: for others it waits until ctx ends. [ErrForgotten] means
// that the attempt may be long past, and the journal knows; [ErrStopped] that there
// will be none in this session.
func (f *Forwarder) Wait(ctx context.Context, delivery int64) (journal.Attempt, error) {
	a, later, err := f.results.subscribe(delivery)
	if err != nil || later == nil {
		return a, err
	}
	defer f.results.forget(delivery, later)
	select {
	case a := <-later:
		return a, nil
	case <-ctx.Done():
		return journal.Attempt{}, ctx.Err()
	case <-f.results.stopped:
	}
	select {
	case a := <-later: // it was the last
		return a, nil
	default:
		return journal.Attempt{}, ErrStopped
	}
}
