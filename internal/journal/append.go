package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// arrival is a delivery or a verification request on its way to a commit, with the
// caller waiting for it.
type arrival struct {
	delivery     *Delivery // exactly one of the two is set
	verification *Verification
	head         []byte
	size         int64 // what the gates count
	id           int64 // set with the commit
	err          error
	done         chan struct{}
}

// record is an attempt on its way to a commit. Nobody waits for it.
type record struct {
	attempt Attempt
	first   bool // of a delivery of this session: there is no earlier one to look for
	head    []byte
	size    int64
}

// queue is what waits for the writer. The gates bound it.
type queue struct {
	wake chan struct{} // size 1: there is something to take

	mu       sync.Mutex
	closed   bool
	arrivals []*arrival
	records  []record
	oldest   time.Time       // when the first of records was queued
	held     map[int64]int64 // bytes of the deliveries inside the pending gate, by id
}

// Append records a delivery and returns its id once it is committed: from then on it
// survives a kill. d.ID is ignored. Append blocks while too many deliveries wait for
// their first attempt or for their derived rows. The journal keeps d.Header and
// d.Body; the caller must not change them.
//
// When the error is not nil, nothing was recorded; it wraps [ErrFull], [ErrReadOnly]
// or [ErrBusy] where one of them is the cause.
func (j *Journal) Append(ctx context.Context, d Delivery) (id int64, err error) {
	size := footprint(&d)
	if err := j.enter(ctx, &d, size); err != nil {
		return 0, fmt.Errorf("append delivery: %w", err)
	}
	head := make([]byte, 0, 512)
	a := &arrival{
		delivery: &d, size: size, done: make(chan struct{}),
		head: appendRequestHead(head, d.Method, d.URI, d.Proto, d.Host, d.Header),
	}
	if err := j.submit(ctx, a); err != nil {
		j.leave(&d, size)
		return 0, fmt.Errorf("append delivery: %w", err)
	}
	return a.id, nil
}

// enter takes the places of a delivery: one until its first attempt, one until its
// derived rows are written.
func (j *Journal) enter(ctx context.Context, d *Delivery, size int64) error {
	if j.readOnly {
		return ErrReadOnly
	}
	if d.Forward {
		if err := j.pending.enter(ctx, size); err != nil {
			return err
		}
	}
	err := j.backlog.enter(ctx, size)
	if err != nil && d.Forward {
		j.pending.leave(1, size)
	}
	return err
}

func (j *Journal) leave(d *Delivery, size int64) {
	j.backlog.leave(1, size)
	if d.Forward {
		j.pending.leave(1, size)
	}
}

// AppendVerification records a verification request and returns its id once it is
// committed.
func (j *Journal) AppendVerification(ctx context.Context, v Verification) (int64, error) {
	if j.readOnly {
		return 0, fmt.Errorf("append verification: %w", ErrReadOnly)
	}
	a := &arrival{verification: &v, head: appendHeader(nil, v.Header), done: make(chan struct{})}
	if err := j.submit(ctx, a); err != nil {
		return 0, fmt.Errorf("append verification: %w", err)
	}
	return a.id, nil
}

// Record queues an attempt. It is committed together with others a few milliseconds
// later; ID and N are assigned then. The first attempt of a delivery frees its place
// among the pending ones at once. Record blocks only while very many attempts are
// queued, for example because the disk is full.
func (j *Journal) Record(ctx context.Context, a Attempt) error {
	if err := j.record(ctx, a); err != nil {
		return fmt.Errorf("record attempt: %w", err)
	}
	return nil
}

func (j *Journal) record(ctx context.Context, a Attempt) error {
	if j.readOnly {
		return ErrReadOnly
	}
	if a.Delivery < 1 || a.Delivery > j.LastID() {
		return fmt.Errorf("%w: %s", ErrNotFound, FormatID(a.Delivery, 0))
	}
	r := record{attempt: a, head: appendHeader(nil, a.Header)}
	r.size = int64(deliveryOverhead + len(r.head) + len(a.Body))
	if err := j.attempts.enter(ctx, r.size); err != nil {
		return err
	}
	q := &j.queue
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		j.attempts.leave(1, r.size)
		return ErrClosed
	}
	held, first := q.held[a.Delivery]
	delete(q.held, a.Delivery)
	r.first = first
	if len(q.records) == 0 {
		q.oldest = time.Now()
	}
	q.records = append(q.records, r)
	full := len(q.records) == chunkSize
	if len(q.records) == 1 || full {
		q.poke()
	}
	q.mu.Unlock()
	if first {
		j.pending.leave(1, held)
	}
	return nil
}

// submit queues an arrival and waits for its commit. When ctx ends before the writer
// took it, it is withdrawn; after that its commit is only moments away.
func (j *Journal) submit(ctx context.Context, a *arrival) error {
	q := &j.queue
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	q.arrivals = append(q.arrivals, a)
	q.poke()
	q.mu.Unlock()

	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
	}
	if q.withdraw(a) {
		return context.Cause(ctx)
	}
	<-a.done
	return a.err
}

func (q *queue) withdraw(a *arrival) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.arrivals, a)
	if i < 0 {
		return false
	}
	q.arrivals = slices.Delete(q.arrivals, i, i+1)
	return true
}

// poke wakes the writer.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.poke()
}

// waiting says what there is to take: how many arrivals, how many attempts and since
// when, and whether nothing more will come.
func (q *queue) waiting() (arrivals, records int, oldest time.Time, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.arrivals), len(q.records), q.oldest, q.closed
}

// takeArrivals moves the arrivals of one commit to dst.
func (q *queue) takeArrivals(dst []*arrival) []*arrival {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for bytes := int64(0); n < len(q.arrivals) && n < maxGroup && bytes < maxGroupBytes; n++ {
		bytes += q.arrivals[n].size
	}
	dst = append(dst, q.arrivals[:n]...)
	q.arrivals = slices.Delete(q.arrivals, 0, n)
	return dst
}

// takeRecords moves the attempts of one commit to dst.
func (q *queue) takeRecords(dst []record) []record {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(max(0, chunkSize-len(dst)), len(q.records))
	dst = append(dst, q.records[:n]...)
	q.records = slices.Delete(q.records, 0, n)
	q.oldest = time.Now()
	return dst
}

// hold remembers a delivery's place among the pending ones until its first attempt.
func (q *queue) hold(arrivals []*arrival) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range arrivals {
		if a.delivery != nil && a.delivery.Forward {
			q.held[a.id] = a.size
		}
	}
}
