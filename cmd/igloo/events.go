package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// errNothingRecorded is that a project has no journal yet.
var errNothingRecorded = errors.New("nothing is recorded for this project yet")

// readable returns the project whose journal a command reads: its own, or when it has
// none yet that of the only live session.
func (c *command) readable(ctx context.Context) (project, error) {
	p := c.project
	if p.unplaced != nil {
		return p, p.unplaced
	}
	if _, err := os.Stat(p.journalPath()); err != nil || c.Session != "" {
		session, err := c.findSession(ctx)
		if errors.Is(err, errNoSession) {
			return p, withHint(errNothingRecorded, "start recording: igloo, or igloo --demo for a look")
		}
		if err != nil {
			return p, err
		}
		p.DataDir = session.info.DataDir
	}
	return p, nil
}

// openReader opens the project's journal for reading, beside a running session or
// without one.
func (c *command) openReader(ctx context.Context) (*journal.Journal, error) {
	p, err := c.readable(ctx)
	if err != nil {
		return nil, err
	}
	return openProjectReader(ctx, p)
}

// openProjectReader opens the journal of one project and no other.
func openProjectReader(ctx context.Context, p project) (*journal.Journal, error) {
	// Without a session nobody has indexed what a killed one left behind, nor
	// brought an older journal up to date.
	if lock, err := lockProject(p); err == nil {
		j, err := journal.Open(ctx, journal.Config{Path: p.journalPath()})
		if err == nil {
			err = j.Close()
		}
		lock.Release()
		if err != nil && !errors.Is(err, journal.ErrReadOnly) {
			return nil, err
		}
	}
	return journal.OpenReader(ctx, journal.Config{Path: p.journalPath()})
}

func (b builder) events() *cobra.Command {
	return b.group("events", "Look at what was recorded", b.eventsList(), b.eventsSearch(), b.eventsShow(), b.eventsDiff(),
		b.eventsFollow(), b.eventsWait(), b.eventsStats(), b.eventsExport(), b.eventsPrune())
}

// queryFlags adds what the reading commands share.
func queryFlags(c *cobra.Command, filter *string, limit *int) {
	c.Flags().StringVar(filter, "filter", "", "only deliveries that match `QUERY`, such as 'field:messages is:failed'")
	if limit != nil {
		c.Flags().IntVarP(limit, "limit", "n", 20, "the newest `N`; 0 is all")
	}
}

func (b builder) eventsList() *cobra.Command {
	var filter string
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List recorded deliveries, oldest of the newest first",
		Args: cobra.NoArgs,
	}
	queryFlags(c, &filter, &limit)
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		return c.listEvents(cmd.Context(), filter, limit)
	})
	return c
}

func (b builder) eventsSearch() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "search QUERY…", Short: "List the deliveries that match a query",
		Long: `List the deliveries that match a query: words are searched as prefixes in full text;
field: status: verdict: is: from: id: since: before: took: narrow it down, - negates,
body: and /regular expressions/ search the raw bodies.`,
		Example: `  igloo events search ship canada
  igloo events search field:messages from:@ada is:failed
  igloo events search 'since:10m -is:fired took:>200ms'`,
		Args: someArgs("igloo events search ship canada"),
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "the newest `N`; 0 is all")
	c.SetFlagErrorFunc(afterDashes("igloo events search"))
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		return c.listEvents(cmd.Context(), strings.Join(args, " "), limit)
	})
	return c
}

func (c *command) listEvents(ctx context.Context, filter string, limit int) error {
	if limit < 0 {
		return usagef("", "--limit: %d is less than 0", limit)
	}
	if limit == 0 {
		limit = -1
	}
	j, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	out := &lineWriter{out: c.stdout}
	return c.eachRow(ctx, j, filter, limit, func(r journal.Row) error {
		return c.printRow(ctx, j, out, r)
	})
}

// printRow prints a delivery: a line for people, all of it as JSON.
func (c *command) printRow(ctx context.Context, j *journal.Journal, out *lineWriter, r journal.Row) error {
	if !c.JSON {
		if _, err := fmt.Fprintln(c.stdout, rowLine(r)); err != nil {
			return fmt.Errorf("write to stdout: %w", err)
		}
		return nil
	}
	d, err := j.Delivery(ctx, r.ID)
	if err != nil {
		return err
	}
	line, err := wholeDelivery(ctx, j, d)
	if err != nil {
		return err
	}
	return out.write(line)
}

// eachRow calls f with the newest limit rows of a query, oldest first; -1 is all.
func (c *command) eachRow(ctx context.Context, j *journal.Journal, filter string, limit int, f func(journal.Row) error) error {
	q, err := journal.ParseQuery(filter, time.Now())
	if err != nil {
		return err
	}
	if limit >= 0 {
		rows, err := j.Rows(ctx, q, journal.Page{Limit: limit})
		if err != nil {
			return err
		}
		slices.Reverse(rows)
		return each(rows, f)
	}
	for page := (journal.Page{OldestFirst: true, Limit: 500}); ; {
		rows, err := j.Rows(ctx, q, page)
		if err != nil {
			return err
		}
		if err := each(rows, f); err != nil {
			return err
		}
		if len(rows) < page.Limit {
			return nil
		}
		page.After = rows[len(rows)-1].ID
	}
}

