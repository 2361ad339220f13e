package tui

import (
	"cmp"
	"slices"

	"github.com/igloo-dev/igloo/internal/journal"
)

// maxRows bounds the rows kept in memory. Older ones stay in the journal and come
// back through a filter.
const maxRows = 10_000

// list is the state of the list of deliveries: a window of rows, oldest first, and
// a selection. The selection is a delivery's id, so that trimming, filtering and
// new rows do not move it.
type list struct {
	rows     []journal.Row
	selected int64 // 0 when the list is empty
	at       int   // where the selected row is
	top      int   // first visible row
	height   int   // visible rows
	follow   bool  // the newest row is selected as it arrives
	unseen   int   // rows that arrived below while follow was off
}

// current returns the selected row.
func (l *list) current() (journal.Row, bool) {
	if l.at >= len(l.rows) {
		return journal.Row{}, false
	}
	return l.rows[l.at], true
}

// replace shows other rows, keeping the selection when it is among them.
func (l *list) replace(rows []journal.Row) {
	l.rows = rows
	l.unseen = 0
	l.settle()
}

// find returns where a delivery is, or would be.
func (l *list) find(id int64) (at int, found bool) {
	return slices.BinarySearchFunc(l.rows, id, func(r journal.Row, id int64) int { return cmp.Compare(r.ID, id) })
}

// remove takes a row out.
func (l *list) remove(id int64) {
	if at, found := l.find(id); found {
		l.rows = slices.Delete(l.rows, at, at+1)
		l.settle()
	}
}

// merge takes in rows that are new or changed. A new one from before the first row
// stays outside the window.
func (l *list) merge(rows []journal.Row) {
	for _, r := range rows {
		at, found := l.find(r.ID)
		switch {
		case found:
			l.rows[at] = r
		case at > 0 || len(l.rows) == 0:
			if at == len(l.rows) && !l.follow {
				l.unseen++
			}
			l.rows = slices.Insert(l.rows, at, r)
		}
	}
	// Trimming a tenth at a time moves the rows once in a thousand arrivals.
	if over := len(l.rows) - maxRows; over > maxRows/10 {
		l.rows = slices.Delete(l.rows, 0, over)
		l.top -= over
	}
	l.settle()
}

// prepend adds older rows before the first one.
func (l *list) prepend(rows []journal.Row) {
	if len(l.rows) > 0 {
		first := l.rows[0].ID
		rows = slices.DeleteFunc(rows, func(r journal.Row) bool { return r.ID >= first })
	}
	if room := maxRows - len(l.rows); len(rows) > room {
		rows = rows[len(rows)-max(room, 0):]
	}
	l.rows = slices.Concat(rows, l.rows)
	l.top += len(rows)
	l.settle()
}

// settle finds the selection again after the rows changed. A row that is gone
// gives its place to the next one.
func (l *list) settle() {
	if len(l.rows) == 0 {
		l.selected, l.at, l.top = 0, 0, 0
		return
	}
	if l.follow || l.selected == 0 {
		l.choose(len(l.rows) - 1)
		return
	}
	at, _ := l.find(l.selected)
	l.choose(min(at, len(l.rows)-1))
}

// choose selects the row at a place and makes it visible.
func (l *list) choose(at int) {
	if len(l.rows) == 0 {
		return
	}
	l.at = min(max(at, 0), len(l.rows)-1)
	l.selected = l.rows[l.at].ID
	l.show()
}

// show moves the window so that the selected row is in it.
func (l *list) show() {
	h := max(l.height, 1)
	l.top = min(l.top, l.at)
	l.top = max(l.top, l.at-h+1)
	l.top = max(min(l.top, len(l.rows)-h), 0)
	if l.top+h >= len(l.rows) {
		l.unseen = 0
	}
}

// move moves the selection. Moving up stops following, reaching the end by G
// starts it again.
func (l *list) move(n int) {
	if n < 0 {
		l.follow = false
	}
	l.choose(l.at + n)
}

// scroll moves the window; the selection stays inside.
func (l *list) scroll(n int) {
	if n < 0 {
		l.follow = false
	}
	h := max(l.height, 1)
	l.top = max(min(l.top+n, len(l.rows)-h), 0)
	l.choose(min(max(l.at, l.top), l.top+h-1))
}

// end selects the newest row and follows.
func (l *list) end() {
	l.follow, l.unseen = true, 0
	l.choose(len(l.rows) - 1)
}

// resize sets the number of visible rows.
func (l *list) resize(height int) {
	l.height = height
	l.show()
}
