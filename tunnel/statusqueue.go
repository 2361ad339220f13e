package tunnel

import "sync"

// maxQueued bounds the reports that wait for a slow reader.
const maxQueued = 64

// statusQueue hands reports from a provider, which must never wait, to a reader
// that may take its time. A slow reader loses repetition, never the outcome: a
// new latency replaces the one that still waits, and when the queue is full the
// oldest report goes.
type statusQueue struct {
	mu      sync.Mutex
	waiting []Status
	dropped int
	closed  bool
	changed chan struct{} // holds one poke
}

func newStatusQueue() *statusQueue {
	return &statusQueue{changed: make(chan struct{}, 1)}
}

// push adds a report. It never blocks.
func (q *statusQueue) push(st Status) {
	q.mu.Lock()
	switch n := len(q.waiting); {
	case n > 0 && sameButLatency(q.waiting[n-1], st):
		q.waiting[n-1] = st
	case n == maxQueued:
		q.waiting = append(q.waiting[1:n:n], st)
		q.dropped++
	default:
		q.waiting = append(q.waiting, st)
	}
	q.mu.Unlock()
	q.poke()
}

// close lets each return once it has handed over what still waits.
func (q *statusQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.poke()
}

func (q *statusQueue) poke() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// each calls f with every report in order until the queue is closed and empty,
// and returns how many were dropped.
func (q *statusQueue) each(f func(Status)) (dropped int) {
	for range q.changed {
		for {
			q.mu.Lock()
			if len(q.waiting) == 0 {
				closed, dropped := q.closed, q.dropped
				q.mu.Unlock()
				if closed {
					return dropped
				}
				break
			}
			st := q.waiting[0]
			q.waiting = q.waiting[1:]
			q.mu.Unlock()
			f(st)
		}
	}
	return 0
}

// sameButLatency reports whether b says nothing new but a latency.
func sameButLatency(a, b Status) bool {
	return a.State == b.State && (a.State == Online || a.State == Checking) && a.Account == b.Account && sameURL(a, b)
}

func sameURL(a, b Status) bool {
	if a.URL == nil || b.URL == nil {
		return a.URL == b.URL
	}
	return *a.URL == *b.URL
}
