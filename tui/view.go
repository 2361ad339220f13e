package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// View draws the screen, or returns what it drew when nothing changed since.
func (m *Model) View() tea.View {
	if m.cached == "" {
		m.cursor = nil
		m.cached = m.draw()
	}
	v := tea.NewView(m.cached)
	v.AltScreen = true
	v.ReportFocus = true
	v.WindowTitle = m.name()
	v.Cursor = m.cursor
	if !m.mouseOff {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

func (m *Model) name() string {
	if m.facts.Name == "" {
		return "igloo"
	}
	return m.facts.Name
}

// draw draws exactly height rows of width cells.
func (m *Model) draw() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	if m.layout.shape == tooSmall {
		return strings.Join(m.drawTooSmall(), "\n")
	}
	rows := m.drawStatus()
	rows = append(rows, m.drawPanes()...)
	if m.layout.box >= 0 {
		rows = append(rows, m.drawBox())
	}
	if m.layout.problem >= 0 {
		rows = append(rows, m.line(func(p *pen) { p.gap(1); p.put(p.bad, p.clean(m.boxText())) }))
	}
	rows = append(rows, m.drawBar())
	if m.overlay != noOverlay {
		m.drawOverlay(rows)
	}
	return strings.Join(rows, "\n")
}

// line draws one row of the full width.
func (m *Model) line(draw func(p *pen)) string { return m.look.line(m.width, draw) }

// line draws one row.
func (l *look) line(width int, draw func(p *pen)) string {
	var b strings.Builder
	p := l.pen(&b, width)
	draw(&p)
	p.to(0)
	return b.String()
}

func (m *Model) drawTooSmall() []string {
	rows := make([]string, m.height)
	text := []string{
		fmt.Sprintf("Terminal too small (%dx%d),", m.width, m.height),
		fmt.Sprintf("needs %dx%d. q quits.", minWidth, minHeight),
		"Deliveries are still recorded.",
	}
	for i := range rows {
		rows[i] = m.line(func(p *pen) {
			if i < len(text) {
				p.put(p.text, text[i])
			}
		})
	}
	return rows
}

// drawPanes draws the list, the detail, or both.
func (m *Model) drawPanes() []string {
	l := &m.layout
	var list, detail []string
	if m.waiting() {
		return m.drawWaiting(l.list)
	}
	if l.listOn {
		list = m.drawList(l.list)
	}
	if l.detailOn {
		detail = m.drawDetail(l.detail)
	}
	switch {
	case list == nil:
		return detail
	case detail == nil:
		return list
	case l.shape == beside:
		for i := range list {
			list[i] += detail[i]
		}
		return list
	}
	return append(list, detail...)
}

// frame draws a frame around rows that have the width of its inside. title and
// foot write into the upper and the lower edge.
func (m *Model) frame(r rect, focus bool, title, foot func(p *pen), inside []string) []string {
	l := &m.look
	edge := l.frame
	if focus {
		edge = l.focus
	}
	rows := make([]string, 0, r.h)
	rows = append(rows, l.line(r.w, func(p *pen) {
		p.put(edge, l.corner[0]+l.across)
		p.left-- // keep room for the corner
		title(p)
		p.fill(edge, l.across, p.left)
		p.left = 1
		p.put(edge, l.corner[1])
	}))
	for i := range r.h - 2 {
		rows = append(rows, l.line(r.w, func(p *pen) {
			p.put(edge, l.down)
			if i < len(inside) {
				p.b.WriteString(inside[i])
				p.left -= r.w - 2
			}
			p.to(1)
			p.put(edge, l.down)
		}))
	}
	var b strings.Builder
	lower := l.pen(&b, max(r.w-4, 0))
	foot(&lower)
	return append(rows, l.line(r.w, func(p *pen) {
		p.put(edge, l.corner[2])
		p.fill(edge, l.across, lower.left+1)
		p.b.WriteString(b.String())
		p.left = 2
		p.put(edge, l.across+l.corner[3])
	}))
}

// drawList draws the list of deliveries.
func (m *Model) drawList(r rect) []string {
	room := m.layout.room(r)
	inside := make([]string, 0, room.h)
	for i := m.list.top; i < min(m.list.top+room.h, len(m.list.rows)); i++ {
		row := &m.list.rows[i]
		inside = append(inside, m.look.line(room.w, func(p *pen) {
			m.look.row(p, row, i == m.list.at, m.cfg.Zone, m.facts.Started)
		}))
	}
	if len(m.list.rows) == 0 {
		inside = append(inside, m.nothing(room.w)...)
	}
	for len(inside) < room.h {
		inside = append(inside, m.look.line(room.w, func(*pen) {}))
	}
	inside = inside[:room.h]
	if !m.layout.framed() {
		return inside
	}
	return m.frame(r, m.focus == listPane && m.layout.detailOn, m.listTitle, m.listFoot, inside)
}

// nothing says why the list is empty.
func (m *Model) nothing(width int) []string {
	texts := []string{"reading the journal " + m.look.dots}
	switch {
	case m.history.err != nil:
		texts = []string{"the journal cannot be read: " + m.history.err.Error()}
	case m.filter.active():
		texts = []string{"nothing matches the filter"}
		if m.filter.blame != "" {
			texts = append(texts, "without "+m.filter.blame+" something would")
		}
		texts = append(texts, "esc clears it")
	}
	var rows []string
	for _, text := range texts {
		rows = append(rows, m.look.line(width, func(p *pen) { p.gap(1); p.put(p.dim, p.clean(text)) }))
	}
	return rows
}

func (m *Model) listTitle(p *pen) {
	p.put(p.strong, " Deliveries ")
	p.put(p.dim, m.shownCount()+" ")
}

// shownCount is how many deliveries the list stands for.
func (m *Model) shownCount() string {
	total := max(int(m.counts.Deliveries), len(m.list.rows))
	if m.filter.active() {
		return grouped(m.filter.total) + " of " + grouped(total)
	}
	return grouped(total)
}

func (m *Model) listFoot(p *pen) {
	switch {
	case m.list.unseen > 0:
		p.put(p.warn, " "+p.below+" "+grouped(m.list.unseen)+" new ")
	case m.list.follow:
		p.put(p.dim, " "+p.below+" following ")
	}
}

// drawBox draws the line of the search or the filter.
func (m *Model) drawBox() string {
	in, mark := &m.filter.input, "/"
	if m.search.editing {
		in, mark = &m.search.input, "search"
	}
	editing := m.filter.editing || m.search.editing
	return m.line(func(p *pen) {
		p.gap(1)
		p.put(p.key, mark)
		p.gap(2)
		start := m.width - p.left
		note := m.boxNote()
		width := max(p.left-p.width(note)-3, min(p.left, 12))
		if !editing {
			width = min(width, p.width(stable(in.Value(), p.unshown()))+1)
		}
		at := in.draw(p, width)
		if editing && m.overlay == noOverlay {
			m.cursor = tea.NewCursor(start+at, m.layout.box)
		}
		p.gap(2)
		p.put(p.dim, note)
	})
}

func (m *Model) boxNote() string {
	var parts []string
	if m.filter.problems && !m.search.editing {
		parts = append(parts, "only problems")
	}
	switch {
	case m.search.editing:
		return "↵ keeps · n N next, previous"
	case m.filter.active():
		parts = append(parts, m.shownCount())
	}
	if m.filter.editing {
		parts = append(parts, "tab completes")
	} else {
		parts = append(parts, "esc clears")
	}
	return strings.Join(parts, " "+m.look.dot+" ")
}

// drawOverlay draws the open overlay; what is behind it loses its colours.
func (m *Model) drawOverlay(rows []string) {
	o := m.overlayRows()
	for i, row := range rows[:len(rows)-1] { // the bar stays
		behind := ansi.Strip(row)
		at := i - o.y
		rows[i] = m.line(func(p *pen) {
			if at < 0 || at >= len(o.rows) {
				p.put(p.behind, behind)
				return
			}
			end := p.left - o.x
			p.left = o.x
			p.put(p.behind, p.clip(behind, o.x, ""))
			p.to(0)
			p.left = end
			p.b.WriteString(o.rows[at])
			p.left -= o.w
			p.put(p.behind, p.from(behind, o.x+o.w))
		})
	}
}
