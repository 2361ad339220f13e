package journal

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"zombiezen.com/go/sqlite"
)

// Prune deletes the deliveries up to an id, with their attempts and all that was
// derived from them, and gives the space back to the disk. It goes in small steps
// between the commits of what arrives, and returns when all is done; Run has to be
// running. Deliveries that this session still has to forward stay.
//
// The words of what is deleted stay in parts of the full-text index that are only
// rewritten now and then; thorough rewrites it, which takes a while in a large
// journal.
func (j *Journal) Prune(ctx context.Context, upTo int64, thorough bool) error {
	if j.readOnly {
		return fmt.Errorf("prune: %w", ErrReadOnly)
	}
	upTo = min(upTo, j.LastID(), j.queue.oldestHeld()-1)
	if upTo < 1 {
		return nil
	}
	changed, stop := j.Watch()
	defer stop()
	order := j.pruning.ask(upTo, thorough)
	poke(j.writer.committed)
	for !j.pruning.fulfilled(order) {
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("prune: %w", context.Cause(ctx))
		}
	}
	return nil
}

// oldestHeld returns the oldest delivery of this session without an attempt.
func (q *queue) oldestHeld() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	oldest := everything.hi
	for id := range q.held {
		oldest = min(oldest, id)
	}
	return oldest
}

// pruneOrders is what callers of Prune want, for the indexer, which has it done.
type pruneOrders struct {
	mu       sync.Mutex
	order    int // counts the orders
	upTo     int64
	thorough bool
	done     int  // the newest order that is done
	waiting  bool // a step is on its way to a commit
	more     bool // what the last step had left to do
}

func (o *pruneOrders) ask(upTo int64, thorough bool) (order int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.order++
	o.upTo, o.thorough = max(o.upTo, upTo), o.thorough || thorough
	return o.order
}

func (o *pruneOrders) fulfilled(order int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.done >= order
}

// next returns what there is to do, 0 for nothing or nothing yet.
func (o *pruneOrders) next() (order int, upTo int64, thorough, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting || o.done == o.order {
		return 0, 0, false, false
	}
	return o.order, o.upTo, o.thorough, o.more
}

// handOut says that a step is on its way, until committed says that it is done.
func (o *pruneOrders) handOut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = true
}

func (o *pruneOrders) committed(more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting, o.more = false, more
}

// fulfil ends an order, and with it those before. A later one begins anew.
func (o *pruneOrders) fulfil(order int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = order
	if o.done == o.order {
		o.thorough = false
	}
}

// pruning is one step of pruning, in one commit: it deletes events and the deliveries
// they belong to, or does one of the other things.
type pruning struct {
	from, to int64 // events to delete: from <= id < to
	whole    bool  // with them the deliveries from lo to hi, and everything about them
	lo, hi   int64

	words  []string // that are in no event any more
	vacuum bool     // give free pages back
	merge  bool     // rewrite a part of the full-text index
	goesOn bool     // merge has begun
	more   bool     // set by the writer: merge has more to do
}

const (
	// pruneTurn is how often a step of pruning comes when there is always something to
	// index.
	pruneTurn = 8

	// pruneBytes bounds the bodies deleted in one commit.
	pruneBytes = 8 << 20

	// maxGone bounds the words to be looked up after their events are deleted, and
	// wordsAtOnce those that are looked up at a time.
	maxGone     = 1 << 13
	wordsAtOnce = 256

	// pagesAtOnce is how many pages one commit merges.
	pagesAtOnce = 64
)

// pruner says what is to be deleted next. It belongs to the indexer, which knows best
// which words are listed.
type pruner struct {
	turn   int
	gone   map[string]struct{} // words of deleted events
	merged bool                // the index was asked to merge for this order
}

// step returns the next chunk: derived rows, else something to delete.
func (x *indexer) step(ctx context.Context, draining bool) (*chunk, error) {
	if draining {
		return x.next(ctx)
	}
	if x.pruner.turn++; x.pruner.turn%pruneTurn == 0 {
		if c, err := x.prune(ctx); c != nil || err != nil {
			return c, err
		}
	}
	if c, err := x.next(ctx); c != nil || err != nil {
		return c, err
	}
	return x.prune(ctx)
}

// prune returns the next step of pruning, nil when there is none, or none before the
// last one is committed.
func (x *indexer) prune(ctx context.Context) (*chunk, error) {
	orders := &x.journal.pruning
	order, upTo, thorough, more := orders.next()
	if order == 0 {
		return nil, nil
	}
	var p *pruning
	var wait bool
	err := x.journal.read(ctx, func(c *sqlite.Conn) (err error) {
		p, wait, err = x.pruneStep(c, min(upTo, x.done), thorough, more)
		return err
	})
	if err != nil || wait {
		return nil, err
	}
	if p == nil {
		x.pruner.merged = false
		orders.fulfil(order)
		x.journal.watch.poke()
		return nil, nil
	}
	orders.handOut()
	return &chunk{pruning: p, indexed: x.done, part: x.part}, nil
}

