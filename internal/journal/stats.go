package journal

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// Stats are the figures of a journal. They are kept up to date as deliveries are
// indexed, so reading them costs the same at any size.
type Stats struct {
	Deliveries    int64
	Verdicts      map[webhook.Verdict]int64
	Sources       map[Source]int64
	Events        int64
	Fields        map[string]int64 // events by field; "" are unknown ones
	Statuses      map[int]int64    // deliveries by the status of their last attempt; 0 is no answer
	Attempts      int64
	Failed        int64 // deliveries whose last attempt was not accepted
	Pending       int64 // deliveries to be forwarded that have no attempt
	Verifications int64
	Bodies        int64 // bytes of all bodies
	Size          int64 // bytes of the file
	Oldest        time.Time
	Newest        time.Time
}

// Stats returns the figures of the journal.
func (j *Journal) Stats(ctx context.Context) (Stats, error) {
	s := Stats{
		Verdicts: make(map[webhook.Verdict]int64),
		Sources:  make(map[Source]int64),
		Fields:   make(map[string]int64),
		Statuses: make(map[int]int64),
	}
	if err := j.read(ctx, s.read); err != nil {
		return Stats{}, fmt.Errorf("read stats: %w", err)
	}
	return s, nil
}

func (s *Stats) read(c *sqlite.Conn) error {
	stmt := c.Prep("select kind, name, n from tally")
	err := each(stmt, func() bool {
		name, n := stmt.ColumnText(1), stmt.ColumnInt64(2)
		switch kind := stmt.ColumnText(0); {
		case n == 0: // all pruned
		case kind == tallyVerdict:
			s.Verdicts[webhook.Verdict(name)] += n
			s.Deliveries += n
		case kind == tallySource:
			s.Sources[Source(name)] += n
		case kind == tallyField:
			s.Fields[name] += n
		case kind == tallyStatus:
			if status, err := strconv.Atoi(name); err == nil {
				s.Statuses[status] = n
			}
		case name == totalEvents:
			s.Events += n
		case name == totalBytes:
			s.Bodies += n
		}
		return true
	})
	if err != nil {
		return err
	}
	if err := s.readUnindexed(c); err != nil {
		return err
	}
	var pages, oldest, newest int64
	for dst, query := range map[*int64]string{
		&s.Attempts:      "select (" + selectLastAttempt + ") - (select value from state where key = 'pruned_attempts')",
		&s.Failed:        "select (select count(*) from attempt where last and status < 200) + (select count(*) from attempt where last and status > 299)",
		&s.Pending:       "select count(*) from (" + selectPending + ")",
		&s.Verifications: "select max(id) from verification",
		&pages:           "pragma page_count",
		&oldest:          "select at from delivery order by id limit 1",
		&newest:          "select at from delivery order by id desc limit 1",
	} {
		if err := readInt(c, query, dst); err != nil {
			return err
		}
	}
	s.Size = pages * pageSize
	s.Oldest, s.Newest = toTime(oldest), toTime(newest)
	return nil
}

// readUnindexed adds the deliveries the tally does not know yet.
func (s *Stats) readUnindexed(c *sqlite.Conn) error {
	stmt := c.Prep("select verdict, source, length(body) from delivery where id > " + indexedSoFar)
	return each(stmt, func() bool {
		s.Verdicts[webhook.Verdict(stmt.ColumnText(0))]++
		s.Sources[Source(stmt.ColumnText(1))]++
		s.Bodies += stmt.ColumnInt64(2)
		s.Deliveries++
		return true
	})
}
