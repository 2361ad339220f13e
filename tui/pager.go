package tui

import "slices"

// longLine is the length, in bytes, from which the rows of a wrapped line are
// remembered instead of counted again.
const longLine = 4096

// pager shows a document: it knows which lines are folded away, which is the
// first visible row, and where the cursor is. Its costs are those of the visible
// rows; only folding looks at the whole document.
type pager struct {
	cells
	doc     *document
	visible []int         // lines not folded away; nil when none is
	folded  map[int]bool  // by the line that opens the value
	rows    map[int][]int // of long wrapped lines: see cells.breaks
	top     int           // first visible line, a place in visible
	sub     int           // first visible row of that line, when wrapped
	cursor  int           // a place in visible
	side    int           // cells scrolled to the right
	wrap    bool
	prose   bool // always wrapped, between words
	width   int
	height  int
	query   string // highlighted
}

// set shows a document from its start. Setting the same one again changes nothing.
func (p *pager) set(doc *document) {
	if p.doc == doc {
		return
	}
	p.doc, p.visible, p.folded, p.rows = doc, nil, nil, nil
	p.top, p.sub, p.cursor, p.side = 0, 0, 0, 0
}

// resize sets the room.
func (p *pager) resize(width, height int) {
	if width != p.width {
		p.rows, p.sub = nil, 0
	}
	p.width, p.height = width, height
	p.settle()
}

// lines returns the number of lines that are not folded away.
func (p *pager) lines() int {
	if p.visible != nil {
		return len(p.visible)
	}
	return p.doc.lines()
}

// at returns the document's line at a place.
func (p *pager) at(place int) int {
	if p.visible != nil {
		return p.visible[place]
	}
	return place
}

// place returns where a line of the document is, or the fold it is in.
func (p *pager) place(line int) int {
	if p.visible == nil {
		return min(line, max(p.lines()-1, 0))
	}
	at, found := slices.BinarySearch(p.visible, line)
	if !found {
		at--
	}
	return max(at, 0)
}

// breaks returns where the rows of the line at a place start.
func (p *pager) breaks(place int) []int {
	line := p.at(place)
	text := p.doc.line(line)
	switch {
	case p.prose:
		return p.wordBreaks(text, p.width)
	case len(text) < longLine:
		return p.cells.breaks(text, p.width)
	}
	rows, ok := p.rows[line]
	if !ok {
		if p.rows == nil {
			p.rows = map[int][]int{}
		}
		rows = p.cells.breaks(text, p.width)
		p.rows[line] = rows
	}
	return rows
}

// height of the line at a place, in rows.
func (p *pager) tall(place int) int {
	if !p.wrap {
		return 1
	}
	if text := p.doc.line(p.at(place)); len(text) <= p.width {
		return 1
	}
	return len(p.breaks(place))
}

// bottom returns the last position of the window: the one that ends with the end.
func (p *pager) bottom() (top, sub int) {
	left := p.height
	for top = p.lines() - 1; top > 0; top-- {
		if left -= p.tall(top); left <= 0 {
			return top, -left
		}
	}
	if p.lines() > 0 {
		sub = max(p.tall(0)-left, 0)
	}
	return 0, sub
}

// scroll moves the window by rows; the cursor stays inside.
func (p *pager) scroll(n int) {
	for ; n > 0; n-- {
		if p.lines() > 0 && p.sub+1 < p.tall(p.top) {
			p.sub++
		} else if p.top+1 < p.lines() {
			p.top, p.sub = p.top+1, 0
		}
	}
	for ; n < 0; n++ {
		if p.sub > 0 {
			p.sub--
		} else if p.top > 0 {
			p.top--
			p.sub = p.tall(p.top) - 1
		}
	}
	p.settle()
	p.cursor = min(max(p.cursor, p.top), p.last())
}

// last returns the place of the last line in the window.
func (p *pager) last() int {
	room := p.height + p.sub
	place := p.top
	for place+1 < p.lines() && room > p.tall(place) {
		room -= p.tall(place)
		place++
	}
	return place
}

