package journal

import (
	"context"
	"math/bits"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"
)

// writer owns the connection that writes. Everything it does happens in Run's
// goroutine, or in Open.
type writer struct {
	journal     *Journal
	conn        *sqlite.Conn
	checkpoints checkpointer
	committed   chan struct{} // size 1: deliveries were committed, for the indexer

	lastDelivery     int64
	lastVerification int64
	lastAttempt      int64
	indexed, part    int64   // how far the derived rows have come
	pruned           int64   // deliveries up to here are gone
	sizes            []int64 // of the deliveries not yet indexed, oldest first

	arrivals []*arrival // scratch
	records  []record   // taken from the queue and not yet written
	chunk    *chunk     // likewise
	deep     bool       // the backlog is: a chunk goes before the next arrivals
	retry    time.Time  // when records and chunk may be tried again
	failing  bool       // the last commit failed

	begin, end, undo, addDelivery, addVerification, dropVerification, addAttempt, dropPending,
	lastN, dropLast, addEvent, addSearch, addWord, addVerdicts, addPending, addTally, setState *sqlite.Stmt
}

// load prepares the statements and reads where the journal stands.
func (w *writer) load() error {
	w.committed = make(chan struct{}, 1)
	w.checkpoints.due = make(chan struct{}, 1)
	for stmt, query := range map[**sqlite.Stmt]string{
		&w.begin: "begin immediate",
		&w.end:   "commit",
		&w.undo:  "rollback",
		&w.addDelivery: `insert into delivery (id, at, source, verdict, secret, reason, fixture, remote, answered, forward, head, body)
			values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&w.addVerdicts: "insert into verdict (verdict, source, delivery) select verdict, source, id from delivery where id > ? and id <= ?",
		&w.addPending: `insert into pending (delivery) select id from delivery d
			where id > ? and id <= ? and forward and not exists (select 1 from attempt where delivery = d.id)`,
		&w.addVerification: `insert into verification (id, at, uri, host, remote, self, status, reason, head)
			values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&w.dropVerification: "delete from verification where id = ? and status <> 200",
		&w.addAttempt: `insert into attempt (id, delivery, n, last, at, took, pace, target, replay, status, err, truncated, head, body, resigned)
			values (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&w.dropPending: "delete from pending where delivery = ?",
		&w.lastN:       "select n, id, status from attempt where delivery = ? order by n desc limit 1",
		&w.dropLast:    "update attempt set last = 0 where id = ?",
		&w.addEvent: `insert into event (id, at, field, kind, flags, account, party, username, summary, words, events, all_flags, identity)
			values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&w.addSearch: "insert into search (rowid, words) values (?, ?)",
		&w.addWord:   "insert or ignore into word (term) values (?)",
		&w.addTally:  "insert into tally (kind, name, n) values (?, ?, ?) on conflict do update set n = n + excluded.n",
		&w.setState:  "update state set value = ? where key = ?",
	} {
		s, err := w.conn.Prepare(query)
		if err != nil {
			return err
		}
		*stmt = s
	}
	for dst, query := range map[*int64]string{
		&w.lastDelivery:     selectLast,
		&w.lastVerification: "select max(id) from verification",
		&w.lastAttempt:      selectLastAttempt,
		&w.pruned:           "select value from state where key = 'pruned'",
		&w.indexed:          "select value from state where key = 'indexed'",
		&w.part:             "select value from state where key = 'indexed_events'",
	} {
		if err := readInt(w.conn, query, dst); err != nil {
			return err
		}
	}
	w.journal.last.Store(w.lastDelivery)
	return nil
}

// indexer returns an indexer that goes on where the derived rows end.
func (w *writer) indexer() *indexer {
	return &indexer{journal: w.journal, done: w.indexed, part: int(w.part)}
}

// catchUp derives the rows that a killed session left underived.
func (w *writer) catchUp(ctx context.Context) error {
	if w.indexed == w.lastDelivery {
		return nil
	}
	x := w.indexer()
	for {
		c, err := x.next(ctx)
		if err != nil || c == nil {
			return err
		}
		if err := w.commit(batch{chunk: c}); err != nil {
			return err
		}
		w.published(batch{chunk: c})
	}
}

