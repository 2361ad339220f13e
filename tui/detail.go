package tui

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	// inlineBody is the size up to which a body is laid out where it is loaded;
	// above it the raw head is shown first.
	inlineBody = 64 << 10
	// maxRaw bounds what the Raw tab shows of a body, and an answer of the app.
	maxRaw = 1 << 20
	// The delivery cache: how many, and bytes of bodies beside the current one.
	cachedDeliveries = 8
	cachedBytes      = 8 << 20
)

// tab is one of the views of a delivery.
type tab int

const (
	bodyTab tab = iota
	headersTab
	responseTab
	rawTab
	eventTab
	tabs
)

func (t tab) String() string { return [tabs]string{"Body", "Headers", "Response", "Raw", "Event"}[t] }

// parcel is a delivery with all that is shown of it. It is made in a command and
// never changed afterwards.
type parcel struct {
	delivery journal.Delivery
	events   []journal.Event
	attempts []journal.Attempt
	docs     [tabs]*document
	about    *document // the events, explained: the lower part of the Event tab
	rough    bool      // the body is not laid out yet

	explained []webhook.Explanation // why the signature fails, when that is known
	checking  bool                  // it is being found out
}

type (
	detailMsg struct {
		id     int64
		parcel *parcel
		err    error
	}
	layoutMsg struct {
		id    int64
		doc   *document
		about *document
	}
)

// detail is the pane that shows the selected delivery.
type detail struct {
	id      int64   // of the delivery shown, or on its way
	parcel  *parcel // nil while it is on its way
	err     error
	loading int64 // the delivery being read, 0 when none is
	// explaining is the delivery whose signature is being explained, 0 when none is.
	explaining int64
	stale      bool      // it changed while being read
	cache      []*parcel // newest last
	tab        tab
	pagers     [tabs]pager
}

func newDetail() detail {
	d := detail{}
	d.pagers[eventTab].prose, d.pagers[eventTab].wrap = true, true
	return d
}

// pager returns the pager of the current tab.
func (d *detail) pager() *pager { return &d.pagers[d.tab] }

// measure sets how text is measured.
func (d *detail) measure(c cells) {
	for i := range d.pagers {
		d.pagers[i].cells = c
		d.pagers[i].rows = nil
	}
}

// show puts a parcel on the pane. Documents that stay the same keep their place.
func (d *detail) show(p *parcel) {
	if d.parcel == nil || d.parcel.delivery.ID != p.delivery.ID {
		for i := range d.pagers {
			d.pagers[i].set(nil)
		}
	}
	d.parcel, d.err = p, nil
	for i := range d.pagers {
		pager := &d.pagers[i]
		if old := pager.doc; old != nil && old != p.docs[i] {
			top, cursor := pager.top, pager.cursor
			pager.set(p.docs[i])
			pager.top, pager.cursor = top, cursor
			pager.settle()
			continue
		}
		pager.set(p.docs[i])
	}
}

// remember keeps a parcel for when the user comes back to it.
func (d *detail) remember(p *parcel) {
	d.cache = slices.DeleteFunc(d.cache, func(old *parcel) bool { return old.delivery.ID == p.delivery.ID })
	d.cache = append(d.cache, p)
	bytes := 0
	for i := len(d.cache) - 2; i >= 0; i-- {
		bytes += len(d.cache[i].delivery.Body)
		if bytes > cachedBytes || len(d.cache)-i > cachedDeliveries {
			d.cache = slices.Delete(d.cache, 0, i+1)
			return
		}
	}
}

func (d *detail) cached(id int64) *parcel {
	for _, p := range d.cache {
		if p.delivery.ID == id {
			return p
		}
	}
	return nil
}

// event returns which event of the delivery the cursor is in, from 1, and how many
// there are. It is 0 outside of every event.
func (d *detail) event() (n, of int) {
	doc := d.pagers[bodyTab].doc
	if doc == nil || d.pagers[bodyTab].lines() == 0 {
		return 0, 0
	}
	at, found := slices.BinarySearch(doc.marks, d.pagers[bodyTab].at(d.pagers[bodyTab].cursor))
	if found {
		at++
	}
	return at, len(doc.marks)
}

// step moves to the next or previous event.
func (d *detail) step(n int) {
	at, of := d.event()
	if of == 0 {
		return
	}
	d.tab = bodyTab
	next := min(max(at+n, 1), of)
	d.pager().jump(d.pager().doc.marks[next-1])
}

// selected makes the detail follow the selection of the list, and loads what comes
// next in both.
func (m *Model) selected() tea.Cmd {
	older := m.loadOlder()
	if !m.layout.detailOn {
		return older
	}
	d := &m.detail
	if d.id == m.list.selected {
		return older
	}
	d.id = m.list.selected
	d.err = nil
	if p := d.cached(d.id); p != nil {
		d.remember(p)
		d.show(p) // and read it again: it may have new attempts
	}
	return tea.Batch(older, m.reload())
}