// settle keeps the window and the cursor inside the document.
func (p *pager) settle() {
	if p.lines() == 0 {
		p.top, p.sub, p.cursor = 0, 0, 0
		return
	}
	p.cursor = min(max(p.cursor, 0), p.lines()-1)
	if top, sub := p.bottom(); p.top > top || p.top == top && p.sub > sub {
		p.top, p.sub = top, sub
	}
}

// move moves the cursor by lines, and the window with it. A line taller than the
// window is scrolled through first.
func (p *pager) move(n int) {
	if p.lines() == 0 {
		return
	}
	switch {
	case n == 1 && p.cursor == p.top && p.tall(p.cursor)-p.sub > p.height:
		p.scroll(1)
		return
	case n == -1 && p.cursor == p.top && p.sub > 0:
		p.scroll(-1)
		return
	}
	p.cursor += n
	p.settle()
	p.show()
}

// show moves the window so that the cursor is in it.
func (p *pager) show() {
	if p.cursor < p.top || p.cursor == p.top && p.sub > 0 {
		p.top, p.sub = p.cursor, 0
	}
	for p.cursor > p.last() {
		p.top, p.sub = p.top+max((p.cursor-p.last()), 1), 0
	}
	p.settle()
}

// jump puts the cursor on a line of the document, unfolding what hides it, and the
// line near the top of the window.
func (p *pager) jump(line int) {
	for open := range p.folded {
		if open < line && line <= p.doc.closes[open] {
			delete(p.folded, open)
		}
	}
	p.refold()
	p.cursor = p.place(line)
	if p.cursor < p.top || p.cursor > p.last() {
		p.top, p.sub = max(p.cursor-p.height/4, 0), 0
	}
	p.show()
}

// seek finds the next line, forward or back, that holds the query.
func (p *pager) seek(step int) bool {
	if p.lines() == 0 {
		return false
	}
	line := p.doc.find(p.query, p.at(p.cursor)+step, step)
	if line >= 0 {
		p.jump(line)
	}
	return line >= 0
}

// shift scrolls sideways.
func (p *pager) shift(n int) {
	if !p.wrap {
		p.side = max(p.side+n, 0)
	}
}

// toggleWrap switches between wrapped and cut lines.
func (p *pager) toggleWrap() {
	if p.prose {
		return
	}
	p.wrap = !p.wrap
	p.side, p.sub = 0, 0
	p.show()
}

// fold folds the value that opens on the cursor's line, or the one around it.
func (p *pager) fold() {
	if p.lines() == 0 || p.doc.closes == nil {
		return
	}
	for line := p.at(p.cursor); line >= 0; line-- {
		if p.opens(line) && p.doc.closes[line] >= p.at(p.cursor) && !p.folded[line] {
			if p.folded == nil {
				p.folded = map[int]bool{}
			}
			p.folded[line] = true
			p.refold()
			p.cursor = p.place(line)
			p.show()
			return
		}
	}
}

// unfold opens the value on the cursor's line again.
func (p *pager) unfold() {
	if p.lines() == 0 {
		return
	}
	line := p.at(p.cursor)
	delete(p.folded, line)
	p.refold()
	p.cursor = p.place(line)
	p.show()
}

func (p *pager) opens(line int) bool { return line < len(p.doc.closes) && p.doc.closes[line] > 0 }

// refold lists the lines that are not folded away.
func (p *pager) refold() {
	p.visible = nil
	if len(p.folded) == 0 {
		return
	}
	p.visible = []int{}
	for line := 0; line < p.doc.lines(); line++ {
		p.visible = append(p.visible, line)
		if p.folded[line] {
			line = p.doc.closes[line]
		}
	}
}

// percent returns how far down the window is, -1 when everything is visible.
func (p *pager) percent() int {
	top, sub := p.bottom()
	if top == 0 && sub == 0 {
		return -1
	}
	if p.top == top && p.sub == sub {
		return 100
	}
	return p.top * 100 / max(top, 1)
}
