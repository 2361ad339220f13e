package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
)

// scope is where a key works. Scopes combine.
type scope uint

const (
	inList scope = 1 << iota
	inDetail
	inFilter
	inSearch
	inPicker
	inTunnels
	inInfo
	inHelp
	inCopy
)

const (
	inPanes  = inList | inDetail
	inInputs = inFilter | inSearch | inPicker
	inMenus  = inTunnels | inInfo | inHelp
	anywhere = inPanes | inInputs | inMenus | inCopy
)

var scopeNames = []string{"list", "detail", "filter", "search", "fixtures", "tunnels", "info", "help", "copy"}

// action is what a key does.
type action int

const (
	noAction action = iota
	doQuit
	doBack
	doStop
	doOpen
	doUp
	doDown
	doTop
	doEnd
	doHalfUp
	doHalfDown
	doPageUp
	doPageDown
	doNextPane
	doPrevPane
	doTab1
	doTab2
	doTab3
	doTab4
	doTab5
	doPrevTab
	doNextTab
	doZoom
	doScrollDown
	doScrollUp
	doFold
	doUnfold
	doLeft
	doRight
	doWrap
	doPrevEvent
	doNextEvent
	doFilter
	doSearch
	doNextMatch
	doPrevMatch
	doProblems
	doFollow
	doReplay
	doFire
	doFireAgain
	doCopy
	doCopyBody
	doCopyHeaders
	doCopyResponse
	doCopyCurl
	doCopyPath
	doCopyURL
	doToken
	doTunnels
	doCloseTunnel
	doInfo
	doMouse
	doRedraw
	doSuspend
	doHelp
	doAccept
	doComplete
)

// binding is one line of the key table: keys, what they do, where, and how the
// help and the bar at the bottom say it.
type binding struct {
	key.Binding
	action action
	scope  scope
	group  string
	bar    string // what the bar says, "" when it is not there
}

func bind(a action, where scope, group, keys, shown, does, bar string) binding {
	return binding{
		Binding: key.NewBinding(key.WithKeys(strings.Fields(keys)...), key.WithHelp(shown, does)),
		action:  a, scope: where, group: group, bar: bar,
	}
}

// bindings is the one table of keys. Dispatch, the bar, the help and [Keys] are
// made from it. The bar shows its entries in this order, as far as there is room.
func bindings() []binding {
	return slices.Concat(paneKeys(), detailKeys(), actKeys(), inputKeys(), programKeys())
}

func paneKeys() []binding {
	const group = "Move"
	return []binding{
		bind(doOpen, inList, group, "enter", "↵", "open the delivery", "inspect"),
		bind(doDown, inPanes|inMenus, group, "j down", "j ↓", "down", ""),
		bind(doUp, inPanes|inMenus, group, "k up", "k ↑", "up", ""),
		bind(doTop, inPanes|inHelp, group, "g home", "g Home", "to the start", ""),
		bind(doEnd, inPanes|inHelp, group, "G end", "G End", "to the end, and follow", ""),
		bind(doHalfDown, inPanes|inHelp, group, "ctrl+d", "ctrl+d", "half a page down", ""),
		bind(doHalfUp, inPanes|inHelp, group, "ctrl+u", "ctrl+u", "half a page up", ""),
		bind(doPageDown, inPanes|inHelp, group, "pgdown", "PgDn", "a page down", ""),
		bind(doPageUp, inPanes|inHelp, group, "pgup", "PgUp", "a page up", ""),
		bind(doFollow, inList, group, "F", "F", "follow the newest, or stop", ""),
		bind(doNextPane, inPanes, group, "tab", "tab", "next pane", ""),
		bind(doPrevPane, inPanes, group, "shift+tab", "shift+tab", "previous pane", ""),
		bind(doZoom, inPanes, group, "z", "z", "zoom the pane", ""),
		bind(doBack, anywhere, group, "esc", "esc", "one step back", ""),
	}
}

func detailKeys() []binding {
	const group = "Detail"
	return []binding{
		bind(doTab1, inPanes, group, "1", "1", "body", ""),
		bind(doTab2, inPanes, group, "2", "2", "headers", ""),
		bind(doTab3, inPanes, group, "3", "3", "response", ""),
		bind(doTab4, inPanes, group, "4", "4", "raw bytes", ""),
		bind(doTab5, inPanes, group, "5", "5", "events, explained", ""),
		bind(doPrevTab, inPanes, group, "[", "[", "previous tab", ""),
		bind(doNextTab, inPanes, group, "]", "]", "next tab", ""),
		bind(doScrollDown, inPanes, group, "J", "J", "scroll the detail down", ""),
		bind(doScrollUp, inPanes, group, "K", "K", "scroll the detail up", ""),
		bind(doFold, inDetail, group, "h left", "h ←", "fold the JSON value", ""),
		bind(doUnfold, inDetail, group, "l right", "l →", "unfold it", ""),
		bind(doLeft, inPanes, group, "H", "H", "scroll to the left", ""),
		bind(doRight, inPanes, group, "L", "L", "scroll to the right", ""),
		bind(doWrap, inPanes, group, "w", "w", "wrap long lines", ""),
		bind(doPrevEvent, inPanes, group, "{", "{", "previous event in it", ""),
		bind(doNextEvent, inPanes, group, "}", "}", "next event in it", ""),
		bind(doSearch, inDetail, group, "/", "/", "search", "search"),
		bind(doNextMatch, inDetail, group, "n", "n", "next match", ""),
		bind(doPrevMatch, inDetail, group, "N", "N", "previous match", ""),
	}
}

