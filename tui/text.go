package tui

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// maxMarks bounds the combining marks kept on one character. Real scripts stack
// two or three; a name with hundreds would make one cell cost kilobytes.
const maxMarks = 3

// maxCellBytes is the most bytes one cell of a stable text can take: a character
// of four bytes with its marks.
const maxCellBytes = 4 * (1 + maxMarks)

// stable returns s in a form every terminal draws with the same width, and that
// cannot act on a terminal: control bytes and what cannot be shown become dot,
// invisible and direction-changing characters are left out, and emoji sequences
// are cut to their first character, because terminals disagree about the rest.
// It is for the screen only: what is copied, replayed or saved keeps its bytes.
func stable(s string, dot rune) string {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	marks, joined := 0, false
	if i == 0 {
		marks = maxMarks // a mark without a character would join what is drawn before it
	}
	for _, r := range s[i:] {
		after := joined
		joined = false
		switch {
		case r == 0x200d: // zero width joiner: the emoji after it belongs to the one before
			joined = true
		case after && r >= 0x2190 && !unicode.IsLetter(r):
		case dropped(r):
		case r >= 0x1f1e6 && r <= 0x1f1ff: // halves of flags
			b.WriteRune('A' + r - 0x1f1e6)
			marks = 0
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
			marks = 0
		case unicode.Is(unicode.M, r):
			if marks < maxMarks {
				b.WriteRune(r)
				marks++
			}
		case r == utf8.RuneError || !unicode.IsPrint(r) || prepended(r):
			b.WriteRune(dot)
			marks = 0
		default:
			b.WriteRune(r)
			marks = 0
		}
	}
	return b.String()
}

// dropped reports whether r is invisible or changes how its neighbours look:
// variation selectors, skin tones, keycaps, direction marks, zero-width spaces.
func dropped(r rune) bool {
	switch {
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef, r >= 0x1f3fb && r <= 0x1f3ff:
		return true
	case r == 0x20e3, r == 0x034f, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x17b4, r == 0x17b5:
		return true
	case r >= 0x180b && r <= 0x180f:
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// prepended reports whether r joins the character after it, which may be a frame.
func prepended(r rune) bool {
	switch {
	case r == 0x0d4e, r == 0x111c2, r == 0x111c3, r == 0x113d1, r == 0x1193f, r == 0x11941, r == 0x11d46, r == 0x11f02:
		return true
	case r >= 0x11a84 && r <= 0x11a89:
		return true
	}
	return false
}

// oneLine is [stable] for a text that must stay in its row.
func oneLine(s string, dot rune) string {
	if strings.ContainsAny(s, "\n\r\t") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return stable(s, dot)
}

// cells measures and cuts text the way the renderer does. The zero value counts
// like wcwidth; a terminal that reports mode 2027 counts grapheme clusters.
type cells struct{ method ansi.Method }

// width returns the cells of a text.
func (c cells) width(s string) int {
	if ascii(s) {
		return len(s)
	}
	return c.method.StringWidth(s)
}

// clip cuts a stable text to n cells; tail marks that something was cut. (Truncate
// of package ansi looks at grapheme clusters first, whatever the method.)
func (c cells) clip(s string, n int, tail string) string {
	if n <= 0 {
		return ""
	}
	if len(s) <= n && ascii(s) {
		return s
	}
	s = prefix(s, (n+1)*maxCellBytes)
	if c.width(s) <= n {
		return s
	}
	room := n - c.width(tail)
	if room < 0 {
		tail, room = "", n
	}
	end := 0
	for end < len(s) {
		cluster, w := ansi.FirstGraphemeCluster(s[end:], c.method)
		if room -= w; room < 0 {
			break
		}
		end += len(cluster)
	}
	if tail != "" && strings.HasSuffix(s[:end], tail) { // an ellipsis of its own
		return s[:end]
	}
	return s[:end] + tail
}

// from cuts the first n cells off a stable text. A wide character on the edge
// leaves a space, so that columns stay aligned.
func (c cells) from(s string, n int) string {
	if n <= 0 {
		return s
	}
	if ascii(s) {
		return s[min(n, len(s)):]
	}
	at, used := c.seek(s, n)
	return strings.Repeat(" ", used-n) + s[at:]
}

// seek returns the byte offset of the first character that starts at cell n or
// later, and the cell it starts at. Past the end of s the cell is n.
func (c cells) seek(s string, n int) (at, cell int) {
	for at < len(s) && cell < n {
		cluster, w := ansi.FirstGraphemeCluster(s[at:], c.method)
		at += len(cluster)
		cell += w
	}
	return at, max(cell, n)
}

// breaks returns where the rows of a stable text start when it is wrapped.
func (c cells) breaks(s string, width int) []int {
	rows := []int{0}
	if width <= 0 {
		return rows
	}
	if ascii(s) {
		for at := width; at < len(s); at += width {
			rows = append(rows, at)
		}
		return rows
	}
	used := 0
	for at := 0; at < len(s); {
		cluster, w := ansi.FirstGraphemeCluster(s[at:], c.method)
		if used+w > width && used > 0 {
			rows = append(rows, at)
			used = 0
		}
		used += w
		at += len(cluster)
	}
	return rows
}

// wordBreaks is [cells.breaks] between words; a word longer than the width is broken
// inside.
func (c cells) wordBreaks(s string, width int) []int {
	rows := []int{0}
	if width <= 0 {
		return rows
	}
	start, word, used := 0, 0, 0 // of the row, after its last space; cells since start
	for at := 0; at < len(s); {
		cluster, w := ansi.FirstGraphemeCluster(s[at:], c.method)
		if used+w > width && used > 0 && cluster != " " {
			if word > start {
				start = word
				used = c.width(s[start:at])
			} else {
				start, used = at, 0
			}
			rows = append(rows, start)
		}
		used += w
		at += len(cluster)
		if cluster == " " {
			word = at
		}
	}
	return rows
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// prefix returns at most n bytes of s, whole characters.
func prefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// grouped writes a number with a comma between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// size writes a number of bytes: 412 B, 18.4 KB, 1.2 MB.
func size(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n) + " B"
	case n < 1000*1000:
		return strconv.FormatFloat(float64(n)/1000, 'f', 1, 64) + " KB"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
}

// took writes a duration in at most six cells: 14ms, 1.2s, 31s, 2m05s.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64) + "s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	}
	return strconv.Itoa(int(d.Minutes())) + "m" + twoDigits(int(d.Seconds())%60) + "s"
}

// elapsed writes a duration as HH:MM:SS.
func elapsed(d time.Duration) string {
	s := max(int(d.Seconds()), 0)
	return twoDigits(s/3600) + ":" + twoDigits(s/60%60) + ":" + twoDigits(s%60)
}

func twoDigits(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
