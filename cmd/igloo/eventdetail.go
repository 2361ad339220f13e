package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// eventDetail is what one who looks at an event wants to know, and a list does not
// show.
type eventDetail struct {
	Notes       []string         `json:"notes,omitempty"` // the flags in words
	MID         *midLine         `json:"mid,omitempty"`
	Differences []differenceLine `json:"differences,omitempty"` // from the known shape
}

// midLine is what an Instagram mid says.
type midLine struct {
	Text    string `json:"text"`
	Account string `json:"account,omitempty"`
	Thread  string `json:"thread,omitempty"`
	At      string `json:"at,omitempty"`
}

type differenceLine struct {
	Path string                 `json:"path"`
	Kind webhook.DifferenceKind `json:"kind"`
	Want string                 `json:"want,omitempty"`
	Got  string                 `json:"got,omitempty"`
	Text string                 `json:"text"`
}

func differenceLines(differences []webhook.Difference) []differenceLine {
	var out []differenceLine
	for _, d := range differences {
		out = append(out, differenceLine{d.Path, d.Kind, d.Want, d.Got, d.String()})
	}
	return out
}

func newMIDLine(mid string) *midLine {
	if mid == "" {
		return nil
	}
	line := &midLine{Text: mid}
	if id, err := webhook.ParseMID(mid); err == nil {
		line.Account, line.Thread, line.At = id.Account, strconv.FormatUint(id.Thread, 10), id.At.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return line
}

// maxExplained is how many events of one delivery are explained to people; in a larger
// one each can be asked for by its id.
const maxExplained = 10

// explain adds the details to a delivery's line. events are those the line was made
// from.
func (l *deliveryLine) explain(body []byte, events []webhook.Event) {
	l.Differences = differenceLines(webhook.CompareEnvelope(body))
	for i, e := range events {
		l.Events[i].eventDetail = &eventDetail{
			Notes: e.Flags.Texts(), MID: newMIDLine(e.MID()), Differences: differenceLines(webhook.Compare(e)),
		}
	}
}

// printEvents shows the events of a delivery with what is odd about them.
func printEvents(w io.Writer, d deliveryLine, width int) {
	for _, e := range d.Events {
		fmt.Fprintf(w, "  %s  %s  %s\n", e.ID, oneLine(cmp.Or(e.Field, "unknown")), oneLine(e.Summary))
		if len(d.Events) > maxExplained || e.eventDetail == nil {
			continue
		}
		for _, note := range e.Notes {
			writeWrapped(w, "    ! ", note, width)
		}
		if e.MID != nil && e.MID.At != "" {
			fmt.Fprintf(w, "    mid: account %s, conversation %s, sent %s\n", clean(e.MID.Account), e.MID.Thread, e.MID.At)
		}
		printDifferences(w, e.Differences)
	}
	if len(d.Events) > maxExplained {
		fmt.Fprintf(w, "  (one of them in full: igloo events show %s)\n", d.Events[0].ID)
	}
	printDifferences(w, d.Differences)
}

func printDifferences(w io.Writer, differences []differenceLine) {
	for i, d := range differences {
		lead := "           "
		if i == 0 {
			lead = "    shape: "
		}
		fmt.Fprintf(w, "%s%s\n", lead, oneLine(d.Text))
	}
	if len(differences) == webhook.MaxDifferences {
		fmt.Fprintf(w, "           and maybe more: %d are shown\n", webhook.MaxDifferences)
	}
}
