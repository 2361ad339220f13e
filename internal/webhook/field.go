package webhook

import "slices"

// Field is a topic an app can subscribe to.
type Field struct {
	Name    string
	Dialect Dialect
	// Objects that deliver it: "instagram", "page".
	Objects []string
	// Shape says whether anyone has published what its deliveries look like. igloo
	// lists a field without a shape and never invents one.
	Shape bool
	About string // one line: what happened when it arrives
}

var (
	onInstagram = []string{"instagram"}
	onPage      = []string{"page"}
	onBoth      = []string{"instagram", "page"}
)

// fields is the catalogue: the fields of Meta's permission table, those its
// subscribed_apps endpoint accepts, and the Messenger names of the same things.
var fields = []Field{
	{"comments", Changes, onInstagram, true, "someone commented on the account's media, or replied"},
	{"live_comments", Changes, onInstagram, true, "someone commented during a live broadcast"},
	{"mentions", Changes, onInstagram, true, "someone mentioned the account in a caption or a comment"},
	{"story_insights", Changes, onInstagram, true, "a story expired, with its figures"},
	{"messages", Messaging, onBoth, true, "a direct message, sent or received"},
	{"message_echoes", Messaging, onBoth, true, "the business sent a message; Instagram delivers it as messages"},
	{"message_reactions", Messaging, onBoth, true, "someone reacted to a message, or took it back"},
	{"message_edit", Messaging, onInstagram, true, "someone edited a message"},
	{"message_edits", Messaging, onPage, true, "someone edited a message"},
	{"messaging_postbacks", Messaging, onBoth, true, "someone tapped an icebreaker, a menu entry or a button"},
	{"messaging_referral", Messaging, onInstagram, true, "someone came back through an ig.me link"},
	{"messaging_referrals", Messaging, onPage, true, "someone came back through an m.me link or an ad"},
	{"messaging_seen", Messaging, onInstagram, true, "someone read a message"},
	{"message_reads", Messaging, onPage, true, "someone read the conversation"},
	{"message_deliveries", Messaging, onPage, true, "a message of the business was delivered"},
	{"messaging_optins", Messaging, onBoth, true, "someone agreed to receive notification messages"},
	{"messaging_handover", Messaging, onInstagram, true, "a conversation changed hands between apps"},
	{"messaging_handovers", Messaging, onPage, true, "a conversation changed hands between apps"},
	{"messaging_policy_enforcement", Messaging, onBoth, true, "Meta warned or blocked the app"},
	{"response_feedback", Messaging, onBoth, true, "someone rated an answer"},
	{"standby", Messaging, onBoth, true, "an event of a conversation another app owns"},

	{Name: "agent_messages", Objects: onInstagram},
	{Name: "comment_poll_response", Objects: onInstagram},
	{Name: "creator_marketplace_invited_creator_onboarding", Objects: onInstagram},
	{Name: "creator_marketplace_projects", Objects: onInstagram},
	{Name: "delta", Objects: onInstagram},
	{Name: "follow", Objects: onInstagram},
	{Name: "onboarding_welcome_message_series", Objects: onInstagram},
	{Name: "share_to_story", Objects: onInstagram},
	{Name: "story_poll_response", Objects: onInstagram},
	{Name: "story_reactions", Objects: onInstagram},
}

// Fields returns the catalogue of fields, those with a known shape first.
func Fields() []Field { return slices.Clone(fields) }

// LookupField finds a field by its exact name.
func LookupField(name string) (Field, bool) {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}

// pageNames maps Instagram's name of a messaging field to the Messenger Platform's,
// where they differ. See https://developers.facebook.com/docs/messenger-platform/webhooks.
var pageNames = map[string]string{
	"message_edit":       "message_edits",
	"messaging_referral": "messaging_referrals",
	"messaging_handover": "messaging_handovers",
	"messaging_seen":     "message_reads",
}
