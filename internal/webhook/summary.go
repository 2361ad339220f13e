package webhook

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The longest texts an event keeps, in characters. Real ones are far below; the
// whole text stays in Raw.
const (
	maxSummary = 160
	maxName    = 64   // field, kind, ids, username
	maxText    = 8000 // Meta's own limit is 2200 for a comment, 1000 bytes for a message
)

// describe fills in Kind, Text, Summary and the flags that come from an event's
// content. value is the change's value or the messaging item.
func describe(e Event, value []byte) Event {
	what := ""
	switch {
	case e.Flags&WithoutValue != 0:
		what = "changed; the subscription does not include values"
	case e.Flags&Unknown != 0:
		what = unknown(&e, value)
	case e.Section == InChanges || e.Section == InEntry:
		if key, object := eventObject(value); key != "" {
			what = messagingItem(&e, key, object)
		} else {
			what = change(&e, value)
		}
	default:
		key, object := eventObject(value)
		what = messagingItem(&e, key, object)
	}
	for _, name := range []*string{&e.Object, &e.Field, &e.Kind, &e.Account, &e.Party, &e.Username} {
		*name = clip(*name, maxName)
	}
	e.Text = clip(e.Text, maxText)
	e.Summary = summary(e, what)
	return e
}

// clip cuts s to n characters, the last one an ellipsis.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	i := 0
	for range n - 1 {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s[:i] + "…"
}

// summary puts who before what and bounds the line.
func summary(e Event, what string) string {
	line := what
	if who := e.who(); who != "" {
		line = who + " " + what
	}
	return clip(strings.Join(strings.Fields(clip(line, 2*maxSummary)), " "), maxSummary)
}

// who names the other party: the username, else the id cut in the middle.
func (e Event) who() string {
	switch {
	case e.Username != "":
		return "@" + e.Username
	case e.Flags&Echo != 0 && e.Party != "":
		return "to " + shortID(e.Party)
	}
	return shortID(e.Party)
}

// shortID keeps both ends of a long id: the middle is what people don't compare.
func shortID(id string) string {
	if len(id) <= 12 {
		return id
	}
	return id[:5] + "…" + id[len(id)-3:]
}

func unknown(e *Event, value []byte) string {
	e.Text = ""
	switch {
	case e.Field != "":
		return "a field igloo does not know the shape of: " + e.Field
	case e.Section == InMessaging || e.Section == InStandby:
		for key := range members(value) {
			switch key := string(key); key {
			case "sender", "recipient", "timestamp":
			default:
				return "an event igloo does not know: " + key
			}
		}
	}
	return "an event igloo does not know"
}

// change describes the fields of the changes dialect.
func change(e *Event, value []byte) string {
	switch e.Field {
	case "mentions":
		if comment := text(member(value, "comment_id")); comment != "" {
			e.Kind = "comment"
			return "mentioned you in comment " + shortID(comment)
		}
		e.Kind = "caption"
		return "mentioned you in the caption of " + shortID(text(member(value, "media_id")))
	case "story_insights":
		var b strings.Builder
		b.WriteString("story " + shortID(text(member(value, "media_id"))))
		for key, figure := range members(value) {
			if key := string(key); key != "media_id" {
				fmt.Fprintf(&b, " %s %s", strings.ReplaceAll(key, "_", " "), text(figure))
			}
		}
		return b.String()
	}
	e.Text = text(member(value, "text"))
	kind := text(path(value, "media", "media_product_type"))
	if kind != "" && kind != "FEED" {
		e.Kind = strings.ToLower(kind)
	}
	if member(value, "parent_id") != nil {
		e.Kind = "reply"
	}
	if member(value, "text") == nil {
		return "commented without text (a GIF or sticker)"
	}
	return e.Text
}

