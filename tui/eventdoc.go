package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// What the Event tab lists at most: a batch has up to a thousand events, and a
// hostile body can differ in as many places as it has bytes.
const (
	maxExplainedEvents = 50
	maxExplainedLines  = 2000
)

// events explains the events of a body: what is odd about each, in words, what its
// mid says, and where its shape is not the known one.
func (w *writer) events(d *journal.Delivery) *document {
	b := w.builder()
	payload, err := webhook.Parse(d.Body)
	if err != nil {
		b.add(dimLine, err.Error())
		return b.document()
	}
	for i, e := range payload.Events {
		if i == maxExplainedEvents || len(b.doc.kinds) > maxExplainedLines {
			b.add(dimLine, plural(len(payload.Events)-i+payload.More, "more event")+"; the Body tab has them")
			b.add(plainLine, "")
			break
		}
		w.event(b, journal.FormatID(d.ID, e.N), &e)
	}
	if differences := webhook.CompareEnvelope(d.Body); len(differences) > 0 {
		b.add(titleLine, "around the events")
		w.differences(b, differences)
	}
	return b.document()
}

func (w *writer) event(b *documentBuilder, id string, e *webhook.Event) {
	title := slices.DeleteFunc([]string{id, e.Field, e.Kind}, func(part string) bool { return part == "" })
	b.add(titleLine, oneLine(strings.Join(title, " "+w.look.dot+" "), b.dot))
	b.add(plainLine, oneLine(e.Summary, b.dot))
	for _, text := range e.Flags.Texts() {
		b.add(warnLine, "! "+text)
	}
	add := func(name, value string) {
		if value != "" {
			b.add(headerLine, name+": "+value)
		}
	}
	add("account", e.Account)
	add("other party", e.Party)
	add("happened", w.stamp(e.Time, time.RFC3339))
	add("sent", w.stamp(e.Sent, time.RFC3339))
	if mid := e.MID(); mid != "" {
		w.mid(b, mid)
	}
	differences := webhook.Compare(*e)
	switch {
	case len(differences) > 0:
		w.differences(b, differences)
	case e.Flags&(webhook.Unknown|webhook.WithoutValue) == 0:
		b.add(dimLine, "shape: as known")
	}
	b.add(plainLine, "")
}

// mid writes the id of a message and, of one of Instagram's, what is in it.
func (w *writer) mid(b *documentBuilder, mid string) {
	id, err := webhook.ParseMID(mid)
	if err != nil {
		b.add(headerLine, "mid: "+mid)
		return
	}
	b.add(headerLine, "mid, account: "+id.Account)
	b.add(headerLine, "mid, conversation: "+strconv.FormatUint(id.Thread, 10))
	b.add(headerLine, "mid, sent: "+w.stamp(id.At, "2006-01-02T15:04:05.000000Z07:00"))
}

func (w *writer) stamp(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(w.zone).Format(layout)
}

func (w *writer) differences(b *documentBuilder, differences []webhook.Difference) {
	for _, d := range differences {
		b.add(warnLine, "shape: "+d.String())
	}
	if len(differences) == webhook.MaxDifferences {
		b.add(dimLine, "and maybe more: "+strconv.Itoa(webhook.MaxDifferences)+" are shown")
	}
}
