package webhook

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

// Parse lists the events of a body, exactly as received. It is generous: unknown
// fields, missing senders, ids written as numbers, the outer array of Meta's
// example pages are all accepted, and what it does not know becomes an event
// with the [Unknown] flag and its bytes in Raw. The only error is a
// [*SyntaxError]: the body is not JSON, or not an object.
//
// See https://developers.facebook.com/docs/instagram-platform/webhooks/examples.
func Parse(body []byte) (Payload, error) { return parse(body, describe) }

// Conversations returns the conversations a body's events belong to, each once. It
// is [Parse] without the descriptions, for those who only need the order.
func Conversations(body []byte) []string {
	payload, err := parse(body, func(e Event, _ []byte) Event { return e })
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(payload.Events))
	for _, e := range payload.Events {
		if name := e.Conversation(); name != "" {
			names = append(names, name)
		}
	}
	if len(names) > 1 {
		slices.Sort(names)
		names = slices.Compact(names)
	}
	return names
}

// parse lists the events of a body; describe finishes each of them.
func parse(body []byte, describe func(e Event, value []byte) Event) (Payload, error) {
	if err := checkJSON(body); err != nil {
		return Payload{}, err
	}
	top := bytes.TrimSpace(body)
	p := parser{describe: describe}
	switch top[0] {
	case '{':
		p.payload(top)
	case '[': // the page formatting of the examples, never seen on the wire
		for element := range elements(top) {
			p.payload(element)
		}
	default:
		return Payload{}, &SyntaxError{Offset: len(body) - len(bytes.TrimLeft(body, " \t\r\n")), Reason: "not a JSON object"}
	}
	if len(p.out.Events) == 0 {
		p.add(Event{Object: p.out.Object, Section: InEntry, Flags: Unknown, Summary: "a payload without an entry", Raw: top})
	}
	return p.out, nil
}

type parser struct {
	out      Payload
	describe func(e Event, value []byte) Event
}

// full reports whether there is no room for another event, which is then only counted:
// describing what nobody will see is work that a stranger could ask for.
func (p *parser) full() bool {
	if len(p.out.Events) < MaxEvents {
		return false
	}
	p.out.More++
	return true
}

func (p *parser) add(e Event) {
	e.N = len(p.out.Events) + 1
	p.out.Events = append(p.out.Events, e)
}

// payload reads one top-level object. The keys come in either order, by dialect.
func (p *parser) payload(object []byte) {
	p.out.Object = text(member(object, "object"))
	for entry := range elements(member(object, "entry")) {
		p.out.Entries++
		p.entry(entry)
	}
}

func (p *parser) entry(entry []byte) {
	base := Event{Object: p.out.Object}
	found := false
	for key, value := range members(entry) {
		switch string(key) {
		case "id":
			base.Account = text(value)
		case "time":
			base.Sent = stamp(integer(value))
		}
	}
	if base.Account == testAccount {
		base.Flags |= Test
	}
	for key, value := range members(entry) {
		e := base
		switch section := Section(key); section {
		case InChanges:
			for item := range elements(value) {
				found = true
				p.change(e, InChanges, item)
			}
		case InMessaging, InStandby:
			e.Section = section
			if section == InStandby {
				e.Flags |= OnStandby
			}
			for item := range elements(value) {
				found = true
				p.messaging(e, item, item)
			}
		case InChangedFields:
			for item := range elements(value) {
				found = true
				if p.full() {
					continue
				}
				e := base
				e.Section, e.Field, e.Raw = InChangedFields, text(item), item
				e.Flags |= WithoutValue
				p.add(p.describe(e, nil))
			}
		case InEntry: // no list of that name: see below
		}
	}
	if !found {
		// Either the flat form of one of Meta's example pages, or unknown.
		p.change(base, InEntry, entry)
	}
}

// change reads {"value": …, "field": …}, in either order.
func (p *parser) change(e Event, section Section, item []byte) {
	if p.full() {
		return
	}
	value := member(item, "value")
	e.Section, e.Field, e.Raw = section, text(member(item, "field")), item
	field, known := LookupField(e.Field)
	switch {
	case !known || !field.Shape || value == nil:
		e.Flags |= Unknown
		p.add(p.describe(e, value))
	case field.Dialect == Messaging:
		// The dashboard's Test of the Instagram-Login product puts a messaging item
		// under changes; nothing else does.
		e.Flags |= Test
		p.messaging(e, item, value)
	default:
		e.Party, e.Username = text(path(value, "from", "id")), text(path(value, "from", "username"))
		if e.Party != "" && e.Party == e.Account || member(member(value, "from"), "self_ig_scoped_id") != nil {
			e.Flags |= Own
		}
		p.add(p.describe(e, value))
	}
}

