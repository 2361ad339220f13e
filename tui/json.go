package tui

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds on laid out JSON. A body of 5 MiB that is all brackets would grow a
// hundredfold.
const (
	maxIndent = 32       // levels that still move the text to the right
	maxLayout = 24 << 20 // bytes
)

var errTooLarge = errors.New("too large to lay out")

// layoutJSON lays out a JSON body for reading, one value or key a line. \uXXXX and
// \/ are shown as the characters they stand for, because Meta escapes everything
// that is not ASCII; the Raw tab has the bytes. The error is the parser's, with the
// place, or errTooLarge.
func layoutJSON(body []byte, dot rune) (*document, error) {
	if !json.Valid(body) {
		return nil, syntaxError(body)
	}
	l := printer{src: body, out: documentBuilder{dot: dot}}
	l.out.b.Grow(2 * len(body))
	if err := l.run(); err != nil {
		return nil, err
	}
	return l.out.document(), nil
}

func syntaxError(body []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(body, &v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON: %w at byte %d", err, syntax.Offset)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// printer is one pass over valid JSON. It keeps the open values on a stack, for the
// lines that close them and to know where events start.
type printer struct {
	src  []byte
	out  documentBuilder
	line []byte // the one being written
	open []openValue
	key  string // the key whose value comes next
}

type openValue struct {
	line   int    // the line it opened on
	key    string // under which it stands in its parent
	object bool
	inner  bool // an entry that holds a list of events
}

func (l *printer) run() error {
	for i := 0; i < len(l.src); {
		switch c := l.src[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '{', '[':
			i = l.opens(i)
		case '}', ']':
			l.end()
			i = l.closesValue(i)
		case ',':
			l.line = append(l.line, ',')
			l.end()
			i++
		case ':':
			l.line = append(l.line, ": "...)
			i++
		default:
			i = l.scalar(i)
		}
		if l.out.b.Len() > maxLayout {
			return errTooLarge
		}
	}
	l.end()
	return nil
}

// opens writes an opening bracket; an empty object or list stays on its line.
func (l *printer) opens(i int) int {
	l.indent()
	at := len(l.out.doc.kinds)
	l.mark(at)
	j := i + 1
	for j < len(l.src) && (l.src[j] == ' ' || l.src[j] == '\t' || l.src[j] == '\r' || l.src[j] == '\n') {
		j++
	}
	if l.src[j] == '}' || l.src[j] == ']' {
		l.line = append(l.line, l.src[i])
		l.line = append(l.line, l.src[j])
		return j + 1
	}
	l.line = append(l.line, l.src[i])
	l.open = append(l.open, openValue{line: at, key: l.key, object: l.src[i] == '{'})
	l.key = ""
	l.end()
	return i + 1
}

// mark notes the lines on which an event starts: an item of a list in an entry
// that holds events, in the order webhook.Parse counts them.
func (l *printer) mark(at int) {
	last := len(l.open) - 1
	if last >= 3 && !l.open[last].object && eventList(l.open[last].key) && l.entry(last-1) {
		l.open[last-1].inner = true
		l.out.doc.marks = append(l.out.doc.marks, at)
	}
}

// entry reports whether the open value at depth i is an item of the payload's entry.
// The payload is at the top, or in the outer list that Meta's examples print.
func (l *printer) entry(i int) bool {
	outer := len(l.open) > 0 && !l.open[0].object
	if top := i - 2; top < 0 || top > 1 || outer != (top == 1) {
		return false
	}
	return l.open[i-2].object && !l.open[i-1].object && l.open[i-1].key == "entry"
}

func eventList(key string) bool {
	return key == "changes" || key == "messaging" || key == "standby" || key == "changed_fields"
}

func (l *printer) closesValue(i int) int {
	last := len(l.open) - 1
	v := l.open[last]
	l.open = l.open[:last]
	l.indent()
	l.line = append(l.line, l.src[i])
	for len(l.out.doc.closes) <= v.line {
		l.out.doc.closes = append(l.out.doc.closes, 0)
	}
	l.out.doc.closes[v.line] = len(l.out.doc.kinds)
	if !v.inner && v.object && l.entry(last) { // the entry itself is the event
		l.out.doc.marks = append(l.out.doc.marks, v.line)
	}
	return i + 1
}

// scalar writes a string, a number or a literal.
func (l *printer) scalar(i int) int {
	l.indent()
	l.mark(len(l.out.doc.kinds))
	j := i + 1
	if l.src[i] != '"' {
		for j < len(l.src) && !strings.ContainsRune(" \t\r\n,]}", rune(l.src[j])) {
			j++
		}
		l.line = append(l.line, l.src[i:j]...)
		return j
	}
	for l.src[j] != '"' {
		if l.src[j] == '\\' {
			j++
		}
		j++
	}
	j++
	text := readable(string(l.src[i:j]))
	l.line = append(l.line, text...)
	if n := len(l.open); n > 0 && l.open[n-1].object {
		l.key = strings.Trim(text, `"`)
	}
	return j
}

// indent starts a line, unless a key stands on it already.
func (l *printer) indent() {
	if len(l.line) > 0 {
		return
	}
	for range min(len(l.open), maxIndent) {
		l.line = append(l.line, "  "...)
	}
}

func (l *printer) end() {
	if len(l.line) == 0 {
		return
	}
	l.out.raw(jsonLine, stable(string(l.line), l.out.dot))
	l.line = l.line[:0]
}

// readable replaces the escapes of a JSON string that hide a character people can
// read. All others stay, so that what is invisible or a control stays visible.
func readable(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		if s[i+1] == '/' {
			b.WriteByte('/')
			i += 2
			continue
		}
		r, n := escaped(s[i:])
		if n > 0 && r >= utf8.RuneSelf && unicode.IsPrint(r) && !dropped(r) {
			b.WriteRune(r)
			i += n
			continue
		}
		b.WriteString(s[i : i+2])
		i += 2
	}
	return b.String()
}

// escaped reads \uXXXX, or two of them that make one character.
func escaped(s string) (r rune, n int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hex4(s[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
