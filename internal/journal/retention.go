package journal

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
)

// Retention says what a journal keeps. The zero Retention keeps everything.
type Retention struct {
	Age   time.Duration // deliveries younger than this; 0 is no bound
	Bytes int64         // the newest that fit; 0 is no bound
}

// Excess is what a retention would remove: deliveries up to an id.
type Excess struct {
	UpTo           int64 // the newest of them; 0 when there are none
	Deliveries     int64
	Oldest, Newest time.Time
	Bytes          int64 // what they take, about
}

// Excess returns what is beyond a retention. For [Journal.Prune].
func (j *Journal) Excess(ctx context.Context, r Retention, now time.Time) (Excess, error) {
	var x Excess
	err := j.read(ctx, func(c *sqlite.Conn) (err error) {
		x, err = excess(c, r, now)
		return err
	})
	if err != nil {
		return Excess{}, fmt.Errorf("measure the journal: %w", err)
	}
	return x, nil
}

func excess(c *sqlite.Conn, r Retention, now time.Time) (Excess, error) {
	var first, last, indexed, pages, free, bodies int64
	for dst, query := range map[*int64]string{
		&first:   "select min(id) from delivery",
		&last:    "select max(id) from delivery",
		&indexed: "select value from state where key = 'indexed'",
		&pages:   "pragma page_count",
		&free:    "pragma freelist_count",
		&bodies:  "select n from tally where kind = 'total' and name = 'bytes'",
	} {
		if err := readInt(c, query, dst); err != nil {
			return Excess{}, err
		}
	}
	last = min(last, indexed)
	if first == 0 || last < first {
		return Excess{}, nil
	}
	used := (pages - free) * pageSize
	// What a delivery takes beside its body is much the same for all.
	overhead := max(0, used-bodies) / (last - first + 1)
	tooMuch, oldEnough := int64(0), int64(0)
	if r.Bytes > 0 {
		tooMuch = used - r.Bytes
	}
	if r.Age > 0 {
		id, err := firstSince(c, first, last+1, fromTime(now.Add(-r.Age)))
		if err != nil {
			return Excess{}, err
		}
		oldEnough = id - 1
	}
	var x Excess
	stmt := c.Prep("select id, at, length(body) from delivery where id >= ? and id <= ? order by id")
	stmt.BindInt64(1, first)
	stmt.BindInt64(2, last)
	err := each(stmt, func() bool {
		id, at := stmt.ColumnInt64(0), toTime(stmt.ColumnInt64(1))
		if id > oldEnough && x.Bytes >= tooMuch {
			return false
		}
		if x.Deliveries == 0 {
			x.Oldest = at
		}
		x.UpTo, x.Newest = id, at
		x.Deliveries++
		x.Bytes += stmt.ColumnInt64(2) + overhead
		return true
	})
	return x, err
}
