package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
)

// follower is the part of a journal that tells what happens.
type follower interface {
	Watch() (changed <-chan struct{}, stop func())
	Now(ctx context.Context) (journal.Cursor, error)
	Changes(ctx context.Context, since journal.Cursor, limit int) (journal.Changes, error)
}

// followJournal calls news with everything that is recorded from now on, in order,
// until ctx ends. A slow news coalesces what follows and loses nothing.
func followJournal(ctx context.Context, j follower, news func(since journal.Cursor, changes journal.Changes) error) error {
	changed, stop := j.Watch()
	defer stop()
	cursor, err := j.Now(ctx)
	if err != nil {
		return err
	}
	for {
		last := ctx.Err() != nil // what was recorded before ctx ended is still news
		changes, err := j.Changes(context.WithoutCancel(ctx), cursor, 500)
		if err != nil {
			return err
		}
		if err := news(cursor, changes); err != nil {
			return err
		}
		cursor = changes.Next
		if changes.More {
			continue
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
			continue
		case <-changed:
		}
		select { // let a burst gather
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b builder) eventsFollow() *cobra.Command {
	var filter string
	c := &cobra.Command{Use: "follow", Short: "Print deliveries as they are recorded", Args: cobra.NoArgs}
	queryFlags(c, &filter, nil)
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error { return c.followEvents(cmd.Context(), filter) })
	return c
}

func (c *command) followEvents(ctx context.Context, filter string) error {
	q, err := journal.ParseQuery(filter, time.Now())
	if err != nil {
		return err
	}
	j, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	done := make(chan error, 1)
	runCtx, stop := context.WithCancel(ctx)
	go func() { done <- j.Run(runCtx) }()
	out := &lineWriter{out: c.stdout}
	err = followJournal(ctx, j, func(since journal.Cursor, news journal.Changes) error {
		if c.JSON && filter == "" {
			return writeChanges(context.WithoutCancel(ctx), out, j, since, news)
		}
		var err error
		if news.Rows, err = onlyMatching(context.WithoutCancel(ctx), j, q, filter, news.Rows); err != nil {
			return err
		}
		for _, r := range news.Rows {
			// Once it is indexed and its outcome is known: before, a query could not
			// tell.
			if r.Indexed && !r.Pending() {
				if err := c.printRow(context.WithoutCancel(ctx), j, out, r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	stop()
	return errors.Join(err, <-done)
}

// onlyMatching keeps the rows a query matches.
func onlyMatching(ctx context.Context, j *journal.Journal, q journal.Query, text string, rows []journal.Row) ([]journal.Row, error) {
	if text == "" || len(rows) == 0 {
		return rows, nil
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	matching, err := j.Match(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(r journal.Row) bool { return !slices.Contains(matching, r.ID) }), nil
}
