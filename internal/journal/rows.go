package journal

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// Page says which part of a list is asked for.
type Page struct {
	Before      int64 // only ids below; 0 means no bound
	After       int64 // only ids above; when set, the oldest come first
	OldestFirst bool  // the oldest come first even without After
	Limit       int   // 0 means 100
}

const defaultLimit = 100

var everything = idRange{lo: 1, hi: math.MaxInt64 >> eventBits}

// Rows returns the deliveries that match q, newest first, or oldest first when
// p.After or p.OldestFirst is set.
func (j *Journal) Rows(ctx context.Context, q Query, p Page) ([]Row, error) {
	if p.Limit <= 0 {
		p.Limit = defaultLimit
	}
	r := everything
	r.lo, r.ascending = p.After+1, p.OldestFirst || p.After > 0
	if p.Before > 0 {
		r.hi = min(r.hi, p.Before)
	}
	var ids []int64
	err := j.find(ctx, q, r, func(id int64) bool {
		ids = append(ids, id)
		return len(ids) < p.Limit
	})
	var rows []Row
	if err == nil && len(ids) > 0 {
		err = j.read(ctx, func(c *sqlite.Conn) (err error) {
			rows, err = readRows(c, ids)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return rows, nil
}

// Row returns the row of one delivery. The error wraps [ErrNotFound] when there is none.
func (j *Journal) Row(ctx context.Context, id int64) (Row, error) {
	var rows []Row
	err := j.read(ctx, func(c *sqlite.Conn) (err error) {
		rows, err = readRows(c, []int64{id})
		return err
	})
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Row{}, fmt.Errorf("read the row of %s: %w", FormatID(id, 0), err)
	}
	return rows[0], nil
}

// Match returns those of the given deliveries that match q, oldest first. It tells a
// follower of [Journal.Changes] which rows belong into a filtered list.
func (j *Journal) Match(ctx context.Context, q Query, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	lo, hi := slices.Min(ids), slices.Max(ids)
	q.terms = append(slices.Clone(q.terms), idTerm(ids))
	var found []int64
	err := j.find(ctx, q, idRange{lo: lo, hi: hi + 1, ascending: true}, func(id int64) bool {
		found = append(found, id)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("match deliveries: %w", err)
	}
	return found, nil
}

// Count returns how many deliveries match q.
func (j *Journal) Count(ctx context.Context, q Query) (int, error) {
	n, counted := 0, false
	err := j.read(ctx, func(c *sqlite.Conn) error {
		r, err := q.narrow(c, everything)
		if err != nil {
			return err
		}
		n, counted, err = count(c, q, r)
		return err
	})
	if err == nil && !counted {
		err = j.find(ctx, q, everything, func(int64) bool {
			n++
			return true
		})
	}
	if err != nil {
		return 0, fmt.Errorf("count deliveries: %w", err)
	}
	return n, nil
}

const selectRow = `
select d.id, d.at, d.source, d.fixture, d.verdict, d.secret, d.reason, d.answered, length(d.body), d.forward,
	d.id <= ` + indexedSoFar + `,
	e.events, e.field, e.kind, e.all_flags, e.account, e.party, e.username, e.summary,
	a.n, a.status, a.took, a.err, a.replay,
	(select sum(distinct 1 << kind) from notice where event >= d.id << 14 and event < (d.id + 1) << 14)
from json_each(?) list
cross join delivery d on d.id = list.value
left join event e on e.id = (d.id << 14) + 1
left join attempt a on a.id = (select id from attempt where delivery = d.id order by n desc limit 1)
`

// readRows returns the rows of the given deliveries, in their order. It binds the ids
// as one list: with an id as a parameter, SQLite would plan the query anew each time,
// to see whether a partial index fits its value.
func readRows(c *sqlite.Conn, ids []int64) ([]Row, error) {
	rows := make([]Row, 0, len(ids))
	stmt := c.Prep(selectRow)
	stmt.BindText(1, jsonIDs(ids))
	err := each(stmt, func() bool {
		rows = append(rows, scanRow(stmt))
		return true
	})
	return rows, err
}

func scanRow(stmt *sqlite.Stmt) Row {
	r := Row{
		ID:         stmt.ColumnInt64(0),
		ReceivedAt: toTime(stmt.ColumnInt64(1)),
		Source:     Source(stmt.ColumnText(2)),
		Fixture:    stmt.ColumnText(3),
		Verdict:    webhook.Verdict(stmt.ColumnText(4)),
		Secret:     stmt.ColumnText(5),
		Reason:     stmt.ColumnText(6),
		Answered:   stmt.ColumnInt(7),
		Size:       stmt.ColumnInt(8),
		Forward:    stmt.ColumnBool(9),
		Indexed:    stmt.ColumnBool(10),
	}
	// The first events of a large delivery may be written before the last.
	if r.Indexed {
		r.Events = stmt.ColumnInt(11)
		r.Field = stmt.ColumnText(12)
		r.Kind = stmt.ColumnText(13)
		r.Flags = webhook.Flag(stmt.ColumnInt32(14)) //nolint:gosec // Written from a Flag.
		r.Account = stmt.ColumnText(15)
		r.Party = stmt.ColumnText(16)
		r.Username = stmt.ColumnText(17)
		r.Summary = stmt.ColumnText(18)
	}
	if r.Attempts = stmt.ColumnInt(19); r.Attempts > 0 {
		r.Status = stmt.ColumnInt(20)
		r.Took = time.Duration(stmt.ColumnInt64(21))
		r.Err = stmt.ColumnText(22)
		r.Replayed = stmt.ColumnBool(23)
	}
	r.Marks = Mark(stmt.ColumnInt32(24)) | r.marks() //nolint:gosec // Written from a Mark.
	return r
}
