package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/internal/check"
)

// writeJUnit writes a report in the form that CI servers read: a suite for each group,
// a case for each check. It is put together by hand: encoding/xml would be linked for
// this alone.
func writeJUnit(path string, r check.Report) error {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	fmt.Fprintf(&b, "<testsuites name=\"igloo check %s\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\">\n",
		escapeXML(r.Target), len(r.Findings), r.Count(check.Fail), r.Count(check.Error), r.Count(check.Sent, check.Skipped), r.Took.Seconds())
	for rest := r.Findings; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Group == rest[0].Group {
			n++
		}
		junitSuite(&b, check.Report{Findings: rest[:n]})
		rest = rest[n:]
	}
	b.WriteString("</testsuites>\n")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil { //nolint:gosec // a CI server reads it, as another user maybe
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

func junitSuite(b *bytes.Buffer, r check.Report) {
	group := escapeXML(r.Findings[0].Group)
	var seconds float64
	for _, f := range r.Findings {
		seconds += f.Took.Seconds()
	}
	fmt.Fprintf(b, "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\">\n",
		group, len(r.Findings), r.Count(check.Fail), r.Count(check.Error), r.Count(check.Sent, check.Skipped), seconds)
	for _, f := range r.Findings {
		fmt.Fprintf(b, "    <testcase classname=\"igloo.%s\" name=\"%s: %s\" time=\"%.3f\">", group, escapeXML(f.Check), escapeXML(f.Title), f.Took.Seconds())
		text := escapeXML(junitText(f))
		switch f.Status {
		case check.Fail:
			fmt.Fprintf(b, "<failure type=\"%s\" message=\"%s\">%s</failure>", escapeXML(f.Code), escapeXML(f.Why), text)
		case check.Error:
			fmt.Fprintf(b, "<error type=\"%s\" message=\"%s\">%s</error>", escapeXML(f.Code), escapeXML(f.Why), text)
		case check.Sent:
			b.WriteString(`<skipped message="sent, not judged"/>`)
		case check.Skipped:
			fmt.Fprintf(b, "<skipped message=\"%s\"/>", escapeXML(f.Why))
		case check.Warn:
			fmt.Fprintf(b, "<system-out>warning: %s</system-out>", text)
		default: // a case without a word has passed
		}
		b.WriteString("</testcase>\n")
	}
	b.WriteString("  </testsuite>\n")
}

// junitText is what a person reads in the CI server.
func junitText(f check.Finding) string {
	var b strings.Builder
	for _, d := range [][2]string{
		{"sent", f.Sent}, {"got", f.Got}, {"Meta", f.Meta}, {"why", f.Why}, {"fix", f.Fix}, {"see", f.Doc()},
	} {
		if d[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", d[0], d[1])
		}
	}
	return b.String()
}

// escapeXML makes a text fit for an attribute or an element. Characters that XML does
// not have become "·".
func escapeXML(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&#34;")
		case r == '\n', r == '\t':
			fmt.Fprintf(&b, "&#%d;", r)
		case r < ' ', r == 0xfffe, r == 0xffff, r == utf8.RuneError:
			b.WriteString("·")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
