package webhook

// The known shapes: what Meta's pages and published deliveries hold. docs/webhooks.md
// tells them in prose. A member that is not always there is optional; one that
// nobody has shown is not in the tables.
const (
	always   = false
	optional = true
)

// envelopeKeys are the members of a payload and its entries.
var envelopeKeys = []Key{
	{"object", str, always, "instagram, or page for the Messenger Platform"},
	{"entry", arr, always, "one element per account"},
	{"entry[]", obj, always, ""},
	{"entry[].id", str, always, "the account that receives the event; \"0\" in Tests"},
	{"entry[].time", num, always, "when it was sent: seconds in the changes dialect, else milliseconds"},
	{"entry[].changes", arr, optional, "changes dialect"},
	{"entry[].messaging", arr, optional, "messaging dialect"},
	{"entry[].standby", arr, optional, "messaging items of a conversation another app owns"},
	{"entry[].changed_fields", arr, optional, "in place of changes when values are not included"},
	{"entry[].changed_fields[]", str, always, ""},
	{"entry[].uid", str, optional, "in the documentation's example of the user object"},
	{"entry[].hop_context", arr, optional, "in some Messenger setups with handover"},
}

// changeKeys are the members of an element of changes.
var changeKeys = []Key{
	{"value", obj, always, ""},
	{"field", str, always, ""},
}

// values are the values of the fields of the changes dialect.
var values = map[string][]Key{
	"comments":      commentKeys,
	"live_comments": commentKeys,
	"mentions": {
		{"media_id", str, always, "the media it stands in or under"},
		{"comment_id", str, optional, "when the mention is in a comment"},
	},
	"story_insights": {
		{"media_id", str, always, "the story"},
		{"impressions", num, always, ""},
		{"reach", num, always, ""},
		{"taps_forward", num, always, ""},
		{"taps_back", num, always, ""},
		{"exits", num, always, ""},
		{"replies", num, always, ""},
	},
}

var commentKeys = []Key{
	{"from", obj, always, "since 20 October 2021"},
	{"from.id", str, always, "the commenter's Instagram-scoped id; the account's own id when it commented itself"},
	{"from.username", str, always, "without @"},
	{"from.self_ig_scoped_id", str, optional, "on the account's own comments: its own scoped id"},
	{"media", obj, always, ""},
	{"media.id", str, always, "of an ad: the ad's media"},
	{"media.media_product_type", str, always, "FEED, REELS, STORY, AD, IGTV"},
	{"media.ad_id", str, optional, "on ads and boosted posts; not of dynamic ads"},
	{"media.ad_title", str, optional, "on ads and boosted posts"},
	{"media.original_media_id", str, optional, "on boosted posts: the post"},
	{"id", str, always, "the comment"},
	{"parent_id", str, optional, "on replies: the comment replied to"},
	{"text", str, optional, "missing when the comment is only a GIF or sticker"},
}

// itemShape is a kind of messaging item.
type itemShape struct {
	event     string // the member that names the kind
	field     string // that delivers it
	pageField string // the field under the object page, where its name differs
	head      []Key
	instagram []Key
	page      []Key // nil: as under instagram
	// foreign says that under the object page the shape is not known.
	foreign bool
}

// itemOf returns the kind of messaging item that an event object names.
func itemOf(event string) (itemShape, bool) {
	for i := range items {
		if items[i].event == event {
			return items[i], true
		}
	}
	return itemShape{}, false
}

func (s itemShape) keys(onPage bool) []Key {
	switch {
	case onPage && s.foreign:
		return nil
	case onPage && s.page != nil:
		return s.page
	}
	return s.instagram
}

// The members beside the event object.
var (
	fullHead = []Key{
		{"sender", obj, always, ""},
		{"sender.id", str, always, "the customer; of an echo the account"},
		{"recipient", obj, always, ""},
		{"recipient.id", str, always, "the account; of an echo the customer"},
		{"timestamp", num, always, "milliseconds"},
	}
	// bareHead is for what comes without its parties at times.
	bareHead = []Key{
		{"sender", obj, optional, ""},
		{"sender.id", str, always, ""},
		{"recipient", obj, optional, ""},
		{"recipient.id", str, always, ""},
		{"timestamp", num, always, "milliseconds"},
	}
	policyHead = []Key{
		{"recipient", obj, always, ""},
		{"recipient.id", str, always, ""},
		{"timestamp", num, always, "milliseconds"},
	}
	timelessHead = []Key{
		{"sender", obj, always, ""},
		{"sender.id", str, always, ""},
		{"recipient", obj, always, ""},
		{"recipient.id", str, always, ""},
		{"timestamp", num, optional, "milliseconds"},
	}
)

