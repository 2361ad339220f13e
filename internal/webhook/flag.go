package webhook

import "strings"

// Flag marks what is worth knowing about an event beside its field. Flags combine.
type Flag uint32

const (
	// Test marks a delivery of the dashboard's Test button: entry id "0", Meta's
	// fixed sample values, or a direct message in the changes dialect.
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
	// NoSender marks a messaging item that does not name the sender its kind has.
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

// flags says what each flag is, in the order of their bits.
var flags = []struct {
	name  string // as programs read it
	label string // what a list shows, "" when the summary says it
	text  string // what the detail explains
}{
	{"test", "test", "Test delivery of the dashboard: its entry id is 0 or its values are Meta's fixed samples. Real ones have ids of 15 to 17 digits, and never a direct message under changes."},
	{"echo", "echo", "Echo: the business sent this message, from an app, the inbox or a phone. An app that answers it talks to itself."},
	{"own", "own", "The account's own doing, a comment or a message to itself. An app that answers it talks to itself."},
	{"deleted", "", "Unsent: the mid is the original message's, so an app that drops what it has seen by mid alone misses this."},
	{"standby", "standby", "On standby: another app owns the conversation. This one may listen, and answer once it has taken thread control."},
	{"no_sender", "no sender", "No sender: Meta leaves sender and recipient out of some read and message_edit events. An app that counts on them fails here."},
	{"hollow_edit", "hollow", "An edit with num_edit 0 and no text: it comes beside a new message, or in its place when the messages field is not enabled on the app. Enable messages."},
	{"unknown", "unknown", "igloo does not know the shape of this event. It is recorded and forwarded as it came."},
	{"without_value", "no value", "Only the name of the field came: the subscription does not include values. Switch on Include Values at the app's subscription."},
}

// Names lists the flags by name, such as "echo".
func (f Flag) Names() []string {
	var names []string
	for bit := range flags {
		if f&(1<<bit) != 0 {
			names = append(names, flags[bit].name)
		}
	}
	return names
}

// Label is what a list shows in front of a summary, such as "echo own"; "" when there
// is nothing to warn of that the summary does not say.
func (f Flag) Label() string {
	var labels []string
	for bit := range flags {
		if f&(1<<bit) != 0 && flags[bit].label != "" {
			labels = append(labels, flags[bit].label)
		}
	}
	return strings.Join(labels, " ")
}

// Texts explains the flags, a text of one or two sentences each.
func (f Flag) Texts() []string {
	var texts []string
	for bit := range flags {
		if f&(1<<bit) != 0 {
			texts = append(texts, flags[bit].text)
		}
	}
	return texts
}
