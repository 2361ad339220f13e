package journal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"
)

// Meta documents that an app has to answer within 5 seconds; one that needs more than
// 2 has little left for a bad day.
const (
	SlowAnswer    = 2 * time.Second
	TooSlowAnswer = 5 * time.Second
)

// maxAnswers is how many of the newest attempts [Journal.Answers] looks at. What the
// app was like a month ago says little about what it is like now.
const maxAnswers = 10_000

// Answers are how quickly the app answers.
type Answers struct {
	// Fields holds the times of the newest answers, at most 10,000 together, by the
	// field of the delivery's first event; "" are unknown ones. Replays do not count.
	Fields map[string]Pace
	// Slow and TooSlow count the deliveries whose last attempt took longer than
	// [SlowAnswer] and [TooSlowAnswer].
	Slow, TooSlow int64
}

// Pace is how long the app took, over a number of answers.
type Pace struct {
	Answers       int
	P50, P95, P99 time.Duration
	Max           time.Duration
}

// Answers returns how quickly the app has answered. Unlike [Journal.Stats] it is counted
// when it is asked for.
func (j *Journal) Answers(ctx context.Context) (Answers, error) {
	a := Answers{Fields: make(map[string]Pace)}
	if err := j.read(ctx, a.read); err != nil {
		return Answers{}, fmt.Errorf("read answers: %w", err)
	}
	return a, nil
}

func (a *Answers) read(c *sqlite.Conn) error {
	for dst, above := range map[*int64]time.Duration{&a.Slow: SlowAnswer, &a.TooSlow: TooSlowAnswer} {
		// The magnitude first: the index lists no quick answer then.
		stmt := c.Prep("select count(*) from attempt indexed by attempt_pace where last and pace > 3 and pace >= ? and took > ?")
		stmt.BindInt64(1, pace(above))
		stmt.BindInt64(2, int64(above))
		err := each(stmt, func() bool {
			*dst = stmt.ColumnInt64(0)
			return true
		})
		if err != nil {
			return err
		}
	}
	return a.readPaces(c)
}

func (a *Answers) readPaces(c *sqlite.Conn) error {
	const query = `select e.field, a.took
		from (select delivery, took from attempt where status > 0 and not replay order by id desc limit ?) a
		left join event e on e.id = (a.delivery << 14) + 1`
	took := make(map[string][]time.Duration)
	stmt := c.Prep(query)
	stmt.BindInt64(1, maxAnswers)
	err := each(stmt, func() bool {
		field := stmt.ColumnText(0)
		took[field] = append(took[field], time.Duration(stmt.ColumnInt64(1)))
		return true
	})
	for field, times := range took {
		a.Fields[field] = paceOf(times)
	}
	return err
}

// paceOf sorts the times and takes the percentiles by nearest rank.
func paceOf(times []time.Duration) Pace {
	slices.Sort(times)
	n := len(times)
	at := func(percent int) time.Duration { return times[(n*percent+99)/100-1] }
	return Pace{Answers: n, P50: at(50), P95: at(95), P99: at(99), Max: times[n-1]}
}
