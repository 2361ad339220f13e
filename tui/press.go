package tui

import (
	tea "charm.land/bubbletea/v2"
)

// press acts on a key. In a box, keys that are not in the table are text.
func (m *Model) press(msg tea.KeyPressMsg) tea.Cmd {
	where := m.where()
	if m.layout.shape == tooSmall {
		where = inList // only leaving makes sense there
	}
	a := m.keys.action(where, msg.String())
	switch a {
	case doStop:
		return tea.Quit
	case doRedraw:
		return tea.ClearScreen
	case doSuspend:
		return tea.Suspend
	case noAction:
		if where&inInputs != 0 {
			return m.typed(msg)
		}
		m.copying = false
		return nil
	case doBack:
		return m.back()
	default:
	}
	if m.layout.shape == tooSmall {
		if a == doQuit {
			return tea.Quit
		}
		return nil
	}
	switch where {
	case inFilter:
		return m.inFilter(a)
	case inSearch:
		m.inSearch(a)
		return nil
	case inPicker:
		return m.inPicker(a)
	case inTunnels, inInfo, inHelp:
		return m.inMenu(a)
	case inCopy:
		return m.copyPart(a)
	default:
		return m.inPanes(a)
	}
}

// typed gives a key or a paste to the open box.
func (m *Model) typed(msg tea.Msg) tea.Cmd {
	switch m.where() {
	case inFilter:
		m.filter.update(msg)
		return m.refilter()
	case inSearch:
		m.search.update(msg)
		m.searchAhead()
	case inPicker:
		m.picker.update(msg)
		m.picker.match()
	default:
	}
	return nil
}

// back goes one step back: overlay, copy menu, box, zoom, detail, search, filter.
func (m *Model) back() tea.Cmd {
	pager := m.detail.pager()
	switch {
	case m.overlay != noOverlay:
		m.overlay = noOverlay
	case m.copying:
		m.copying = false
	case m.filter.editing:
		m.filter.SetValue(m.filter.before)
		m.filter.keep()
		return m.refilter()
	case m.search.editing:
		m.search.editing = false
		m.searchFor("")
	case m.zoomed:
		m.zoomed = false
	case m.focus == detailPane && pager.query != "":
		m.searchFor("")
	case m.focus == detailPane:
		m.focus = listPane
	case m.filter.want() != "":
		m.filter.SetValue("")
		m.filter.problems, m.filter.err = false, nil
		return m.refilter()
	}
	return nil
}

func (m *Model) inFilter(a action) tea.Cmd {
	switch a {
	case doAccept:
		m.filter.keep()
		return nil
	case doUp:
		m.filter.recall(-1)
	case doDown:
		m.filter.recall(1)
	case doComplete:
		m.complete()
	default:
		return nil
	}
	return m.refilter()
}

func (m *Model) inSearch(a action) {
	if a == doAccept {
		m.search.editing = false
		m.search.Blur()
	}
}

func (m *Model) inPicker(a action) tea.Cmd {
	switch a {
	case doUp:
		m.picker.move(-1)
	case doDown:
		m.picker.move(1)
	case doPageUp:
		m.picker.move(-m.picker.rows)
	case doPageDown:
		m.picker.move(m.picker.rows)
	case doAccept:
		return m.pick()
	default:
	}
	return nil
}

// inMenu acts in an overlay that only shows or lets choose.
func (m *Model) inMenu(a action) tea.Cmd {
	page := max(m.height-8, 1)
	switch a {
	case doHelp:
		m.overlay = noOverlay
	case doDown:
		m.step(1)
	case doUp:
		m.step(-1)
	case doHalfDown, doPageDown:
		m.step(page)
	case doHalfUp, doPageUp:
		m.step(-page)
	case doTop:
		m.step(-1 << 20)
	case doEnd:
		m.step(1 << 20)
	case doAccept:
		return m.openTunnel()
	case doCloseTunnel:
		return m.closeTunnel()
	case doCopyURL:
		return m.copyURL()
	case doToken:
		return m.revealToken()
	case doMouse:
		return m.toggleMouse()
	default:
	}
	return nil
}

