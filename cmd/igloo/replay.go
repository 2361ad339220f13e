package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
)

type replayFlags struct {
	To      string
	Failed  bool
	Pending bool
	Last    int
}

func (b builder) replay() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay [ID…]",
		Short: "Send recorded deliveries to the target again, the same bytes",
		Long: `Send recorded deliveries to the target again: the same bytes and headers, in the order
they arrived. Each is recorded as another attempt of its delivery.`,
		Example: `  igloo replay d42 d43
  igloo replay --failed
  igloo replay --last 3 --to http://localhost:8000/webhook`,
		ValidArgsFunction: b.completeDeliveries,
	}
	flags := c.Flags()
	flags.StringVar(&f.To, "to", "", "send to `URL` instead of the session's target")
	flags.BoolVar(&f.Failed, "failed", false, "all whose last attempt the app did not accept")
	flags.BoolVar(&f.Pending, "pending", false, "all that were never sent, of earlier sessions")
	flags.IntVar(&f.Last, "last", 0, "the last `N` deliveries")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error { return c.replay(cmd.Context(), f, args) })
	return c
}

// replayOrder asks a session to replay.
type replayOrder struct {
	Deliveries []int64
	To         string // another target than the session's, "" = the session's
}

func (c *command) replay(ctx context.Context, f replayFlags, args []string) error {
	ways := 0
	for _, used := range []bool{len(args) > 0, f.Failed, f.Pending, f.Last > 0} {
		if used {
			ways++
		}
	}
	if ways != 1 {
		return usagef("igloo replay d42, or one of --failed, --pending, --last N", "replay needs deliveries, named in one way")
	}
	if f.To != "" {
		if _, err := forward.TargetURL(f.To, "/webhook"); err != nil {
			return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
		}
	}
	session, err := c.findSession(ctx)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if session != nil && session.foreign {
		// The same id is another delivery there, and the target another app.
		if f.To == "" {
			return usagef(fmt.Sprintf("to replay what that session recorded: --session %d; to send this project's elsewhere: --to URL", session.info.PID),
				"this project has no session; the one of %s is another", clean(session.info.Project))
		}
		session = nil
	}
	if session == nil && f.To == "" {
		return withHint(errNoSession, "start one with --forward-to, or name your app: --to http://localhost:3000/webhook")
	}
	order := replayOrder{To: f.To}
	if order.Deliveries, err = c.chosen(ctx, session, f, args); err != nil {
		return err
	}
	if len(order.Deliveries) == 0 {
		fmt.Fprintln(c.stderr, "igloo: nothing to replay")
		return nil
	}
	r := c.newReporter(len(order.Deliveries), false)
	stop := r.watch()
	if session != nil {
		err = session.order(ctx, "/replay", order, r.report)
	} else {
		err = c.replayAlone(ctx, order, r.report)
	}
	if stop(); err != nil {
		r.interrupted(ctx)
		return err
	}
	return r.end()
}

// chosen lists the deliveries the arguments and flags name, oldest first. The ids mean
// those of the session that replays them, which may be another project's.
func (c *command) chosen(ctx context.Context, session *remote, f replayFlags, args []string) ([]int64, error) {
	j, err := c.openReplayed(ctx, session)
	if err != nil {
		return nil, err
	}
	defer func() { _ = j.Close() }()
	switch {
	case f.Pending:
		return j.Pending(ctx)
	case f.Failed:
		return c.matching(ctx, j, "is:failed", -1)
	case f.Last > 0:
		return c.matching(ctx, j, "", f.Last)
	}
	var ids []int64
	for _, arg := range args {
		id, _, err := journal.ParseID(arg)
		if err != nil {
			return nil, usagef("ids look like d42: igloo events list", "%s", err)
		}
		if _, err := j.Delivery(ctx, id); err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// openReplayed opens the journal of a session, or without one the project's.
func (c *command) openReplayed(ctx context.Context, session *remote) (*journal.Journal, error) {
	if session == nil {
		return c.openReader(ctx)
	}
	p := c.project
	p.DataDir = session.info.DataDir
	return openProjectReader(ctx, p)
}

// matching lists up to limit of the newest deliveries of a query, oldest first;
// -1 is all.
func (c *command) matching(ctx context.Context, j *journal.Journal, text string, limit int) ([]int64, error) {
	var ids []int64
	err := c.eachRow(ctx, j, text, limit, func(r journal.Row) error {
		ids = append(ids, r.ID)
		return nil
	})
	return ids, err
}

// replayAlone replays without a session: it takes the project's place, so that the
// attempts are recorded.
func (c *command) replayAlone(ctx context.Context, order replayOrder, report func(outcome)) error {
	lock, err := lockProject(c.project)
	if err != nil {
		return err
	}
	defer lock.Release()
	j, err := journal.Open(ctx, journal.Config{Path: c.project.journalPath()})
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	journalCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- j.Run(journalCtx) }()
	err = replayTo(ctx, j, order, report)
	stop()
	return errors.Join(err, <-done)
}

// replayTo sends deliveries to a URL that is not the session's target.
func replayTo(ctx context.Context, j *journal.Journal, order replayOrder, report func(outcome)) error {
	target, err := forward.TargetURL(order.To, "/webhook")
	if err != nil {
		return err
	}
	f, err := forward.New(forward.Config{Target: target}, j)
	if err != nil {
		return err
	}
	return replayWith(ctx, j, f, order.Deliveries, report)
}

// replayWith sends deliveries one after the other.
func replayWith(ctx context.Context, j *journal.Journal, f *forward.Forwarder, ids []int64, report func(outcome)) error {
	for _, id := range ids {
		d, err := j.Delivery(ctx, id)
		if err != nil {
			return err
		}
		out := outcome{Type: "replayed", ID: journal.FormatID(d.ID, 0), Verdict: d.Verdict, Name: d.Fixture, delivery: d.ID}
		out.answer(f.Replay(ctx, d))
		if ctx.Err() != nil && out.Status == 0 {
			return ctx.Err() // broken off by us, not by the app
		}
		report(out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
