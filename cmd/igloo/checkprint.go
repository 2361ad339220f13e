package main

import (
	"cmp"
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
	live   bool // a terminal shows what is under way
	shown  int  // checks begun
	group  string
	err    error // of writing

	waiting []check.Finding // not judged, to be said in a line each cause
}

func (c *command) newCheckPrinter() *checkPrinter {
	able := c.getenv("TERM") != "dumb"
	return &checkPrinter{
		command: c, lines: &lineWriter{out: c.stdout},
		colour: isTerminal(c.stdout) && c.getenv("NO_COLOR") == "" && able,
		live:   isTerminal(c.stderr) && able,
	}
}

// clearLine takes off what a terminal shows of the check under way.
const clearLine = "\r\x1b[K"

// begin shows on a terminal what is waited for.
func (p *checkPrinter) begin(c check.Check) {
	if p.shown++; p.live {
		fmt.Fprintf(p.stderr, "%s  … %s (%d)", clearLine, c.Code, p.shown)
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
	if p.live {
		fmt.Fprint(p.stderr, clearLine)
	}
	if p.JSON {
		err := p.lines.write(findingLine{
			"finding", f.Code, f.Check, f.Group, f.Title, f.Status, f.Because, f.Sent, f.Got, f.Meta, f.Why, f.Fix, f.Doc(), f.Kept, millis(f.Took),
		})
		p.err = cmp.Or(p.err, err)
		return
	}
	if f.Status == check.Error && f.Because != "" {
		p.waiting = append(p.waiting, f)
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
	case check.Sent, check.Skipped:
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

// notJudged prints what waits for other checks, in a line for each of these.
func (p *checkPrinter) notJudged() {
	for rest := p.waiting; len(rest) > 0; {
		first := rest[0]
		var codes []string
		var others []check.Finding
		for _, f := range rest {
			if f.Because == first.Because {
				codes = append(codes, f.Check)
			} else {
				others = append(others, f)
			}
		}
		fmt.Fprintf(p.stdout, "\n%s %s not judged: %s\n", p.mark(check.Error), plural(len(codes), "check", "checks"), strings.Join(codes, ", "))
		p.details([][2]string{{"why", first.Why}, {"fix", first.Fix}})
		rest = others
	}
}

// end prints the verdict.
func (p *checkPrinter) end(r check.Report) {
	n := map[check.Status]int{}
	var codes []string
	for _, f := range r.Findings {
		n[f.Status]++
		switch {
		case f.Status == check.Fail && f.Code == f.Check:
			codes = append(codes, f.Code)
		case f.Status == check.Fail:
			codes = append(codes, f.Check+" ("+f.Code+")")
		}
	}
	if p.JSON {
		err := p.lines.write(checkSummary{
			Type: "summary", Target: r.Target, Holds: r.Judged() && !r.Failed() && n[check.Error] == 0,
			Passed: n[check.Pass], Warned: n[check.Warn], Failed: n[check.Fail],
			Sent: n[check.Sent], Skipped: n[check.Skipped], Errors: n[check.Error], TookMS: millis(r.Took),
		})
		p.err = cmp.Or(p.err, err)
		return
	}
	p.notJudged()
	status, verdict := check.Pass, "all holds"
	switch {
	case n[check.Fail] > 0:
		status, verdict = check.Fail, fmt.Sprintf("%s not hold: %s", plural(n[check.Fail], "check does", "checks do"), strings.Join(codes, ", "))
	case n[check.Error] > 0:
		status, verdict = check.Error, "not all could be judged"
	case !r.Judged():
		status, verdict = check.Skipped, "nothing was judged"
	}
	var counts []string
	for _, part := range []struct {
		status check.Status
		text   string
	}{
		{check.Warn, "warned"}, {check.Error, "not judged"}, {check.Pass, "passed"}, {check.Sent, "sent and not judged"}, {check.Skipped, "skipped"},
	} {
		if n[part.status] > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n[part.status], part.text))
		}
	}
	took := "in " + r.Took.Round(10*time.Millisecond).String()
	if len(counts) > 0 {
		took = strings.Join(counts, ", ") + " " + took
	}
	fmt.Fprintf(p.stdout, "\n%s %s (%s)\n", p.mark(status), verdict, took)
}
