package journal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"
)

// A query is answered in two steps. A source lists candidate ids in order, from an
// index, lazily; a check tests one candidate for the terms the source does not cover.
// SQLite's planner would rather sort a million matches than walk them newest first, so
// the choice of the index is made here: the source with the fewest candidates.

// idRange is the part of the journal to look at: lo <= id < hi.
type idRange struct {
	lo, hi    int64
	ascending bool
}

func (r idRange) order() string {
	if r.ascending {
		return "asc"
	}
	return "desc"
}

// source lists delivery ids of a range in its order, with repetitions at most side by
// side. The statement's first two parameters are the range.
type source struct {
	query  string
	args   []any
	covers func(term) bool // whether every id listed fulfils the term
	counts string          // counts what query lists, without the order; same parameters; may be ""
}

// condition is an SQL condition on d, a delivery, and a, its last attempt.
type condition struct {
	sql   string
	args  []any
	event bool // about d's events only
}

// condition returns what a term other than an eventTerm or a bodyTerm demands.
func (t term) condition(marked []int64) condition {
	var c condition
	switch t.kind {
	case verdictTerm:
		c = condition{sql: "d.verdict = ?", args: []any{t.name}}
	case sourceTerm:
		c = condition{sql: "d.source = ?", args: []any{t.name}}
	case statusTerm:
		c = condition{sql: "a.status >= ? and a.status < ?", args: []any{t.lo, t.hi}}
	case failedTerm:
		c = condition{sql: "a.status < 200 or a.status > 299"}
	case problemTerm:
		c = condition{sql: isProblem}
	case tookTerm:
		c = condition{sql: "a.took >= ? and a.took < ?", args: []any{t.lo, t.hi}}
	case replayTerm:
		c = condition{sql: "a.replay"}
	case pendingTerm:
		c = condition{sql: "d.forward and not exists (select 1 from attempt where delivery = d.id)"}
	case markedTerm:
		c = condition{sql: "d.id in (select value from json_each(?))", args: []any{jsonIDs(marked)}}
	case idsTerm:
		c = condition{sql: "d.id in (select value from json_each(?))", args: []any{jsonIDs(t.ids)}}
	case idRangeTerm:
		c = condition{sql: "d.id >= ? and d.id < ?", args: []any{t.lo, t.hi}}
	case timeTerm:
		c = condition{sql: "d.at >= ? and d.at < ?", args: []any{t.lo, t.hi}}
	case noticeTerm:
		c = condition{sql: "exists (select 1 from notice where kind = ? and event >= d.id << 14 and event < (d.id + 1) << 14)", args: []any{t.lo}}
	case eventTerm:
		c = eventCondition([]term{t})
	case bodyTerm: // not SQL's business
		return condition{sql: "true"}
	}
	if t.not {
		c.sql = "(" + c.sql + ") is not true"
	}
	return c
}

// attempted reports whether a term is about the last attempt.
func (t term) attempted() bool {
	return t.kind == statusTerm || t.kind == failedTerm || t.kind == tookTerm || t.kind == replayTerm
}

// eventCondition demands that one event has the words and tags of all terms. It looks
// into the event's own words, so that it needs no index.
func eventCondition(terms []term) condition {
	var b strings.Builder
	b.WriteString("exists (select 1 from event e where e.id > d.id << 14 and e.id < (d.id + 1) << 14")
	var args []any
	for _, t := range terms {
		b.WriteString(" and instr(' ' || e.words || ' ', ?)")
		needle := " " + strings.Join(t.words, " ")
		if t.exact {
			needle += " "
		}
		args = append(args, needle)
	}
	b.WriteString(")")
	return condition{b.String(), args, true}
}

func jsonIDs(ids []int64) string {
	if len(ids) == 0 {
		return "[]"
	}
	b, err := json.Marshal(ids)
	if err != nil {
		panic("journal: ids do not marshal: " + err.Error())
	}
	return string(b)
}

// uncovered returns the terms that s does not cover.
func (q Query) uncovered(s source) []term {
	if s.covers == nil {
		return q.terms
	}
	return slices.DeleteFunc(slices.Clone(q.terms), s.covers)
}

// conditions returns the conditions of the terms that s does not cover, and whether
// the last attempt is to be joined, and whether there must be one.
func (q Query) conditions(s source) (out []condition, joins, must bool) {
	var together []term
	for _, t := range q.uncovered(s) {
		joins = joins || t.attempted()
		must = must || t.attempted() && !t.not
		switch {
		case t.kind == bodyTerm:
		case t.kind == eventTerm && !t.not:
			together = append(together, t)
		default:
			out = append(out, t.condition(q.Marked))
		}
	}
	if len(together) > 0 {
		out = append(out, eventCondition(together))
	}
	return out, joins, must
}

// from returns the tables of conditions. The order of the join is forced: it is the
// delivery that is looked at, then its attempt.
func from(joins, must bool) string {
	switch {
	case must:
		return "from delivery d cross join attempt a on a.delivery = d.id and a.last"
	case joins:
		return "from delivery d left join attempt a on a.delivery = d.id and a.last"
	}
	return "from delivery d"
}

