package journal

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

const (
	// scanWindow is how many ids a query that looks through bodies takes at a time.
	// Between two windows other reads and the checkpointer get their turn.
	scanWindow = 4096

	// denseWindow is where a short beginning of a word is looked for without the
	// index: words that begin with "a" are in nearly every event, and the index would
	// collect all of them first.
	denseWindow = 20_000

	// maxExpansion is how many words the beginning of a word may stand for.
	maxExpansion = 64

	// disorder is how far the times of two deliveries may be out of the journal's
	// order for since and before to be exact.
	disorder = int64(2 * time.Second)
)

// find calls f with the ids of the deliveries in r that match q, in r's order, until
// f returns false.
func (j *Journal) find(ctx context.Context, q Query, r idRange, f func(id int64) bool) error {
	err := j.read(ctx, func(c *sqlite.Conn) (err error) {
		r, err = q.narrow(c, r)
		return err
	})
	if err != nil {
		return err
	}
	more := true
	for more && r.lo < r.hi {
		window := r
		if q.looksIntoBodies() {
			window, r = r.split(scanWindow)
		} else {
			r.hi = r.lo
		}
		err := j.read(ctx, func(c *sqlite.Conn) error {
			return findIn(c, q, window, func(id int64) bool {
				more = f(id)
				return more
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// split cuts the first n ids off, in the order of r.
func (r idRange) split(n int64) (first, rest idRange) {
	first, rest = r, r
	if r.ascending {
		first.hi = min(r.hi, r.lo+n)
		rest.lo = first.hi
	} else {
		first.lo = max(r.lo, r.hi-n)
		rest.hi = first.lo
	}
	return first, rest
}

func (q Query) looksIntoBodies() bool {
	return slices.ContainsFunc(q.terms, func(t term) bool { return t.kind == bodyTerm })
}

// findIn is find inside one read.
func findIn(c *sqlite.Conn, q Query, r idRange, f func(id int64) bool) error {
	sources, err := q.sources(c, r)
	if err != nil {
		return err
	}
	text, dense, err := q.textSource(c, r)
	if err != nil {
		return err
	}
	if text.query != "" && !dense {
		sources = append(sources, text)
	}
	scan := q.scan(r.order())
	best, err := q.fewest(c, sources, scan, r)
	if err != nil {
		return err
	}
	defer best.close()
	if !dense || best.query != scan.query {
		_, err := list(c, q, best, f)
		return err
	}
	near, far := r.split(denseWindow)
	if more, err := listSource(c, q, scan, near, f); err != nil || !more || far.lo >= far.hi {
		return err
	}
	_, err = listSource(c, q, text, far, f)
	return err
}

// listSource opens a source for list.
func listSource(c *sqlite.Conn, q Query, s source, r idRange, f func(id int64) bool) (more bool, err error) {
	l, err := s.open(c, r)
	if err != nil {
		return false, err
	}
	defer l.close()
	return list(c, q, l, f)
}

// list walks a source, checks what it does not cover, and calls f for what is left.
func list(c *sqlite.Conn, q Query, l *listing, f func(id int64) bool) (more bool, err error) {
	check, checks, err := q.check(c, l.source)
	if err != nil {
		return false, err
	}
	if checks {
		defer finalize(check)
	}
	bodies := newBodyMatcher(c, q)
	last := int64(0)
	more = true
	var inner error
	err = l.each(func(id int64) bool {
		if id == last {
			return true // another event of the same delivery
		}
		last = id
		ok := true
		if checks {
			check.BindInt64(1, id)
			if ok, inner = exists(check); inner != nil {
				return false
			}
		}
		if ok && bodies != nil {
			if ok, inner = bodies.match(id); inner != nil {
				return false
			}
		}
		if ok {
			more = f(id)
		}
		return more
	})
	if inner != nil {
		err = inner
	}
	return more, err
}

func exists(stmt *sqlite.Stmt) (bool, error) {
	row, err := stmt.Step()
	if rerr := stmt.Reset(); err == nil {
		err = rerr
	}
	return row, err
}

// narrow cuts a range down to the deliveries there are, and to what the query says
// about ids and times.
func (q Query) narrow(c *sqlite.Conn, r idRange) (idRange, error) {
	var first, last int64
	if err := readInt(c, "select min(id) from delivery", &first); err != nil {
		return r, err
	}
	if err := readInt(c, "select max(id) from delivery", &last); err != nil {
		return r, err
	}
	r.lo, r.hi = max(r.lo, first), min(r.hi, last+1)
	for _, t := range q.terms {
		switch {
		case t.not:
		case t.kind == idRangeTerm:
			r.lo, r.hi = max(r.lo, t.lo), min(r.hi, t.hi)
		case t.kind == timeTerm && t.lo != math.MinInt64:
			id, err := firstSince(c, first, last+1, t.lo-disorder)
			if err != nil {
				return r, err
			}
			r.lo = max(r.lo, id)
		case t.kind == timeTerm:
			id, err := firstSince(c, first, last+1, t.hi+disorder)
			if err != nil {
				return r, err
			}
			r.hi = min(r.hi, id)
		}
	}
	return r, nil
}

// firstSince returns the first id received at a time or later, hi when there is none.
// Deliveries are in the order of their times, but for moments and changes of the
// clock.
func firstSince(c *sqlite.Conn, lo, hi, at int64) (int64, error) {
	stmt := c.Prep("select at from delivery where id >= ? order by id limit 1")
	for lo < hi {
		mid := lo + (hi-lo)/2
		found := int64(math.MaxInt64)
		stmt.BindInt64(1, mid)
		err := each(stmt, func() bool {
			found = stmt.ColumnInt64(0)
			return true
		})
		if err != nil {
			return 0, err
		}
		if found >= at {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo, nil
}

// textSource lists the deliveries with an event that has all words and tags of q,
// from the full-text index. Its query is "" when q has none. dense means that a word
// stands for too many others to use it without need.
func (q Query) textSource(c *sqlite.Conn, r idRange) (s source, dense bool, err error) {
	var all []string
	for _, t := range q.terms {
		if t.kind != eventTerm || t.not {
			continue
		}
		match, many, err := t.match(c)
		if err != nil {
			return source{}, false, err
		}
		dense = dense || many
		all = append(all, "("+match+")")
	}
	if len(all) == 0 {
		return source{}, false, nil
	}
	return source{
		query:  "select rowid >> 14 from search where search match ?3 and rowid >= ?1 << 14 and rowid < ?2 << 14 order by rowid " + r.order(),
		args:   []any{strings.Join(all, " AND ")},
		covers: func(t term) bool { return t.kind == eventTerm && !t.not },
	}, dense, nil
}

// match returns the full-text expression of an event term. The beginning of a word is
// written out as the words it stands for: the index lists those as it goes, whereas
// it would collect all matches of a prefix first.
func (t term) match(c *sqlite.Conn) (expression string, many bool, err error) {
	phrase := strings.Join(t.words, " ")
	if t.exact {
		return ftsString(phrase), false, nil
	}
	last := t.words[len(t.words)-1]
	leading := strings.TrimSuffix(phrase, last)
	stmt := c.Prep("select term from word where term >= ? and term < ? order by term limit ?")
	stmt.BindText(1, last)
	stmt.BindText(2, last+"\U0010ffff")
	stmt.BindInt64(3, maxExpansion+1)
	var phrases []string
	err = each(stmt, func() bool {
		phrases = append(phrases, ftsString(leading+stmt.ColumnText(0)))
		return true
	})
	switch {
	case err != nil:
		return "", false, err
	case len(phrases) == 0:
		return ftsString(phrase), false, nil // matches nothing
	case len(phrases) > maxExpansion:
		return ftsString(phrase) + " *", true, nil
	}
	return strings.Join(phrases, " OR "), false, nil
}

// ftsString quotes text for the full-text query language, so that nothing in it is
// syntax.
func ftsString(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// count lets SQLite count the deliveries that match q where one source covers all of
// it. done is false where they have to be walked.
func count(c *sqlite.Conn, q Query, r idRange) (n int, done bool, err error) {
	if q.Empty() {
		// Ids have no gaps: deliveries are only ever pruned from the oldest on.
		return int(max(0, r.hi-r.lo)), true, nil
	}
	if q.looksIntoBodies() {
		return 0, false, nil
	}
	sources, err := q.sources(c, r)
	if err != nil {
		return 0, false, err
	}
	for _, s := range sources {
		if s.counts == "" || len(q.uncovered(s)) > 0 {
			continue
		}
		stmt, err := prepare(c, s.counts, s, r)
		if err != nil {
			return 0, false, err
		}
		defer finalize(stmt)
		err = each(stmt, func() bool {
			n = stmt.ColumnInt(0)
			return true
		})
		return n, true, err
	}
	return 0, false, nil
}

// bodyMatcher tests the bodies of candidates.
type bodyMatcher struct {
	stmt    *sqlite.Stmt
	terms   []term
	literal [][]byte
	body    []byte
	folded  []byte
}

// newBodyMatcher returns nil when q does not look into bodies.
func newBodyMatcher(c *sqlite.Conn, q Query) *bodyMatcher {
	if !q.looksIntoBodies() {
		return nil
	}
	m := &bodyMatcher{stmt: c.Prep("select body from delivery where id = ?")}
	for _, t := range q.terms {
		if t.kind == bodyTerm {
			m.terms = append(m.terms, t)
			m.literal = append(m.literal, []byte(t.literal))
		}
	}
	return m
}

func (m *bodyMatcher) match(id int64) (bool, error) {
	m.stmt.BindInt64(1, id)
	err := each(m.stmt, func() bool {
		n := m.stmt.ColumnLen(0)
		m.body = slices.Grow(m.body[:0], n)[:n]
		m.stmt.ColumnBytes(0, m.body)
		return true
	})
	if err != nil {
		return false, err
	}
	m.folded = m.folded[:0]
	for i, t := range m.terms {
		found := false
		if t.pattern != nil {
			found = t.pattern.Match(m.body)
		} else {
			if len(m.folded) == 0 {
				m.folded = foldASCII(m.folded, m.body)
			}
			found = bytes.Contains(m.folded, m.literal[i])
		}
		if found == t.not {
			return false, nil
		}
	}
	return true, nil
}

// foldASCII is a copy in lower case. Bodies are mostly ASCII: Meta escapes the rest.
func foldASCII(dst, src []byte) []byte {
	dst = append(dst, src...)
	for i, c := range dst {
		if 'A' <= c && c <= 'Z' {
			dst[i] = c + 'a' - 'A'
		}
	}
	return dst
}
