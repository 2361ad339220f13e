package simulator

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// Template renders one fixture again and again in a run: the body is encoded once,
// and each rendering only fills in ids and times. It is safe for concurrent use.
type Template struct {
	run      *Run
	request  Request // without a body
	segments []segment
	slots    []slot
	events   []scope
	size     int // of a body, about

	labelled []int     // the slots with a label
	firstMID int       // the first slot of a fresh mid, or end
	scratch  sync.Pool // of *values
}

// segment is a literal piece of the body and the slot that follows it.
type segment struct {
	literal []byte
	slot    int
}

// end is the slot of the last segment.
const end = -1

// scope is what an event's ids depend on.
type scope struct {
	account string // written out in the payload; "" = the party's
	millis  int64  // timestamp written out in the payload; 0 = the run's clock
}

// slot is a value that is filled in. Equal slots of a template have one value.
type slot struct {
	kind   kind
	scope  int    // place of the event, or delivery
	party  int    // place in the run's parties: whose entry it stands in
	label  string // of a labelled placeholder
	sent   bool   // of a time: when the delivery was sent, not when the event happened
	thread uint64 // of a mid: the conversation of the mid it replaces; 0 = the run's
	serial int    // tells slots apart that are alike: two mids of a captured body
}

type kind int

const (
	userID kind = iota
	username
	accountID
	pageID
	mediaID
	commentID
	mid
	pageMID
	storyID
	adID
	nowS
	nowMS
	assetID
	cdnSignature
)

// kinds are the placeholders that become a slot each.
var kinds = map[string]kind{
	"user.id": userID, "user.username": username, "account.id": accountID, "media.id": mediaID,
	"page.id": pageID, "comment.id": commentID, "mid": mid, "page.mid": pageMID, "story.id": storyID, "ad.id": adID, "now.s": nowS, "now.ms": nowMS,
}

// labelNames are the placeholders by kind, for those that take a label.
var labelNames = map[kind]string{
	userID: "user.id", username: "user.username", mediaID: "media.id", commentID: "comment.id",
	mid: "mid", pageMID: "page.mid", storyID: "story.id", adID: "ad.id",
}

// ofRun reports whether a kind has one value in all events of a party.
func (k kind) ofRun() bool { return k == userID || k == username || k == accountID || k == pageID }

// isMID reports whether a kind is the id of a message.
func (k kind) isMID() bool { return k == mid || k == pageMID }

// kindSizes are the usual lengths of the values.
var kindSizes = [...]int{
	userID: 16, username: 16, accountID: 17, pageID: 15, mediaID: idLength, commentID: idLength, mid: 164, pageMID: 88, storyID: idLength,
	adID: idLength, nowS: 10, nowMS: 13, assetID: idLength, cdnSignature: cdnSignatureLength,
}

// setSlots completes a template's own lists.
func (t *Template) setSlots(slots []slot) {
	t.slots, t.firstMID = slots, end
	for i, s := range slots {
		switch {
		case s.label != "":
			t.labelled = append(t.labelled, i)
		case s.kind.isMID() && t.firstMID == end:
			t.firstMID = i
		}
	}
	for _, s := range t.segments {
		t.size += len(s.literal)
		if s.slot != end {
			t.size += kindSizes[slots[s.slot].kind]
		}
	}
}

// values are the slots' values of one rendering, one after the other.
type values struct {
	text []byte
	ends []int
}

func (v *values) get(i int) []byte {
	start := 0
	if i > 0 {
		start = v.ends[i-1]
	}
	return v.text[start:v.ends[i]]
}

// Render returns the next request, with new ids and the time of now.
func (t *Template) Render() *Request { return t.Draft().Render() }

// Draft is a request that has its place in the run, and is still to be rendered. That
// can be done beside others: the order of drafts decides what is in them.
type Draft struct {
	template *Template
	turn     turn
}

// Draft returns the next request, not rendered yet.
func (t *Template) Draft() Draft { return Draft{t, t.run.turn(t)} }

// Render returns the request.
func (d Draft) Render() *Request {
	t, turn := d.template, d.turn
	v, ok := t.scratch.Get().(*values)
	if !ok {
		v = &values{}
	}
	defer t.scratch.Put(v)
	t.fill(v, turn)

	out := t.request
	out.Header = slices.Clone(t.request.Header)
	body := make([]byte, 0, t.size)
	for _, s := range t.segments {
		body = append(body, s.literal...)
		if s.slot != end {
			body = append(body, v.get(s.slot)...)
		}
	}
	out.Body = body
	return &out
}

// fill computes the slots' values.
func (t *Template) fill(v *values, turn turn) {
	text, ends := v.text[:0], v.ends[:0] // not through v, for the sake of large batches
	labels := turn.labels
	for _, s := range t.slots {
		switch {
		case s.label != "":
			text = append(text, labels[0]...)
			labels = labels[1:]
		case s.kind == userID:
			text = append(text, t.run.parties[s.party].user...)
		case s.kind == username:
			text = append(text, t.run.parties[s.party].username...)
		case s.kind == accountID:
			text = append(text, t.run.parties[s.party].account...)
		case s.kind == pageID:
			text = append(text, t.run.parties[s.party].page()...)
		case s.kind == nowS:
			text = strconv.AppendInt(text, t.at(s, turn).Unix(), 10)
		case s.kind == nowMS:
			text = strconv.AppendInt(text, t.at(s, turn).UnixMilli(), 10)
		case s.kind.isMID():
			text = t.appendMID(text, s, turn)
		default:
			text = turn.rng.appendKind(text, s.kind)
		}
		ends = append(ends, len(text))
	}
	v.text, v.ends = text, ends
}

// account returns the account a slot's event belongs to.
func (t *Template) account(s slot) string {
	if s.scope != delivery && t.events[s.scope].account != "" {
		return t.events[s.scope].account
	}
	return t.run.parties[s.party].account
}

// at returns the time a slot means. Two events of a run never share a microsecond,
// which is what tells their mids apart.
func (t *Template) at(s slot, turn turn) time.Time {
	if s.sent || s.scope == delivery {
		return turn.sent
	}
	micros := turn.first + int64(s.scope)
	if millis := t.events[s.scope].millis; millis != 0 { // the microseconds still differ
		micros = millis*1000 + micros%1000
	}
	return time.UnixMicro(micros)
}

// appendMID appends the message id of a slot's event.
func (t *Template) appendMID(dst []byte, s slot, turn turn) []byte {
	return t.run.appendMID(dst, s, t.account(s), t.at(s, turn))
}