// testHead is a head as the Test button sends it: some timestamps are strings.
func testHead(head []Key) []Key {
	out := make([]Key, len(head))
	for i, k := range head {
		if k.Path == "timestamp" {
			k.Type |= str
		}
		out[i] = k
	}
	return out
}

// referralKeys are a referral's members wherever it rides along.
func referralKeys(at string) []Key {
	return []Key{
		{at, obj, optional, "an ad, a link or a product led here"},
		{at + ".ref", str, optional, "what the ad or the link carries"},
		{at + ".source", str, optional, "ADS, IGME_SOURCE_LINK, SHORTLINK"},
		{at + ".type", str, optional, "OPEN_THREAD"},
		{at + ".ad_id", str, optional, "from an ad"},
		{at + ".ads_context_data", obj, optional, "from an ad"},
		{at + ".ads_context_data.ad_title", str, always, ""},
		{at + ".ads_context_data.photo_url", str, optional, ""},
		{at + ".ads_context_data.video_url", str, optional, ""},
		{at + ".ads_context_data.post_id", str, optional, "Messenger"},
		{at + ".ads_context_data.product_id", str, optional, "Messenger"},
		{at + ".product", obj, optional, "from a shop"},
		{at + ".product.id", str, always, ""},
	}
}

var messageKeys = append([]Key{
	{"message", obj, always, ""},
	{"message.mid", str, always, "an unsent message's is the original's"},
	{"message.text", str, optional, ""},
	{"message.attachments", arr, optional, "several images sent together are several elements"},
	{"message.attachments[]", obj, always, ""},
	{"message.attachments[].type", str, always, "decides what payload holds"},
	{"message.attachments[].payload", obj, optional, "none in ephemeral"},
	{"message.quick_reply", obj, optional, "a quick reply was tapped"},
	{"message.quick_reply.payload", str, always, ""},
	{"message.reply_to", obj, optional, "an inline reply, or a reply to a story"},
	{"message.reply_to.mid", str, optional, ""},
	{"message.reply_to.story", obj, optional, ""},
	{"message.reply_to.story.url", str, always, "expires"},
	{"message.reply_to.story.id", str, always, ""},
	{"message.reply_to.link_sticker_url", str, optional, "named in the reference only"},
	{"message.is_echo", boolean, optional, "the business sent it"},
	{"message.is_self", boolean, optional, "the account wrote to itself"},
	{"message.is_deleted", boolean, optional, "unsent"},
	{"message.is_unsupported", boolean, optional, "a kind the API does not show"},
	{"message.folder", str, optional, "named in the reference only"},
	{"message.app_id", num, optional, "Messenger: the app that sent it"},
	{"message.metadata", str, optional, "Messenger: what that app added"},
	{"message.seq", num, optional, "old Messenger"},
}, referralKeys("message.referral")...)

var linkReferralKeys = []Key{
	{"referral", obj, always, ""},
	{"referral.ref", str, always, "what the link carries"},
	{"referral.source", str, always, "IGME_SOURCE_LINK, SHORTLINK, ADS"},
	{"referral.type", str, always, "OPEN_THREAD"},
}

