package tui

import (
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// explainMsg is why a signature fails.
type explainMsg struct {
	id   int64
	list []webhook.Explanation
}

// explains reports whether a delivery's signature is to be explained.
func (m *Model) explains(d *journal.Delivery) bool {
	return m.cfg.Explain != nil && d.Verdict != webhook.Verified
}

// explain finds out why the signature of the delivery on the pane fails. One is asked
// for at a time: the answer of another one comes back first.
func (m *Model) explain(p *parcel) tea.Cmd {
	d := &m.detail
	if !p.checking || d.explaining != 0 {
		return nil
	}
	d.explaining = p.delivery.ID
	return m.command(func(context.Context) tea.Msg {
		return explainMsg{p.delivery.ID, m.cfg.Explain(p.delivery)}
	})
}

// explained takes the answer, and asks for the delivery that is shown by now.
func (m *Model) explained(msg explainMsg) tea.Cmd {
	d := &m.detail
	d.explaining = 0
	if p := d.cached(msg.id); p != nil {
		done := *p
		done.explained, done.checking = msg.list, false
		m.finish(&done)
		d.remember(&done)
		if d.id == msg.id {
			d.show(&done)
		}
	}
	if p := d.parcel; p != nil && p.delivery.ID == d.id {
		return m.explain(p)
	}
	return nil
}

// finish puts the Event tab together: why the signature fails, then the events.
func (m *Model) finish(p *parcel) {
	w := writer{look: m.look, zone: m.cfg.Zone}
	p.docs[eventTab] = w.explanation(p)
}

// explanation is the Event tab.
func (w *writer) explanation(p *parcel) *document {
	if len(p.explained) == 0 && !p.checking {
		return p.about
	}
	b := w.builder()
	b.add(titleLine, "signature")
	if p.checking {
		b.add(dimLine, "checking "+w.look.dots)
	}
	guessing := false
	for _, x := range p.explained {
		if x.Guess && !guessing {
			guessing = true
			b.add(plainLine, "the likeliest causes:")
		}
		kind, mark := w.judgement(p.delivery.Verdict)
		switch {
		case x.Holds:
			kind, mark = goodLine, w.look.yes
		case x.Guess:
			kind, mark = plainLine, w.look.dot
		}
		b.add(kind, mark+" "+x.Code)
		b.add(plainLine, x.Text)
		if x.Fix != "" {
			b.add(plainLine, w.look.arrow+" "+x.Fix)
		}
	}
	b.add(plainLine, "")
	if p.about != nil {
		b.append(p.about)
	}
	return b.document()
}

// headLine is a row of the head with its style and indentation.
type headLine struct {
	style  style
	indent int
	text   string
}

// why are the rows that say why a signature is not valid, at most n of them: the
// likeliest explanation and what to do, or what was recorded.
func (m *Model) why(p *parcel, width, n int) []headLine {
	var out []headLine
	add := func(st style, lead, text string) {
		indent := 3 + m.look.width(lead)
		text = m.look.clean(text)
		breaks := m.look.wordBreaks(text, max(width-indent, 1))
		for i, from := range breaks {
			to := len(text)
			if i+1 < len(breaks) {
				to = breaks[i+1]
			}
			line := headLine{st, indent, strings.TrimRight(text[from:to], " ")}
			if i == 0 {
				line.indent, line.text = 3, lead+line.text
			}
			out = append(out, line)
		}
	}
	_, recorded := verdictText(&p.delivery)
	switch {
	case p.checking:
		add(m.look.dim, "", "checking "+m.look.dots)
	case len(p.explained) > 0:
		first := p.explained[0]
		add(m.look.text, "", first.Text)
		if first.Fix != "" {
			add(m.look.dim, m.look.arrow+" ", first.Fix)
		}
		if more := len(p.explained) - 1; more > 0 && len(out) < n {
			add(m.look.dim, "", "5 has "+strconv.Itoa(more)+" more")
		}
	case recorded != "":
		add(m.look.dim, "", recorded)
	}
	if len(out) > n {
		out = out[:n]
		out[n-1].text += " " + m.look.dots
	}
	return out
}
