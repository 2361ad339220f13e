package tui

import (
	"net/url"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// look is what a drawing needs to know about the terminal.
type look struct {
	styles
	symbols
	cells
}

// clean makes an untrusted text fit for one row. Our own ellipsis, in summaries,
// follows the symbols.
func (l *look) clean(s string) string {
	return strings.ReplaceAll(oneLine(s, l.unshown()), "…", l.dots)
}

// pen writes one row. It never writes more cells than the row has, so a row is
// exact whatever is put into it. Every text must be stable.
type pen struct {
	*look
	b        *strings.Builder
	left     int // cells still free
	selected bool
}

func (l *look) pen(b *strings.Builder, width int) pen {
	return pen{look: l, b: b, left: max(width, 0)}
}

// put writes a text, cut with an ellipsis when the row ends.
func (p *pen) put(st style, s string) {
	if s == "" || p.left <= 0 {
		return
	}
	s = p.clip(s, p.left, p.dots)
	p.write(st, s)
	p.left -= p.width(s)
}

// column writes a text into exactly n cells, to the left or to the right.
func (p *pen) column(st style, s string, n int, right bool) {
	n = min(n, p.left)
	if n <= 0 {
		return
	}
	s = p.clip(s, n, p.dots)
	gap := n - p.width(s)
	if right {
		p.gap(gap)
	}
	p.put(st, s)
	if !right {
		p.gap(gap)
	}
}

// gap writes n spaces.
func (p *pen) gap(n int) { p.fill(p.text, " ", n) }

// fill writes a character of one cell n times.
func (p *pen) fill(st style, s string, n int) {
	n = min(n, p.left)
	if n <= 0 {
		return
	}
	p.write(st, strings.Repeat(s, n))
	p.left -= n
}

// to fills the row with spaces until n cells are left.
func (p *pen) to(n int) { p.gap(p.left - n) }

// link writes a URL that terminals with OSC 8 open on a click. Anything but a
// web address is written as text.
func (p *pen) link(st style, text, target string) {
	u, err := url.Parse(target)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		p.put(st, text)
		return
	}
	p.b.WriteString(ansi.SetHyperlink(u.String()))
	p.put(st, text)
	p.b.WriteString(ansi.ResetHyperlink())
}

func (p *pen) write(st style, s string) {
	start := st.plain
	if p.selected {
		start = st.selected
	}
	if start == "" {
		p.b.WriteString(s)
		return
	}
	p.b.WriteString(start)
	p.b.WriteString(s)
	p.b.WriteString(ansi.ResetStyle)
}