func each(rows []journal.Row, f func(journal.Row) error) error {
	for _, r := range rows {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// wholeDelivery is a delivery's line with its marks and attempts.
func wholeDelivery(ctx context.Context, j *journal.Journal, d journal.Delivery) (deliveryLine, error) {
	line := newDeliveryLine(d)
	row, err := j.Row(ctx, d.ID)
	if err != nil {
		return line, err
	}
	line.Marks = row.Marks.Names()
	attempts, err := j.Attempts(ctx, d.ID)
	if err != nil {
		return line, err
	}
	for _, a := range attempts {
		line.Attempts = append(line.Attempts, newAttemptLine(a, true))
	}
	return line, nil
}

func (b builder) eventsShow() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use: "show ID", Short: "Show one delivery, or one event of it, in full",
		Args: exactly(1, "igloo events show d42; igloo events list names them"), ValidArgsFunction: b.completeDeliveries,
	}
	c.Flags().BoolVar(&raw, "raw", false, "print the received bytes and nothing else")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		return c.showEvent(cmd.Context(), args[0], raw)
	})
	return c
}

// withDelivery calls f with the delivery that an id names, and the place of the event
// in it, 0 when the id means the delivery.
func (c *command) withDelivery(ctx context.Context, arg string, f func(j *journal.Journal, d journal.Delivery, n int) error) error {
	id, n, err := journal.ParseID(arg)
	if err != nil {
		return usagef("ids look like d42 or d42.3: igloo events list", "%s", err)
	}
	j, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	d, err := j.Delivery(ctx, id)
	if err != nil {
		return err
	}
	return f(j, d, n)
}

func (c *command) showEvent(ctx context.Context, arg string, raw bool) error {
	return c.withDelivery(ctx, arg, func(j *journal.Journal, d journal.Delivery, n int) error {
		line, err := wholeDelivery(ctx, j, d)
		if err != nil {
			return err
		}
		body := d.Body
		payload, parseErr := webhook.Parse(d.Body)
		line.explain(d.Body, payload.Events)
		if err := line.notice(ctx, j, d.ID); err != nil {
			return err
		}
		if n > 0 {
			if parseErr != nil || n > len(payload.Events) {
				return noSuchEvent(arg, d.ID, len(payload.Events))
			}
			body = payload.Events[n-1].Raw
			line.Events = line.Events[n-1 : n]
		}
		switch {
		case raw:
			return c.writeRaw(body)
		case c.JSON:
			return (&lineWriter{out: c.stdout}).write(line)
		}
		printDelivery(c.stdout, line, body, c.columns(100))
		return nil
	})
}

// printDelivery shows a delivery to people: what it is, its events, headers, body,
// attempts.
func printDelivery(w io.Writer, d deliveryLine, body []byte, width int) {
	fmt.Fprintf(w, "%s  %s  %s %s  %s", d.ID, d.At, d.Method, clean(d.URI), d.Verdict)
	if d.Secret != "" {
		fmt.Fprintf(w, " (app secret %s)", d.Secret)
	}
	if d.Reason != "" {
		fmt.Fprintf(w, ": %s", clean(d.Reason))
	}
	source := string(d.Source)
	if d.Name != "" {
		source += " " + oneLine(d.Name)
	}
	fmt.Fprintf(w, "\n%s from %s, answered %d, %s\n", source, clean(d.Remote), d.Answered, bytesText(int64(d.Size)))
	if d.Verdict == webhook.Invalid || d.Verdict == webhook.Unsigned {
		fmt.Fprintf(w, "  every cause and its fix: igloo verify %s\n", d.ID)
	}
	if d.Note != "" {
		fmt.Fprintf(w, "  %s\n", oneLine(d.Note))
	}
	printEvents(w, d, width)
	printNotices(w, d, width)
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		for _, value := range d.Header[name] {
			fmt.Fprintf(w, "%s: %s\n", clean(name), clean(value))
		}
	}
	fmt.Fprintf(w, "\n%s\n", clean(string(indented(body))))
	for _, a := range d.Attempts {
		fmt.Fprintf(w, "\nattempt %d at %s to %s: ", a.N, a.At, a.Target)
		if a.Error != "" {
			fmt.Fprintf(w, "%s\n", clean(a.Error))
			continue
		}
		fmt.Fprintf(w, "%d in %.1fms\n", a.Status, a.TookMS)
		if a.bodyFields != nil && len(a.BodyBase64) > 0 {
			fmt.Fprintf(w, "(binary, %s)\n", bytesText(int64(len(a.BodyBase64))))
		}
		if a.bodyFields != nil && a.Body != nil && *a.Body != "" {
			fmt.Fprintf(w, "%s\n", clean(*a.Body))
		}
	}
}

// indented lays JSON out for reading; anything else stays as it is.
func indented(body []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return body
	}
	return out.Bytes()
}

// completeDeliveries completes ids with the newest recorded ones.
func (b builder) completeDeliveries(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	cfg, err := loadConfig(b.app.environ, cmd.Flags())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	j, err := journal.OpenReader(ctx, journal.Config{Path: cfg.project.journalPath()})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = j.Close() }()
	q, _ := journal.ParseQuery("", time.Now())
	rows, err := j.Rows(ctx, q, journal.Page{Limit: 30})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, r := range rows {
		out = append(out, journal.FormatID(r.ID, 0)+"\t"+oneLine(rowField(r)+" "+r.Summary))
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
