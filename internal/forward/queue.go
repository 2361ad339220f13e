package forward

import "sync"

// The look-ahead: how much is taken from the journal before it can be sent. The
// journal itself makes senders wait when this much is pending.
const (
	maxAhead      = 2048     // deliveries
	maxAheadBytes = 32 << 20 // of bodies
)

// queue is the schedule as the workers share it. A worker that finishes a job takes
// the next one in the same breath, so a busy queue hands nothing from goroutine to
// goroutine.
type queue struct {
	mu       sync.Mutex
	work     sync.Cond // there may be a job to start, or none ever again
	schedule *schedule
	bytes    int
	closed   bool

	// room is poked once when the feeder wants to know that jobs were finished.
	room     chan struct{}
	wantRoom bool
}

func newQueue(workers int) *queue {
	q := &queue{schedule: newSchedule(workers), room: make(chan struct{}, 1)}
	q.work.L = &q.mu
	return q
}

// add takes a job in and reports whether the queue is full with it. Then room will
// be poked.
func (q *queue) add(j *job) (full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes += len(j.delivery.Body)
	if q.schedule.add(j) {
		q.work.Signal()
	}
	q.wantRoom = q.schedule.size >= maxAhead || q.bytes >= maxAheadBytes
	return q.wantRoom
}

// full reports whether nothing more should be added. Then room will be poked.
func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wantRoom = q.schedule.size >= maxAhead || q.bytes >= maxAheadBytes
	return q.wantRoom
}

// empty reports whether every job is finished. If not, room will be poked.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wantRoom = q.schedule.size > 0
	return !q.wantRoom
}

// next takes back a finished job, if there is one, and waits for the next to start.
// It returns nil when the queue is closed.
func (q *queue) next(finished *job) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if finished != nil {
		q.finish(finished)
	}
	for !q.closed {
		if j := q.schedule.start(); j != nil {
			return j
		}
		q.work.Wait()
	}
	return nil
}

func (q *queue) finish(j *job) {
	q.bytes -= len(j.delivery.Body)
	// The caller starts one of them itself.
	for range q.schedule.finish(j) - 1 {
		q.work.Signal()
	}
	if q.wantRoom && q.schedule.size <= maxAhead/2 && q.bytes <= maxAheadBytes/2 {
		q.wantRoom = false
		select {
		case q.room <- struct{}{}:
		default:
		}
	}
}

// close lets the workers go. What was not started stays pending in the journal.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.work.Broadcast()
}
