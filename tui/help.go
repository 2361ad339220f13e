package tui

import (
	"strings"
)

// helpLine is one line of the help: a title, or a key and what it does.
type helpLine struct{ title, key, does string }

// helpGroups is the whole help, made from the key table.
func (m *Model) helpGroups() [][]helpLine {
	var groups [][]helpLine
	for i := range m.keys.table {
		b := &m.keys.table[i]
		if n := len(groups); n == 0 || groups[n-1][0].title != b.group {
			groups = append(groups, []helpLine{{title: b.group}})
		}
		last := &groups[len(groups)-1]
		*last = append(*last, helpLine{key: m.keyText(b.Help().Key), does: m.keyText(b.Help().Desc)})
	}
	l := &m.look
	return append(groups,
		[]helpLine{
			{title: "Marks"},
			{key: l.yes + " " + l.no + " " + l.unchecked, does: "signed, wrongly, unchecked"},
			{key: l.fixture + " " + l.again, does: "fired by you, replayed"},
			{key: l.pending, does: "waits for its turn"},
			{key: l.none, does: "not sent to the app"},
			{key: "ERR", does: "the app did not answer"},
		},
		[]helpLine{
			{title: "Mouse"},
			{key: "click", does: "selects; twice opens"},
			{key: "shift", does: "held selects text"},
		})
}

// keyText writes arrows as words when only ASCII is wanted.
func (m *Model) keyText(s string) string {
	if !m.cfg.ASCII {
		return s
	}
	return strings.NewReplacer("↵", "enter", "↓", "down", "↑", "up", "←", "left", "→", "right", "…", "").Replace(s)
}

const (
	helpKeyCells = 10
	helpColumn   = 38
)

// drawHelp draws the key help, in up to three columns. A group is not split.
func (m *Model) drawHelp() overlaid {
	columns := min(max((m.width-4)/helpColumn, 1), 3)
	width := m.dialogRoom(columns * helpColumn)
	parts := splitHelp(m.helpGroups(), columns)
	rows := 0
	for _, part := range parts {
		rows = max(rows, len(part))
	}
	inside := make([]string, 0, rows)
	for i := range rows {
		inside = append(inside, m.look.line(width, func(p *pen) {
			for _, part := range parts {
				end := p.left - min(width/columns, p.left)
				p.left -= end
				if i < len(part) {
					m.drawHelpLine(p, part[i])
				}
				p.to(0)
				p.left = end
			}
		}))
	}
	return m.dialog("Keys", "j k scroll "+m.look.dot+" esc", m.scrolled(&m.help, inside), width)
}

// splitHelp puts each group into the shortest column.
func splitHelp(groups [][]helpLine, columns int) [][]helpLine {
	parts := make([][]helpLine, columns)
	for _, group := range groups {
		shortest := 0
		for i := range parts {
			if len(parts[i]) < len(parts[shortest]) {
				shortest = i
			}
		}
		if len(parts[shortest]) > 0 {
			parts[shortest] = append(parts[shortest], helpLine{})
		}
		parts[shortest] = append(parts[shortest], group...)
	}
	return parts
}

func (m *Model) drawHelpLine(p *pen, line helpLine) {
	p.gap(1)
	if line.title != "" {
		p.put(p.strong, line.title)
		return
	}
	p.column(p.key, line.key, helpKeyCells, false)
	p.gap(1)
	p.put(p.dim, line.does)
}
