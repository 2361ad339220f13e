package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// scale is a size of journal and what a query on it may take, in milliseconds: in
// process, and as a whole command.
type scale struct {
	size                     string
	must, goal               float64
	commandMust, commandGoal float64
}

// question is one thing people ask a journal.
type question struct{ name, query string }

func questions() []question {
	return []question{
		{"list 50", ""},
		{"filter by a rare sender", fmt.Sprintf("from:%d", rarePerson)},
		{"search a rare word", "number5000"},
		{"search a common word", "available"},
	}
}

// measureQueries asks a journal that no session holds, in process and by command, and
// opens it.
func (l *lab) measureQueries(ctx context.Context, home string, r *report, s scale) error {
	l.say("journal: queries at %s", s.size)
	if err := l.measureInProcess(ctx, home, r, s); err != nil {
		return err
	}
	runs := pick(l, 15, 5)
	for _, q := range questions() {
		took, err := repeat(runs, func() (time.Duration, error) {
			d, out, err := runCommand(l.list(ctx, home, q.query))
			if err == nil && len(out) == 0 {
				err = fmt.Errorf("%s found nothing in a journal of %s", q.name, s.size)
			}
			return d, err
		})
		if err != nil {
			return err
		}
		r.atMost(q.name+" at "+s.size+", whole command", "ms", median(took), s.commandMust, s.commandGoal)
	}
	took, err := repeat(runs, func() (time.Duration, error) { return l.timeToListening(ctx, home) })
	if err != nil {
		return err
	}
	r.atMost("start to listening at "+s.size, "ms", median(took), 100, 50)
	return nil
}

// measureInProcess measures the journal without the command around it.
func (l *lab) measureInProcess(ctx context.Context, home string, r *report, s scale) error {
	cfg := journal.Config{Path: filepath.Join(home, "data", "journal.db")}
	took, err := repeat(pick(l, 15, 5), func() (time.Duration, error) {
		began := time.Now()
		j, err := journal.OpenReader(ctx, cfg)
		if err != nil {
			return 0, err
		}
		return time.Since(began), j.Close()
	})
	if err != nil {
		return err
	}
	r.atMost("open the journal at "+s.size, "ms", median(took), 20, 5)

	j, err := journal.OpenReader(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // it only read
	for _, q := range questions() {
		took, err := repeat(51, func() (time.Duration, error) {
			began := time.Now()
			query, err := journal.ParseQuery(q.query, began)
			if err != nil {
				return 0, err
			}
			_, err = j.Rows(ctx, query, journal.Page{Limit: 50})
			return time.Since(began), err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		r.atMost(q.name+" at "+s.size+", in process", "ms", median(took), s.must, s.goal)
	}
	return nil
}

// repeat measures something so many times and returns the milliseconds.
func repeat(times int, measure func() (time.Duration, error)) ([]float64, error) {
	took := make([]time.Duration, times)
	for i := range took {
		var err error
		if took[i], err = measure(); err != nil {
			return nil, err
		}
	}
	return milliseconds(took), nil
}