// reload reads the delivery of the detail, again or for the first time. One read is
// under way at a time: holding a key down reads what the pane stops at, not
// everything in between.
func (m *Model) reload() tea.Cmd {
	d := &m.detail
	if d.id == 0 {
		return nil
	}
	if d.loading != 0 {
		d.stale = true
		return nil
	}
	d.loading, d.stale = d.id, false
	id, known, dot := d.id, d.cached(d.id), m.look.unshown()
	writer := writer{look: m.look, zone: m.cfg.Zone}
	return m.command(func(ctx context.Context) tea.Msg {
		p, err := m.read(ctx, id, known)
		if err != nil {
			return detailMsg{id: id, err: err}
		}
		writer.documents(p, known, dot)
		return detailMsg{id: id, parcel: p}
	})
}

// read reads a delivery. Its body never changes, so a known one is kept.
func (m *Model) read(ctx context.Context, id int64, known *parcel) (*parcel, error) {
	p := &parcel{}
	var err error
	if known != nil {
		p.delivery = known.delivery
	} else if p.delivery, err = m.cfg.Journal.Delivery(ctx, id); err != nil {
		return nil, err
	}
	if p.events, err = m.cfg.Journal.Events(ctx, id); err != nil {
		return nil, err
	}
	if p.attempts, err = m.cfg.Journal.Attempts(ctx, id); err != nil {
		return nil, err
	}
	if known != nil {
		p.explained = known.explained
	}
	p.checking = p.explained == nil && m.explains(&p.delivery)
	return p, nil
}

func (m *Model) loaded(msg detailMsg) tea.Cmd {
	d := &m.detail
	d.loading = 0
	if msg.id != d.id {
		return m.reload()
	}
	if d.err = msg.err; msg.err != nil {
		d.parcel = nil
		return nil
	}
	if old := d.cached(msg.id); old != nil && old.explained != nil && msg.parcel.checking {
		msg.parcel.explained, msg.parcel.checking = old.explained, false
	}
	m.finish(msg.parcel)
	d.remember(msg.parcel)
	d.show(msg.parcel)
	cmds := []tea.Cmd{m.explain(msg.parcel)}
	if d.stale {
		cmds = append(cmds, m.reload())
	}
	if msg.parcel.rough {
		d, dot := &msg.parcel.delivery, m.look.unshown()
		w := writer{look: m.look, zone: m.cfg.Zone}
		cmds = append(cmds, m.command(func(context.Context) tea.Msg {
			return layoutMsg{d.ID, bodyDocument(d.Body, dot), w.events(d)}
		}))
	}
	return tea.Batch(cmds...)
}

// laidOut takes the layout of a long body.
func (m *Model) laidOut(msg layoutMsg) {
	p := m.detail.cached(msg.id)
	if p == nil {
		return
	}
	done := *p
	done.docs[bodyTab], done.about, done.rough = msg.doc, msg.about, false
	m.finish(&done)
	m.detail.remember(&done)
	if m.detail.id == msg.id {
		m.detail.show(&done)
	}
}

// bodyDocument is the Body tab: laid out JSON, or what there is and why it is not.
func bodyDocument(body []byte, dot rune) *document {
	doc, err := layoutJSON(body, dot)
	if err == nil {
		return doc
	}
	b := documentBuilder{dot: dot}
	switch {
	case len(body) == 0:
		b.add(dimLine, "no body")
		return b.document()
	case err != nil:
		b.add(badLine, err.Error())
		b.add(plainLine, "")
	}
	b.append(rawDocument(body, dot))
	return b.document()
}

// rawDocument is the Raw tab: the bytes as they came, in hex when they are not
// text.
func rawDocument(body []byte, dot rune) *document {
	b := documentBuilder{dot: dot}
	shown := body
	if len(body) > maxRaw {
		shown = body[:maxRaw]
	}
	if utf8.Valid(body) {
		b.paragraph(plainLine, prefix(string(body), maxRaw))
	} else {
		b.hex(shown)
	}
	if len(shown) < len(body) {
		b.add(dimLine, "")
		b.add(dimLine, size(len(body)-len(shown))+" more; yy copies all")
	}
	return b.document()
}

// hex appends the bytes as a dump of 16 a line.
func (b *documentBuilder) hex(data []byte) {
	const digits = "0123456789abcdef"
	for at := 0; at < len(data); at += 16 {
		row := data[at:min(at+16, len(data))]
		line := make([]byte, 0, 80)
		for shift := 20; shift >= 0; shift -= 4 {
			line = append(line, digits[at>>shift&15])
		}
		line = append(line, ' ')
		for i := range 16 {
			if i%8 == 0 {
				line = append(line, ' ')
			}
			if i < len(row) {
				line = append(line, digits[row[i]>>4], digits[row[i]&15], ' ')
			} else {
				line = append(line, "   "...)
			}
		}
		line = append(line, ' ')
		for _, c := range row {
			if c < ' ' || c >= 0x7f {
				c = '.'
			}
			line = append(line, c)
		}
		b.raw(plainLine, string(line))
	}
}

// when writes a time with its day and zone.
func when(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04:05 MST")
}
