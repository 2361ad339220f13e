package tui

import tea "charm.land/bubbletea/v2"

// search is the search in the detail.
type search struct {
	input
	editing bool
	text    string
}

func newSearch() search { return search{input: newInput()} }

// begin opens the box.
func (s *search) begin() {
	s.editing = true
	s.SetValue("")
	s.Focus()
}

// searchFor highlights a text in the detail.
func (m *Model) searchFor(text string) {
	m.search.text = text
	m.detail.pager().query = stable(text, m.look.unshown())
}

// searchAhead goes to the first match while the user types.
func (m *Model) searchAhead() {
	m.searchFor(m.search.Value())
	pager := m.detail.pager()
	if pager.query != "" && pager.lines() > 0 {
		pager.cursor = max(pager.cursor-1, 0) // the cursor's own line counts
		if !pager.seek(1) {
			pager.move(1)
		}
	}
}

// nextMatch goes to the next or previous match.
func (m *Model) nextMatch(step int) tea.Cmd {
	pager := m.detail.pager()
	switch {
	case pager.query == "":
		return m.say(plainToast, "nothing searched for yet: / searches")
	case !pager.seek(step):
		return m.say(plainToast, "not found: "+pager.query)
	}
	return nil
}
