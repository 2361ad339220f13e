package tui

import (
	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// input is a box to type in. The editing is textinput's; it is drawn here, because
// what is pasted into it is as untrusted as a comment.
type input struct{ textinput.Model }

func newInput() input {
	in := textinput.New()
	in.SetVirtualCursor(false)
	in.CharLimit = 500
	in.KeyMap.Paste = key.NewBinding() // it would read the clipboard of this machine; the terminal pastes
	in.KeyMap.AcceptSuggestion = key.NewBinding()
	return input{in}
}

// update takes a key or a paste.
func (in *input) update(msg tea.Msg) {
	in.Model, _ = in.Update(msg)
}

// draw writes the text into n cells and returns the cell of the cursor.
func (in *input) draw(p *pen, n int) (cursor int) {
	n = min(n, p.left)
	value := []rune(in.Value())
	at := min(in.Position(), len(value))
	dot := p.unshown()
	before, after := stable(string(value[:at]), dot), stable(string(value[at:]), dot)
	cursor = p.width(before)
	if over := cursor - n + 1; over > 0 {
		before = p.from(before, over)
		cursor = p.width(before)
	}
	end := p.left - n
	p.left = n
	p.put(p.text, before)
	p.put(p.text, after)
	p.to(0)
	p.left = end
	return cursor
}
