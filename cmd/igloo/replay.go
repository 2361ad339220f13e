package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

type replayFlags struct {
	To      string
	Failed  bool
	Pending bool
	Last    int
	Resign  bool
}

func (b builder) replay() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay [ID…]",
		Short: "Send recorded deliveries to the target again, the same bytes",
		Long: `Send recorded deliveries to the target again: the same bytes and headers, in the order
they arrived. Each is recorded as another attempt of its delivery. With --resign they
are signed anew with the app secret that igloo knows, or its development secret, for an
app that does not have the secret they came with; the bodies stay the same.`,
		Example: `  igloo replay d42 d43
  igloo replay d40..d45 --resign
  igloo replay --failed
  igloo replay --last 3 --to http://localhost:8000/webhook`,
		ValidArgsFunction: b.completeDeliveries,
	}
	flags := c.Flags()
	flags.StringVar(&f.To, "to", "", "send to `URL` instead of the session's target")
	flags.BoolVar(&f.Failed, "failed", false, "all whose last attempt the app did not accept")
	flags.BoolVar(&f.Pending, "pending", false, "all that were never sent, of earlier sessions")
	flags.IntVar(&f.Last, "last", 0, "the last `N` deliveries")
	flags.BoolVar(&f.Resign, "resign", false, "sign anew with the known app secret")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error { return c.replay(cmd.Context(), f, args) })
	return c
}

// replayOrder asks a session to replay.
type replayOrder struct {
	Deliveries []int64
	To         string // another target than the session's, "" = the session's
	Resign     bool   // sign anew
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
	order := replayOrder{To: f.To, Resign: f.Resign}
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
		named, err := c.named(ctx, j, arg)
		if err != nil {
			return nil, err
		}
		ids = append(ids, named...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// named lists the deliveries of an argument: an id, or a range of them.
func (c *command) named(ctx context.Context, j *journal.Journal, arg string) ([]int64, error) {
	first, last, isRange := strings.Cut(strings.Replace(arg, "..", "-", 1), "-")
	lo, _, err := journal.ParseID(first)
	if err == nil && isRange {
		var hi int64
		if hi, _, err = journal.ParseID(last); err == nil && hi < lo {
			err = fmt.Errorf("%q ends before it begins", arg)
		}
	}
	if err != nil {
		return nil, usagef("ids look like d42, ranges like d40..d45: igloo events list", "%s", err)
	}
	if !isRange {
		if _, err := j.Delivery(ctx, lo); err != nil {
			return nil, err
		}
		return []int64{lo}, nil
	}
	ids, err := c.matching(ctx, j, "id:"+first+"-"+last, -1)
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("%s: %w", arg, journal.ErrNotFound)
	}
	return ids, err
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
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	return c.writeAlone(ctx, func(j *journal.Journal) error { return replayTo(ctx, j, keys, order, report) })
}

// replayTo sends deliveries to a URL that is not the session's target.
func replayTo(ctx context.Context, j *journal.Journal, keys *webhook.Keyring, order replayOrder, report func(outcome)) error {
	target, err := forward.TargetURL(order.To, "/webhook")
	if err != nil {
		return err
	}
	f, err := forward.New(forward.Config{Target: target}, j)
	if err != nil {
		return err
	}
	return replayWith(ctx, j, f, keys, order, report)
}

// replayWith sends deliveries one after the other.
func replayWith(ctx context.Context, j *journal.Journal, f *forward.Forwarder, keys *webhook.Keyring, order replayOrder, report func(outcome)) error {
	for _, id := range order.Deliveries {
		d, err := j.Delivery(ctx, id)
		if err != nil {
			return err
		}
		out := outcome{Type: "replayed", ID: journal.FormatID(d.ID, 0), Verdict: d.Verdict, Name: d.Fixture, delivery: d.ID}
		if order.Resign {
			out.answer(f.ReplayResigned(ctx, resigned(d, keys)))
		} else {
			out.answer(f.Replay(ctx, d))
		}
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