// items are the kinds of messaging items. Those of the Messenger Platform alone are
// printed on
// https://developers.facebook.com/docs/messenger-platform/reference/webhook-events.
var items = []itemShape{
	{event: "message", field: "messages", pageField: "message_echoes", head: fullHead, instagram: messageKeys},
	{event: "reaction", field: "message_reactions", head: fullHead, instagram: []Key{
		{"reaction", obj, always, ""},
		{"reaction.mid", str, always, "the message reacted to"},
		{"reaction.action", str, always, "react, unreact"},
		{"reaction.reaction", str, optional, "its name, such as love; absent on unreact"},
		{"reaction.emoji", str, optional, "absent on unreact"},
	}},
	{event: "message_edit", field: "message_edit", pageField: "message_edits", head: bareHead, instagram: []Key{
		{"message_edit", obj, always, ""},
		{"message_edit.mid", str, always, "the message edited"},
		{"message_edit.text", str, optional, "the new text"},
		{"message_edit.num_edit", num | str, always, "how often it was edited; 0 in every published one"},
	}},
	{event: "postback", field: "messaging_postbacks", head: fullHead, instagram: append([]Key{
		{"is_self", boolean, optional, "the account wrote to itself"},
		{"postback", obj, always, ""},
		{"postback.mid", str, always, "since version 11"},
		{"postback.title", str, always, "what was tapped"},
		{"postback.payload", str, always, "may be withheld on standby"},
	}, referralKeys("postback.referral")...)},
	{
		event: "referral", field: "messaging_referral", pageField: "messaging_referrals", head: fullHead,
		instagram: linkReferralKeys, page: append([]Key{{"referral", obj, always, ""}}, referralKeys("referral")[1:]...),
	},
	{
		event: "read", field: "messaging_seen", pageField: "message_reads", head: bareHead,
		instagram: []Key{{"read", obj, always, ""}, {"read.mid", str, always, "the last message read"}},
		page:      []Key{{"read", obj, always, ""}, {"read.watermark", num, always, "everything up to this time was read"}},
	},
	{event: "delivery", field: "message_deliveries", head: timelessHead, instagram: []Key{
		{"delivery", obj, always, ""},
		{"delivery.mids", arr, optional, "the messages that were delivered"},
		{"delivery.mids[]", str, always, ""},
		{"delivery.watermark", num, always, "everything before this time was delivered"},
	}},
	{event: "optin", field: "messaging_optins", head: fullHead, foreign: true, instagram: []Key{
		{"optin", obj, always, ""},
		{"optin.type", str, always, "notification_messages"},
		{"optin.payload", str, always, ""},
		{"optin.notification_messages_token", str, always, ""},
		{"optin.notification_messages_frequency", str, always, "DAILY, WEEKLY, MONTHLY"},
		{"optin.token_expiry_timestamp", num, always, "milliseconds"},
		{"optin.user_token_status", str, always, "NOT_REFRESHED, REFRESHED"},
		{"optin.notification_messages_timezone", str, always, ""},
		{"optin.title", str, always, ""},
	}},
	{event: "pass_thread_control", field: "messaging_handover", pageField: "messaging_handovers", head: fullHead, instagram: []Key{
		{"pass_thread_control", obj, optional, "one of these five stands in each event"},
		{"pass_thread_control.previous_owner_app_id", str | null, always, "null when nobody owned it"},
		{"pass_thread_control.new_owner_app_id", str, always, ""},
		{"pass_thread_control.metadata", str, always, ""},
	}},
	{event: "take_thread_control", field: "messaging_handover", pageField: "messaging_handovers", head: fullHead, instagram: []Key{
		{"take_thread_control", obj, optional, ""},
		{"take_thread_control.previous_owner_app_id", str | null, always, ""},
		{"take_thread_control.new_owner_app_id", str, optional, "on newer pages"},
		{"take_thread_control.metadata", str, always, ""},
	}},
	{event: "request_thread_control", field: "messaging_handover", pageField: "messaging_handovers", head: fullHead, instagram: []Key{
		{"request_thread_control", obj, optional, ""},
		{"request_thread_control.requested_owner_app_id", str, always, "the app that asks"},
		{"request_thread_control.metadata", str, always, ""},
	}},
	{event: "app_roles", field: "messaging_handover", pageField: "messaging_handovers", head: fullHead, instagram: []Key{
		{"app_roles", obj, optional, "app id → its roles"},
		{"app_roles.*", arr, always, ""},
		{"app_roles.*[]", str, always, "primary_receiver, …"},
	}},
	{event: "pass_thread_metadata", field: "messaging_handover", pageField: "messaging_handovers", head: fullHead, instagram: []Key{
		{"pass_thread_metadata", obj, optional, "in a copy of the reference only"},
		{"pass_thread_metadata.caller_app_id", str, always, ""},
		{"pass_thread_metadata.metadata", str, always, ""},
	}},
	{event: "policy_enforcement", field: "messaging_policy_enforcement", head: policyHead, instagram: policyKeys("policy_enforcement")},
	{event: "policy-enforcement", field: "messaging_policy_enforcement", head: policyHead, instagram: policyKeys("policy-enforcement")}, // old spelling
	{event: "response_feedback", field: "response_feedback", head: fullHead, instagram: []Key{
		{"response_feedback", obj, always, ""},
		{"response_feedback.feedback", str, always, "Good response, Bad response"},
		{"response_feedback.mid", str, always, "the message rated"},
	}},
	{event: "account_linking", field: "messaging_account_linking", head: fullHead, instagram: []Key{
		{"account_linking", obj, always, ""},
		{"account_linking.status", str, always, "linked, unlinked"},
		{"account_linking.authorization_code", str, optional, "when linked"},
	}},
	{event: "game_play", field: "messaging_game_plays", head: fullHead, instagram: []Key{
		{"game_play", obj, always, ""},
		{"game_play.game_id", str, always, "the app of the game"},
		{"game_play.player_id", str, always, ""},
		{"game_play.locale", str, optional, "published ones lack it, and all that follows"},
		{"game_play.context_type", str, optional, "SOLO, GROUP, THREAD"},
		{"game_play.context_id", str, optional, "not when SOLO"},
		{"game_play.score", num, optional, "of a classic game"},
		{"game_play.payload", str | obj, optional, "of a rich game"},
	}},
	{event: "order", field: "send_cart", head: fullHead, instagram: []Key{
		{"order", obj, always, ""},
		{"order.products", arr, always, ""},
		{"order.products[]", obj, always, ""},
		{"order.products[].id", num | str, always, "a number in the sample, a string in the table"},
		{"order.products[].retailer_id", str, always, ""},
		{"order.products[].name", str, always, ""},
		{"order.products[].unit_price", num, always, ""},
		{"order.products[].currency", str, always, ""},
		{"order.products[].quantity", num, always, ""},
		{"order.note", str, optional, ""},
	}},
}

