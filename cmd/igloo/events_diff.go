package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func (b builder) eventsDiff() *cobra.Command {
	c := &cobra.Command{
		Use: "diff A [B]", Short: "Say what differs between two deliveries, two events, or one and the known shape",
		Long: `Say what differs between two deliveries, or between two events: first the bytes, which
is what a signature is over, and how they are written; then the meaning, key by key.
With one id, say where it differs from the shape that is known of its field.`,
		Example: `  igloo events diff d41 d42
  igloo events diff d41.3 d42.1
  igloo events diff d42.1`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 2 {
				return nil
			}
			return usagef("igloo events diff d41 d42; igloo events list names them", "%s takes one id or two, not %d", c.CommandPath(), len(args))
		},
		ValidArgsFunction: b.completeDeliveries,
	}
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return c.diffShape(cmd.Context(), args[0])
		}
		return c.diffEvents(cmd.Context(), args[0], args[1])
	})
	return c
}

// diffLine is what differs between two deliveries or events.
type diffLine struct {
	Type    string        `json:"type"` // "diff"
	A       string        `json:"a"`
	B       string        `json:"b"`
	Same    bool          `json:"same"` // byte for byte
	SizeA   int           `json:"size_a"`
	SizeB   int           `json:"size_b"`
	Offset  *int          `json:"offset,omitempty"` // of the first byte that differs
	Writing []writingLine `json:"writing,omitempty"`
	Changes []changeLine  `json:"changes,omitempty"`
	Header  []changeLine  `json:"header,omitempty"` // of deliveries
	JSON    bool          `json:"json"`             // both are, so that they could be compared
}

type writingLine struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

type changeLine struct {
	Path string `json:"path"`
	A    string `json:"a,omitempty"`
	B    string `json:"b,omitempty"`
}

// piece is a delivery or one event of it.
type piece struct {
	id       string
	bytes    []byte
	delivery journal.Delivery
	whole    bool
}

// pieceOf finds what an id names.
func pieceOf(ctx context.Context, j *journal.Journal, arg string) (piece, error) {
	id, n, err := journal.ParseID(arg)
	if err != nil {
		return piece{}, usagef("ids look like d42 or d42.3: igloo events list", "%s", err)
	}
	d, err := j.Delivery(ctx, id)
	if err != nil {
		return piece{}, err
	}
	p := piece{journal.FormatID(id, n), d.Body, d, n == 0}
	if p.whole {
		return p, nil
	}
	payload, _ := webhook.Parse(d.Body) // without events when it is none
	if n > len(payload.Events) {
		return piece{}, noSuchEvent(arg, id, len(payload.Events))
	}
	p.bytes = payload.Events[n-1].Raw
	return p, nil
}

func noSuchEvent(arg string, delivery int64, events int) error {
	return withHint(fmt.Errorf("%s: %w", arg, journal.ErrNotFound),
		fmt.Sprintf("this delivery has %s: igloo events show %s", plural(events, "event", "events"), journal.FormatID(delivery, 0)))
}

func (c *command) diffEvents(ctx context.Context, first, second string) error {
	j, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	a, err := pieceOf(ctx, j, first)
	if err != nil {
		return err
	}
	b, err := pieceOf(ctx, j, second)
	if err != nil {
		return err
	}
	if a.whole != b.whole {
		return usagef("two deliveries (d41 d42), or two events (d41.1 d42.1)", "one of %s and %s is a delivery, the other an event", a.id, b.id)
	}
	line := newDiffLine(a, b)
	if c.JSON {
		return (&lineWriter{out: c.stdout}).write(line)
	}
	printDiff(c.stdout, line, a.bytes, b.bytes)
	return nil
}

func newDiffLine(a, b piece) diffLine {
	d := webhook.DiffJSON(a.bytes, b.bytes)
	line := diffLine{Type: "diff", A: a.id, B: b.id, Same: d.Same, SizeA: len(a.bytes), SizeB: len(b.bytes), JSON: d.JSON}
	if !d.Same {
		line.Offset = &d.At
	}
	for _, w := range d.Writing {
		line.Writing = append(line.Writing, writingLine(w))
	}
	for _, change := range d.Changes {
		line.Changes = append(line.Changes, changeLine(change))
	}
	if a.whole {
		line.Header = diffHeader(a.delivery, b.delivery)
	}
	return line
}

