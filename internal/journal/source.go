package journal

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

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
		case noticeTerm:
			s = noticeSource(t, r)
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

// noticeSource lists the deliveries of which something was noticed.
func noticeSource(t term, r idRange) source {
	query := fmt.Sprintf("from notice indexed by notice_kind where kind = %d and event >= ?1 << 14 and event < ?2 << 14", t.lo)
	return source{
		query:  "select event >> 14 " + query + " order by event " + r.order(),
		counts: "select count(distinct event >> 14) " + query,
		covers: func(other term) bool { return other.kind == noticeTerm && !other.not && other.lo == t.lo },
	}
}