func policyKeys(at string) []Key {
	return []Key{
		{at, obj, always, ""},
		{at + ".action", str, always, "warning, block, unblock"},
		{at + ".reason", str, optional, "absent on unblock"},
	}
}

var (
	urlKeys      = []Key{{"url", str, always, "expires"}}
	postKeys     = []Key{{"ig_post_media_id", str, always, ""}, {"title", str, always, "the caption"}, {"url", str, always, ""}}
	reelKeys     = []Key{{"reel_video_id", str, always, ""}, {"title", str, always, "the caption"}, {"url", str, always, ""}}
	pageReelKeys = []Key{{"reel_video_id", str, optional, ""}, {"title", str, optional, ""}, {"url", str, always, ""}}
	tellKeys     = []Key{{"story_media_id", str, always, ""}, {"story_media_url", str, always, "expires"}}
)

// pageAttachments are the payloads of which less is known on the Messenger Platform.
var pageAttachments = map[string][]Key{"reel": pageReelKeys, "ig_reel": pageReelKeys}

// attachments are the payloads of a message's attachments by type. nil: it has none,
// or none that is known.
var attachments = map[string][]Key{
	"image": urlKeys, "video": urlKeys, "audio": urlKeys, "file": urlKeys,
	"story_mention": urlKeys, "unsupported_type": urlKeys,
	"ig_post": postKeys,
	"share":   {{"url", str, always, ""}, {"ig_post_media_id", str, optional, "since 3 November 2025"}, {"title", str, optional, "likewise"}},
	"ig_reel": reelKeys, "reel": reelKeys,
	"ig_story": tellKeys, "story": tellKeys,
	"fallback":  {{"url", str, always, ""}, {"title", str, always, ""}},
	"ephemeral": nil,
	"media":     nil,
	"template": {
		{"generic", obj, optional, "absent in some"},
		{"generic.elements", arr, optional, ""},
		{"generic.elements[]", obj, always, ""},
		{"generic.elements[].title", str, always, ""},
		{"generic.elements[].subtitle", str, optional, ""},
		{"generic.elements[].image_url", str, optional, ""},
		{"generic.elements[].buttons", arr, optional, ""},
		{"generic.elements[].buttons[]", obj, always, ""},
		{"generic.elements[].buttons[].type", str, always, "open_url, …"},
		{"generic.elements[].buttons[].url", str, optional, ""},
		{"generic.elements[].buttons[].payload", str, optional, ""},
		{"generic.elements[].buttons[].title", str, always, ""},
	},
}
