package journal

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

// Notice is one thing that was noticed of a delivery.
type Notice struct {
	Delivery int64
	Event    int // which of its events, 0 for the whole delivery
	Mark     Mark
	Text     string // a sentence or two for people
}

// maxNotices bounds the notices returned of one delivery: a batch that came again has
// one for each of its events.
const maxNotices = 20

// Notices returns what was noticed of a delivery: a sentence for each mark, and for
// each event it is about, 20 at most.
func (j *Journal) Notices(ctx context.Context, delivery int64) ([]Notice, error) {
	var out []Notice
	err := j.read(ctx, func(c *sqlite.Conn) error {
		rows, err := readRows(c, []int64{delivery})
		if err != nil || len(rows) == 0 {
			return err
		}
		out, err = readNotices(c, idRange{lo: delivery, hi: delivery + 1}, maxNotices)
		if slow := rows[0].slowText(); slow != "" {
			out = append(out, Notice{delivery, 0, rows[0].Marks & (Slow | TooSlow), slow})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read notices of %s: %w", FormatID(delivery, 0), err)
	}
	return out, nil
}

// Noticed counts the deliveries by what was noticed of them: the marks that
// [Journal.Answers] does not count.
func (j *Journal) Noticed(ctx context.Context) (map[Mark]int64, error) {
	out := make(map[Mark]int64)
	err := j.read(ctx, func(c *sqlite.Conn) error {
		stmt := c.Prep("select kind, count(distinct event >> 14) from notice indexed by notice_kind group by kind")
		return each(stmt, func() bool {
			out[1<<stmt.ColumnInt(0)] = stmt.ColumnInt64(1)
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count notices: %w", err)
	}
	return out, nil
}

// selectNotices reads stored notices, with how much earlier the delivery of a duplicate
// was.
const selectNotices = `select n.event, n.kind, n.other, d.at - o.at
	from (select event, kind, other from notice where event >= ?1 << 14 and event < ?2 << 14 %s) n
	cross join delivery d on d.id = n.event >> 14
	left join delivery o on n.kind = 0 and o.id = n.other >> 14
	order by n.event, n.kind limit ?3`

// readNotices returns the stored notices of a range of deliveries, in their order.
func readNotices(c *sqlite.Conn, r idRange, limit int) ([]Notice, error) {
	return scanNotices(c, fmt.Sprintf(selectNotices, ""), r, limit)
}

// newlyNoticed returns the first notice of each delivery and mark that will stay.
func newlyNoticed(c *sqlite.Conn, r idRange) ([]Notice, error) {
	if r.lo >= r.hi {
		return nil, nil
	}
	// With min() the other columns are those of its row.
	first := strings.Replace(selectNotices, "select event, kind, other", "select min(event) as event, kind, other", 1)
	return scanNotices(c, fmt.Sprintf(first, "and (kind <> 3 or event & 16383 = 0) group by event >> 14, kind"), r, -1)
}

func scanNotices(c *sqlite.Conn, query string, r idRange, limit int) ([]Notice, error) {
	var out []Notice
	stmt := c.Prep(query)
	stmt.BindInt64(1, r.lo)
	stmt.BindInt64(2, r.hi)
	stmt.BindInt64(3, int64(limit))
	err := each(stmt, func() bool {
		event := stmt.ColumnInt64(0)
		n := Notice{Delivery: event >> eventBits, Event: int(event & (1<<eventBits - 1)), Mark: 1 << stmt.ColumnInt(1)}
		n.Text = n.text(stmt.ColumnInt64(2), time.Duration(stmt.ColumnInt64(3)), stmt.ColumnType(3) == sqlite.TypeNull)
		out = append(out, n)
		return true
	})
	return out, err
}

// text says what was noticed. other depends on the mark; after is how long after the
// delivery of other this one came, unless that one is gone.
func (n Notice) text(other int64, after time.Duration, gone bool) string {
	switch n.Mark {
	case Duplicate:
		what := fmt.Sprintf("The same event as %s", FormatID(other>>eventBits, int(other&(1<<eventBits-1))))
		if gone {
			what += ", which is no longer recorded"
		} else {
			what += ", " + max(0, after).Round(time.Millisecond).String() + " later"
		}
		return what + ". Meta sends again what was not answered with 200 in time, and sometimes what was: an app should drop what it has seen, by the id of the comment, or by the mid and what happened."
	case Loop:
		return fmt.Sprintf("The app seems to answer itself: this is the %s message of the account in a row that was written within %s of Meta telling of the one before, while nobody else said anything. Skip echoes and own comments.", ordinal(other+1), loopPause)
	case Differs:
		return fmt.Sprintf("Its shape is not the known one: igloo events diff %s. Meta changed something, or igloo does not know it yet; it is recorded and forwarded as it came.", FormatID(n.Delivery, 0))
	case Unsubscribed:
		if n.Event == 0 {
			return "Only names of fields came: Include Values is off at the app's subscription."
		}
		return "An edit without a text, and its message has not come: the messages field is probably not enabled on the app. Enable it in the App Dashboard, or see igloo subscribe list."
	case Test, Slow, TooSlow: // the event's flags and the attempt say these
	}
	return ""
}

func ordinal(n int64) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// slowText says what a slow answer means, "" when it was not slow.
func (r Row) slowText() string {
	took := r.Took.Round(100 * time.Millisecond)
	switch {
	case r.Marks&TooSlow != 0:
		return fmt.Sprintf("The app took %s. Meta waits about %s, then it sends the delivery again: answer first, work later.", took, TooSlowAnswer)
	case r.Marks&Slow != 0:
		return fmt.Sprintf("The app took %s of about %s that Meta waits: answer first, work later.", took, TooSlowAnswer)
	}
	return ""
}

// insertNotices writes what a chunk noticed, and drops what no longer holds.
func (w *writer) insertNotices(c *chunk) error {
	for _, n := range c.notices {
		s := w.conn.Prep("insert or ignore into notice (event, kind, other) values (?, ?, ?)")
		s.BindInt64(1, n.event)
		s.BindInt64(2, n.mark.kind())
		s.BindInt64(3, n.other)
		if err := run(s); err != nil {
			return err
		}
	}
	for _, event := range c.resolved {
		s := w.conn.Prep("delete from notice where event = ? and kind = ?")
		s.BindInt64(1, event)
		s.BindInt64(2, Unsubscribed.kind())
		if err := run(s); err != nil {
			return err
		}
	}
	return nil
}
