package webhook

var (
	onInstagram = []string{"instagram"}
	onPage      = []string{"page"}
	onBoth      = []string{"instagram", "page"}
)

// The grants of Meta's permission table, as printed on
// https://developers.facebook.com/docs/instagram-platform/webhooks.
var (
	igComments = Grant{Names: []string{"instagram_business_basic", "instagram_business_manage_comments"}, Advanced: true}
	igMessages = Grant{Names: []string{"instagram_business_basic", "instagram_business_manage_messages"}, Advanced: true}
	igEchoes   = Grant{
		Names: []string{"instagram_business_basic", "instagram_business_manage_comments"}, Advanced: true,
		Note: "printed so by Meta; instagram_business_manage_messages would be expected",
	}
	igInComments = Grant{Note: "Included in the comments webhook notification"}

	fbComments = Grant{Names: []string{"instagram_basic", "instagram_manage_comments", "pages_manage_metadata", "pages_read_engagement", "pages_show_list"}, Advanced: true}
	fbMentions = Grant{Names: []string{"instagram_basic", "instagram_manage_comments", "pages_manage_metadata", "pages_read_engagement", "pages_show_list"}}
	fbInsights = Grant{Names: []string{"instagram_basic", "instagram_manage_insights", "pages_manage_metadata", "pages_read_engagement", "pages_show_list"}}

	msgrMessages   = Grant{Names: []string{"instagram_basic", "instagram_manage_messages", "pages_manage_metadata", "pages_read_engagement", "pages_show_list"}, Advanced: true}
	msgrInMessages = Grant{Note: "Included in the messages webhook notification"}
)

const (
	messengerOnly = "only for Messenger conversations, never for Instagram"
	platformOnly  = "Messenger Platform only; Instagram Login does not take it"
	unpublished   = "payload unknown: nobody has published one, and most apps are not granted it"
	undescribed   = "payload unknown: Meta's overview names the field, no page found prints its payload"
)

