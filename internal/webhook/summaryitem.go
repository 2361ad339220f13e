package webhook

import (
	"fmt"
	"strconv"
	"strings"
)

// messagingItem describes the fields of the messaging dialect by their event object.
func messagingItem(e *Event, key string, item, object []byte) string {
	if sampleItem(item, object) {
		e.Flags |= Test
	}
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
		return edit(e, object)
	case "postback":
		e.Text = text(member(object, "title")) + " " + text(member(object, "payload"))
		what := fmt.Sprintf("tapped %q, payload %s", text(member(object, "title")), orDash(text(member(object, "payload"))))
		if member(object, "referral") != nil {
			e.Kind = "referral"
			what += ", " + referral(member(object, "referral"))
		}
		return what
	case "referral":
		e.Kind = text(member(object, "source"))
		return referral(object)
	case "read":
		if mark := stamp(integer(member(object, "watermark"))); !mark.IsZero() {
			return "read everything up to " + mark.UTC().Format("2006-01-02 15:04:05 UTC")
		}
		return "read the conversation"
	case "delivery":
		return "received the message"
	case "optin":
		return "agreed to " + strings.ReplaceAll(orDash(text(member(object, "type"))), "_", " ") + ": " + text(member(object, "title"))
	case "policy_enforcement", "policy-enforcement":
		e.Kind = text(member(object, "action"))
		return strings.TrimSuffix("policy "+orDash(e.Kind)+": "+text(member(object, "reason")), ": ")
	case "response_feedback":
		return "rated an answer: " + text(member(object, "feedback"))
	case "account_linking":
		e.Kind = text(member(object, "status"))
		return orDash(e.Kind) + " the account"
	case "game_play":
		return "played game " + orDash(text(member(object, "game_id"))) + ", score " + orDash(text(member(object, "score")))
	case "order":
		return cart(e, object)
	}
	return handover(e, key, object)
}

// edit describes message_edit, of which Meta sends a hollow kind.
func edit(e *Event, object []byte) string {
	e.Text = text(member(object, "text"))
	if text(member(object, "num_edit")) == "0" && e.Text == "" {
		e.Flags |= HollowEdit
		return "message_edit without text: is the messages field enabled on the app?"
	}
	return "edited: " + e.Text
}

// referral says what led here: an ad, a product, or a link.
func referral(object []byte) string {
	if ad := text(member(object, "ad_id")); ad != "" {
		return "came through ad " + shortID(ad)
	}
	if product := text(path(object, "product", "id")); product != "" {
		return "came through product " + shortID(product)
	}
	return "came through " + orDash(text(member(object, "ref"))) + " (" + orDash(text(member(object, "source"))) + ")"
}

func cart(e *Event, object []byte) string {
	n := 0
	for range elements(member(object, "products")) {
		n++
	}
	e.Text = text(member(object, "note"))
	what := strconv.Itoa(n) + " products: "
	if n == 1 {
		what = "1 product: "
	}
	return strings.TrimSuffix("sent a cart of "+what+e.Text, ": ")
}

// inboxes are Meta's own apps that conversations are handed to. See
// https://developers.facebook.com/docs/messenger-platform/handover-protocol.
var inboxes = map[string]string{
	"263902037430900":  "the Page Inbox",
	"1217981644879628": "the Instagram inbox",
}

// appName names an app that owns a conversation.
func appName(id string) string {
	if name := inboxes[id]; name != "" {
		return name
	}
	return "app " + orDash(id)
}

