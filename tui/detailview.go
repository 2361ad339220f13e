package tui

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// headRows is how many rows stand above the body: the signature and why it does
// not hold, the facts, what is odd about the events, the last attempt, and a rule. A
// small screen has two.
func (m *Model) headRows() int {
	p := m.detail.parcel
	if p == nil {
		return 0
	}
	room := m.layout.room(m.layout.detail)
	if room.h < 10 {
		return 2
	}
	rows := 4 + len(m.why(p, room.w, room.h/3))
	if m.flagsOfDetail() != 0 {
		rows++
	}
	return rows
}

// drawDetail draws the selected delivery.
func (m *Model) drawDetail(r rect) []string {
	room := m.layout.room(r)
	d := &m.detail
	var inside []string
	switch {
	case d.id == 0: // nothing is selected
	case d.err != nil:
		inside = append(inside, m.look.line(room.w, func(p *pen) { p.gap(1); p.put(p.bad, p.clean(d.err.Error())) }))
	case d.parcel == nil:
		inside = append(inside, m.look.line(room.w, func(p *pen) { p.gap(1); p.put(p.dim, "loading "+p.dots) }))
	default:
		if d.tab == bodyTab {
			inside = m.drawHead(room.w, m.headRows())
		}
		inside = append(inside, m.drawPager(room.w)...)
	}
	for len(inside) < room.h {
		inside = append(inside, m.look.line(room.w, func(*pen) {}))
	}
	inside = inside[:room.h]
	if !m.layout.framed() {
		return inside
	}
	return m.frame(r, m.focus == detailPane, m.detailTitle, m.detailFoot, inside)
}

// drawPager draws the visible rows of the current tab.
func (m *Model) drawPager(width int) []string {
	pager := m.detail.pager()
	pager.cells = m.look.cells
	rows := make([]string, 0, pager.height)
	focus := m.focus == detailPane
	for place, row := pager.top, pager.sub; place < pager.lines() && len(rows) < pager.height; place, row = place+1, 0 {
		for ; row < pager.tall(place) && len(rows) < pager.height; row++ {
			rows = append(rows, m.look.line(width, func(p *pen) { pager.row(p, place, row, focus) }))
		}
	}
	return rows
}

// drawHead draws the rows above the body.
func (m *Model) drawHead(width, n int) []string {
	d := &m.detail.parcel.delivery
	rows := []string{m.look.line(width, func(p *pen) { m.headSignature(p, d) })}
	if n > 2 {
		for _, line := range m.why(m.detail.parcel, width, m.layout.room(m.layout.detail).h/3) {
			rows = append(rows, m.look.line(width, func(p *pen) { p.gap(line.indent); p.put(line.style, line.text) }))
		}
	}
	rows = append(rows, m.look.line(width, func(p *pen) { m.headFacts(p, d) }))
	if n > 2 {
		if flags := m.flagsOfDetail(); flags != 0 {
			rows = append(rows, m.look.line(width, func(p *pen) { p.headFlags(flags) }))
		}
		rows = append(rows,
			m.look.line(width, m.headAttempt),
			m.look.line(width, func(p *pen) { p.fill(p.frame, p.across, width) }))
	}
	return rows[:n]
}

// flagsOfDetail are the flags of all events of the delivery.
func (m *Model) flagsOfDetail() webhook.Flag {
	var flags webhook.Flag
	for _, e := range m.detail.parcel.events {
		flags |= e.Flags
	}
	return flags
}

// headFlags draws what is odd about the events, as far as there is room; the Event
// tab has it in full.
func (p *pen) headFlags(flags webhook.Flag) {
	const more = " 5 explains"
	p.gap(1)
	text := "! " + p.clean(strings.Join(flags.Texts(), " "))
	if p.width(text) <= p.left {
		p.put(p.warn, text)
		return
	}
	p.left -= len(more)
	p.put(p.warn, text)
	p.left += len(more)
	p.put(p.dim, more)
}

func (m *Model) headSignature(p *pen, d *journal.Delivery) {
	p.gap(1)
	if known := m.detail.parcel.explained; len(known) > 0 {
		first, st, mark, verdict := known[0], p.bad, p.no, verdictWords(d.Verdict)
		if first.Holds {
			st, mark, verdict = p.ok, p.yes, "signature holds now, "+string(d.Verdict)+" when it came"
		} else if d.Verdict == webhook.Unchecked {
			st, mark = p.warn, p.unchecked
		}
		p.put(st, mark+" "+verdict)
		if first.Code != string(d.Verdict) {
			p.put(p.dim, "  "+p.clean(first.Code))
		}
		return
	}
	switch d.Verdict {
	case webhook.Verified:
		p.put(p.ok, p.yes+" signature valid")
		p.put(p.dim, "  secret "+p.clean(d.Secret)+"  "+shortSignature(d.Header.Get(webhook.SignatureHeader), p.dots))
	case webhook.Unchecked:
		text, _ := verdictText(d)
		p.put(p.warn, p.unchecked+" "+p.clean(text))
	case webhook.Invalid, webhook.Unsigned:
		text, _ := verdictText(d)
		p.put(p.bad, p.no+" "+p.clean(text))
	}
}

