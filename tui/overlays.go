package tui

import (
	"errors"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/fixtures"
)

// overlaid is an overlay as drawn: rows of w cells, and where they go.
type overlaid struct {
	rows    []string
	x, y, w int
}

// scroller is the position of an overlay that is only read.
type scroller struct{ top int }

func (s *scroller) scroll(n int) { s.top = max(s.top+n, 0) }

// overlayRows draws the open overlay.
func (m *Model) overlayRows() overlaid {
	switch m.overlay {
	case pickerOverlay:
		return m.drawPicker()
	case tunnelOverlay:
		return m.drawTunnels()
	case infoOverlay:
		return m.drawInfo()
	case helpOverlay:
		return m.drawHelp()
	case noOverlay:
	}
	return overlaid{}
}

// dialog frames the rows of an overlay and puts it in the middle. inside is drawn
// with the width that dialogRoom returned.
func (m *Model) dialog(title, foot string, inside []string, width int) overlaid {
	h := min(len(inside)+2, m.height-2)
	r := rect{w: width + 2, h: h}
	rows := m.frame(r, true,
		func(p *pen) { p.put(p.strong, " "+title+" ") },
		func(p *pen) {
			if foot != "" {
				p.put(p.dim, " "+foot+" ")
			}
		}, inside)
	return overlaid{rows: rows, x: (m.width - r.w) / 2, y: max((m.height-1-h)/2, 0), w: r.w}
}

// dialogRoom is the width inside an overlay that would like to have want cells.
func (m *Model) dialogRoom(want int) int { return min(want, m.width-4) }

// drawPicker draws the fixtures that can be fired.
func (m *Model) drawPicker() overlaid {
	k := &m.picker
	width := m.dialogRoom(76)
	inside := []string{m.look.line(width, func(p *pen) {
		p.gap(1)
		p.put(p.key, "/ ")
		count := grouped(len(k.fits)) + " of " + grouped(len(k.all))
		start := width - p.left
		at := k.draw(p, p.left-len(count)-2)
		m.cursor = tea.NewCursor(start+at, 0) // moved to its place below
		p.gap(1)
		p.put(p.dim, count)
	})}
	for i := k.top; i < min(k.top+k.rows, len(k.fits)); i++ {
		inside = append(inside, m.look.line(width, func(p *pen) { m.drawFixture(p, &k.fits[i], i == k.at) }))
	}
	if len(k.fits) == 0 {
		inside = append(inside, m.look.line(width, func(p *pen) { p.gap(1); p.put(p.dim, "no fixture fits") }))
	}
	for len(inside) < min(k.rows, len(k.all))+1 { // the box keeps its place while typing
		inside = append(inside, m.look.line(width, func(*pen) {}))
	}
	_, count := k.order()
	foot := m.keyText("↵ fires it") + " " + m.look.dot + " x10 at the end fires ten " + m.look.dot + " esc"
	if count > 1 {
		foot = m.keyText("↵ fires it") + " " + grouped(count) + " times " + m.look.dot + " esc"
	}
	o := m.dialog("Fire a fixture", foot, inside, width)
	if m.cursor != nil {
		m.cursor.X += o.x + 1
		m.cursor.Y = o.y + 1
	}
	return o
}

func (m *Model) drawFixture(p *pen, f *fixtures.Fixture, selected bool) {
	p.selected = selected
	if selected {
		p.put(p.key, p.cursor)
	} else {
		p.gap(1)
	}
	name := min(max(p.left*2/5, 16), 30)
	if f.Err != nil {
		p.column(p.text, p.clean(f.Name), name, false)
		p.gap(1)
		p.put(p.bad, p.no+" "+p.clean(brokenText(f.Err)))
		return
	}
	mark := "  "
	if m.picker.fresh[f.Name] {
		mark = " " + p.on
	}
	p.column(p.text, p.clean(f.Name), name, false)
	p.gap(1)
	tail := 8 + p.width(mark)
	end := p.left - (p.left - tail)
	p.left -= end
	text := f.Description
	if text == "" {
		text = f.Field
	}
	p.put(p.dim, p.clean(text))
	p.to(0)
	p.left = end
	p.column(p.dim, size(len(f.Payload)), tail-p.width(mark), true)
	p.put(p.key, mark)
}

