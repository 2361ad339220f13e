package simulator

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// delivery is the scope of what belongs to no event.
const delivery = -1

// event is one change or messaging item of a payload.
type event struct {
	entries *fixtures.Node // the list of entries it stands in
	entry   *fixtures.Node // the entry
	section string         // the list it stands in
	item    *fixtures.Node // the element of the list
	root    *fixtures.Node // where the path of a change starts: the change's value, else the item
}

// compiler turns a payload's tree into the segments of a template.
//
// Each placeholder becomes a mark, a word that occurs nowhere else. The tree is
// then changed and written in its dialect like any other, and the text is cut at
// the marks: so a rendered body is exactly what the encoder would have made of it.
type compiler struct {
	run     *Run
	payload *fixtures.Node
	vars    map[string]string
	events  []event
	scopes  map[*fixtures.Node]int  // the items of events → their place
	sent    map[*fixtures.Node]bool // the times of entries, which say when the delivery was sent
	parties map[*fixtures.Node]int  // the entries of a batch → whose they are
	mark    string
	slots   []slot
	shared  map[slot]int // slots that stand for the same value
}

func newCompiler(r *Run, payload *fixtures.Node, o Options) *compiler {
	c := &compiler{run: r, payload: payload, vars: o.Vars, mark: "iglooslot", shared: map[slot]int{}}
	for occurs(c.mark, payload, o) {
		c.mark += "z"
	}
	return c
}

// occurs reports whether a word stands anywhere in what goes into a body.
func occurs(word string, n *fixtures.Node, o Options) bool {
	for _, v := range o.Vars {
		if strings.Contains(v, word) {
			return true
		}
	}
	for _, change := range o.Changes {
		// A JSON value may spell the word with escapes, so any escape counts.
		if strings.Contains(change.Path+change.Value, word) || change.Op == SetJSON && strings.Contains(change.Value, `\u`) && occursJSON(word, change.Value) {
			return true
		}
	}
	return occursIn(word, n)
}

func occursJSON(word, text string) bool {
	n, err := fixtures.ParseJSON([]byte(text))
	return err == nil && occursIn(word, n)
}

func occursIn(word string, n *fixtures.Node) bool {
	if strings.Contains(n.Text, word) {
		return true
	}
	for _, m := range n.Members {
		if strings.Contains(m.Name, word) || occursIn(word, m.Value) {
			return true
		}
	}
	for _, item := range n.Items {
		if occursIn(word, item) {
			return true
		}
	}
	return false
}

// deliveries returns the objects that hold entries: the payload, or what stands in
// the array Meta's example pages print around it.
func deliveries(payload *fixtures.Node) []*fixtures.Node {
	if payload.Kind == fixtures.Array {
		return payload.Items
	}
	return []*fixtures.Node{payload}
}

// entries walks the entries of a payload.
func entries(payload *fixtures.Node) iter.Seq[*fixtures.Node] {
	return func(yield func(*fixtures.Node) bool) {
		for _, d := range deliveries(payload) {
			for _, entry := range d.Member("entry").Elements() {
				if !yield(entry) {
					return
				}
			}
		}
	}
}

// listEvents finds the events and the times of the entries.
func (c *compiler) listEvents() {
	c.events, c.scopes, c.sent = nil, map[*fixtures.Node]int{}, map[*fixtures.Node]bool{}
	for _, d := range deliveries(c.payload) {
		list := d.Member("entry")
		for _, entry := range list.Elements() {
			if time := entry.Member("time"); time != nil {
				c.sent[time] = true
			}
			for _, section := range []webhook.Section{webhook.InChanges, webhook.InMessaging, webhook.InStandby} {
				for _, item := range entry.Member(string(section)).Elements() {
					c.addEvent(event{list, entry, string(section), item, item})
				}
			}
			// An entry without values, or one of a form that Meta's pages print, is an event
			// itself.
			if entry.Member(string(webhook.InChangedFields)) != nil || entry.Member("value") != nil {
				c.addEvent(event{list, entry, string(webhook.InEntry), entry, entry})
			}
		}
	}
}

// addEvent numbers an event. What a change says stands in its value.
func (c *compiler) addEvent(e event) {
	if value := e.item.Member("value"); value != nil && (e.section == string(webhook.InChanges) || e.section == string(webhook.InEntry)) {
		e.root = value
	}
	c.scopes[e.item] = len(c.events)
	c.events = append(c.events, e)
}

// place is where in the payload a placeholder stands: in which event, or delivery,
// and in whose entry.
type place struct{ scope, party int }