// commit writes b in one transaction, all of it or nothing.
func (w *writer) commit(b batch) error {
	if w.journal.memory {
		c := <-w.journal.conns.conns // readers use the same connection
		defer w.journal.conns.put(c)
	}
	if err := run(w.begin); err != nil {
		return sqliteError(err)
	}
	err := w.write(b)
	if err == nil {
		err = run(w.end)
	}
	if err != nil {
		if !w.conn.AutocommitEnabled() {
			// After some errors SQLite has rolled back by itself.
			_ = run(w.undo)
		}
		return sqliteError(err)
	}
	return nil
}

func (w *writer) write(b batch) error {
	delivery, verification := w.lastDelivery, w.lastVerification
	for _, a := range b.arrivals {
		var err error
		if a.delivery != nil {
			delivery++
			a.id = delivery
			err = w.insertDelivery(a)
		} else {
			verification++
			a.id = verification
			err = w.insertVerification(a)
		}
		if err != nil {
			return err
		}
	}
	statuses := make(map[tallyKey]int64, 2)
	for i := range b.records {
		r := &b.records[i]
		r.attempt.ID = w.lastAttempt + int64(i) + 1
		if err := w.insertAttempt(r, statuses); err != nil {
			return err
		}
	}
	if err := w.count(statuses); err != nil {
		return err
	}
	switch {
	case b.chunk == nil:
		return nil
	case b.chunk.pruning != nil:
		return w.prune(b.chunk.pruning)
	}
	return w.insertChunk(b.chunk)
}

// published makes a successful commit known: ids, memory, gates, watchers.
func (w *writer) published(b batch) {
	j := w.journal
	if len(b.arrivals) > 0 {
		j.queue.hold(b.arrivals)
		for _, a := range b.arrivals {
			if a.delivery == nil {
				w.lastVerification = a.id
				continue
			}
			a.delivery.ID = a.id
			j.recent.add(*a.delivery)
			w.sizes = append(w.sizes, a.size)
			w.lastDelivery = a.id
		}
		j.last.Store(w.lastDelivery)
		poke(w.committed)
	}
	if n := len(b.records); n > 0 {
		w.lastAttempt += int64(n)
		bytes := int64(0)
		for i := range b.records {
			bytes += b.records[i].size
		}
		clear(w.records)
		w.records = w.records[:0]
		j.attempts.leave(n, bytes)
	}
	if b.chunk != nil {
		w.publishedChunk(b.chunk)
	}
	j.watch.poke()
	w.checkpoints.count(w.conn, j.memory)
}

func (w *writer) publishedChunk(c *chunk) {
	if c.pruning != nil {
		w.publishedPruning(c.pruning)
		w.chunk = nil
		return
	}
	// Deliveries found at Open never passed the gate: they have no size here.
	n := min(int(c.indexed-w.indexed), len(w.sizes))
	bytes := int64(0)
	for _, size := range w.sizes[:n] {
		bytes += size
	}
	w.sizes = append(w.sizes[:0], w.sizes[n:]...)
	w.indexed, w.part, w.chunk = c.indexed, int64(c.part), nil
	if n > 0 {
		w.journal.backlog.leave(n, bytes)
	}
}

func (w *writer) insertDelivery(a *arrival) error {
	d, s := a.delivery, w.addDelivery
	s.BindInt64(1, a.id)
	s.BindInt64(2, fromTime(d.ReceivedAt))
	s.BindText(3, string(d.Source))
	s.BindText(4, string(d.Verdict))
	s.BindText(5, d.Secret)
	s.BindText(6, d.Reason)
	s.BindText(7, d.Fixture)
	s.BindText(8, d.Remote)
	s.BindInt64(9, int64(d.Status))
	s.BindBool(10, d.Forward)
	s.BindBytes(11, a.head)
	s.BindBytes(12, d.Body)
	return run(s)
}

// keptRefusals is how many verification requests back a refused one is still kept.
// Everybody who knows the public URL can send them; only those with the verify token
// can send one that is answered 200, and these are kept for good.
const keptRefusals = 1000

func (w *writer) insertVerification(a *arrival) error {
	v, s := a.verification, w.addVerification
	s.BindInt64(1, a.id)
	s.BindInt64(2, fromTime(v.ReceivedAt))
	s.BindText(3, v.URI)
	s.BindText(4, v.Host)
	s.BindText(5, v.Remote)
	s.BindBool(6, v.Self)
	s.BindInt64(7, int64(v.Status))
	s.BindText(8, v.Reason)
	s.BindBytes(9, a.head)
	if err := run(s); err != nil {
		return err
	}
	w.dropVerification.BindInt64(1, a.id-keptRefusals)
	return run(w.dropVerification)
}

