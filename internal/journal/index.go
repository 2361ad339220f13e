package journal

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// chunkSize is how many events, or attempts, are written in one commit. An arrival
// waits for one such commit at most.
const chunkSize = 64

// maxKnownWords bounds the indexer's memory of the words already listed.
const maxKnownWords = 1 << 15

// chunk is the derived rows of one commit.
type chunk struct {
	rows     []eventRow
	words    []string // to be listed in the word table
	tally    map[tallyKey]int64
	notices  []notice
	resolved []int64  // events of notices that no longer hold
	pruning  *pruning // deletes instead, when set
	indexed  int64    // deliveries up to here are complete with this chunk
	part     int      // events of the next delivery written so far
}

type eventRow struct {
	id       int64
	at       int64
	event    *webhook.Event
	words    []byte
	events   int          // of the delivery, in its first event
	allFlags webhook.Flag // likewise
	identity uint64
}

type tallyKey struct{ kind, name string }

// The kinds of the tally table.
const (
	tallyVerdict = "verdict"
	tallySource  = "source"
	tallyField   = "field"
	tallyStatus  = "status" // of the last attempt of each delivery
	tallyTotal   = "total"

	totalEvents = "events"
	totalBytes  = "bytes"
)

// indexer derives events and their words from the bodies, in journal order. It parses
// beside the writer, which only inserts what comes out.
type indexer struct {
	journal *Journal
	done    int64 // deliveries up to here are in chunks already handed out
	part    int   // events of the next delivery handed out before

	ready   []Delivery // read, not yet parsed; only what derive needs is set
	current Delivery   // the delivery the events below belong to
	events  []webhook.Event
	total   int
	flags   webhook.Flag

	known map[string]struct{} // words that are in the word table, or on their way

	noticer noticer
	pruner  pruner
}

// next returns the next chunk, or nil when every committed delivery is indexed.
func (x *indexer) next(ctx context.Context) (*chunk, error) {
	c := &chunk{tally: make(map[tallyKey]int64), indexed: x.done, part: x.part}
	for deliveries := 0; len(c.rows) < chunkSize && deliveries < 4*chunkSize; deliveries++ {
		if len(x.events) == 0 {
			if more, err := x.parseNext(ctx, c); err != nil {
				return nil, err
			} else if !more {
				break
			}
		}
		n := min(chunkSize-len(c.rows), len(x.events))
		for i := range x.events[:n] {
			x.derive(c, &x.events[i])
		}
		x.events = x.events[n:]
		x.part += n
		if len(x.events) == 0 {
			x.finish(c)
		}
		c.indexed, c.part = x.done, x.part
	}
	if len(c.rows) == 0 && len(c.tally) == 0 {
		return nil, nil
	}
	return c, nil
}

// parseNext makes the next delivery current. more is false when there is none.
func (x *indexer) parseNext(ctx context.Context, c *chunk) (more bool, err error) {
	if !x.noticer.loaded {
		if err := x.journal.read(ctx, x.noticer.load); err != nil {
			return false, err
		}
	}
	if len(x.ready) == 0 {
		if x.ready, err = x.load(ctx, x.ready[:0]); err != nil || len(x.ready) == 0 {
			return false, err
		}
	}
	x.current, x.ready = x.ready[0], x.ready[1:]
	// A body that is no payload has no events; the delivery is listed all the same.
	payload, err := webhook.Parse(x.current.Body)
	if err == nil && x.part == 0 {
		x.noticer.delivery(c, &x.current, payload)
	}
	x.total, x.flags = len(payload.Events)+payload.More, 0
	for i := range payload.Events {
		x.flags |= payload.Events[i].Flags
	}
	// After a kill, the first ones may be there already.
	x.part = min(x.part, len(payload.Events))
	x.events = payload.Events[x.part:]
	return true, nil
}

// load reads the deliveries that come next, from memory or from the file.
func (x *indexer) load(ctx context.Context, dst []Delivery) ([]Delivery, error) {
	j := x.journal
	if x.done >= j.LastID() {
		return dst, nil
	}
	if dst, ok := j.recent.since(dst, x.done, chunkSize); ok {
		return dst, nil
	}
	const query = `select id, at, source, verdict, forward, body from delivery where id > ? order by id limit ?`
	err := j.read(ctx, func(c *sqlite.Conn) error {
		stmt := c.Prep(query)
		stmt.BindInt64(1, x.done)
		stmt.BindInt64(2, chunkSize)
		bytes := 0
		return each(stmt, func() bool {
			d := Delivery{
				ID:         stmt.ColumnInt64(0),
				ReceivedAt: toTime(stmt.ColumnInt64(1)),
				Source:     Source(stmt.ColumnText(2)),
				Verdict:    webhook.Verdict(stmt.ColumnText(3)),
				Forward:    stmt.ColumnBool(4),
				Body:       columnBytes(stmt, 5),
			}
			dst = append(dst, d)
			bytes += len(d.Body)
			return bytes < maxGroupBytes
		})
	})
	return dst, err
}

func (x *indexer) derive(c *chunk, e *webhook.Event) {
	at := e.Time
	if at.IsZero() {
		at = e.Sent
	}
	row := eventRow{id: eventID(x.current.ID, e.N), at: fromTime(at), event: e, identity: e.Identity()}
	if e.N == 1 {
		row.events, row.allFlags = x.total, x.flags
	}
	row.words = eventWords(nil, e, func(word []byte) {
		if _, ok := x.known[string(word)]; ok {
			return
		}
		if len(x.known) >= maxKnownWords || x.known == nil {
			x.known = make(map[string]struct{})
		}
		text := string(word)
		x.known[text] = struct{}{}
		c.words = append(c.words, text)
	})
	x.noticer.event(c, &x.current, &row)
	c.rows = append(c.rows, row)
	c.tally[tallyKey{tallyField, e.Field}]++
}

// finish marks the current delivery as indexed.
func (x *indexer) finish(c *chunk) {
	x.done, x.part = x.current.ID, 0
	c.tally[tallyKey{tallyVerdict, string(x.current.Verdict)}]++
	c.tally[tallyKey{tallySource, string(x.current.Source)}]++
	c.tally[tallyKey{tallyTotal, totalEvents}] += int64(x.total)
	c.tally[tallyKey{tallyTotal, totalBytes}] += int64(len(x.current.Body))
}

// run hands chunks to the writer until ctx ends, or until everything is indexed after
// drained was closed. It waits a moment for more before a small chunk, because many
// small commits cost more than few.
func (x *indexer) run(ctx context.Context, poke, drained <-chan struct{}, chunks chan<- *chunk) {
	defer close(chunks)
	draining := false
	for {
		c, err := x.step(ctx, draining)
		if err != nil {
			if ctx.Err() != nil || draining {
				return // they are derived when the journal is opened again
			}
			x.journal.cfg.Logger.Error("cannot read deliveries to index them", "err", err)
			pause(ctx, drained, retryAfter)
			continue
		}
		if c != nil {
			select {
			case chunks <- c:
			case <-ctx.Done():
				return
			}
			continue
		}
		if draining {
			return
		}
		select {
		case <-poke:
			pause(ctx, drained, gather)
		case <-drained:
			draining = true // and once more, for what came in between
		case <-ctx.Done():
			return
		}
	}
}

func pause(ctx context.Context, cut <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-cut:
	case <-ctx.Done():
	}
}

func eventID(delivery int64, n int) int64 { return delivery<<eventBits | int64(n) }

func toTime(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func fromTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
