package webhook

import "time"

// Event is one change or one messaging item: the thing that happened.
type Event struct {
	N       int     // position in the delivery, from 1
	Object  string  // the payload's object: "instagram", "page", "user", …
	Section Section // where it stood
	Field   string  // topic as subscribed: "comments", "messages"; "" when unknown
	Kind    string  // what it is within the field: "reply", "image", "echo", "react"; may be ""
	Flags   Flag

	Account  string    // entry[].id, the account that receives the event
	Party    string    // id of the other side: commenter or customer; "" when not named
	Username string    // the other side's username, without "@"; "" when not sent
	Sent     time.Time // entry[].time: when the notification was sent; zero when absent
	Time     time.Time // when it happened; zero in the changes dialect, which does not say

	Text    string // what a person wrote or tapped, for full-text search
	Summary string // one line for people; untrusted text, escape before a terminal
	Raw     []byte // the item's bytes, a slice of the parsed body; never written to
}

// Payload is a parsed body.
type Payload struct {
	Object  string
	Entries int
	Events  []Event
	// More counts the events beyond [MaxEvents], which are not listed.
	More int
}

// MaxEvents bounds the events listed of one body. Meta batches up to 1000 updates;
// a hostile body of 5 MiB could hold a million.
const MaxEvents = 10_000

// Conversation names the two sides of an event, account and other party. Events
// with the same conversation are forwarded in order. It is "" when the event
// names neither.
func (e Event) Conversation() string {
	if e.Account == "" && e.Party == "" {
		return ""
	}
	return e.Account + "/" + e.Party
}

// maxMID bounds a mid. Real ones have 164 characters.
const maxMID = 1000

// MID returns the id of the message the event is about, "" when it names none.
// [ParseMID] says what is in an Instagram one.
func (e Event) MID() string {
	item := e.Raw
	if e.Section == InChanges {
		item = member(item, "value")
	}
	_, object := eventObject(item)
	return clip(text(member(object, "mid")), maxMID)
}
