package journal

import "cmp"

// What the writer does for pruning: one step in one commit, so that a kill in between
// leaves figures that are right.

// pruneEvents are the statements that delete events from ?1 up to, but not including,
// ?2, in this order. Rows of the full-text index are deleted by what was in them.
var pruneEvents = []string{
	`insert into tally (kind, name, n) select 'field', field, -count(*) from event where id >= ?1 and id < ?2 group by field
		on conflict do update set n = n + excluded.n`,
	`update tally set n = n - (select total(events) from event where id >= ?1 and id < ?2) where kind = 'total' and name = 'events'`,
	`insert into search (search, rowid, words) select 'delete', id, words from event where id >= ?1 and id < ?2`,
	`delete from notice where event >= ?1 and event < ?2`,
	`delete from event where id >= ?1 and id < ?2`,
}

// pruneDeliveries are those that delete deliveries from ?1 to ?2, whose events are
// gone.
var pruneDeliveries = []string{
	`insert into tally (kind, name, n) select 'verdict', verdict, -count(*) from delivery where id >= ?1 and id <= ?2 group by verdict
		on conflict do update set n = n + excluded.n`,
	`insert into tally (kind, name, n) select 'source', source, -count(*) from delivery where id >= ?1 and id <= ?2 group by source
		on conflict do update set n = n + excluded.n`,
	`update tally set n = n - (select total(length(body)) from delivery where id >= ?1 and id <= ?2) where kind = 'total' and name = 'bytes'`,
	`delete from verdict where (verdict, source, delivery) in (select verdict, source, id from delivery where id >= ?1 and id <= ?2)`,
	`delete from pending where delivery >= ?1 and delivery <= ?2`,
	`update state set value = value + (select count(*) from attempt where delivery >= ?1 and delivery <= ?2) where key = 'pruned_attempts'`,
	`update state set value = max(value, (select ifnull(max(id), 0) from attempt)) where key = 'last_attempt'`,
	`insert into tally (kind, name, n) select 'status', status, -count(*) from attempt where last and delivery >= ?1 and delivery <= ?2 group by status
		on conflict do update set n = n + excluded.n`,
	`delete from attempt where delivery >= ?1 and delivery <= ?2`,
	// The newest keeps the count of their ids.
	`delete from verification where at <= (select at from delivery where id = ?2) and id < (select max(id) from verification)`,
	`delete from delivery where id >= ?1 and id <= ?2`,
	`update state set value = ?2 where key = 'pruned'`,
}

// prune carries out one step, inside a transaction.
func (w *writer) prune(p *pruning) error {
	switch {
	case p.merge:
		return w.merge(p)
	case p.vacuum:
		return w.vacuum()
	case p.words != nil:
		s := w.conn.Prep("delete from word where term = ?")
		for _, word := range p.words {
			s.BindText(1, word)
			if err := run(s); err != nil {
				return err
			}
		}
		return nil
	}
	if err := w.each(pruneEvents, p.from, p.to); err != nil || !p.whole {
		return err
	}
	return w.each(pruneDeliveries, p.lo, p.hi)
}

// each runs statements about a range.
func (w *writer) each(statements []string, lo, hi int64) error {
	for _, query := range statements {
		s, err := w.conn.Prepare(query)
		if err != nil {
			return err
		}
		for i, bound := range []int64{lo, hi}[:s.BindParamCount()] {
			s.BindInt64(i+1, bound)
		}
		if err := run(s); err != nil {
			return err
		}
	}
	return nil
}

// merge rewrites some pages of the full-text index, without the words of what was
// deleted. The first time it begins with everything.
func (w *writer) merge(p *pruning) error {
	pages := int64(pagesAtOnce)
	if !p.goesOn {
		pages = -pages
	}
	before, after := int64(0), int64(0)
	if err := readInt(w.conn, "select total_changes()", &before); err != nil {
		return err
	}
	s := w.conn.Prep("insert into search (search, rank) values ('merge', ?)")
	s.BindInt64(1, pages)
	if err := run(s); err != nil {
		return err
	}
	err := readInt(w.conn, "select total_changes()", &after)
	p.more = after-before > 1 // the insert itself is one
	return err
}

// vacuum moves some pages from the end of the file to where pages are free, and cuts
// the file.
func (w *writer) vacuum() error {
	s := w.conn.Prep("pragma incremental_vacuum(64)")
	for { // a row each page
		row, err := s.Step()
		if err != nil || !row {
			return cmp.Or(err, s.Reset())
		}
	}
}

// publishedPruning makes a step known.
func (w *writer) publishedPruning(p *pruning) {
	j := w.journal
	if p.whole {
		w.pruned = p.hi
		j.recent.forget(p.hi)
	}
	j.pruning.committed(p.more)
	poke(w.committed)
}