func actKeys() []binding {
	const group = "Act"
	return []binding{
		bind(doReplay, inPanes, group, "r", "r", "replay: same bytes again", "replay"),
		bind(doFire, inPanes, group, "f", "f", "fire a fixture", "fire fixture"),
		bind(doFireAgain, inPanes, group, ".", ".", "fire the last one again", "fire again"),
		bind(doFilter, inList, group, "/", "/", "filter", "filter"),
		bind(doProblems, inPanes, group, "!", "!", "only problems", ""),
		bind(doCopy, inPanes, group, "y", "y", "copy …", "copy"),
		bind(doCopyBody, inCopy, group, "y b", "yy yb", "copy the body", "body"),
		bind(doCopyHeaders, inCopy, group, "h", "yh", "copy the headers", "headers"),
		bind(doCopyResponse, inCopy, group, "r", "yr", "copy the response", "response"),
		bind(doCopyCurl, inCopy, group, "c", "yc", "copy a curl command", "curl"),
		bind(doCopyPath, inCopy, group, "p", "yp", "copy the JSON path", "path"),
		bind(doCopyURL, inPanes|inInfo, group, "u", "u", "copy the callback URL", "copy URL"),
		bind(doToken, inPanes|inInfo, group, "t", "t", "copy the verify token", ""),
		bind(doTunnels, inPanes, group, "p", "p", "public URL: open, close", "public URL"),
		bind(doCloseTunnel, inTunnels, group, "x", "x", "close the tunnel", "close"),
		bind(doInfo, inPanes, group, "i", "i", "connection info", ""),
	}
}

func inputKeys() []binding {
	const group = "In a box"
	return []binding{
		bind(doAccept, inInputs|inTunnels, group, "enter", "↵", "take it", ""),
		bind(doUp, inFilter|inPicker, group, "up ctrl+p", "↑ ctrl+p", "up; older filters", ""),
		bind(doDown, inFilter|inPicker, group, "down ctrl+n", "↓ ctrl+n", "down; newer filters", ""),
		bind(doPageDown, inPicker, group, "pgdown", "PgDn", "a page down", ""),
		bind(doPageUp, inPicker, group, "pgup", "PgUp", "a page up", ""),
		bind(doComplete, inFilter, group, "tab", "tab", "complete the word", ""),
	}
}

func programKeys() []binding {
	const group = "Program"
	return []binding{
		bind(doHelp, inPanes|inHelp, group, "?", "?", "all keys", "keys"),
		bind(doMouse, inPanes|inHelp, group, "M", "M", "mouse on or off", ""),
		bind(doRedraw, anywhere, group, "ctrl+l", "ctrl+l", "draw the screen again", ""),
		bind(doSuspend, anywhere, group, "ctrl+z", "ctrl+z", "suspend", ""),
		bind(doBack, inMenus, group, "q", "q", "back, in an overlay", "back"),
		bind(doQuit, inPanes, group, "q", "q", "quit", "quit"),
		bind(doStop, anywhere, group, "ctrl+c", "ctrl+c", "quit at once", ""),
	}
}

// keymap finds the binding of a key.
type keymap struct {
	table  []binding
	lookup map[scope]map[string]*binding
}

func newKeymap() keymap {
	m := keymap{table: bindings(), lookup: map[scope]map[string]*binding{}}
	for i := range m.table {
		b := &m.table[i]
		for where := inList; where <= inCopy; where <<= 1 {
			if b.scope&where == 0 {
				continue
			}
			if m.lookup[where] == nil {
				m.lookup[where] = map[string]*binding{}
			}
			for _, k := range b.Keys() {
				m.lookup[where][k] = b
			}
		}
	}
	return m
}

// action returns what a key does in a scope.
func (m keymap) action(where scope, key string) action {
	if b := m.lookup[where][key]; b != nil {
		return b.action
	}
	return noAction
}

// Key is one line of the key table, for documentation.
type Key struct {
	Group string   // "Move", "Act"
	Keys  []string // as Bubble Tea names them: "j", "ctrl+d"
	Shown string   // as people write them
	Does  string
	In    []string // where it works: "list", "detail", "filter", …
}

// Keys returns the key table.
func Keys() []Key {
	var keys []Key
	for _, b := range bindings() {
		k := Key{Group: b.group, Keys: b.Keys(), Shown: b.Help().Key, Does: b.Help().Desc}
		for i, name := range scopeNames {
			if b.scope&(1<<i) != 0 {
				k.In = append(k.In, name)
			}
		}
		keys = append(keys, k)
	}
	return keys
}
