package tui

import "strings"

// lineKind says how a line of a document is coloured.
type lineKind uint8

const (
	plainLine  lineKind = iota
	jsonLine            // a line of laid out JSON
	headerLine          // Name: value
	titleLine           // a heading
	dimLine
	goodLine
	warnLine
	badLine
)

// document is the text of a tab: stable text with an index of its lines. It is
// built once and never changed, so that commands may build it and the cache may
// share it.
type document struct {
	text   string
	starts []int // of every line, and the end of the text
	kinds  []lineKind

	// Of laid out JSON only; nil else.
	closes []int // per line that opens a value: the line that closes it, else 0
	marks  []int // the lines on which the events of the delivery start
}

// lines returns the number of lines.
func (d *document) lines() int {
	if d == nil {
		return 0
	}
	return len(d.kinds)
}

// line returns the text of line i, without its end.
func (d *document) line(i int) string { return d.text[d.starts[i] : d.starts[i+1]-1] }

// find returns the first line from start on, in the given direction and around
// the end, that holds text, ASCII letters in any case; -1 when none does.
func (d *document) find(text string, start, step int) int {
	n := d.lines()
	if n == 0 || text == "" {
		return -1
	}
	for i := range n {
		at := ((start+step*i)%n + n) % n
		if indexFold(d.line(at), text) >= 0 {
			return at
		}
	}
	return -1
}

// documentBuilder collects the lines of a document.
type documentBuilder struct {
	dot rune // see stable
	b   strings.Builder
	doc document
}

// add appends one line of untrusted text.
func (b *documentBuilder) add(kind lineKind, text string) {
	b.raw(kind, stable(strings.ReplaceAll(text, "\t", "    "), b.dot))
}

// raw appends one line of text that is stable already.
func (b *documentBuilder) raw(kind lineKind, text string) {
	b.doc.starts = append(b.doc.starts, b.b.Len())
	b.doc.kinds = append(b.doc.kinds, kind)
	b.b.WriteString(text)
	b.b.WriteByte('\n')
}

// paragraph appends a text of several lines.
func (b *documentBuilder) paragraph(kind lineKind, text string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		b.add(kind, strings.TrimSuffix(line, "\r"))
	}
}

// append adds the lines of another document.
func (b *documentBuilder) append(d *document) {
	for i := range d.lines() {
		b.raw(d.kinds[i], d.line(i))
	}
}

// document returns what was built.
func (b *documentBuilder) document() *document {
	b.doc.text = b.b.String()
	b.doc.starts = append(b.doc.starts, len(b.doc.text))
	return &b.doc
}
