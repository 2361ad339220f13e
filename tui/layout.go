package tui

// shape is how the panes share the screen.
type shape int

const (
	tooSmall shape = iota
	bare           // no frames, one pane
	single         // one pane
	stacked        // the detail under the list
	beside         // the detail beside the list
)

// The breakpoints, in cells.
const (
	minWidth, minHeight         = 40, 10
	framedWidth, framedHeight   = 60, 14
	stackedWidth, stackedHeight = 80, 32
	besideWidth                 = 110
	wideStatus                  = 108 // the status line in full
)

// rect is a place on the screen.
type rect struct{ x, y, w, h int }

func (r rect) holds(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }

// inner is the room inside a frame.
func (r rect) inner() rect { return rect{r.x + 1, r.y + 1, max(r.w-2, 0), max(r.h-2, 0)} }

// layout is where everything is on the screen. It is worked out after every
// message, from the size, the focus and what is open.
type layout struct {
	shape        shape
	status       int // rows of the status at the top
	list, detail rect
	listOn       bool
	detailOn     bool
	box          int // row of the filter or search box, -1 without one
	problem      int // row of the message under it, -1 without one
	bar          int // row of the keys
}

// framed reports whether panes have frames.
func (l *layout) framed() bool { return l.shape > bare }

// room is the place inside a pane.
func (l *layout) room(r rect) rect {
	if l.framed() {
		return r.inner()
	}
	return r
}

// arrange works out the layout and gives every pane its size.
func (m *Model) arrange() {
	l := layout{shape: shapeOf(m.width, m.height), box: -1, problem: -1}
	if l.shape == tooSmall {
		m.layout = l
		return
	}
	l.status = 2
	if l.shape == bare {
		l.status = 1
	} else if m.notice() != "" && m.height >= 20 {
		l.status = 3
	}
	bottom := m.height - 1
	l.bar = bottom
	if m.boxText() != "" && m.height > minHeight+4 {
		bottom--
		l.problem = bottom
	}
	if m.boxOpen() {
		bottom--
		l.box = bottom
	}
	panes := rect{0, l.status, m.width, bottom - l.status}
	l.list, l.detail = panes, panes
	l.listOn, l.detailOn = m.focus == listPane, m.focus == detailPane
	if !m.zoomed && !m.waiting() {
		switch l.shape {
		case beside:
			left := m.width * 53 / 100
			l.list.w, l.detail.x, l.detail.w = left, left, m.width-left
			l.listOn, l.detailOn = true, true
		case stacked:
			upper := panes.h * 45 / 100
			l.list.h, l.detail.y, l.detail.h = upper, panes.y+upper, panes.h-upper
			l.listOn, l.detailOn = true, true
		case tooSmall, bare, single:
		}
	}
	m.layout = l
	m.list.resize(l.room(l.list).h)
	m.picker.rows = max(min(m.height-8, 16), 1)
	m.picker.show()
	m.detail.resize(l.room(l.detail), m.headRows())
}

func shapeOf(w, h int) shape {
	switch {
	case w < minWidth || h < minHeight:
		return tooSmall
	case w < framedWidth || h < framedHeight:
		return bare
	case w >= besideWidth:
		return beside
	case w >= stackedWidth && h >= stackedHeight:
		return stacked
	}
	return single
}

// resize gives every tab its room; the body has its head above.
func (d *detail) resize(room rect, head int) {
	for i := range d.pagers {
		h := room.h
		if tab(i) == bodyTab {
			h -= head
		}
		d.pagers[i].resize(room.w-1, max(h, 1)) // one cell for the cursor
	}
}

// waiting reports whether the checklist stands in place of the list.
func (m *Model) waiting() bool {
	return m.history.loaded && m.history.err == nil && len(m.list.rows) == 0 && !m.filter.active()
}

// boxOpen reports whether a line for the filter or the search is shown.
func (m *Model) boxOpen() bool {
	return m.filter.editing || m.search.editing || m.filter.active() || m.filter.want() != ""
}

// boxText is the message under the box.
func (m *Model) boxText() string {
	if m.filter.err != nil {
		return m.filter.err.Error()
	}
	return ""
}
