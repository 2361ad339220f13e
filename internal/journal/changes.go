package journal

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"zombiezen.com/go/sqlite"
)

// Cursor is how far a follower has seen the journal. The zero Cursor is its
// beginning; [Journal.Now] is its end.
type Cursor struct {
	Delivery     int64
	Indexed      int64
	Attempt      int64
	Verification int64
}

// Changes is what was committed after a cursor.
type Changes struct {
	// Rows holds the current state of every delivery that is new, newly indexed or
	// newly attempted, once each, oldest first. A delivery appears as new before an
	// attempt of it does. A row shows the state of now, which may be ahead of Next.
	Rows []Row
	// Attempts are the new attempts in the order they were recorded, without their
	// header and body.
	Attempts      []Attempt
	Verifications []Verification
	// Noticed holds what was noticed of the newly indexed deliveries, once for each
	// mark. An edit without its message is not among them: the message may still come.
	Noticed []Notice
	// Next is the cursor to go on with.
	Next Cursor
	// More says that the limit cut something off: ask again at once.
	More bool
}

// Now returns the cursor of the newest commit. Take it before the first page of a
// list is read, and nothing is missed.
func (j *Journal) Now(ctx context.Context) (Cursor, error) {
	var now Cursor
	err := j.read(ctx, func(c *sqlite.Conn) (err error) {
		now, err = end(c)
		return err
	})
	if err != nil {
		return Cursor{}, fmt.Errorf("read cursor: %w", err)
	}
	return now, nil
}

func end(c *sqlite.Conn) (now Cursor, err error) {
	for _, part := range []struct {
		dst   *int64
		query string
	}{
		{&now.Delivery, selectLast},
		{&now.Indexed, "select value from state where key = 'indexed'"},
		{&now.Attempt, selectLastAttempt},
		{&now.Verification, "select max(id) from verification"},
	} {
		if err := readInt(c, part.query, part.dst); err != nil {
			return Cursor{}, err
		}
	}
	return now, nil
}

// Changes returns what was committed after a cursor, at most limit of each kind.
// Following Next until More is false, a reader sees every delivery, every indexing,
// every attempt and every verification request once.
func (j *Journal) Changes(ctx context.Context, since Cursor, limit int) (Changes, error) {
	return j.changes(ctx, since, limit, readRows)
}

// Brief is Changes without Rows, at half the price: for those who read the deliveries
// themselves, with [Journal.Since].
func (j *Journal) Brief(ctx context.Context, since Cursor, limit int) (Changes, error) {
	return j.changes(ctx, since, limit, func(*sqlite.Conn, []int64) ([]Row, error) { return nil, nil })
}

func (j *Journal) changes(ctx context.Context, since Cursor, limit int, rows func(*sqlite.Conn, []int64) ([]Row, error)) (Changes, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	var out Changes
	err := j.read(ctx, func(c *sqlite.Conn) (err error) {
		out, err = changes(c, since, limit, rows)
		return err
	})
	if err != nil {
		return Changes{}, fmt.Errorf("read changes: %w", err)
	}
	return out, nil
}

func changes(c *sqlite.Conn, since Cursor, limit int, rows func(*sqlite.Conn, []int64) ([]Row, error)) (Changes, error) {
	now, err := end(c)
	if err != nil {
		return Changes{}, err
	}
	out := Changes{Next: since}
	changed := make(map[int64]struct{})

	// Those that were shown before they were indexed. New ones come only after all of
	// them, so that the other cursors never overtake that of the deliveries.
	known := min(now.Indexed, since.Delivery)
	if out.Next.Indexed, err = advance(c, since.Indexed, known, limit, changed); err != nil {
		return Changes{}, err
	}
	if out.Next.Indexed >= known {
		if out.Next.Delivery, err = advance(c, since.Delivery, now.Delivery, limit, changed); err != nil {
			return Changes{}, err
		}
		out.Next.Indexed = max(out.Next.Indexed, min(now.Indexed, out.Next.Delivery))
	}

	stmt := c.Prep(selectAttempt + " from attempt where id > ? order by id limit ?")
	stmt.BindInt64(1, since.Attempt)
	stmt.BindInt64(2, int64(limit))
	err = each(stmt, func() bool {
		a := scanAttempt(stmt)
		if a.Delivery > out.Next.Delivery {
			return false
		}
		out.Attempts = append(out.Attempts, a)
		out.Next.Attempt = a.ID
		changed[a.Delivery] = struct{}{}
		return true
	})
	if err != nil {
		return Changes{}, err
	}

	if out.Verifications, err = verifications(c, since.Verification, limit); err != nil {
		return Changes{}, err
	}
	if n := len(out.Verifications); n > 0 {
		out.Next.Verification = out.Verifications[n-1].ID
	}

	if out.Noticed, err = newlyNoticed(c, idRange{lo: since.Indexed + 1, hi: out.Next.Indexed + 1}); err != nil {
		return Changes{}, err
	}
	out.Rows, err = rows(c, slices.Sorted(maps.Keys(changed)))
	out.More = out.Next.Delivery < now.Delivery || out.Next.Indexed < now.Indexed ||
		out.Next.Attempt < now.Attempt || out.Next.Verification < now.Verification
	return out, err
}

// advance adds up to limit delivery ids above from, and not above to, and returns the
// last of them, or to when it reached it.
func advance(c *sqlite.Conn, from, to int64, limit int, ids map[int64]struct{}) (int64, error) {
	if from >= to {
		return from, nil
	}
	stmt := c.Prep("select id from delivery where id > ? and id <= ? order by id limit ?")
	stmt.BindInt64(1, from)
	stmt.BindInt64(2, to)
	stmt.BindInt64(3, int64(limit))
	n, last := 0, from
	err := each(stmt, func() bool {
		n++
		last = stmt.ColumnInt64(0)
		ids[last] = struct{}{}
		return true
	})
	if n < limit {
		last = to
	}
	return last, err
}
