package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	wheelRows   = 3
	doubleClick = 400 * time.Millisecond
)

// click is the last click, to tell a double one.
type click struct {
	at     time.Time
	row    int64
	warned bool // said once how to select text
}

// mouse acts on the mouse: a click selects, a double click opens, the wheel scrolls
// what is under the pointer.
func (m *Model) mouse(msg tea.MouseMsg) tea.Cmd {
	at := msg.Mouse()
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		m.wheel(at, msg.Button)
	case tea.MouseClickMsg:
		if msg.Button == tea.MouseLeft {
			return m.clickAt(at.X, at.Y)
		}
	case tea.MouseMotionMsg:
		if msg.Button == tea.MouseLeft && !m.clicked.warned {
			m.clicked.warned = true
			return m.say(plainToast, "hold shift to select text, or M turns the mouse off")
		}
	}
	return nil
}

func (m *Model) wheel(at tea.Mouse, button tea.MouseButton) {
	n := wheelRows
	switch button {
	case tea.MouseWheelUp:
		n = -n
	case tea.MouseWheelDown:
	default:
		return
	}
	l := &m.layout
	switch {
	case m.overlay == pickerOverlay:
		m.picker.move(n)
	case m.overlay != noOverlay:
		m.step(n)
	case l.detailOn && l.detail.holds(at.X, at.Y):
		m.detail.pager().scroll(n)
	case l.listOn && l.list.holds(at.X, at.Y):
		m.list.scroll(n)
	}
}

func (m *Model) clickAt(x, y int) tea.Cmd {
	l := &m.layout
	switch {
	case m.layout.shape == tooSmall:
		return nil
	case y == l.bar:
		return m.clickBar(x)
	case m.overlay != noOverlay:
		return nil
	case l.detailOn && l.framed() && y == l.detail.y && l.detail.holds(x, y):
		if t, ok := m.tabAt(x); ok {
			m.openTab(t)
		}
	case l.listOn && l.room(l.list).holds(x, y):
		m.clickRow(m.list.top + y - l.room(l.list).y)
	case l.detailOn && l.detail.holds(x, y):
		m.focus = detailPane
		m.clickLine(y - l.room(l.detail).y)
	}
	return nil
}

// clickRow selects a row; the second click on it opens it.
func (m *Model) clickRow(at int) {
	if at >= len(m.list.rows) {
		return
	}
	now := m.cfg.Now()
	m.list.follow = false
	m.list.choose(at)
	m.focus = listPane
	if m.clicked.row == m.list.selected && now.Sub(m.clicked.at) < doubleClick {
		m.focus = detailPane
	}
	m.clicked.row, m.clicked.at = m.list.selected, now
}

// clickLine puts the cursor of the detail on a row.
func (m *Model) clickLine(row int) {
	pager := m.detail.pager()
	if m.detail.tab == bodyTab {
		row -= m.headRows()
	}
	row += pager.sub
	for place := pager.top; place < pager.lines() && row >= 0; place++ {
		if row -= pager.tall(place); row < 0 {
			pager.cursor = place
		}
	}
}

// clickBar does what the key under the pointer does.
func (m *Model) clickBar(x int) tea.Cmd {
	for _, item := range m.barItems() {
		if x >= item.from && x < item.to {
			return m.press(pressOf(item.binding.Keys()[0]))
		}
	}
	return nil
}

// pressOf makes the message of a key of the table.
func pressOf(name string) tea.KeyPressMsg {
	switch name {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	}
	r := []rune(name)[0]
	return tea.KeyPressMsg{Code: r, Text: name}
}

func (m *Model) toggleMouse() tea.Cmd {
	m.mouseOff = !m.mouseOff
	return m.say(plainToast, "mouse "+pick(m.mouseOff, "off: the terminal selects text, M turns it on", "on"))
}
