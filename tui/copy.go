package tui

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
)

// maxClipboard is the longest text given to the terminal's clipboard. Terminals cap
// it and do not say so; what is longer goes to a file.
const maxClipboard = 64 << 10

type savedMsg struct {
	what, path string
	err        error
}

// copyText copies a text, or saves it when it is too long for a clipboard.
func (m *Model) copyText(what, text string) tea.Cmd {
	if len(text) <= maxClipboard {
		return tea.Batch(tea.SetClipboard(text), m.say(goodToast, "copied "+what+", "+size(len(text))))
	}
	name := fmt.Sprintf("%s-%s.txt", journal.FormatID(m.list.selected, 0), strings.ReplaceAll(what, " ", "-"))
	return m.command(func(ctx context.Context) tea.Msg {
		path, err := m.cfg.Session.Save(ctx, name, []byte(text))
		return savedMsg{what, path, err}
	})
}

func (m *Model) saved(msg savedMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(badToast, msg.what+" is too long for the clipboard, and was not saved: "+msg.err.Error())
	}
	return m.say(goodToast, msg.what+" is too long for the clipboard, saved to "+msg.path)
}

// copyURL copies the callback URL.
func (m *Model) copyURL() tea.Cmd {
	if m.facts.CallbackURL == "" {
		return tea.Batch(tea.SetClipboard(m.facts.LocalURL), m.say(plainToast, "copied the local URL; p opens a public one"))
	}
	return tea.Batch(tea.SetClipboard(m.facts.CallbackURL), m.say(goodToast, "copied "+m.facts.CallbackURL))
}

// beginCopy makes the next key say what to copy of the selected delivery.
func (m *Model) beginCopy() tea.Cmd {
	if m.list.selected == 0 {
		return m.say(plainToast, "nothing to copy yet")
	}
	m.copying = true
	return nil
}

// copyPart copies a part of the selected delivery. The delivery may not be loaded
// when no detail is on the screen; then it is read first.
func (m *Model) copyPart(a action) tea.Cmd {
	m.copying = false
	id := m.list.selected
	p := m.detail.cached(id)
	if p == nil {
		return m.command(func(ctx context.Context) tea.Msg {
			p, err := m.read(ctx, id, nil)
			return partMsg{a, p, err}
		})
	}
	return m.part(partMsg{action: a, parcel: p})
}

type partMsg struct {
	action action
	parcel *parcel
	err    error
}

// part copies the part of a delivery that is there.
func (m *Model) part(msg partMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(badToast, "not copied: "+msg.err.Error())
	}
	d := &msg.parcel.delivery
	switch msg.action {
	case doCopyBody:
		return m.copyText("body", string(d.Body))
	case doCopyHeaders:
		return m.copyText("headers", headerText(d.Header))
	case doCopyCurl:
		command, err := m.cfg.Session.Curl(*d)
		if err != nil {
			return m.say(badToast, "not copied: "+err.Error())
		}
		return m.copyText("curl command", command)
	case doCopyPath:
		return m.copyPath()
	case doCopyResponse:
		if len(msg.parcel.attempts) == 0 {
			return m.say(plainToast, "no response yet")
		}
		a := msg.parcel.attempts[len(msg.parcel.attempts)-1]
		return m.copyText("response", responseText(&a))
	default:
		return nil
	}
}

// copyPath copies the path of the JSON value on the cursor's line.
func (m *Model) copyPath() tea.Cmd {
	pager := &m.detail.pagers[bodyTab]
	if pager.lines() == 0 || pager.doc.closes == nil {
		return m.say(plainToast, "no JSON value here")
	}
	path := pager.doc.path(pager.at(pager.cursor))
	return tea.Batch(tea.SetClipboard(path), m.say(goodToast, "copied "+path))
}

// path returns the path of the JSON value on a line: $.entry[0].changes[0].field.
func (d *document) path(line int) string {
	var steps []string
	for at := line; at > 0; {
		parent := at - 1
		for parent > 0 && (parent >= len(d.closes) || d.closes[parent] < at) {
			parent--
		}
		if d.closes[parent] == at { // a closing bracket stands for its value
			at = parent
			continue
		}
		steps = append(steps, d.step(parent, at))
		at = parent
	}
	slices.Reverse(steps)
	return "$" + strings.Join(steps, "")
}

// step is the part of a path that leads from an open value to a line in it.
func (d *document) step(parent, line int) string {
	if strings.HasSuffix(d.line(parent), "{") {
		key, _, _ := strings.Cut(strings.TrimLeft(d.line(line), " "), `": `)
		return "." + strings.Trim(key, `"`)
	}
	index := 0
	for at := parent + 1; at < line; at++ {
		if at < len(d.closes) && d.closes[at] > 0 {
			at = d.closes[at]
		}
		index++
	}
	return "[" + strconv.Itoa(index) + "]"
}

func headerText(header http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, masked(name, value))
		}
	}
	return b.String()
}

func responseText(a *journal.Attempt) string {
	if a.Err != "" {
		return a.Err
	}
	return fmt.Sprintf("HTTP/1.1 %d %s\n%s\n%s", a.Status, http.StatusText(a.Status), headerText(a.Header), a.Body)
}
