package journal

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// maxRead bounds the bytes of bodies one call of Since returns beyond its first
// delivery.
const maxRead = 16 << 20

const selectDelivery = `select id, at, source, verdict, secret, reason, fixture, remote, answered, forward, head, body from delivery `

// Since returns up to limit deliveries with ids above after, in journal order. Recent
// ones come from memory. It may return fewer than there are: ask again with the last
// id until nothing comes. The deliveries share their header and body with the
// journal; they must not be changed.
func (j *Journal) Since(ctx context.Context, after int64, limit int) ([]Delivery, error) {
	// A delivery that is in memory a moment before LastID tells is not handed out
	// yet: its reader may be quick enough to record an attempt that looks unknown.
	limit = int(min(int64(limit), j.LastID()-after))
	if limit <= 0 {
		return nil, nil
	}
	if ds, ok := j.recent.since(nil, after, limit); ok {
		return ds, nil
	}
	var out []Delivery
	err := j.read(ctx, func(c *sqlite.Conn) error {
		stmt := c.Prep(selectDelivery + "where id > ? order by id limit ?")
		stmt.BindInt64(1, after)
		stmt.BindInt64(2, int64(limit))
		bytes := 0
		return each(stmt, func() bool {
			out = append(out, scanDelivery(stmt))
			bytes += len(out[len(out)-1].Body)
			return bytes < maxRead
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	return out, nil
}

// Delivery returns one delivery. The error wraps [ErrNotFound] when there is none.
func (j *Journal) Delivery(ctx context.Context, id int64) (Delivery, error) {
	if ds, ok := j.recent.since(nil, id-1, 1); ok && len(ds) > 0 {
		return ds[0], nil
	}
	var d Delivery
	err := j.read(ctx, func(c *sqlite.Conn) error {
		stmt := c.Prep(selectDelivery + "where id = ?")
		stmt.BindInt64(1, id)
		return each(stmt, func() bool {
			d = scanDelivery(stmt)
			return false
		})
	})
	if err == nil && d.ID == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("read delivery %s: %w", FormatID(id, 0), err)
	}
	return d, nil
}

// Events returns the events of a delivery, parsed from its body: complete, with the
// raw bytes of each, and there before the derived rows are.
func (j *Journal) Events(ctx context.Context, delivery int64) ([]Event, error) {
	d, err := j.Delivery(ctx, delivery)
	if err != nil {
		return nil, err
	}
	payload, err := webhook.Parse(d.Body)
	if err != nil {
		return nil, nil //nolint:nilerr // A body that is no payload has no events.
	}
	out := make([]Event, len(payload.Events))
	for i, e := range payload.Events {
		out[i] = Event{Delivery: delivery, Event: e}
	}
	return out, nil
}

// Attempts returns the committed attempts of a delivery, oldest first.
func (j *Journal) Attempts(ctx context.Context, delivery int64) ([]Attempt, error) {
	var out []Attempt
	err := j.read(ctx, func(c *sqlite.Conn) error {
		stmt := c.Prep(selectAttempt + ", head, body from attempt where delivery = ? order by n")
		stmt.BindInt64(1, delivery)
		return each(stmt, func() bool {
			a := scanAttempt(stmt)
			a.Header = parseHeader(string(columnBytes(stmt, attemptColumns)))
			a.Body = columnBytes(stmt, attemptColumns+1)
			out = append(out, a)
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read attempts of %s: %w", FormatID(delivery, 0), err)
	}
	return out, nil
}

// Verifications returns up to limit verification requests with ids above after,
// oldest first.
func (j *Journal) Verifications(ctx context.Context, after int64, limit int) ([]Verification, error) {
	var out []Verification
	err := j.read(ctx, func(c *sqlite.Conn) (err error) {
		out, err = verifications(c, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read verifications: %w", err)
	}
	return out, nil
}

func verifications(c *sqlite.Conn, after int64, limit int) ([]Verification, error) {
	var out []Verification
	stmt := c.Prep("select id, at, uri, host, remote, self, status, reason, head from verification where id > ? order by id limit ?")
	stmt.BindInt64(1, after)
	stmt.BindInt64(2, int64(limit))
	err := each(stmt, func() bool {
		out = append(out, Verification{
			ID:         stmt.ColumnInt64(0),
			ReceivedAt: toTime(stmt.ColumnInt64(1)),
			URI:        stmt.ColumnText(2),
			Host:       stmt.ColumnText(3),
			Remote:     stmt.ColumnText(4),
			Self:       stmt.ColumnBool(5),
			Status:     stmt.ColumnInt(6),
			Reason:     stmt.ColumnText(7),
			Header:     parseHeader(string(columnBytes(stmt, 8))),
		})
		return true
	})
	return out, err
}

// selectPending lists the pending deliveries: those known as such, and those above
// the derived rows without an attempt.
const selectPending = `
select delivery from pending
union all
select id as delivery from delivery d
where id > ` + indexedSoFar + ` and forward and not exists (select 1 from attempt where delivery = d.id)`

// indexedSoFar is the newest delivery with derived rows.
const indexedSoFar = "(select value from state where key = 'indexed')"

// Pending returns the deliveries that are to be forwarded and have no attempt, oldest
// first: those in flight, and those a former session left.
func (j *Journal) Pending(ctx context.Context) ([]int64, error) {
	var out []int64
	err := j.read(ctx, func(c *sqlite.Conn) error {
		stmt := c.Prep("select delivery from (" + selectPending + ") order by delivery")
		return each(stmt, func() bool {
			out = append(out, stmt.ColumnInt64(0))
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read pending deliveries: %w", err)
	}
	return out, nil
}

func scanDelivery(stmt *sqlite.Stmt) Delivery {
	d := Delivery{
		ID:         stmt.ColumnInt64(0),
		ReceivedAt: toTime(stmt.ColumnInt64(1)),
		Source:     Source(stmt.ColumnText(2)),
		Verdict:    webhook.Verdict(stmt.ColumnText(3)),
		Secret:     stmt.ColumnText(4),
		Reason:     stmt.ColumnText(5),
		Fixture:    stmt.ColumnText(6),
		Remote:     stmt.ColumnText(7),
		Status:     stmt.ColumnInt(8),
		Forward:    stmt.ColumnBool(9),
		Body:       columnBytes(stmt, 11),
	}
	d.Method, d.URI, d.Proto, d.Host, d.Header = parseRequestHead(columnBytes(stmt, 10))
	return d
}

const (
	selectAttempt  = "select id, delivery, n, at, took, target, replay, status, err, truncated, resigned"
	attemptColumns = 11
)

// scanAttempt reads an attempt without its header and body.
func scanAttempt(stmt *sqlite.Stmt) Attempt {
	return Attempt{
		ID:        stmt.ColumnInt64(0),
		Delivery:  stmt.ColumnInt64(1),
		N:         stmt.ColumnInt(2),
		At:        toTime(stmt.ColumnInt64(3)),
		Took:      time.Duration(stmt.ColumnInt64(4)),
		Target:    stmt.ColumnText(5),
		Replay:    stmt.ColumnBool(6),
		Status:    stmt.ColumnInt(7),
		Err:       stmt.ColumnText(8),
		Truncated: stmt.ColumnBool(9),
		Resigned:  stmt.ColumnBool(10),
	}
}
