package journal

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// maxGroup and maxGroupBytes bound the arrivals of one commit.
	maxGroup      = 256
	maxGroupBytes = 8 << 20

	// gather is how long attempts and derived rows wait for company. Arrivals do not.
	gather = 4 * time.Millisecond

	// retryAfter is how long the writer leaves attempts and derived rows alone when
	// they could not be written.
	retryAfter = 500 * time.Millisecond

	// Above this backlog derived rows get every second commit, so that they keep up;
	// below they wait until no arrival is there.
	deepBacklog      = 2048
	deepBacklogBytes = 4 << 20
)

// Run writes: it commits what arrives, derives events, and keeps the write-ahead log
// small. When ctx ends, Append and Record return [ErrClosed], what they had accepted
// is written and indexed, and Run returns. The error says what could not be written.
//
// On a journal of [OpenReader], Run only looks for commits of the session that
// writes, and pokes the watchers.
func (j *Journal) Run(ctx context.Context) error {
	if j.readOnly {
		return j.follow(ctx)
	}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-inner.Done():
		}
		j.stopAccepting()
	})
	drained := make(chan struct{})
	chunks := make(chan *chunk)
	wg.Go(func() { j.writer.indexer().run(inner, j.writer.committed, drained, chunks) })
	if !j.memory {
		wg.Go(func() { j.writer.checkpoints.run(inner, j.cfg) })
	}
	err := j.writer.run(chunks, drained)
	cancel()
	wg.Wait()
	return err
}

// batch is what goes into one commit.
type batch struct {
	arrivals []*arrival
	records  []record
	chunk    *chunk
}

// run commits until the queue is closed and empty. It closes drained when no arrival
// can come any more, and expects the indexer to close chunks some time after.
func (w *writer) run(chunks <-chan *chunk, drained chan<- struct{}) error {
	q := &w.journal.queue
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		if w.chunk == nil {
			select {
			case c, ok := <-chunks:
				if w.chunk = c; !ok {
					chunks = nil
				}
			default:
			}
		}
		arrivals, records, oldest, closed := q.waiting()
		records += len(w.records)
		if closed && arrivals == 0 && drained != nil {
			close(drained)
			drained = nil
		}
		wait, age := time.Until(w.retry), time.Since(oldest)
		due := wait <= 0 && (w.chunk != nil || records >= chunkSize || records > 0 && (closed || age >= gather))
		overdue := w.deep || records >= 4*chunkSize || records > 0 && age >= 10*gather
		switch {
		case arrivals > 0 && (!due || !overdue):
			w.writeArrivals()
		case due:
			if err := w.writeRest(); err != nil && closed {
				return w.giveUp(err)
			}
		case drained == nil && chunks == nil && records == 0:
			return nil
		default:
			if wait <= 0 && records > 0 {
				wait = time.Until(oldest.Add(gather))
			}
			if records > 0 || w.chunk != nil {
				timer.Reset(max(0, wait))
			}
			next := chunks
			if w.chunk != nil {
				next = nil
			}
			select {
			case <-q.wake:
			case <-timer.C:
			case c, ok := <-next:
				if w.chunk = c; !ok {
					chunks = nil
				}
			}
			timer.Stop()
		}
	}
}

// writeArrivals commits the arrivals that wait, and tells the callers. Attempts do not
// come along: every table touched makes the commit longer.
func (w *writer) writeArrivals() {
	w.arrivals = w.journal.queue.takeArrivals(w.arrivals[:0])
	b := batch{arrivals: w.arrivals}
	err := w.commit(b)
	if err == nil {
		w.published(b)
	}
	for _, a := range w.arrivals {
		a.err = err
		close(a.done)
	}
	clear(w.arrivals)
	count, bytes := w.journal.backlog.load()
	w.deep = count > deepBacklog || bytes > deepBacklogBytes
	w.report(err)
}

// writeRest commits attempts and derived rows. What could not be written stays, to be
// tried again.
func (w *writer) writeRest() error {
	w.records = w.journal.queue.takeRecords(w.records)
	b := batch{records: w.records, chunk: w.chunk}
	err := w.commit(b)
	if err == nil {
		w.published(b)
		w.deep = false
	} else {
		w.retry = time.Now().Add(retryAfter)
	}
	w.report(err)
	return err
}

// report logs the first failure of a row, and the first success after.
func (w *writer) report(err error) {
	log := w.journal.cfg.Logger
	switch {
	case err != nil && !w.failing:
		log.Error("the journal cannot be written", "err", err)
	case err == nil && w.failing:
		log.Info("the journal is written again")
	}
	w.failing = err != nil
}

// giveUp ends a drain that cannot be completed. Derived rows are derived again when
// the journal is opened; attempts are lost, their deliveries stay pending.
func (w *writer) giveUp(err error) error {
	_, records, _, _ := w.journal.queue.waiting()
	if lost := records + len(w.records); lost > 0 {
		return fmt.Errorf("write %d attempts: %w", lost, err)
	}
	return fmt.Errorf("index deliveries: %w", err)
}