// brokenText is where and why a fixture is broken, without the file's name, which
// stands beside it.
func brokenText(err error) string {
	if broken, ok := errors.AsType[*fixtures.Error](err); ok && broken.Line > 0 {
		return "line " + strconv.Itoa(broken.Line) + ": " + broken.Reason
	}
	return err.Error()
}

// drawTunnels draws the tunnels that can be opened.
func (m *Model) drawTunnels() overlaid {
	width := m.dialogRoom(72)
	line := func(draw func(p *pen)) string { return m.look.line(width, draw) }
	var inside []string
	t := &m.tunnels
	switch {
	case t.loading:
		inside = append(inside, line(func(p *pen) { p.gap(1); p.put(p.dim, "looking "+p.dots) }))
	case t.err != nil:
		inside = append(inside, line(func(p *pen) { p.gap(1); p.put(p.bad, p.clean(t.err.Error())) }))
	}
	for i, c := range t.choices {
		inside = append(inside, line(func(p *pen) {
			p.selected = i == t.at
			p.put(p.key, pick(p.selected, p.cursor, " "))
			p.put(pick(c.Open, p.ok, p.dim), pick(c.Open, p.on, p.off)+" ")
			p.column(p.strong, p.clean(c.Name), 18, false)
			p.gap(1)
			if c.Missing != "" {
				p.put(p.warn, p.clean(c.Missing))
			} else {
				p.put(p.dim, p.clean(c.Summary))
			}
		}))
	}
	if m.facts.CallbackURL != "" {
		inside = append(inside, line(func(*pen) {}), line(func(p *pen) {
			p.gap(1)
			p.put(p.dim, "now  ")
			p.link(p.text, p.clean(m.facts.CallbackURL), m.facts.CallbackURL)
		}))
	}
	foot := m.keyText("↵ opens it")
	if m.facts.Tunnel != Absent {
		foot += " " + m.look.dot + " x closes the tunnel"
	}
	return m.dialog("Public URL", foot+" "+m.look.dot+" esc", inside, width)
}

// infoLines are the connection info.
func (m *Model) infoLines() []Fact {
	f := &m.facts
	lines := []Fact{
		{"callback URL", orNone(f.CallbackURL)},
		{"tunnel", orNone(f.Provider)},
	}
	if f.TunnelNote != "" {
		lines = append(lines, Fact{"", f.TunnelNote})
	}
	lines = append(lines,
		Fact{"local URL", f.LocalURL},
		Fact{"target", orNone(f.TargetURL)})
	if f.TargetNote != "" {
		lines = append(lines, Fact{"", f.TargetNote})
	}
	lines = append(lines, Fact{"verify token", m.tokenText()})
	for i, name := range f.Secrets {
		label := ""
		if i == 0 {
			label = "app secrets"
		}
		lines = append(lines, Fact{label, name + " (hidden)"})
	}
	if len(f.Secrets) == 0 {
		lines = append(lines, Fact{"app secrets", "none"})
	}
	if !f.Started.IsZero() {
		lines = append(lines, Fact{"started", when(f.Started, m.cfg.Zone)})
	}
	return slices.Concat(lines, f.More)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// drawInfo draws the connection info.
func (m *Model) drawInfo() overlaid {
	width := m.dialogRoom(90)
	lines := m.infoLines()
	var inside []string
	for _, f := range lines {
		inside = append(inside, m.look.line(width, func(p *pen) {
			p.gap(1)
			p.column(p.dim, p.clean(f.Name), 14, false)
			p.put(p.text, p.clean(f.Value))
		}))
	}
	return m.dialog("Connection", "u copies the URL "+m.look.dot+" t shows the token "+m.look.dot+" esc", m.scrolled(&m.info, inside), width)
}

// scrolled is the part of an overlay's rows that fits.
func (m *Model) scrolled(s *scroller, inside []string) []string {
	room := max(m.height-6, 1)
	s.top = min(s.top, max(len(inside)-room, 0))
	return inside[s.top:min(s.top+room, len(inside))]
}
