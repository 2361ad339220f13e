package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func (b builder) eventsStats() *cobra.Command {
	c := &cobra.Command{
		Use: "stats", Short: "Count what was recorded, and how quickly the app answered",
		Args: cobra.NoArgs,
	}
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error { return c.showStats(cmd.Context()) })
	return c
}

// statsLine is the figures of a journal.
type statsLine struct {
	Type          string                    `json:"type"` // "stats"
	Deliveries    int64                     `json:"deliveries"`
	Events        int64                     `json:"events"`
	Verdicts      map[webhook.Verdict]int64 `json:"verdicts"`
	Sources       map[journal.Source]int64  `json:"sources"`
	Statuses      map[string]int64          `json:"statuses"` // of the last attempts; "error" for no answer
	Fields        []fieldStats              `json:"fields"`
	Attempts      int64                     `json:"attempts"`
	Failed        int64                     `json:"failed"`
	Pending       int64                     `json:"pending"`
	Slow          int64                     `json:"slow"`
	TooSlow       int64                     `json:"too_slow"`
	Noticed       map[string]int64          `json:"noticed"` // deliveries by mark
	Verifications int64                     `json:"verifications"`
	BodyBytes     int64                     `json:"body_bytes"`
	Size          int64                     `json:"size"` // of the file
	Oldest        string                    `json:"oldest,omitempty"`
	Newest        string                    `json:"newest,omitempty"`
	Retention     retentionLine             `json:"retention"`
}

// retentionLine is what the journal keeps; 0 is no bound.
type retentionLine struct {
	Days  float64 `json:"days"`
	Bytes int64   `json:"bytes"`
}

// fieldStats are the figures of one field.
type fieldStats struct {
	Field   string  `json:"field"` // "" when unknown
	Events  int64   `json:"events"`
	Answers int     `json:"answers"` // those the times are of
	P50MS   float64 `json:"p50_ms"`
	P95MS   float64 `json:"p95_ms"`
	P99MS   float64 `json:"p99_ms"`
	MaxMS   float64 `json:"max_ms"`
}

func (c *command) showStats(ctx context.Context) error {
	j, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	s, err := j.Stats(ctx)
	if err != nil {
		return err
	}
	a, err := j.Answers(ctx)
	if err != nil {
		return err
	}
	noticed, err := j.Noticed(ctx)
	if err != nil {
		return err
	}
	keep, err := c.retention()
	if err != nil {
		return err
	}
	line := newStatsLine(s, a)
	for mark, n := range noticed {
		line.Noticed[mark.Names()[0]] = n
	}
	line.Retention = retentionLine{keep.Age.Hours() / 24, keep.Bytes}
	if c.JSON {
		return (&lineWriter{out: c.stdout}).write(line)
	}
	printStats(c.stdout, line, s, keep)
	return nil
}

func newStatsLine(s journal.Stats, a journal.Answers) statsLine {
	line := statsLine{
		Type: "stats", Deliveries: s.Deliveries, Events: s.Events, Verdicts: s.Verdicts, Sources: s.Sources, Statuses: map[string]int64{},
		Noticed: map[string]int64{},
		Fields:  []fieldStats{}, Attempts: s.Attempts, Failed: s.Failed, Pending: s.Pending, Slow: a.Slow, TooSlow: a.TooSlow,
		Verifications: s.Verifications, BodyBytes: s.Bodies, Size: s.Size, Oldest: stampText(s.Oldest), Newest: stampText(s.Newest),
	}
	for status, n := range s.Statuses {
		line.Statuses[statusName(status)] = n
	}
	for field, n := range s.Fields {
		pace := a.Fields[field]
		line.Fields = append(line.Fields, fieldStats{
			field, n, pace.Answers, millis(pace.P50), millis(pace.P95), millis(pace.P99), millis(pace.Max),
		})
	}
	slices.SortFunc(line.Fields, func(a, b fieldStats) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), strings.Compare(a.Field, b.Field))
	})
	return line
}

// statusName is a status as a key of JSON; no answer has none.
func statusName(status int) string {
	if status == 0 {
		return "error"
	}
	return strconv.Itoa(status)
}

// printStats shows the figures to people.
func printStats(w io.Writer, s statsLine, from journal.Stats, keep journal.Retention) {
	fmt.Fprintf(w, "%s, %s, %s\n", plural(int(s.Deliveries), "delivery", "deliveries"), plural(int(s.Events), "event", "events"), bytesText(s.Size))
	if s.Deliveries > 0 {
		fmt.Fprintf(w, "from %s to %s; kept %s\n", dayText(from.Oldest), dayText(from.Newest), retentionText(keep))
	}
	printCounts(w, "verdicts", s.Verdicts)
	printCounts(w, "sources", s.Sources)
	printCounts(w, "answers", s.Statuses)
	if s.Pending > 0 {
		fmt.Fprintf(w, "%-10s %d: igloo replay --pending\n", "pending", s.Pending)
	}
	if s.Failed > 0 {
		fmt.Fprintf(w, "%-10s %d: igloo events search is:failed\n", "failed", s.Failed)
	}
	if s.Slow > 0 {
		fmt.Fprintf(w, "%-10s %d above %s, %d above %s, Meta's limit: igloo events search is:slow\n", "slow", s.Slow, journal.SlowAnswer, s.TooSlow, journal.TooSlowAnswer)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Noticed)) {
		fmt.Fprintf(w, "%-10s %d: igloo events search is:%s\n", noticedNames[name], s.Noticed[name], name)
	}
	if len(s.Fields) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%-26s %9s %9s %9s %9s %9s\n", "field", "events", "p50", "p95", "p99", "max")
	for _, f := range s.Fields {
		fmt.Fprintf(w, "%-26s %9d", cmp.Or(oneLine(f.Field), "unknown"), f.Events)
		for _, ms := range []float64{f.P50MS, f.P95MS, f.P99MS, f.MaxMS} {
			text := "–"
			if f.Answers > 0 {
				text = tookText(time.Duration(ms * float64(time.Millisecond)))
			}
			fmt.Fprintf(w, " %9s", text)
		}
		fmt.Fprintln(w)
	}
}

// printCounts shows counts on one line, largest first.
func printCounts[K ~string](w io.Writer, name string, counts map[K]int64) {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(string(a), string(b)))
	})
	var parts []string
	for _, key := range keys {
		if counts[key] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", oneLine(string(key)), counts[key]))
		}
	}
	if len(parts) > 0 {
		fmt.Fprintf(w, "%-10s %s\n", name, strings.Join(parts, ", "))
	}
}

// noticedNames are the marks in words that fit the column.
var noticedNames = map[string]string{"duplicate": "again", "loop": "loops", "differs": "new shapes", "unsubscribed": "no message"}

func dayText(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