// expand puts marks in the place of placeholders.
func (c *compiler) expand(n *fixtures.Node, in place) error {
	if s, ok := c.scopes[n]; ok {
		in.scope = s
	}
	if party, ok := c.parties[n]; ok {
		in.party = party
	}
	if n.Kind == fixtures.String && strings.Contains(n.Text, "{{") {
		return c.expandString(n, in)
	}
	for _, item := range n.Items {
		if err := c.expand(item, in); err != nil {
			return err
		}
	}
	for _, m := range n.Members {
		if err := c.expand(m.Value, in); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) expandString(n *fixtures.Node, in place) error {
	parts, err := fixtures.SplitPlaceholders(n.Text)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, part := range parts {
		p := part.Placeholder
		switch {
		case p == nil:
			b.WriteString(part.Text)
		case p.Name == "var":
			value, ok := c.vars[p.Label]
			if !ok {
				value, ok = p.Default, p.HasDefault
			}
			if !ok {
				return fmt.Errorf("variable %q has no value", p.Label)
			}
			b.WriteString(value)
		case p.Name == "cdn.url":
			b.WriteString("https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=" + c.newMark(assetID) +
				"&signature=Ab" + c.newMark(cdnSignature))
		default:
			s := slot{kind: kinds[p.Name], label: p.Label, scope: in.scope, party: in.party, sent: c.sent[n]}
			if s.kind.ofRun() {
				s.scope = delivery
			}
			if p.Number() && len(parts) == 1 {
				n.Kind = fixtures.Number
			}
			b.WriteString(c.sharedMark(s))
		}
	}
	n.Text, n.Spelled = b.String(), ""
	return nil
}

// sharedMark returns the mark of a slot, the same one for the same value.
func (c *compiler) sharedMark(s slot) string {
	i, ok := c.shared[s]
	if !ok {
		i = len(c.slots)
		c.slots, c.shared[s] = append(c.slots, s), i
	}
	return c.markOf(i)
}

// newMark returns the mark of a slot that is shared with nothing.
func (c *compiler) newMark(k kind) string {
	c.slots = append(c.slots, slot{kind: k, scope: delivery})
	return c.markOf(len(c.slots) - 1)
}

// markOf writes a slot's mark: the word, its number, and a full stop, so that one
// mark is never the beginning of another.
func (c *compiler) markOf(i int) string { return c.mark + strconv.Itoa(i) + "." }

// marked reports whether a text holds a mark.
func (c *compiler) marked(text string) bool { return strings.Contains(text, c.mark) }

// finish writes the tree in its dialect and cuts it at the marks.
func (c *compiler) finish(t *Template, d webhook.Dialect, messengerEscapes bool) error {
	c.bindEvents(t)
	c.quoteNumbers(c.payload)
	plain := c.payload.AppendJSON(nil)
	text, err := webhook.Encode(nil, plain, d)
	if messengerEscapes {
		text, err = webhook.EncodeMessenger(nil, plain)
	}
	if err != nil {
		return err
	}
	mark := []byte(c.mark)
	for {
		before, rest, found := bytes.Cut(text, mark)
		if !found {
			t.segments = append(t.segments, segment{text, end})
			break
		}
		digits, after, _ := bytes.Cut(rest, []byte("."))
		if number, ok := bytes.CutPrefix(digits, []byte("n")); ok { // a number lost its quotes
			digits, before, after = number, before[:len(before)-1], after[1:]
		}
		i, err := strconv.Atoi(string(digits))
		if err != nil {
			panic("simulator: a mark without its number: " + string(digits))
		}
		t.segments = append(t.segments, segment{before, i})
		text = after
	}
	t.setSlots(c.slots)
	return nil
}

// quoteNumbers writes marks that stand for numbers as strings, which the encoder
// lets through, and notes in the mark that the quotes go.
func (c *compiler) quoteNumbers(n *fixtures.Node) {
	if n.Kind == fixtures.Number && c.marked(n.Text) {
		n.Kind, n.Text = fixtures.String, strings.Replace(n.Text, c.mark, c.mark+"n", 1)
	}
	for _, item := range n.Items {
		c.quoteNumbers(item)
	}
	for _, m := range n.Members {
		c.quoteNumbers(m.Value)
	}
}

// bindEvents tells each event's scope what the payload says of it literally: an
// account and a time that were written out, or set, go into its mid too.
func (c *compiler) bindEvents(t *Template) {
	t.events = make([]scope, len(c.events))
	for i, e := range c.events {
		if id := e.entry.Member("id"); id != nil && id.Kind == fixtures.String && !c.marked(id.Text) {
			t.events[i].account = id.Text
		}
		if at := e.root.Member("timestamp"); at != nil && at.Kind == fixtures.Number && len(at.Text) == 13 {
			t.events[i].millis, _ = strconv.ParseInt(at.Text, 10, 64) // 0 when it is a mark
		}
	}
}