func (w *writer) insertAttempt(r *record, statuses map[tallyKey]int64) error {
	a := &r.attempt
	a.N = 1
	if !r.first {
		w.lastN.BindInt64(1, a.Delivery)
		var previous int64
		var status string
		err := each(w.lastN, func() bool {
			a.N, previous, status = w.lastN.ColumnInt(0)+1, w.lastN.ColumnInt64(1), w.lastN.ColumnText(2)
			return true
		})
		if err != nil {
			return err
		}
		if previous == 0 && a.Delivery <= w.pruned {
			return nil // what was sent again is no longer recorded
		}
		if previous != 0 {
			w.dropLast.BindInt64(1, previous)
			if err := run(w.dropLast); err != nil {
				return err
			}
			statuses[tallyKey{tallyStatus, status}]--
		}
	}
	statuses[tallyKey{tallyStatus, strconv.Itoa(a.Status)}]++
	s := w.addAttempt
	s.BindInt64(1, a.ID)
	s.BindInt64(2, a.Delivery)
	s.BindInt64(3, int64(a.N))
	s.BindInt64(4, fromTime(a.At))
	s.BindInt64(5, int64(a.Took))
	s.BindInt64(6, pace(a.Took))
	s.BindText(7, a.Target)
	s.BindBool(8, a.Replay)
	s.BindInt64(9, int64(a.Status))
	s.BindText(10, a.Err)
	s.BindBool(11, a.Truncated)
	s.BindBytes(12, r.head)
	s.BindBytes(13, a.Body)
	s.BindBool(14, a.Resigned)
	if err := run(s); err != nil || a.N > 1 || a.Delivery > w.indexed {
		return err
	}
	w.dropPending.BindInt64(1, a.Delivery)
	return run(w.dropPending)
}

// pace is the magnitude of a duration. It makes an index in which few values stand
// before the delivery, so that the slow ones can be listed newest first.
func pace(took time.Duration) int64 {
	return min(maxPace, int64(bits.Len64(uint64(max(0, took.Milliseconds())))))
}

const (
	slowPace = 4  // the first of the index attempt_pace: 8 ms
	maxPace  = 20 // some 9 minutes and everything above
)

func (w *writer) insertChunk(c *chunk) error {
	for i := range c.rows {
		if err := w.insertEvent(&c.rows[i]); err != nil {
			return err
		}
	}
	for _, word := range c.words {
		w.addWord.BindText(1, word)
		if err := run(w.addWord); err != nil {
			return err
		}
	}
	for _, list := range []*sqlite.Stmt{w.addVerdicts, w.addPending} {
		list.BindInt64(1, w.indexed)
		list.BindInt64(2, c.indexed)
		if err := run(list); err != nil {
			return err
		}
	}
	if err := w.insertNotices(c); err != nil {
		return err
	}
	if err := w.count(c.tally); err != nil {
		return err
	}
	for _, state := range []struct {
		key        string
		now, after int64
	}{
		{"indexed", w.indexed, c.indexed},
		{"indexed_events", w.part, int64(c.part)},
	} {
		if state.now == state.after {
			continue
		}
		w.setState.BindInt64(1, state.after)
		w.setState.BindText(2, state.key)
		if err := run(w.setState); err != nil {
			return err
		}
	}
	return nil
}

// count adds figures to the tally.
func (w *writer) count(figures map[tallyKey]int64) error {
	for key, n := range figures {
		if n == 0 {
			continue
		}
		w.addTally.BindText(1, key.kind)
		w.addTally.BindText(2, key.name)
		w.addTally.BindInt64(3, n)
		if err := run(w.addTally); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) insertEvent(row *eventRow) error {
	e, s := row.event, w.addEvent
	words := string(row.words)
	s.BindInt64(1, row.id)
	s.BindInt64(2, row.at)
	s.BindText(3, e.Field)
	s.BindText(4, e.Kind)
	s.BindInt64(5, int64(e.Flags))
	s.BindText(6, e.Account)
	s.BindText(7, e.Party)
	s.BindText(8, e.Username)
	s.BindText(9, e.Summary)
	s.BindText(10, words)
	s.BindInt64(11, int64(row.events))
	s.BindInt64(12, int64(row.allFlags))
	s.BindInt64(13, int64(row.identity)) //nolint:gosec // all 64 bits count
	if err := run(s); err != nil {
		return err
	}
	w.addSearch.BindInt64(1, row.id)
	w.addSearch.BindText(2, words)
	return run(w.addSearch)
}