// fields is the catalogue: the fields of Meta's permission table, those its
// subscribed_apps endpoint accepts, and those of the Messenger Platform. To add one,
// add a row here, its keys in shapetable.go, a fixture and a row in docs/webhooks.md.
var fields = []Field{
	{
		Name: "comments", Dialect: Changes, Objects: onInstagram, Shape: true,
		About:       "someone commented on the account's media, or replied",
		Permissions: Permissions{Instagram: igComments, Facebook: fbComments}, Default: Disputed, Accepted: true,
		Limits: []string{
			"the account must be public",
			"likes, edits, deletions and hides of a comment are not sent",
			"the account's own comments and replies come too: an app that answers them talks to itself",
			"of a carousel the album's media id is not sent; fetch it through the comment id",
			"a comment on a boosted post can come twice, once for the post and once for the ad",
			"ad_id is not sent for media used in dynamic ads",
			"text is missing when the comment is only a GIF or sticker",
		},
		Evidence: "captured: real deliveries and Tests, byte for byte",
	},
	{
		Name: "live_comments", Dialect: Changes, Objects: onInstagram, Shape: true,
		About:       "someone commented during a live broadcast",
		Permissions: Permissions{Instagram: igComments, Facebook: fbComments}, Default: Disputed, Accepted: true,
		Limits:   []string{"only while the broadcast lasts", "the account must be public"},
		Evidence: "documented: the same value as comments; no capture shows the media_product_type of live media",
	},
	{
		Name: "mentions", Dialect: Changes, Objects: onInstagram, Shape: true,
		About:       "someone mentioned the account in a caption or a comment",
		Permissions: Permissions{Instagram: igInComments, Facebook: fbMentions}, Accepted: true,
		Limits: []string{
			"a mention in a story does not come here but as a direct message with a story_mention attachment",
			"nothing is sent when the media belongs to a private account",
			"only ids come: ask for mentioned_media or mentioned_comment",
			"Meta's table says that Instagram Login gets mentions within comments, yet its endpoint takes mentions; nobody has shown how they look there",
		},
		Evidence: "documented: Meta's samples disagree about the order of the keys; no capture",
	},
	{
		Name: "story_insights", Dialect: Changes, Objects: onInstagram, Shape: true,
		About:       "a story expired, with its figures",
		Permissions: Permissions{Facebook: fbInsights}, Accepted: true,
		Limits: []string{
			"sent about an hour after the story has expired",
			"covers the first 24 hours only, even of a story kept as a highlight",
			"counts below 5 are sent as -1, says an older reference",
			"the Graph API has renamed such metrics since; whether this value followed is not known",
		},
		Evidence: "documented: the reference and Meta's sample disagree about the order; no capture",
	},
	{
		Name: "messages", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "a direct message, sent or received",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Default: ByDefault, Accepted: true,
		Limits: []string{
			"what the business sends comes too, with is_echo: an app that answers it talks to itself",
			"an unsent message comes as is_deleted with the mid of the original, so the mid alone does not tell events apart",
			"a story that mentions the account comes here, as a story_mention attachment",
			"whether GIFs and stickers come is disputed between Meta's pages",
			"URLs of media expire; view-once media have none",
			"the account must allow access to messages (Settings, Messages, Connected tools)",
		},
		Evidence: "captured: text, story replies and reels byte for byte; other kinds as parsed JSON",
	},
	{
		Name: "message_echoes", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "the business sent a message; Instagram: as messages",
		Permissions: Permissions{Instagram: igEchoes, Messenger: msgrInMessages},
		Limits: []string{
			"the subscription endpoint of Instagram Login refuses it with error 100, although Meta's table lists it: subscribe messages",
			"on the Messenger Platform a field of its own for Messenger conversations only",
		},
		Evidence: "captured as messages with is_echo; never as a field of its own",
	},
	{
		Name: "message_reactions", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "someone reacted to a message, or took it back",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Default: Disputed, Accepted: true,
		Spellings: []string{"messaging_reactions"},
		Limits: []string{
			"reactions of the business itself are not sent",
			"it carries the mid of the message reacted to, so the mid alone does not tell events apart",
			"the names of reactions differ between Meta's pages: accept any",
		},
		Evidence: "documented; a Test is captured byte for byte",
	},
	{
		Name: "message_edit", Dialect: Messaging, Objects: onInstagram, Shape: true,
		About:    "someone edited a message",
		Accepted: true, Twin: "message_edits",
		Limits: []string{
			"every published one has num_edit 0 and no text, often no sender, and comes a second after a new message, or in its place when messages is not enabled on the app",
			"not in Meta's permission table",
		},
		Evidence: "captured with num_edit 0; a real edit is documented only",
	},
	{
		Name: "message_edits", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "someone edited a message",
		Twin:  "message_edit", Limits: []string{messengerOnly},
		Evidence: "documented",
	},
	{
		Name: "messaging_postbacks", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "someone tapped an icebreaker, a menu entry or a button",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Default: Disputed, Accepted: true,
		Spellings: []string{"messaging_postback"},
		Limits:    []string{"mid since version 11 of the API", "on standby the payload may be withheld"},
		Evidence:  "documented: Meta's samples disagree about the order of the keys; no capture",
	},
	{
		Name: "messaging_referral", Dialect: Messaging, Objects: onInstagram, Shape: true,
		About:       "someone came back through an ig.me link",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Default: Disputed, Accepted: true,
		Twin:     "messaging_referrals",
		Limits:   []string{"only into a conversation that exists; in a new one the referral rides on the first message or postback"},
		Evidence: "documented; no capture",
	},
	{
		Name: "messaging_referrals", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "someone came back through an m.me link or an ad",
		Twin:  "messaging_referral", Limits: []string{"only into a conversation that exists"},
		Evidence: "documented",
	},
	{
		Name: "messaging_seen", Dialect: Messaging, Objects: onInstagram, Shape: true,
		About:       "someone read a message",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Default: Disputed, Accepted: true,
		Twin: "message_reads",
		Limits: []string{
			"published ones come with and without sender and recipient",
			"the timestamp can lie before the time of the message read",
		},
		Evidence: "captured, as parsed JSON",
	},
	{
		Name: "message_reads", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "someone read the conversation",
		Twin:  "messaging_seen", Limits: []string{messengerOnly},
		Evidence: "documented",
	},
	{
		Name: "message_deliveries", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "a message of the business was delivered", Limits: []string{messengerOnly},
		Evidence: "documented",
	},
	{
		Name: "messaging_optins", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "someone agreed to receive notification messages",
		Permissions: Permissions{Instagram: igMessages}, Default: Disputed, Accepted: true,
		Spellings: []string{"messaging_optin"},
		Evidence:  "documented: from Meta's sample only",
	},
	{
		Name: "messaging_handover", Dialect: Messaging, Objects: onInstagram, Shape: true,
		About:       "a conversation changed hands between apps",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Accepted: true,
		Twin:     "messaging_handovers",
		Limits:   []string{"the Page Inbox is app 263902037430900, the Instagram inbox 1217981644879628"},
		Evidence: "documented; no capture on Instagram",
	},
	{
		Name: "messaging_handovers", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "a conversation changed hands between apps",
		Twin:  "messaging_handover", Evidence: "documented",
	},
	{
		Name: "messaging_policy_enforcement", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "Meta warned or blocked the app",
		Permissions: Permissions{Messenger: msgrMessages},
		Limits:      []string{platformOnly, "it has a recipient and no sender", "reason is absent on unblock"},
		Evidence:    "documented; no capture",
	},
	{
		Name: "response_feedback", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "someone rated an answer",
		Permissions: Permissions{Messenger: msgrMessages},
		Limits:      []string{platformOnly},
		Evidence:    "documented; no capture",
	},
	{
		Name: "standby", Dialect: Messaging, Objects: onBoth, Shape: true,
		About:       "an event of a conversation another app owns",
		Permissions: Permissions{Instagram: igMessages, Messenger: msgrMessages}, Accepted: true,
		Limits:   []string{"items stand under entry.standby in place of entry.messaging", "the payload of a postback may be withheld"},
		Evidence: "documented; no capture of its bytes",
	},
	{
		Name: "messaging_account_linking", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "someone linked or unlinked their account", Limits: []string{messengerOnly},
		Evidence: "documented",
	},
	{
		Name: "messaging_game_plays", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "someone played a round of an Instant Game", Limits: []string{messengerOnly},
		Evidence: "documented",
	},
	{
		Name: "send_cart", Dialect: Messaging, Objects: onPage, Shape: true,
		About: "someone sent a cart or an order", Limits: []string{messengerOnly},
		Evidence: "documented",
	},

	{Name: "messaging_feedback", Objects: onPage, About: "someone gave feedback on the business", Limits: []string{messengerOnly}, Evidence: undescribed},
	{Name: "messenger_template_status_update", Objects: onPage, About: "the review status of a utility template changed", Evidence: undescribed},

	{Name: "agent_messages", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "comment_poll_response", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "creator_marketplace_invited_creator_onboarding", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "creator_marketplace_projects", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "delta", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "follow", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "onboarding_welcome_message_series", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "share_to_story", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "story_poll_response", Objects: onInstagram, Accepted: true, Evidence: unpublished},
	{Name: "story_reactions", Objects: onInstagram, Accepted: true, Evidence: unpublished},
}
