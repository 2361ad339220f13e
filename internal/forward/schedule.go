package forward

import (
	"container/heap"

	"github.com/igloo-dev/igloo/internal/journal"
)

// job is a delivery on its way to the app.
type job struct {
	delivery journal.Delivery
	keys     []string // the conversations it belongs to, each once

	waits int    // unfinished jobs it comes right after, counted once for each conversation
	then  []*job // the jobs that wait for this one, likewise
}

// schedule decides which job may start. Jobs are added in journal order. One may
// start when every earlier job of its conversations is finished, and of those that
// may, the earliest starts first, limit of them at once.
//
// A job waits only for earlier ones, so none waits for ever: not even one that
// belongs to many conversations, because whoever comes later waits for it in turn.
// With a limit of 1 the order is the journal's, whatever the conversations are.
type schedule struct {
	limit   int
	running int
	size    int // unfinished jobs
	last    map[string]*job
	ready   jobHeap
}

func newSchedule(limit int) *schedule {
	return &schedule{limit: limit, last: map[string]*job{}}
}

// add takes a job in, and reports whether it waits for no other.
func (s *schedule) add(j *job) (ready bool) {
	s.size++
	for _, key := range j.keys {
		if before := s.last[key]; before != nil {
			before.then = append(before.then, j)
			j.waits++
		}
		s.last[key] = j
	}
	if j.waits > 0 {
		return false
	}
	heap.Push(&s.ready, j)
	return true
}

// start returns the job to start now, nil when there is none.
func (s *schedule) start() *job {
	if s.running == s.limit || len(s.ready) == 0 {
		return nil
	}
	s.running++
	return heap.Pop(&s.ready).(*job)
}

// finish takes out a job that was started, and returns how many waited for it alone
// and are ready now.
func (s *schedule) finish(j *job) (readied int) {
	s.running--
	s.size--
	for _, key := range j.keys {
		if s.last[key] == j {
			delete(s.last, key)
		}
	}
	for _, next := range j.then {
		if next.waits--; next.waits == 0 {
			heap.Push(&s.ready, next)
			readied++
		}
	}
	j.then = nil
	return readied
}

// jobHeap is a heap of jobs, the earliest delivery on top.
type jobHeap []*job

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(i, j int) bool { return h[i].delivery.ID < h[j].delivery.ID }
func (h jobHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *jobHeap) Push(x any) { *h = append(*h, x.(*job)) }

// Pop implements [heap.Interface].
func (h *jobHeap) Pop() any {
	end := len(*h) - 1
	j := (*h)[end]
	(*h)[end] = nil // let go of the body
	*h = (*h)[:end]
	return j
}