// shortSignature is enough of a signature to recognise it.
func shortSignature(signature, dots string) string {
	if len(signature) < 20 || !ascii(signature) {
		return ""
	}
	return stable(signature[:11]+dots+signature[len(signature)-4:], '?')
}

func (m *Model) headFacts(p *pen, d *journal.Delivery) {
	sep := " " + p.dot + " "
	p.gap(1)
	p.put(p.strong, journal.FormatID(d.ID, 0))
	if field := m.fieldOfDetail(); field != "" {
		p.put(p.dim, sep)
		p.put(p.key, p.clean(field))
	}
	if n := len(m.detail.parcel.events); n != 1 {
		p.put(p.dim, sep+plural(n, "event"))
	}
	p.put(p.dim, sep+size(len(d.Body)))
	if d.Source == journal.Fired {
		p.put(p.key, sep+p.fixture+" "+p.clean(d.Fixture))
	} else {
		p.put(p.dim, sep+"from "+p.clean(d.Remote))
	}
	if at := sep + when(d.ReceivedAt, m.cfg.Zone); p.width(at) <= p.left {
		p.put(p.dim, at)
	}
}

func (m *Model) fieldOfDetail() string {
	for _, e := range m.detail.parcel.events {
		if e.Field != "" {
			return e.Field
		}
	}
	return ""
}

func (m *Model) headAttempt(p *pen) {
	parcel := m.detail.parcel
	p.gap(1)
	if len(parcel.attempts) == 0 {
		text := "not sent to the app"
		if parcel.delivery.Forward {
			text = "waiting for its turn"
		}
		p.put(p.dim, p.arrow+" "+text)
		return
	}
	a := &parcel.attempts[len(parcel.attempts)-1]
	p.put(p.dim, p.arrow+" "+p.clean(parcel.delivery.Method+" "+path(a.Target))+" ")
	st, text := p.bad, strconv.Itoa(a.Status)
	switch {
	case a.OK():
		st = p.ok
	case a.Err != "":
		text = "ERR " + a.Err
	}
	p.put(st, p.clean(text))
	p.put(p.text, " "+took(a.Took))
	p.put(p.dim, "  attempt "+strconv.Itoa(a.N))
	if a.Replay {
		p.put(p.replay, " "+p.again)
	}
}

// path is the part of a URL after the host.
func path(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target
	}
	return u.RequestURI()
}

// detailTitle draws the tabs.
func (m *Model) detailTitle(p *pen) {
	for t := range tabs {
		p.gap(1)
		if t == m.detail.tab {
			p.put(p.tab, tabLabel(t))
		} else {
			p.put(p.dim, tabLabel(t))
		}
		p.gap(1)
	}
}

func tabLabel(t tab) string { return strconv.Itoa(int(t)+1) + " " + t.String() }

// tabAt returns the tab drawn at a column of the detail's upper edge.
func (m *Model) tabAt(x int) (tab, bool) {
	at := m.layout.detail.x + 2
	for t := range tabs {
		end := at + len(tabLabel(t)) + 2
		if x >= at && x < end {
			return t, true
		}
		at = end
	}
	return 0, false
}

func (m *Model) detailFoot(p *pen) {
	if m.detail.parcel == nil || m.detail.id == 0 {
		return
	}
	var parts []string
	if n, of := m.detail.event(); of > 1 && m.detail.tab != eventTab {
		parts = append(parts, "event "+grouped(n)+"/"+grouped(of), "{} next")
	}
	pager := m.detail.pager()
	switch {
	case pager.prose:
	case pager.wrap:
		parts = append(parts, "wrapped")
	case pager.side > 0:
		parts = append(parts, "+"+strconv.Itoa(pager.side))
	}
	if n := pager.percent(); n >= 0 {
		parts = append(parts, strconv.Itoa(n)+"%")
	}
	if len(parts) > 0 {
		p.put(p.dim, " "+strings.Join(parts, " "+p.dot+" ")+" ")
	}
}