// scan is the source that looks at every delivery and leaves nothing to check.
func (q Query) scan(order string) source {
	conditions, joins, must := q.conditions(source{})
	var b strings.Builder
	fmt.Fprintf(&b, "%s where d.id >= ? and d.id < ?", from(joins, must))
	var args []any
	for _, c := range conditions {
		b.WriteString(" and (" + c.sql + ")")
		args = append(args, c.args...)
	}
	return source{
		query:  "select d.id " + b.String() + " order by d.id " + order,
		counts: "select count(*) " + b.String(),
		args:   args,
		covers: func(t term) bool { return t.kind != bodyTerm },
	}
}

// check returns the statement that tests the candidate in its first parameter for
// what s does not cover; ok is false when there is nothing to test.
func (q Query) check(c *sqlite.Conn, s source) (stmt *sqlite.Stmt, ok bool, err error) {
	conditions, joins, must := q.conditions(s)
	if len(conditions) == 0 {
		return nil, false, nil
	}
	var b strings.Builder
	if conditions[0].event && len(conditions) == 1 {
		b.WriteString("select 1 from (select ? as id) d where true") // the delivery is there; not to look for it is half the price
	} else {
		fmt.Fprintf(&b, "select 1 %s where d.id = ?", from(joins, must))
	}
	var args []any
	for _, cond := range conditions {
		b.WriteString(" and (" + cond.sql + ")")
		args = append(args, cond.args...)
	}
	stmt, _, err = c.PrepareTransient(b.String())
	if err != nil {
		return nil, false, err
	}
	bind(stmt, 2, args)
	return stmt, true, nil
}

// bind binds arguments from the given parameter on.
func bind(stmt *sqlite.Stmt, from int, args []any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case int64:
			stmt.BindInt64(from+i, arg)
		case string:
			stmt.BindText(from+i, arg)
		default:
			panic(fmt.Sprintf("journal: cannot bind %T", arg))
		}
	}
}

// look is how many candidates of a source are listed to guess how many there are.
const look = 256

// listing is a source being listed. What a guess has listed is not listed again: in a
// large journal the way to the first candidate is most of the price.
type listing struct {
	source
	stmt *sqlite.Stmt
	seen []int64 // the first candidates
	done bool    // there are no more
}

// open begins to list a source.
func (s source) open(c *sqlite.Conn, r idRange) (*listing, error) {
	stmt, err := prepare(c, s.query, s, r)
	if err != nil {
		return nil, err
	}
	return &listing{source: s, stmt: stmt}, nil
}

// close ends a listing; nil is none.
func (l *listing) close() {
	if l != nil {
		finalize(l.stmt)
	}
}

// next returns the next candidate of the statement, 0 when there is none.
func (l *listing) next() (int64, error) {
	if l.done {
		return 0, nil
	}
	row, err := l.stmt.Step()
	if err != nil || !row {
		l.done = true
		return 0, err
	}
	return l.stmt.ColumnInt64(0), nil
}

// each calls f for every candidate until f returns false.
func (l *listing) each(f func(id int64) bool) error {
	for _, id := range l.seen {
		if !f(id) {
			return nil
		}
	}
	for {
		id, err := l.next()
		if err != nil || id == 0 || !f(id) {
			return err
		}
	}
}

// fewest opens the source with the fewest candidates, by a short look at each; scan
// when none has less than the range itself.
func (q Query) fewest(c *sqlite.Conn, sources []source, scan source, r idRange) (best *listing, err error) {
	if len(sources) == 1 && len(q.uncovered(sources[0])) == 0 {
		return sources[0].open(c, r) // nothing to weigh
	}
	fewest := r.hi - r.lo
	for _, s := range sources {
		l, err := s.open(c, r)
		if err == nil {
			var n int64
			if n, err = l.estimate(r); err == nil && n <= fewest {
				best, l, fewest = l, best, n
			}
			l.close()
		}
		if err != nil {
			best.close()
			return nil, err
		}
	}
	if best == nil {
		return scan.open(c, r)
	}
	return best, nil
}

// estimate guesses how many candidates there are in r from how close the first ones
// are to each other.
func (l *listing) estimate(r idRange) (int64, error) {
	for len(l.seen) < look {
		id, err := l.next()
		if err != nil || id == 0 {
			return int64(len(l.seen)), err
		}
		l.seen = append(l.seen, id)
	}
	last := l.seen[look-1]
	span := r.hi - last
	if r.ascending {
		span = last - r.lo + 1
	}
	return look * (r.hi - r.lo) / cmp.Or(max(span, 0), 1), nil
}

// prepare makes a statement of a source's query for a range.
func prepare(c *sqlite.Conn, query string, s source, r idRange) (*sqlite.Stmt, error) {
	stmt, _, err := c.PrepareTransient(query)
	if err != nil {
		return nil, err
	}
	stmt.BindInt64(1, r.lo)
	stmt.BindInt64(2, r.hi)
	bind(stmt, 3, s.args)
	return stmt, nil
}
