package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
)

type waitFlags struct {
	Timeout time.Duration
	Count   int
	Since   string
}

func (b builder) eventsWait() *cobra.Command {
	var f waitFlags
	c := &cobra.Command{
		Use: "wait QUERY…", Short: "Wait until a delivery is recorded that matches a query",
		Long: `Wait until a delivery is recorded that matches a query, print it, and exit with 0; with
3 when none comes in time. It looks at what arrives from now on; --since includes what
came before. A query about the outcome, such as is:failed, status:500 or -is:pending,
waits for the app's answer too. The session may still be starting.`,
		Example: `  igloo events wait 'field:messages from:ada' --timeout 10s
  igloo events wait field:comments status:200 --count 3 --since 1m --json`,
		Args: someArgs("igloo events wait field:messages"),
	}
	c.Flags().DurationVar(&f.Timeout, "timeout", 30*time.Second, "give up after `DURATION`; 0 is never")
	c.Flags().IntVar(&f.Count, "count", 1, "wait for `N` deliveries")
	c.Flags().StringVar(&f.Since, "since", "", "include deliveries since `TIME`: an age such as 5m, or as in a query")
	c.SetFlagErrorFunc(afterDashes("igloo events wait"))
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		return c.waitEvents(cmd.Context(), f, strings.Join(args, " "))
	})
	return c
}

// afterDashes explains why a query that begins with a dash is taken for a flag.
func afterDashes(path string) func(*cobra.Command, error) error {
	return func(_ *cobra.Command, err error) error {
		return usagef("a query that begins with - goes after --: "+path+" -- -is:failed", "%s", err)
	}
}

// errEnough ends the following of a journal.
var errEnough = errors.New("enough")

func (c *command) waitEvents(ctx context.Context, f waitFlags, text string) error {
	if f.Count < 1 || f.Timeout < 0 {
		return usagef("igloo events wait field:messages --timeout 10s --count 2", "--count is at least 1, and --timeout not negative")
	}
	if f.Since != "" {
		text += " since:" + f.Since
	}
	q, err := journal.ParseQuery(text, time.Now())
	if err != nil {
		return err
	}
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if f.Timeout > 0 {
		waiting, cancel = context.WithTimeout(ctx, f.Timeout)
	}
	defer cancel()
	w := waiter{command: c, query: q, flags: f, found: map[int64]bool{}, out: &lineWriter{out: c.stdout}}
	err = w.run(waiting)
	switch {
	case errors.Is(err, errEnough):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && waiting.Err() == nil:
		return err
	case len(w.found) > 0:
		return &answerNoError{fmt.Sprintf("%d of %d matching deliveries within %s", len(w.found), f.Count, f.Timeout)}
	}
	return &answerNoError{fmt.Sprintf("no delivery matched within %s%s", f.Timeout, w.trouble)}
}

// waiter waits for deliveries that match a query.
type waiter struct {
	*command
	query   journal.Query
	flags   waitFlags
	journal *journal.Journal
	start   journal.Cursor
	found   map[int64]bool
	trouble string // why there is no journal
	out     *lineWriter
}

// Now is where the following begins.
func (w *waiter) Now(context.Context) (journal.Cursor, error) { return w.start, nil }

// Watch is the journal's.
func (w *waiter) Watch() (changed <-chan struct{}, stop func()) { return w.journal.Watch() }

// Changes is the journal's.
func (w *waiter) Changes(ctx context.Context, since journal.Cursor, limit int) (journal.Changes, error) {
	return w.journal.Changes(ctx, since, limit)
}

// run returns errEnough when all were found, nil when ctx ended before.
func (w *waiter) run(ctx context.Context) error {
	if err := w.open(ctx); err != nil || w.journal == nil {
		return err
	}
	defer func() { _ = w.journal.Close() }()
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- w.journal.Run(following) }()
	err := w.follow(ctx)
	stop()
	if runErr := <-done; err == nil {
		err = runErr
	}
	return err
}

func (w *waiter) follow(ctx context.Context) error {
	if w.flags.Since != "" {
		page := journal.Page{OldestFirst: true, Limit: w.flags.Count}
		rows, err := w.journal.Rows(context.WithoutCancel(ctx), w.query, page)
		if err == nil {
			err = w.show(ctx, rows)
		}
		if err != nil {
			return err
		}
	}
	return followJournal(ctx, w, func(_ journal.Cursor, news journal.Changes) error {
		ctx := context.WithoutCancel(ctx)
		var fresh []journal.Row
		for _, r := range news.Rows {
			// A replay changes deliveries that came before.
			if r.Indexed && (w.flags.Since != "" || r.ID > w.start.Delivery) {
				fresh = append(fresh, r)
			}
		}
		rows, err := onlyMatching(ctx, w.journal, w.query, w.query.String(), fresh)
		if err != nil {
			return err
		}
		return w.show(ctx, rows)
	})
}

// show prints the rows that were not found before, until there are enough.
func (w *waiter) show(ctx context.Context, rows []journal.Row) error {
	for _, r := range rows {
		if w.found[r.ID] {
			continue
		}
		w.found[r.ID] = true
		if err := w.printRow(context.WithoutCancel(ctx), w.journal, w.out, r); err != nil {
			return err
		}
		if len(w.found) == w.flags.Count {
			return errEnough
		}
	}
	return nil
}

// missing reports whether a journal is not there, or is only being made.
func missing(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Size() == 0
}

// open opens the journal once there is one, and takes no lock, which a session that is
// starting needs. Without an error and without a journal, ctx has ended.
func (w *waiter) open(ctx context.Context) error {
	for first := true; ; first = false {
		p, err := w.readable(ctx)
		if err == nil {
			w.journal, err = journal.OpenReader(ctx, journal.Config{Path: p.journalPath()})
		}
		switch {
		case err == nil:
			if first {
				w.start, err = w.journal.Now(ctx)
			} // else there was none, and all that is in it is new
			return err
		case errors.Is(err, journal.ErrOlder): // a session is making it, or none has it open
			if w.journal, err = openProjectReader(ctx, p); !errors.Is(err, journal.ErrOlder) {
				return err
			}
		case errors.Is(err, errNothingRecorded) || missing(p.journalPath()):
			w.trouble = ": no session has recorded anything here; start one with igloo"
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}
