package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
)

type pruneFlags struct {
	Before string
	Keep   string
	DryRun bool
}

func (b builder) eventsPrune() *cobra.Command {
	var f pruneFlags
	c := &cobra.Command{
		Use: "prune", Short: "Remove what the retention does not keep, or what is older than a time",
		Long: `Remove deliveries from the journal, the oldest first, with their attempts, events and
words: what the configured retention does not keep (a session does so when it starts),
or what --keep or --before say. The space is given back to the disk, and nothing of what
was removed stays in the file. Ids go on where they were.

On a terminal it asks first. What the running session still has to forward stays.`,
		Example: `  igloo events prune --dry-run
  igloo events prune --keep 7d,200MB
  igloo events prune --before 2026-11-01`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&f.Before, "before", "", "remove what is older than `TIME`: an age such as 7d, a day, or as in a query")
	c.Flags().StringVar(&f.Keep, "keep", "", "keep `HOW` long and how much, instead of the configured: 7d,200MB")
	c.Flags().BoolVar(&f.DryRun, "dry-run", false, "only say what would be removed")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error { return c.pruneEvents(cmd.Context(), f) })
	return c
}

// pruneLine is what was removed, or would be.
type pruneLine struct {
	Type       string `json:"type"` // "prune"
	Deliveries int64  `json:"deliveries"`
	UpTo       string `json:"up_to,omitempty"` // the newest that goes
	Oldest     string `json:"oldest,omitempty"`
	Newest     string `json:"newest,omitempty"`
	Bytes      int64  `json:"bytes"` // about
	DryRun     bool   `json:"dry_run,omitempty"`
}

// pruneOrder asks a session to prune.
type pruneOrder struct{ UpTo int64 }

func (c *command) pruneEvents(ctx context.Context, f pruneFlags) error {
	wanted, err := c.pruneRetention(f)
	if err != nil {
		return err
	}
	session, err := c.findSession(ctx)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if session != nil && session.foreign {
		session = nil // somebody else's journal is not this project's to prune
	}
	excess, err := c.excess(ctx, session, wanted)
	if err != nil {
		return err
	}
	line := pruneLine{"prune", excess.Deliveries, "", stampText(excess.Oldest), stampText(excess.Newest), excess.Bytes, f.DryRun}
	if excess.UpTo > 0 {
		line.UpTo = journal.FormatID(excess.UpTo, 0)
	}
	if excess.UpTo > 0 && !f.DryRun {
		if ok, err := c.agreed(ctx, excess); err != nil || !ok {
			return err
		}
		if err := c.pruneUpTo(ctx, session, excess.UpTo); err != nil {
			return err
		}
	}
	if c.JSON {
		return (&lineWriter{out: c.stdout}).write(line)
	}
	switch {
	case excess.UpTo == 0:
		fmt.Fprintln(c.stdout, "nothing to remove")
	case f.DryRun:
		fmt.Fprintf(c.stdout, "would remove %s\n", excessText(excess))
	default:
		fmt.Fprintf(c.stdout, "removed %s\n", excessText(excess))
	}
	return nil
}

func excessText(x journal.Excess) string {
	return fmt.Sprintf("%s up to %s, from %s to %s, about %s",
		plural(int(x.Deliveries), "delivery", "deliveries"), journal.FormatID(x.UpTo, 0), dayText(x.Oldest), dayText(x.Newest), bytesText(x.Bytes))
}

// pruneRetention is what the flags want kept.
func (c *command) pruneRetention(f pruneFlags) (journal.Retention, error) {
	switch {
	case f.Before != "" && f.Keep != "":
		return journal.Retention{}, usagef("leave one of them out", "--before and --keep both say what goes")
	case f.Before != "":
		now := time.Now()
		at, ok := journal.ParseTime(f.Before, now)
		if !ok || at.After(now) {
			return journal.Retention{}, usagef("--before 7d, --before 2026-11-01", "--before: %s is not an age, a time or a day that was", quoteValue(f.Before))
		}
		return journal.Retention{Age: max(now.Sub(at), 1)}, nil // 0 would be no bound
	case f.Keep != "":
		return checkedRetention(f.Keep, "--keep")
	}
	return c.retention()
}

// excess measures the journal that a session has open, or the project's.
func (c *command) excess(ctx context.Context, session *remote, wanted journal.Retention) (journal.Excess, error) {
	if session == nil && missing(c.project.journalPath()) {
		return journal.Excess{}, withHint(errNothingRecorded, "there is nothing to remove")
	}
	j, err := c.openReplayed(ctx, session)
	if err != nil {
		return journal.Excess{}, err
	}
	defer func() { _ = j.Close() }()
	return j.Excess(ctx, wanted, time.Now())
}

// agreed asks on a terminal.
func (c *command) agreed(ctx context.Context, x journal.Excess) (bool, error) {
	if !isTerminal(c.stdin) || !isTerminal(c.stderr) {
		return true, nil
	}
	answer, err := newAsker(c.stdin, c.stderr).line(ctx, "Remove "+excessText(x)+"? y or n", "n")
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}

// pruneUpTo prunes through the session, which alone writes its journal, or without one.
func (c *command) pruneUpTo(ctx context.Context, session *remote, upTo int64) error {
	if session != nil {
		return session.order(ctx, "/prune", pruneOrder{upTo}, func(outcome) {})
	}
	return c.writeAlone(ctx, func(j *journal.Journal) error { return j.Prune(ctx, upTo, true) })
}

// writeAlone opens the project's journal for writing while no session has it.
func (c *command) writeAlone(ctx context.Context, work func(j *journal.Journal) error) error {
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
	err = work(j)
	stop()
	return errors.Join(err, <-done)
}