// diffHeader lists the headers that differ, credentials unseen.
func diffHeader(a, b journal.Delivery) []changeLine {
	headerA, headerB := shownHeader(a.Header), shownHeader(b.Header)
	names := slices.Collect(maps.Keys(headerA))
	names = slices.AppendSeq(names, maps.Keys(headerB))
	slices.Sort(names)
	var out []changeLine
	for _, name := range slices.Compact(names) {
		if !slices.Equal(headerA[name], headerB[name]) {
			out = append(out, changeLine{wireName(name), strings.Join(headerA[name], ", "), strings.Join(headerB[name], ", ")})
		}
	}
	return out
}

// printDiff shows a difference to people.
func printDiff(w io.Writer, d diffLine, a, b []byte) {
	switch {
	case d.Same:
		fmt.Fprintf(w, "%s and %s are the same %d bytes\n", d.A, d.B, d.SizeA)
	default:
		fmt.Fprintf(w, "%s has %d bytes, %s has %d; the first that differs is byte %d:\n", d.A, d.SizeA, d.B, d.SizeB, *d.Offset)
		width := max(len(d.A), len(d.B))
		fmt.Fprintf(w, "  %-*s %s\n  %-*s %s\n", width, d.A, around(a, *d.Offset), width, d.B, around(b, *d.Offset))
	}
	for _, style := range d.Writing {
		fmt.Fprintf(w, "written differently: %s: %s in %s, %s in %s\n", style.What, oneLine(style.A), d.A, oneLine(style.B), d.B)
	}
	switch {
	case d.Same:
	case !d.JSON:
		fmt.Fprintln(w, "not both are JSON, so only the bytes can be compared")
	case len(d.Changes) == 0:
		fmt.Fprintln(w, "they mean the same")
	}
	printChanges(w, d.Changes)
	if len(d.Changes) == webhook.MaxDifferences {
		fmt.Fprintf(w, "and maybe more: %d are shown\n", webhook.MaxDifferences)
	}
	if len(d.Header) > 0 {
		fmt.Fprintln(w, "header:")
		printChanges(w, d.Header)
	}
}

func printChanges(w io.Writer, changes []changeLine) {
	width := 0
	for _, change := range changes {
		width = max(width, min(len(oneLine(change.Path)), 40))
	}
	for _, change := range changes {
		path := oneLine(change.Path)
		switch {
		case change.B == "":
			fmt.Fprintf(w, "- %-*s  %s\n", width, path, oneLine(change.A))
		case change.A == "":
			fmt.Fprintf(w, "+ %-*s  %s\n", width, path, oneLine(change.B))
		default:
			fmt.Fprintf(w, "~ %-*s  %s → %s\n", width, path, oneLine(change.A), oneLine(change.B))
		}
	}
}

// around shows the bytes about an offset, on one line.
func around(text []byte, offset int) string {
	const before, after = 24, 40
	from, to := max(0, offset-before), min(len(text), offset+after)
	shown := oneLine(strings.ReplaceAll(string(bytes.ToValidUTF8(text[from:to], []byte("·"))), "\n", "·"))
	if from > 0 {
		shown = "…" + shown
	}
	if to < len(text) {
		return shown + "…"
	}
	return shown + " (its end)"
}

// shapeLine is where a delivery or an event differs from the known shape.
type shapeLine struct {
	Type        string           `json:"type"` // "diff"
	A           string           `json:"a"`
	Same        bool             `json:"same"`
	Differences []differenceLine `json:"differences,omitempty"`
}

// diffShape compares a delivery, or one event of it, with the known shape.
func (c *command) diffShape(ctx context.Context, arg string) error {
	return c.withDelivery(ctx, arg, func(_ *journal.Journal, d journal.Delivery, n int) error {
		payload, err := webhook.Parse(d.Body)
		if err != nil {
			return withHint(fmt.Errorf("%s: %w", arg, err), "see what came: igloo events show "+journal.FormatID(d.ID, 0))
		}
		if n > len(payload.Events) {
			return noSuchEvent(arg, d.ID, len(payload.Events))
		}
		events, differences := payload.Events, []webhook.Difference(nil)
		if n == 0 {
			differences = webhook.CompareEnvelope(d.Body)
		} else {
			events = events[n-1 : n]
		}
		for _, e := range events {
			if len(differences) < webhook.MaxDifferences {
				differences = append(differences, webhook.Compare(e)...)
			}
		}
		line := shapeLine{Type: "diff", A: journal.FormatID(d.ID, n), Same: len(differences) == 0, Differences: differenceLines(differences)}
		if c.JSON {
			return (&lineWriter{out: c.stdout}).write(line)
		}
		if line.Same {
			_, err := fmt.Fprintf(c.stdout, "%s has the known shape\n", line.A)
			return err
		}
		fmt.Fprintf(c.stdout, "%s differs from the known shape:\n", line.A)
		printDifferences(c.stdout, line.Differences)
		return nil
	})
}
