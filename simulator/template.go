package simulator

import (
	"slices"
	"strconv"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
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

	values [][]byte    // of the slots, reused under the run's lock
	at     []time.Time // of the events, likewise
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
	account string // written out in the payload; "" = the run's
	millis  int64  // timestamp written out in the payload; 0 = the run's clock
}

// slot is a value that is filled in. Equal slots of a template have one value.
type slot struct {
	kind   kind
	scope  int    // place of the event, or delivery
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
	mediaID
	commentID
	mid
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
	"comment.id": commentID, "mid": mid, "story.id": storyID, "ad.id": adID, "now.s": nowS, "now.ms": nowMS,
}

// labelNames are the placeholders by kind, for those that take a label.
var labelNames = map[kind]string{
	userID: "user.id", username: "user.username", mediaID: "media.id", commentID: "comment.id",
	mid: "mid", storyID: "story.id", adID: "ad.id",
}

// cdnSignatureLength is about what published URLs have after "Ab".
const cdnSignatureLength = 168

// kindSizes are the usual lengths of the values.
var kindSizes = [...]int{
	userID: 16, username: 16, accountID: 17, mediaID: 17, commentID: 17, mid: 164, storyID: 17, adID: 17,
	nowS: 10, nowMS: 13, assetID: 17, cdnSignature: cdnSignatureLength,
}

// Render returns the next request, with new ids and the time of now.
func (t *Template) Render() *Request {
	r := t.run
	out := t.request
	out.Header = slices.Clone(t.request.Header)
	out.Body = make([]byte, 0, t.size)

	r.mu.Lock()
	defer r.mu.Unlock()
	t.fill(r.now())
	for _, s := range t.segments {
		out.Body = append(out.Body, s.literal...)
		if s.slot != end {
			out.Body = append(out.Body, t.values[s.slot]...)
		}
	}
	return &out
}

// fill computes the slots' values.
func (t *Template) fill(sent time.Time) {
	r := t.run
	t.at = t.at[:0]
	for _, s := range t.events {
		at := r.moment(sent)
		if s.millis != 0 { // the microseconds still tell events apart
			at = time.UnixMicro(s.millis*1000 + at.UnixMicro()%1000)
		}
		t.at = append(t.at, at)
	}
	first := ""
	for i, s := range t.slots {
		at, account := sent, r.account
		if s.scope != delivery {
			if !s.sent {
				at = t.at[s.scope]
			}
			if own := t.events[s.scope].account; own != "" {
				account = own
			}
		}
		if s.kind == mid && s.label == "" {
			thread := s.thread
			if thread == 0 {
				thread = r.thread(account)
			}
			text := webhook.NewMID(account, thread, at)
			if first == "" {
				first = text
			}
			t.values[i] = append(t.values[i][:0], text...)
			continue
		}
		t.values[i] = r.appendValue(t.values[i][:0], s, account, at)
	}
	if first != "" {
		r.sentMID(first)
	}
}

// appendValue appends the value of any slot but a fresh mid.
func (r *Run) appendValue(dst []byte, s slot, account string, at time.Time) []byte {
	if s.label != "" {
		return append(dst, r.label(labelNames[s.kind], s.label, account, at)...)
	}
	id := func(prefix string) []byte {
		n := len(dst)
		dst = append(dst, "00000000000000000"...)
		r.fillDigits(dst[n:], prefix)
		return dst
	}
	switch s.kind {
	case userID:
		return append(dst, r.user...)
	case username:
		return append(dst, r.username...)
	case accountID:
		return append(dst, r.account...)
	case commentID:
		return id(r.commentPrefix())
	case adID:
		return id("238")
	case nowS:
		return strconv.AppendInt(dst, at.Unix(), 10)
	case nowMS:
		return strconv.AppendInt(dst, at.UnixMilli(), 10)
	case cdnSignature:
		return r.appendURLSafe(dst, cdnSignatureLength)
	default: // media, story, asset
		return id(r.mediaPrefix())
	}
}
