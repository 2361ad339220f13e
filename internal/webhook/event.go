package webhook

import "time"

// Flag marks what is worth knowing about an event beside its field. Flags combine.
type Flag uint32

const (
	// Test marks a delivery of the dashboard's Test button (entry id "0" or one of
	// Meta's fixed sample values).
	Test Flag = 1 << iota
	// Echo marks a message the business itself sent.
	Echo
	// Own marks the account's own comment or reply, or a message to itself.
	Own
	// Deleted marks an unsent message.
	Deleted
	// OnStandby marks an event that arrived under entry.standby: another app owns
	// the conversation.
	OnStandby
	// NoSender marks a messaging item without sender and recipient.
	NoSender
	// HollowEdit marks message_edit with num_edit 0 and no text, Meta's sign that
	// the messages field is not enabled on the app.
	HollowEdit
	// Unknown marks an event whose field or shape igloo does not know.
	Unknown
	// WithoutValue marks an event of entry.changed_fields: the subscription does
	// not include values.
	WithoutValue
)

// flagNames are the flags in the order of their bits, as people write them.
var flagNames = []string{"test", "echo", "own", "deleted", "standby", "no_sender", "hollow_edit", "unknown", "without_value"}

// Names lists the flags by name, such as "echo".
func (f Flag) Names() []string {
	var names []string
	for bit, name := range flagNames {
		if f&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return names
}

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