// pruneStep finds the next step: deliveries first, then words, pages of the full-text
// index, pages of the file. wait means that what was indexed last is not committed.
func (x *indexer) pruneStep(c *sqlite.Conn, upTo int64, thorough, more bool) (p *pruning, wait bool, err error) {
	if len(x.pruner.gone) < maxGone {
		if p, err = x.pruneDeliveries(c, upTo); p != nil || err != nil {
			return p, false, err
		}
	}
	if len(x.pruner.gone) > 0 {
		committed, err := x.committed(c)
		if err != nil || !committed {
			return nil, true, err
		}
		if p, err = x.pruneWords(c); p != nil || err != nil {
			return p, false, err
		}
	}
	if thorough && (!x.pruner.merged || more) {
		p = &pruning{merge: true, goesOn: x.pruner.merged}
		x.pruner.merged = true
		return p, false, nil
	}
	var free, mode int64
	if err := readInt(c, "pragma freelist_count", &free); err != nil {
		return nil, false, err
	}
	if err := readInt(c, "pragma auto_vacuum", &mode); err != nil {
		return nil, false, err
	}
	const incremental = 2
	if free > 0 && mode == incremental {
		return &pruning{vacuum: true}, false, nil
	}
	return nil, false, nil
}

// committed reports whether all derived rows that were handed out are in the file.
func (x *indexer) committed(c *sqlite.Conn) (bool, error) {
	var indexed, part int64
	if err := readInt(c, "select value from state where key = 'indexed'", &indexed); err != nil {
		return false, err
	}
	if err := readInt(c, "select value from state where key = 'indexed_events'", &part); err != nil {
		return false, err
	}
	return indexed == x.done && part == int64(x.part), nil
}

// pruneDeliveries returns the oldest deliveries, as many as go into one commit, and
// notes their words.
func (x *indexer) pruneDeliveries(c *sqlite.Conn, upTo int64) (*pruning, error) {
	stmt := c.Prep(`select id, length(body), (select count(*) from event where id > d.id << 14 and id < (d.id + 1) << 14)
		from delivery d where id <= ? order by id limit ?`)
	stmt.BindInt64(1, upTo)
	stmt.BindInt64(2, chunkSize)
	var p *pruning
	bytes, events, most := int64(0), int64(0), int64(0)
	err := each(stmt, func() bool {
		id := stmt.ColumnInt64(0)
		bytes += stmt.ColumnInt64(1)
		events += stmt.ColumnInt64(2)
		switch {
		case p == nil:
			p, most = &pruning{whole: true, lo: id, hi: id, from: eventID(id, 0), to: eventID(id+1, 0)}, events
		case events > chunkSize || bytes > pruneBytes:
			return false
		}
		p.hi, p.to = id, eventID(id+1, 0)
		return true
	})
	if err != nil || p == nil {
		return nil, err
	}
	if most > chunkSize {
		// A part of its events, from the last on: the first one has the figures.
		stmt := c.Prep("select id from event where id < ? order by id desc limit 1 offset ?")
		stmt.BindInt64(1, p.to)
		stmt.BindInt64(2, chunkSize-1)
		err := each(stmt, func() bool {
			p.from, p.whole = stmt.ColumnInt64(0), false
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return p, x.noteWords(c, p)
}

// noteWords remembers the words of the events that a step deletes.
func (x *indexer) noteWords(c *sqlite.Conn, p *pruning) error {
	if x.pruner.gone == nil {
		x.pruner.gone = make(map[string]struct{})
	}
	stmt := c.Prep("select words from event where id >= ? and id < ?")
	stmt.BindInt64(1, p.from)
	stmt.BindInt64(2, p.to)
	return each(stmt, func() bool {
		for word := range strings.SplitSeq(stmt.ColumnText(0), " ") {
			if word != "" && word[0] != ':' {
				x.pruner.gone[word] = struct{}{}
			}
		}
		return true
	})
}

// pruneWords looks the noted words up until it has some that no event has any more;
// nil when there are none.
func (x *indexer) pruneWords(c *sqlite.Conn) (*pruning, error) {
	stmt := c.Prep("select 1 from search where search match ? limit 1")
	var p *pruning
	for word := range x.pruner.gone {
		delete(x.pruner.gone, word)
		stmt.BindText(1, ftsString(word))
		found, err := exists(stmt)
		if err != nil {
			return nil, err
		}
		if found {
			continue
		}
		if p == nil {
			p = &pruning{}
		}
		p.words = append(p.words, word)
		delete(x.known, word)
		if len(p.words) == wordsAtOnce {
			break
		}
	}
	return p, nil
}
