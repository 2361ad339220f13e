package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// clean makes received text fit for a terminal: no control characters but newline and
// tab, no characters that reorder or hide what is beside them.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), r == unicode.ReplacementChar:
			return '·'
		case unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029': // bidi, zero width, tags
			return -1
		}
		return r
	}, text)
}

// writeRaw writes bytes of a delivery or a file to stdout: as they are to a file or a
// program, cleaned to a terminal, which may obey what is in them.
func (c *command) writeRaw(data []byte) error {
	if isTerminal(c.stdout) {
		data = []byte(clean(string(data)))
	}
	_, err := c.stdout.Write(data)
	return err
}

// rowLine is one delivery on one plain line: time, verdict, field, summary, the
// app's answer, id.
func rowLine(r journal.Row) string {
	return fmt.Sprintf("%s %s %-*s %s  %s  %s", r.ReceivedAt.Local().Format(time.TimeOnly), rowMarks(r), fieldWidth, rowField(r), rowSummary(r), rowAnswer(r), journal.FormatID(r.ID, 0))
}

const fieldWidth = 19 // the longest field that is common

func rowMarks(r journal.Row) string {
	mark := map[webhook.Verdict]string{webhook.Verified: "✓", webhook.Unchecked: "–"}[r.Verdict]
	if mark == "" {
		mark = "✗"
	}
	switch {
	case r.Replayed:
		return mark + "↻"
	case r.Source == journal.Fired:
		return mark + "◆"
	}
	return mark + " "
}

func rowField(r journal.Row) string {
	if r.Field == "" {
		return "unknown"
	}
	return oneLine(r.Field)
}

// notJSON is what a body without events is called, in lists and where one is shown.
const notJSON = "not JSON"

func rowSummary(r journal.Row) string {
	text := r.Summary
	if r.Indexed && r.Events == 0 {
		text = notJSON
	}
	if r.Events > 1 {
		text = fmt.Sprintf("×%d %s", r.Events, text)
	}
	if label := strings.Join(strings.Fields(faultMark(r.Fixture)+" "+r.Flags.Label()+" "+r.Marks.Label()), " "); label != "" {
		text = fmt.Sprintf("[%s] %s", label, text)
	}
	if r.Verdict != webhook.Verified {
		text = fmt.Sprintf("%s (%s)", r.Reason, text)
	}
	return oneLine(text)
}

// faultMark is the fault of a fixture that was broken on purpose, "comments
// (wrong-secret)".
func faultMark(name string) string {
	_, rest, found := strings.Cut(name, " (")
	if !found {
		return ""
	}
	fault, err := simulator.ParseFault(strings.TrimSuffix(rest, ")"))
	if err != nil { // a file's own name
		return ""
	}
	return string(fault)
}

// rowAnswer is the outcome at the target: status and time, or why there is none.
func rowAnswer(r journal.Row) string {
	switch {
	case r.Attempts > 0 && r.Status == 0:
		return "ERR " + oneLine(r.Err)
	case r.Attempts > 0:
		return fmt.Sprintf("%d %s", r.Status, tookText(r.Took))
	case r.Forward:
		return "···"
	}
	return "not forwarded"
}

// tookText is a duration the way a list shows it.
func tookText(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1ms"
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// plural is "1 delivery" or "3 deliveries".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// nearestHint suggests the word that was probably meant, else says otherwise.
func nearestHint(word string, words []string, otherwise string) string {
	if near := fixtures.Nearest(word, words); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}