// step moves in the open overlay.
func (m *Model) step(n int) {
	switch m.overlay {
	case tunnelOverlay:
		m.tunnels.move(n)
	case helpOverlay:
		m.help.scroll(n)
	case infoOverlay:
		m.info.scroll(n)
	case noOverlay, pickerOverlay:
	}
}

// inPanes acts on the list or the detail.
func (m *Model) inPanes(a action) tea.Cmd {
	switch a {
	case doQuit:
		if m.focus == detailPane && m.layout.shape <= single {
			return m.back()
		}
		return tea.Quit
	case doOpen, doNextPane, doPrevPane:
		m.switchPane(a)
	case doZoom:
		m.zoomed = !m.zoomed
	case doReplay:
		return m.replay()
	case doFire:
		m.openPicker()
	case doFireAgain:
		return m.fireAgain()
	case doCopy:
		return m.beginCopy()
	case doCopyURL:
		return m.copyURL()
	case doToken:
		return m.revealToken()
	case doTunnels:
		return m.openTunnels()
	case doInfo:
		m.overlay, m.info = infoOverlay, scroller{}
	case doHelp:
		m.overlay, m.help = helpOverlay, scroller{}
	case doMouse:
		return m.toggleMouse()
	case doFilter:
		m.filter.edit()
	case doProblems:
		m.filter.problems = !m.filter.problems
		return m.refilter()
	default:
		return m.inDetail(a)
	}
	return nil
}

// switchPane moves the focus.
func (m *Model) switchPane(a action) {
	switch {
	case len(m.list.rows) == 0:
	case a == doOpen || m.focus == listPane:
		m.focus = detailPane
	default:
		m.focus = listPane
	}
}

// inDetail acts on the tabs of the detail, from either pane.
func (m *Model) inDetail(a action) tea.Cmd {
	d, pager := &m.detail, m.detail.pager()
	switch a {
	case doTab1, doTab2, doTab3, doTab4, doTab5:
		m.openTab(tab(a - doTab1))
	case doPrevTab:
		m.openTab((d.tab + tabs - 1) % tabs)
	case doNextTab:
		m.openTab((d.tab + 1) % tabs)
	case doScrollDown:
		pager.scroll(3)
	case doScrollUp:
		pager.scroll(-3)
	case doFold:
		pager.fold()
	case doUnfold:
		pager.unfold()
	case doLeft:
		pager.shift(-8)
	case doRight:
		pager.shift(8)
	case doWrap:
		for i := range d.pagers {
			d.pagers[i].toggleWrap()
		}
	case doPrevEvent:
		d.step(-1)
	case doNextEvent:
		d.step(1)
	case doSearch:
		m.search.begin()
	case doNextMatch:
		return m.nextMatch(1)
	case doPrevMatch:
		return m.nextMatch(-1)
	default:
		m.moveBy(a)
	}
	return nil
}

func (m *Model) openTab(t tab) {
	m.detail.tab = t
	m.detail.pager().query = stable(m.search.text, m.look.unshown())
}

// moveBy moves the selection of the list or the cursor of the detail.
func (m *Model) moveBy(a action) {
	pager := m.detail.pager()
	h := max(pick(m.focus == detailPane, pager.height, m.list.height), 1)
	steps := map[action]int{
		doDown: 1, doUp: -1, doHalfDown: max(h/2, 1), doHalfUp: -max(h/2, 1), doPageDown: h, doPageUp: -h, doTop: -1 << 30, doEnd: 1 << 30,
	}
	switch {
	case m.focus == detailPane:
		pager.move(steps[a])
	case a == doEnd, a == doFollow && !m.list.follow:
		m.list.end()
	case a == doFollow:
		m.list.follow = false
	default:
		m.list.move(steps[a])
	}
}