// handover describes the events of messaging_handover.
func handover(e *Event, key string, object []byte) string {
	app := func(name string) string { return appName(text(member(object, name))) }
	what := ""
	switch key {
	case "pass_thread_control":
		e.Kind = "pass"
		what = "conversation passed to " + app("new_owner_app_id")
	case "take_thread_control":
		e.Kind = "take"
		what = "conversation taken from " + app("previous_owner_app_id")
		if member(object, "new_owner_app_id") != nil {
			what += " by " + app("new_owner_app_id")
		}
	case "request_thread_control":
		e.Kind = "request"
		what = "conversation requested by " + app("requested_owner_app_id")
	case "pass_thread_metadata":
		e.Kind = "metadata"
		what = "metadata from " + app("caller_app_id")
	case "app_roles":
		e.Kind = "roles"
		return appRoles(object)
	default:
		return strings.ReplaceAll(key, "_", " ")
	}
	if note := text(member(object, "metadata")); note != "" {
		what += ": " + note
	}
	return what
}

// appRoles lists who has which role, the first few.
func appRoles(object []byte) string {
	var parts []string
	for id, roles := range members(object) {
		if len(parts) == 3 {
			parts = append(parts, "…")
			break
		}
		var names []string
		for role := range elements(roles) {
			if names = append(names, clip(text(role), maxName)); len(names) == 3 {
				break
			}
		}
		parts = append(parts, appName(clip(string(id), maxName))+" "+orDash(strings.Join(names, ", ")))
	}
	return "app roles: " + strings.Join(parts, "; ")
}

// message describes a messages event; the order of the cases is the order in
// which Meta's flags exclude each other.
func message(e *Event, object []byte) string {
	e.Text = text(member(object, "text"))
	if e.Flags&Echo != 0 {
		e.Kind = "echo"
	}
	switch {
	case isTrue(member(object, "is_deleted")):
		e.Kind = "unsend"
		e.Flags |= Deleted
		return "(unsent)"
	case isTrue(member(object, "is_unsupported")):
		e.Kind = "unsupported"
		return "sent something the API does not show"
	}
	what := e.Text
	if attachments := member(object, "attachments"); attachments != nil {
		what = strings.TrimSpace(attachment(e, attachments) + " " + e.Text)
	}
	switch {
	case member(object, "quick_reply") != nil:
		kindUnlessEcho(e, "quick_reply")
		return fmt.Sprintf("tapped %q, payload %s", e.Text, text(path(object, "quick_reply", "payload")))
	case path(object, "reply_to", "story") != nil:
		kindUnlessEcho(e, "story_reply")
		return "replied to a story: " + what
	case member(object, "reply_to") != nil:
		kindUnlessEcho(e, "reply")
	case path(object, "referral", "ad_id") != nil:
		kindUnlessEcho(e, "ad")
		return what + " (from ad " + shortID(text(path(object, "referral", "ad_id"))) + ")"
	case path(object, "referral", "product") != nil:
		kindUnlessEcho(e, "product")
		return what + " (about product " + shortID(text(path(object, "referral", "product", "id"))) + ")"
	case member(object, "referral") != nil:
		kindUnlessEcho(e, "referral")
		return what + " (" + referral(member(object, "referral")) + ")"
	case what == "":
		return "an empty message"
	}
	return what
}

// attachmentNames say what people call an attachment; the others are called by
// their type.
var attachmentNames = map[string]string{
	"image":            "an image",
	"video":            "a video",
	"audio":            "a voice message or audio",
	"file":             "a file",
	"ig_post":          "a post",
	"share":            "a post (share)",
	"ig_reel":          "a reel",
	"reel":             "a reel",
	"ig_story":         "a story",
	"story":            "a story",
	"template":         "a template",
	"ephemeral":        "something to be seen once",
	"fallback":         "a link",
	"unsupported_type": "an attachment the API does not show",
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
	switch name := attachmentNames[first]; {
	case n > 1:
		return "sent " + strconv.Itoa(n) + " attachments, first " + strings.ReplaceAll(first, "_", " ")
	case first == "story_mention":
		return "mentioned you in a story"
	case name != "":
		return "sent " + name
	}
	return "sent " + strings.ReplaceAll(first, "_", " ")
}

func kindUnlessEcho(e *Event, kind string) {
	if e.Flags&Echo == 0 {
		e.Kind = kind
	}
}
