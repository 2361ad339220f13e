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
	sql  string
	args []any
}

// condition returns what a term other than an eventTerm or a bodyTerm demands.
func (t term) condition(marked []int64) condition {
	var c condition
	switch t.kind {
	case verdictTerm:
		c = condition{"d.verdict = ?", []any{t.name}}
	case sourceTerm:
		c = condition{"d.source = ?", []any{t.name}}
	case statusTerm:
		c = condition{"a.status >= ? and a.status < ?", []any{t.lo, t.hi}}
	case failedTerm:
		c = condition{"a.status < 200 or a.status > 299", nil}
	case problemTerm:
		c = condition{isProblem, nil}
	case tookTerm:
		c = condition{"a.took >= ? and a.took < ?", []any{t.lo, t.hi}}
	case replayTerm:
		c = condition{"a.replay", nil}
	case pendingTerm:
		c = condition{"d.forward and not exists (select 1 from attempt where delivery = d.id)", nil}
	case markedTerm:
		c = condition{"d.id in (select value from json_each(?))", []any{jsonIDs(marked)}}
	case idsTerm:
		c = condition{"d.id in (select value from json_each(?))", []any{jsonIDs(t.ids)}}
	case idRangeTerm:
		c = condition{"d.id >= ? and d.id < ?", []any{t.lo, t.hi}}
	case timeTerm:
		c = condition{"d.at >= ? and d.at < ?", []any{t.lo, t.hi}}
	case noticeTerm:
		c = condition{"exists (select 1 from notice where kind = ? and event >= d.id << 14 and event < (d.id + 1) << 14)", []any{t.lo}}
	case eventTerm:
		c = eventCondition([]term{t})
	case bodyTerm: // not SQL's business
		return condition{"true", nil}
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
	return condition{b.String(), args}
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
	fmt.Fprintf(&b, "select 1 %s where d.id = ?", from(joins, must))
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

// fewest returns the source with the fewest candidates, by a short look at each; scan
// when none has less than the range itself.
func (q Query) fewest(c *sqlite.Conn, sources []source, scan source, r idRange) (source, error) {
	if len(sources) == 1 && len(q.uncovered(sources[0])) == 0 {
		return sources[0], nil // nothing to weigh
	}
	best, fewest := scan, r.hi-r.lo
	for _, s := range sources {
		n, err := estimate(c, s, r)
		if err != nil {
			return source{}, err
		}
		if n <= fewest {
			best, fewest = s, n
		}
	}
	return best, nil
}

// estimate guesses how many candidates a source has in r from how close its first
// ones are to each other.
func estimate(c *sqlite.Conn, s source, r idRange) (int64, error) {
	const look = 256
	stmt, err := prepare(c, s.query, s, r)
	if err != nil {
		return 0, err
	}
	defer finalize(stmt)
	n, last := int64(0), int64(0)
	err = each(stmt, func() bool {
		n++
		last = stmt.ColumnInt64(0)
		return n < look
	})
	if err != nil || n < look {
		return n, err
	}
	span := r.hi - last
	if r.ascending {
		span = last - r.lo + 1
	}
	return n * (r.hi - r.lo) / cmp.Or(max(span, 0), 1), nil
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
