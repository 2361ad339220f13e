package journal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

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

// sources returns the indexes that can list candidates of q.
func (q Query) sources(c *sqlite.Conn, r idRange) (out []source, err error) {
	seen := make(map[termKind]bool)
	for _, t := range q.terms {
		if t.not || seen[t.kind] {
			continue
		}
		var s source
		switch t.kind {
		case idsTerm, markedTerm:
			ids := t.ids
			if t.kind == markedTerm {
				ids = q.Marked
			}
			s = simpleSource("select value as id from json_each(?3) where value >= ?1 and value < ?2", r, jsonIDs(ids))
		case pendingTerm:
			s = simpleSource("select delivery as id from ("+selectPending+") where delivery >= ?1 and delivery < ?2", r)
		case replayTerm:
			s = simpleSource("select delivery as id from attempt where replay and last and delivery >= ?1 and delivery < ?2", r)
		case statusTerm, failedTerm:
			if seen[statusTerm] || seen[failedTerm] {
				continue
			}
			if s, err = q.statusSource(c, r); err != nil {
				return nil, err
			}
		case problemTerm:
			if s, err = problemSource(c, r); err != nil {
				return nil, err
			}
		case tookTerm:
			s = q.paceSource(r)
		case verdictTerm, sourceTerm:
			if seen[verdictTerm] || seen[sourceTerm] {
				continue
			}
			s = q.verdictSource(r)
		default:
			continue
		}
		seen[t.kind] = true
		if s.query == "" {
			continue
		}
		if s.covers == nil {
			kind := t.kind
			s.covers = func(t term) bool { return t.kind == kind && !t.not }
		}
		out = append(out, s)
	}
	return out, nil
}

func simpleSource(query string, r idRange, args ...any) source {
	return source{
		query:  query + " order by id " + r.order(),
		counts: "select count(*) from (" + query + ")",
		args:   args,
	}
}

// union makes one source of several. SQLite merges them while it lists.
func union(parts []string, r idRange) source {
	if len(parts) == 0 {
		parts = []string{"select id from delivery where false and id >= ?1 and id < ?2"}
	}
	return simpleSource(strings.Join(parts, " union all "), r)
}

// statusSource lists the deliveries by the status of their last attempt: one part for
// each status there is.
func (q Query) statusSource(c *sqlite.Conn, r idRange) (source, error) {
	statuses, err := distinct(c, "select status from attempt indexed by attempt_status where last and status > ? order by status limit 1", -1)
	if err != nil || len(statuses) == maxParts {
		return source{}, err
	}
	var parts []string
	for _, status := range statuses {
		if q.wantsStatus(status) {
			parts = append(parts, statusPart(status))
		}
	}
	s := union(parts, r)
	s.covers = func(t term) bool { return !t.not && (t.kind == statusTerm || t.kind == failedTerm) }
	return s, nil
}

func statusPart(status int64) string {
	return fmt.Sprintf("select delivery as id from attempt indexed by attempt_status where last and status = %d and delivery >= ?1 and delivery < ?2", status)
}

// paceSource lists the deliveries whose last attempt was slow. It is empty when quick
// ones are asked for, too: those are not in the index.
func (q Query) paceSource(r idRange) source {
	covers := func(t term) bool { return !t.not && t.kind == tookTerm }
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	for _, t := range q.terms {
		if covers(t) {
			lo, hi = max(lo, t.lo), min(hi, t.hi)
		}
	}
	least := pace(time.Duration(lo))
	if least < slowPace {
		return source{}
	}
	var parts []string
	for p := least; p <= min(maxPace, pace(time.Duration(hi))); p++ {
		parts = append(parts, fmt.Sprintf("select delivery as id from attempt indexed by attempt_pace where last and pace > 3 and pace = %d and delivery >= ?1 and delivery < ?2 and took >= %d and took < %d", p, lo, hi))
	}
	s := union(parts, r)
	s.covers = covers
	return s
}

// distinct returns the values above one that query steps through, one a time.
func distinct(c *sqlite.Conn, query string, above int64) ([]int64, error) {
	var out []int64
	stmt := c.Prep(query)
	for len(out) < maxParts {
		found := false
		stmt.BindInt64(1, above)
		err := each(stmt, func() bool {
			above, found = stmt.ColumnInt64(0), true
			return true
		})
		if err != nil || !found {
			return out, err
		}
		out = append(out, above)
	}
	return out, nil
}

// maxParts bounds the parts of a union, which SQLite bounds at 500. An app that has
// answered with so many statuses is looked through without the index.
const maxParts = 200

func (q Query) wantsStatus(status int64) bool {
	return !slices.ContainsFunc(q.terms, func(t term) bool {
		switch {
		case t.not:
			return false
		case t.kind == statusTerm:
			return status < t.lo || status >= t.hi
		case t.kind == failedTerm:
			return status >= 200 && status <= 299
		}
		return false
	})
}

// verdictSource lists the deliveries by verdict and source.
func (q Query) verdictSource(r idRange) source {
	covers := func(t term) bool { return !t.not && (t.kind == verdictTerm || t.kind == sourceTerm) }
	wants := func(kind termKind, name string) bool {
		return !slices.ContainsFunc(q.terms, func(t term) bool { return covers(t) && t.kind == kind && t.name != name })
	}
	var parts []string
	for _, verdict := range verdicts {
		for _, src := range []Source{Live, Fired} {
			if wants(verdictTerm, verdict) && wants(sourceTerm, string(src)) {
				parts = append(parts, verdictParts(verdict, src)...)
			}
		}
	}
	s := union(parts, r)
	s.covers = covers
	return s
}

// verdictParts lists the deliveries of a verdict and a source: those of the index, and
// those it does not have yet.
func verdictParts(verdict string, src Source) []string {
	return []string{
		fmt.Sprintf("select delivery as id from verdict where verdict = '%s' and source = '%s' and delivery >= ?1 and delivery < ?2", verdict, src),
		fmt.Sprintf("select id from delivery where verdict = '%s' and source = '%s' and id > %s and id >= ?1 and id < ?2", verdict, src, indexedSoFar),
	}
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
	defer stmt.Finalize()
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