// messagingItem describes the fields of the messaging dialect by their event object.
func messagingItem(e *Event, key string, object []byte) string {
	switch key {
	case "message":
		return message(e, object)
	case "reaction":
		e.Kind = text(member(object, "action"))
		if e.Kind == "unreact" {
			return "took back a reaction"
		}
		e.Text = text(member(object, "emoji"))
		return strings.TrimSpace("reacted " + text(member(object, "reaction")) + " " + e.Text)
	case "message_edit":
		edits := text(member(object, "num_edit"))
		e.Text = text(member(object, "text"))
		if edits == "0" && e.Text == "" {
			e.Flags |= HollowEdit
			return "message_edit without text: is the messages field enabled on the app?"
		}
		return "edited: " + e.Text
	case "postback":
		e.Text = text(member(object, "title")) + " " + text(member(object, "payload"))
		return fmt.Sprintf("tapped %q, payload %s", text(member(object, "title")), text(member(object, "payload")))
	case "referral":
		e.Kind = text(member(object, "source"))
		return "came through " + orDash(text(member(object, "ref"))) + " (" + orDash(e.Kind) + ")"
	case "read":
		return "read the conversation"
	case "delivery":
		return "received the message"
	case "optin":
		return "agreed to " + strings.ReplaceAll(orDash(text(member(object, "type"))), "_", " ") + ": " + text(member(object, "title"))
	case "pass_thread_control", "take_thread_control", "request_thread_control":
		e.Kind, _, _ = strings.Cut(key, "_")
		owner := text(member(object, "new_owner_app_id"))
		if owner == "" {
			owner = text(member(object, "requested_owner_app_id"))
		}
		return strings.ReplaceAll(key, "_", " ") + " to app " + orDash(owner)
	case "app_roles":
		e.Kind = "roles"
		return "app roles changed"
	case "policy_enforcement", "policy-enforcement":
		e.Kind = text(member(object, "action"))
		return "policy " + orDash(e.Kind) + " " + text(member(object, "reason"))
	case "response_feedback":
		return "rated an answer: " + text(member(object, "feedback"))
	}
	return strings.ReplaceAll(key, "_", " ")
}

// message describes a messages event; the order of the cases is the order in
// which Meta's flags exclude each other.
func message(e *Event, object []byte) string {
	if strings.HasPrefix(text(member(object, "mid")), "random_mid") { // Meta's fixed sample
		e.Flags |= Test
	}
	e.Text = text(member(object, "text"))
	prefix := ""
	if e.Flags&Echo != 0 {
		e.Kind, prefix = "echo", "echo: "
	}
	switch {
	case isTrue(member(object, "is_deleted")):
		e.Kind = "unsend"
		e.Flags |= Deleted
		return "(unsent)"
	case isTrue(member(object, "is_unsupported")):
		e.Kind = "unsupported"
		return prefix + "sent something the API does not show"
	}
	what := e.Text
	if attachments := member(object, "attachments"); attachments != nil {
		what = strings.TrimSpace(attachment(e, attachments) + " " + e.Text)
	}
	switch {
	case member(object, "quick_reply") != nil:
		kindUnlessEcho(e, "quick_reply")
		what = fmt.Sprintf("tapped %q, payload %s", e.Text, text(path(object, "quick_reply", "payload")))
	case path(object, "reply_to", "story") != nil:
		kindUnlessEcho(e, "story_reply")
		what = "replied to a story: " + what
	case member(object, "reply_to") != nil:
		kindUnlessEcho(e, "reply")
	case path(object, "referral", "ad_id") != nil:
		kindUnlessEcho(e, "ad")
		what += " (from ad " + shortID(text(path(object, "referral", "ad_id"))) + ")"
	case member(object, "referral") != nil:
		kindUnlessEcho(e, "referral")
	}
	return prefix + what
}

// attachment says how many attachments of which type a message has.
func attachment(e *Event, attachments []byte) string {
	first, n := "", 0
	for item := range elements(attachments) {
		if n++; n == 1 {
			first = orDash(text(member(item, "type")))
		}
	}
	if n == 0 {
		return "an empty attachment list"
	}
	kindUnlessEcho(e, first)
	name := strings.ReplaceAll(first, "_", " ")
	if n > 1 {
		return "sent " + strconv.Itoa(n) + " attachments, first " + name
	}
	return "sent " + name
}

func kindUnlessEcho(e *Event, kind string) {
	if e.Flags&Echo == 0 {
		e.Kind = kind
	}
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