// messaging reads a messaging item. raw is what the event shows: the item, or the
// change around it.
func (p *parser) messaging(e Event, raw, item []byte) {
	if p.full() {
		return
	}
	e.Raw = raw
	e.Time = stamp(integer(member(item, "timestamp")))
	sender, recipient := text(path(item, "sender", "id")), text(path(item, "recipient", "id"))
	key, value := eventObject(item)
	if sender == "" && !senderless(key) {
		e.Flags |= NoSender
	}
	if isTrue(member(value, "is_echo")) {
		e.Flags |= Echo
	}
	if isTrue(member(value, "is_self")) || isTrue(member(item, "is_self")) {
		e.Flags |= Own
	}
	e.Party = sender
	if e.Flags&Echo != 0 || sender == e.Account {
		e.Party = recipient
	}
	if e.Party == e.Account {
		e.Party = ""
	}
	if field := fieldOf(key, e); field != "" {
		e.Field = field
	}
	if key == "" {
		e.Flags |= Unknown
	}
	p.add(p.describe(e, item))
}

// eventObjects are the keys that say what a messaging item is, with the field that
// delivers it.
var eventObjects = func() map[string]string {
	fields := make(map[string]string, len(items))
	for _, item := range items {
		fields[item.event] = item.field
	}
	return fields
}()

// eventObject returns the first member of a messaging item that names its kind.
func eventObject(item []byte) (key string, value []byte) {
	for k, v := range members(item) {
		if _, ok := eventObjects[string(k)]; ok {
			return string(k), v
		}
	}
	return "", nil
}

// senderless reports whether events of a kind have no sender by nature: Meta itself
// speaks.
func senderless(key string) bool { return key == "policy_enforcement" || key == "policy-enforcement" }

// fieldOf returns the field an event object belongs to, by the spelling of the
// payload's object.
func fieldOf(key string, e Event) string {
	if e.Section == InStandby {
		return "standby"
	}
	field := eventObjects[key]
	switch {
	case e.Object != "page":
		return field
	case field == "messages" && e.Flags&Echo != 0:
		return "message_echoes"
	}
	return pageName(field)
}

// stamp reads Unix seconds or milliseconds: Meta sends both, by dialect, and its
// own samples mix them.
func stamp(n int64) time.Time {
	const firstMillis = 100_000_000_000 // seconds reach this in the year 5138
	switch {
	case n <= 0 || n >= firstMillis*1000:
		return time.Time{}
	case n >= firstMillis:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// loginOf tells which product a delivery belongs to. Most look the same under both
// logins; sure is true only where they don't.
func loginOf(header http.Header, body []byte) (login Login, sure bool) {
	if header.Get(APIVersionHeader) == "unversioned" {
		return Messenger, true // the Messenger product's Test button
	}
	if !mayTellLogin(body) {
		return "", false
	}
	payload, err := Parse(body)
	if err != nil || len(payload.Events) == 0 {
		return "", false
	}
	first := payload.Events[0]
	field, _ := LookupField(first.Field)
	switch {
	case payload.Object == "page":
		return Messenger, true
	case first.Field == "messaging_policy_enforcement" || first.Field == "response_feedback":
		return Messenger, true
	case first.Section == InChanges && field.Dialect == Messaging:
		return InstagramLogin, true // the Instagram-Login product's Test button
	}
	return "", false
}

// mayTellLogin reports whether a body holds one of the words by which [loginOf] tells
// products apart. Few do, and Meta waits for its answer meanwhile: looking costs a
// hundredth of parsing.
func mayTellLogin(body []byte) bool {
	has := func(word string) bool { return bytes.Contains(body, []byte(word)) }
	return has(`"page"`) || has("enforcement") || has("response_feedback") ||
		has(`"changes"`) && (has(`"messag`) || has(`"standby"`))
}
