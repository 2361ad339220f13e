package tui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
)

// Stable is stable, as the default symbols use it.
func Stable(s string) string { return stable(s, '·') }

// WordRows is a text broken between words into rows of a width.
func WordRows(s string, width int) []string {
	breaks := append(cells{}.wordBreaks(s, width), len(s))
	rows := make([]string, len(breaks)-1)
	for i := range rows {
		rows[i] = s[breaks[i]:breaks[i+1]]
	}
	return rows
}

// Layout is the laid out text of a JSON body, the lines on which its events start,
// and the path of a line.
func Layout(body []byte) (text string, marks []int, path func(line int) string, err error) {
	doc, err := layoutJSON(body, '·')
	if err != nil {
		return "", nil, nil, err
	}
	return doc.text, doc.marks, doc.path, nil
}

// MaxRows is the bound of the list.
const MaxRows = maxRows

// FirstMsg is the message that brings the first rows.
func FirstMsg(rows []journal.Row) tea.Msg { return firstMsg{rows: slices.Clone(rows)} }

// ChangesMsg is the message that brings a batch of changes.
func ChangesMsg(c journal.Changes) tea.Msg { return changesMsg{Changes: c} }

// DetailMsg is the message that brings a delivery.
func DetailMsg(d journal.Delivery) tea.Msg {
	p := &parcel{delivery: d}
	w := writer{look: look{symbols: newSymbols(false)}, zone: time.UTC}
	w.documents(p, nil, '·')
	return detailMsg{id: d.ID, parcel: p}
}
