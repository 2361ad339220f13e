package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/check"
)

// checkWidth is the room for a check's code.
const checkWidth = 18

// findingLine is one finding of check. Code is stable within a major version.
type findingLine struct {
	Type    string       `json:"type"` // "finding"
	Code    string       `json:"code"`
	Check   string       `json:"check"`
	Group   string       `json:"group"`
	Title   string       `json:"title"`
	Status  check.Status `json:"status"`
	Because string       `json:"because,omitempty"`
	Sent    string       `json:"sent,omitempty"`
	Got     string       `json:"got,omitempty"`
	Meta    string       `json:"meta,omitempty"`
	Why     string       `json:"why,omitempty"`
	Fix     string       `json:"fix,omitempty"`
	Doc     string       `json:"doc"`
	Kept    []string     `json:"kept,omitempty"`
	TookMS  float64      `json:"took_ms"`
}

// checkSummary is the last line of check --json.
type checkSummary struct {
	Type    string  `json:"type"` // "summary"
	Target  string  `json:"target"`
	Holds   bool    `json:"holds"`
	Passed  int     `json:"passed"`
	Warned  int     `json:"warned"`
	Failed  int     `json:"failed"`
	Sent    int     `json:"sent"`
	Skipped int     `json:"skipped"`
	Errors  int     `json:"errors"`
	TookMS  float64 `json:"took_ms"`
}

// checkPrinter prints findings as they are made.
type checkPrinter struct {
	*command
	lines  *lineWriter
	colour bool
	group  string
	err    error // of writing
}

func (c *command) newCheckPrinter() *checkPrinter {
	return &checkPrinter{
		command: c, lines: &lineWriter{out: c.stdout},
		colour: isTerminal(c.stdout) && c.getenv("NO_COLOR") == "" && c.getenv("TERM") != "dumb",
	}
}

// mark is a status as a glyph with its colour.
func (p *checkPrinter) mark(s check.Status) string {
	switch s {
	case check.Pass:
		return p.paint("32", "✓")
	case check.Warn:
		return p.paint("33", "!")
	case check.Fail:
		return p.paint("31", "✗")
	case check.Error:
		return p.paint("33", "?")
	default: // sent, skipped
		return p.paint("2", "·")
	}
}

func (p *checkPrinter) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (p *checkPrinter) finding(f check.Finding) {
	if p.JSON {
		err := p.lines.write(findingLine{
			"finding", f.Code, f.Check, f.Group, f.Title, f.Status, f.Because, f.Sent, f.Got, f.Meta, f.Why, f.Fix, f.Doc(), f.Kept, millis(f.Took),
		})
		if p.err == nil {
			p.err = err
		}
		return
	}
	if f.Group != p.group {
		p.group = f.Group
		fmt.Fprintln(p.stdout, p.paint("1", f.Group))
	}
	title := f.Title
	switch f.Status {
	case check.Sent:
		title += ": sent, not judged"
	case check.Skipped:
		title += ": skipped, " + f.Why
	case check.Error:
		title += ": can't be judged"
	default: // the mark says it
	}
	fmt.Fprintf(p.stdout, "  %s %-*s %s\n", p.mark(f.Status), checkWidth, f.Check, title)
	switch f.Status {
	case check.Fail, check.Warn:
		p.explain(f)
	case check.Error:
		p.details([][2]string{{"why", f.Why}, {"fix", f.Fix}})
	case check.Sent:
		p.details([][2]string{{"", f.Fix}})
	default: // that is all
	}
}

// explain prints all that is known about a finding.
func (p *checkPrinter) explain(f check.Finding) {
	details := [][2]string{
		{"sent", f.Sent}, {"got", f.Got}, {"Meta", f.Meta}, {"why", f.Why}, {"fix", f.Fix}, {"see", f.Doc()},
	}
	switch n := len(f.Kept); {
	case n == 1:
		details = append(details, [2]string{"kept", "igloo events show " + f.Kept[0]})
	case n > 1:
		details = append(details, [2]string{"kept", fmt.Sprintf("igloo events show %s, and on to %s", f.Kept[0], f.Kept[n-1])})
	}
	p.details(details)
}

func (p *checkPrinter) details(all [][2]string) {
	for _, d := range all {
		if d[1] != "" {
			fmt.Fprintf(p.stdout, "      %s %s\n", p.paint("2", fmt.Sprintf("%-4s", d[0])), oneLine(d[1]))
		}
	}
}

// end prints the verdict.
func (p *checkPrinter) end(r check.Report) {
	sum := checkSummary{
		Type: "summary", Target: r.Target, Holds: !r.Failed() && r.Count(check.Error) == 0,
		Passed: r.Count(check.Pass), Warned: r.Count(check.Warn), Failed: r.Count(check.Fail),
		Sent: r.Count(check.Sent), Skipped: r.Count(check.Skipped), Errors: r.Count(check.Error), TookMS: millis(r.Took),
	}
	if p.JSON {
		if err := p.lines.write(sum); p.err == nil {
			p.err = err
		}
		return
	}
	status, verdict := check.Pass, "all holds"
	var codes []string
	for _, f := range r.Findings {
		switch {
		case f.Status == check.Fail && f.Code == f.Check:
			codes = append(codes, f.Code)
		case f.Status == check.Fail:
			codes = append(codes, f.Check+" ("+f.Code+")")
		}
	}
	switch {
	case sum.Failed > 0:
		status, verdict = check.Fail, fmt.Sprintf("%s not hold: %s", plural(sum.Failed, "check does", "checks do"), strings.Join(codes, ", "))
	case sum.Errors > 0:
		status, verdict = check.Error, "not all could be judged"
	}
	parts := []string{verdict}
	for _, part := range []struct {
		n    int
		text string
	}{
		{sum.Warned, "warned"}, {sum.Errors, "not judged"}, {sum.Passed, "passed"}, {sum.Sent, "sent and not judged"}, {sum.Skipped, "skipped"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.text))
		}
	}
	fmt.Fprintf(p.stdout, "\n%s %s (%s in %s)\n", p.mark(status), parts[0], strings.Join(parts[1:], ", "), r.Took.Round(10*time.Millisecond))
}
