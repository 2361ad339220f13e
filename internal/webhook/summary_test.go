package webhook_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// shown is what a list shows of an event.
type shown struct{ Field, Kind, Label, Summary string }

func TestSummaries(t *testing.T) {
	const customer, account = "1082736450918273", "17841499100200301"
	change := func(field, value string) string {
		return `{"entry": [{"id": "` + account + `", "time": 1790000123, "changes": [{"value": ` + value + `, "field": "` + field + `"}]}], "object": "instagram"}`
	}
	comment := func(media, rest string) string {
		return change("comments", `{"from": {"id": "`+customer+`", "username": "river.baker"}, "media": {"id": "18064310520917744", `+media+`}, "id": "17906421385120336"`+rest+`}`)
	}
	in := func(object, section, item string) string {
		return `{"object":"` + object + `","entry":[{"time":1790000124367,"id":"` + account + `","` + section + `":[` + item + `]}]}`
	}
	received := func(rest string) string {
		return `{"sender":{"id":"` + customer + `"},"recipient":{"id":"` + account + `"},"timestamp":1790000123456,` + rest + `}`
	}
	sent := func(rest string) string {
		return `{"sender":{"id":"` + account + `"},"recipient":{"id":"` + customer + `"},"timestamp":1790000123456,` + rest + `}`
	}
	dm := func(rest string) string { return in("instagram", "messaging", received(rest)) }
	attached := func(kind, payload string) string {
		return dm(`"message":{"mid":"m","attachments":[{"type":"` + kind + `"` + payload + `}]}`)
	}
	page := func(rest string) string { return in("page", "messaging", received(rest)) }
	tests := []struct {
		name, body string
		want       shown
	}{
		{"comment on a post", comment(`"media_product_type": "FEED"`, `, "text": "hi"`), shown{"comments", "", "", "@river.baker hi"}},
		{"comment on a reel", comment(`"media_product_type": "REELS"`, `, "text": "hi"`), shown{"comments", "reels", "", "@river.baker hi"}},
		{"comment on an ad", comment(`"media_product_type": "AD", "ad_id": "1"`, `, "text": "price?"`), shown{"comments", "ad", "", "@river.baker on an ad: price?"}},
		{"comment on a boosted post", comment(`"media_product_type": "AD", "ad_id": "1", "original_media_id": "2"`, `, "text": "price?"`), shown{"comments", "boosted", "", "@river.baker on a boosted post: price?"}},
		{"comment on a live broadcast", comment(`"media_product_type": "LIVE"`, `, "text": "hi"`), shown{"comments", "live", "", "@river.baker on a live broadcast: hi"}},
		{"reply on an ad", comment(`"media_product_type": "AD"`, `, "parent_id": "3", "text": "same"`), shown{"comments", "reply", "", "@river.baker on an ad: same"}},
		{"comment without text", comment(`"media_product_type": "FEED"`, ``), shown{"comments", "", "", "@river.baker commented without text (a GIF or sticker)"}},
		{"own comment", change("comments", `{"from": {"id": "`+account+`", "username": "oven", "self_ig_scoped_id": "1"}, "text": "Thanks!"}`), shown{"comments", "", "own", "@oven Thanks!"}},
		{"comment of the Test button, pasted", change("comments", `{"from": {"id": "232323232", "username": "test"}, "text": "This is an example."}`), shown{"comments", "", "test", "@test This is an example."}},
		{"live comment", change("live_comments", `{"from": {"id": "`+customer+`", "username": "a"}, "media": {"id": "1", "media_product_type": "LIVE"}, "text": "hi"}`), shown{"live_comments", "live", "", "@a hi"}},
		{"mention in a caption", change("mentions", `{"media_id": "18064310520917744"}`), shown{"mentions", "caption", "", "mentioned you in the caption of 18064…744"}},
		{"mention in a comment", change("mentions", `{"media_id": "1", "comment_id": "17906421385120336"}`), shown{"mentions", "comment", "", "mentioned you in comment 17906…336"}},
		{"mention of the Test button", change("mentions", `{"media_id": "17887498072083520", "comment_id": "17887498072083520"}`), shown{"mentions", "comment", "test", "mentioned you in comment 17887…520"}},
		{"figures of a story", change("story_insights", `{"media_id": "18112233905846170", "impressions": 412, "taps_forward": -1}`), shown{"story_insights", "", "", "story 18112…170 impressions 412 taps forward <5"}},
		{"unknown field", change("follow", `{"x": 1}`), shown{"follow", "", "unknown", "a field igloo does not know the shape of: follow"}},
		{"changed_fields", `{"object":"instagram","entry":[{"id":"` + account + `","time":1,"changed_fields":["comments"]}]}`, shown{"comments", "", "no value", "changed; the subscription does not include values"}},

		{"text", dm(`"message":{"mid":"m","text":"hi"}`), shown{"messages", "", "", "10827…273 hi"}},
		{"empty", dm(`"message":{"mid":"m"}`), shown{"messages", "", "", "10827…273 an empty message"}},
		{"image", attached("image", `,"payload":{"url":"u"}`), shown{"messages", "image", "", "10827…273 sent an image"}},
		{"several images", dm(`"message":{"mid":"m","attachments":[{"type":"image"},{"type":"image"}]}`), shown{"messages", "image", "", "10827…273 sent 2 attachments, first image"}},
		{"video", attached("video", ``), shown{"messages", "video", "", "10827…273 sent a video"}},
		{"audio", attached("audio", ``), shown{"messages", "audio", "", "10827…273 sent a voice message or audio"}},
		{"file", attached("file", ``), shown{"messages", "file", "", "10827…273 sent a file"}},
		{"post", attached("ig_post", ``), shown{"messages", "ig_post", "", "10827…273 sent a post"}},
		{"share", attached("share", ``), shown{"messages", "share", "", "10827…273 sent a post (share)"}},
		{"reel", attached("ig_reel", ``), shown{"messages", "ig_reel", "", "10827…273 sent a reel"}},
		{"story", attached("ig_story", ``), shown{"messages", "ig_story", "", "10827…273 sent a story"}},
		{"mention in a story", attached("story_mention", ``), shown{"messages", "story_mention", "", "10827…273 mentioned you in a story"}},
		{"template", attached("template", ``), shown{"messages", "template", "", "10827…273 sent a template"}},
		{"view once", attached("ephemeral", ``), shown{"messages", "ephemeral", "", "10827…273 sent something to be seen once"}},
		{"unsupported attachment", attached("unsupported_type", ``), shown{"messages", "unsupported_type", "", "10827…273 sent an attachment the API does not show"}},
		{"unknown attachment", attached("holo_gram", ``), shown{"messages", "holo_gram", "", "10827…273 sent holo gram"}},
		{"no attachment", dm(`"message":{"mid":"m","attachments":[]}`), shown{"messages", "", "", "10827…273 an empty attachment list"}},
		{"unsupported", dm(`"message":{"mid":"m","is_unsupported":true}`), shown{"messages", "unsupported", "", "10827…273 sent something the API does not show"}},
		{"unsend", dm(`"message":{"mid":"m","is_deleted":true}`), shown{"messages", "unsend", "", "10827…273 (unsent)"}},
		{"quick reply", dm(`"message":{"mid":"m","text":"Hours","quick_reply":{"payload":"H"}}`), shown{"messages", "quick_reply", "", `10827…273 tapped "Hours", payload H`}},
		{"inline reply", dm(`"message":{"mid":"m","text":"Yes","reply_to":{"mid":"e"}}`), shown{"messages", "reply", "", "10827…273 Yes"}},
		{"reply to a story", dm(`"message":{"mid":"m","text":"Wow","reply_to":{"story":{"id":"1","url":"u"}}}`), shown{"messages", "story_reply", "", "10827…273 replied to a story: Wow"}},
		{"from an ad", dm(`"message":{"mid":"m","text":"price?","referral":{"ad_id":"23859471036250184"}}`), shown{"messages", "ad", "", "10827…273 price? (from ad 23859…184)"}},
		{"about a product", dm(`"message":{"mid":"m","text":"ship?","referral":{"product":{"id":"5190022334455667"}}}`), shown{"messages", "product", "", "10827…273 ship? (about product 51900…667)"}},
		{"from a link", dm(`"message":{"mid":"m","text":"hi","referral":{"ref":"flyer","source":"IGME_SOURCE_LINK","type":"OPEN_THREAD"}}`), shown{"messages", "referral", "", "10827…273 hi (came through flyer (IGME_SOURCE_LINK))"}},
		{"echo", in("instagram", "messaging", sent(`"message":{"mid":"m","text":"Thanks","is_echo":true}`)), shown{"messages", "echo", "echo", "to 10827…273 Thanks"}},
		{"echo of a template", in("instagram", "messaging", sent(`"message":{"mid":"m","is_echo":true,"attachments":[{"type":"template","payload":{}}]}`)), shown{"messages", "echo", "echo", "to 10827…273 sent a template"}},
		{"to itself", in("instagram", "messaging", sent(`"message":{"mid":"m","text":"note","is_echo":true,"is_self":true}`)), shown{"messages", "echo", "echo own", "to 10827…273 note"}},
		{"standby", in("instagram", "standby", received(`"message":{"mid":"m","text":"anyone?"}`)), shown{"standby", "", "standby", "10827…273 anyone?"}},
		{"message of the Test button", change("messages", `{"sender": {"id": "12334"}, "recipient": {"id": "23245"}, "timestamp": "1527459824", "message": {"mid": "random_mid", "text": "random_text"}}`), shown{"messages", "", "test", "12334 random_text"}},
		{"sample mid under messaging", dm(`"message":{"mid":"random_mid","text":"random_text"}`), shown{"messages", "", "test", "10827…273 random_text"}},

		{"reaction", dm(`"reaction":{"mid":"m","action":"react","reaction":"love","emoji":"\u2764\ufe0f"}`), shown{"message_reactions", "react", "", "10827…273 reacted love ❤️"}},
		{"unreact", dm(`"reaction":{"mid":"m","action":"unreact"}`), shown{"message_reactions", "unreact", "", "10827…273 took back a reaction"}},
		{"edit", dm(`"message_edit":{"mid":"m","text":"Friday","num_edit":1}`), shown{"message_edit", "", "", "10827…273 edited: Friday"}},
		{"hollow edit without sender", in("instagram", "messaging", `{"timestamp":1790000123456,"message_edit":{"mid":"m","num_edit":0}}`), shown{"message_edit", "", "no sender hollow", "message_edit without text: is the messages field enabled on the app?"}},
		{"hollow edit, number as text", dm(`"message_edit":{"mid":"m","num_edit":"0"}`), shown{"message_edit", "", "hollow", "10827…273 message_edit without text: is the messages field enabled on the app?"}},
		{"postback", dm(`"postback":{"mid":"m","title":"Talk","payload":"HUMAN"}`), shown{"messaging_postbacks", "", "", `10827…273 tapped "Talk", payload HUMAN`}},
		{"postback with referral", dm(`"postback":{"mid":"m","title":"Start","payload":"GO","referral":{"ref":"flyer","source":"IGME_SOURCE_LINK","type":"OPEN_THREAD"}}`), shown{"messaging_postbacks", "referral", "", `10827…273 tapped "Start", payload GO, came through flyer (IGME_SOURCE_LINK)`}},
		{"withheld postback", in("instagram", "standby", received(`"postback":{"mid":"m","title":"Talk"}`)), shown{"standby", "", "standby", `10827…273 tapped "Talk", payload –`}},
		{"referral", dm(`"referral":{"ref":"flyer","source":"IGME_SOURCE_LINK","type":"OPEN_THREAD"}`), shown{"messaging_referral", "IGME_SOURCE_LINK", "", "10827…273 came through flyer (IGME_SOURCE_LINK)"}},
		{"seen", dm(`"read":{"mid":"m"}`), shown{"messaging_seen", "", "", "10827…273 read the conversation"}},
		{"seen without sender", in("instagram", "messaging", `{"timestamp":1790000123456,"read":{"mid":"m"}}`), shown{"messaging_seen", "", "no sender", "read the conversation"}},
		{"opt-in", dm(`"optin":{"type":"notification_messages","title":"Weekly menu"}`), shown{"messaging_optins", "", "", "10827…273 agreed to notification messages: Weekly menu"}},
		{"handover to the Page Inbox", dm(`"pass_thread_control":{"previous_owner_app_id":"918273645546372","new_owner_app_id":"263902037430900","metadata":"bot to human"}`), shown{"messaging_handover", "pass", "", "10827…273 conversation passed to the Page Inbox: bot to human"}},
		{"handover to the Instagram inbox", dm(`"pass_thread_control":{"new_owner_app_id":"1217981644879628"}`), shown{"messaging_handover", "pass", "", "10827…273 conversation passed to the Instagram inbox"}},
		{"taken", dm(`"take_thread_control":{"previous_owner_app_id":"263902037430900","new_owner_app_id":"918273645546372"}`), shown{"messaging_handover", "take", "", "10827…273 conversation taken from the Page Inbox by app 918273645546372"}},
		{"requested", dm(`"request_thread_control":{"requested_owner_app_id":"918273645546372","metadata":"please"}`), shown{"messaging_handover", "request", "", "10827…273 conversation requested by app 918273645546372: please"}},
		{"roles", dm(`"app_roles":{"918273645546372":["primary_receiver"],"263902037430900":["secondary_receiver"]}`), shown{"messaging_handover", "roles", "", "10827…273 app roles: app 918273645546372 primary_receiver; the Page Inbox secondary_receiver"}},
		{"thread metadata", dm(`"pass_thread_metadata":{"caller_app_id":"263902037430900","metadata":"vip"}`), shown{"messaging_handover", "metadata", "", "10827…273 metadata from the Page Inbox: vip"}},
		{"policy", in("instagram", "messaging", `{"recipient":{"id":"`+account+`"},"timestamp":1790000123456,"policy_enforcement":{"action":"warning","reason":"Spam"}}`), shown{"messaging_policy_enforcement", "warning", "", "policy warning: Spam"}},
		{"policy, old spelling", in("page", "messaging", `{"recipient":{"id":"1"},"timestamp":1790000123456,"policy-enforcement":{"action":"unblock"}}`), shown{"messaging_policy_enforcement", "unblock", "", "policy unblock"}},
		{"feedback", dm(`"response_feedback":{"feedback":"Good response","mid":"m"}`), shown{"response_feedback", "", "", "10827…273 rated an answer: Good response"}},
		{"unknown item", dm(`"wave":{"hand":"left"}`), shown{"", "", "unknown", "10827…273 an event igloo does not know: wave"}},

		{"page message", page(`"message":{"mid":"m","text":"hi"}`), shown{"messages", "", "", "10827…273 hi"}},
		{"page echo", in("page", "messaging", sent(`"message":{"mid":"m","text":"hi","is_echo":true}`)), shown{"message_echoes", "echo", "echo", "to 10827…273 hi"}},
		{"page edit", page(`"message_edit":{"mid":"m","text":"Friday","num_edit":1}`), shown{"message_edits", "", "", "10827…273 edited: Friday"}},
		{"page read", page(`"read":{"watermark":1458668856253}`), shown{"message_reads", "", "", "10827…273 read everything up to 2016-03-22 17:47:36 UTC"}},
		{"page delivery", page(`"delivery":{"mids":["m"],"watermark":1458668856253}`), shown{"message_deliveries", "", "", "10827…273 received the message"}},
		{"page referral from an ad", page(`"referral":{"ref":"r","ad_id":"23859471036250184","source":"ADS","type":"OPEN_THREAD"}`), shown{"messaging_referrals", "ADS", "", "10827…273 came through ad 23859…184"}},
		{"page handover", page(`"take_thread_control":{"previous_owner_app_id":"1"}`), shown{"messaging_handovers", "take", "", "10827…273 conversation taken from app 1"}},
		{"account linked", page(`"account_linking":{"status":"linked","authorization_code":"c"}`), shown{"messaging_account_linking", "linked", "", "10827…273 linked the account"}},
		{"account unlinked", page(`"account_linking":{"status":"unlinked"}`), shown{"messaging_account_linking", "unlinked", "", "10827…273 unlinked the account"}},
		{"game", page(`"game_play":{"game_id":"g","score":7}`), shown{"messaging_game_plays", "", "", "10827…273 played game g, score 7"}},
		{"cart of one", page(`"order":{"products":[{"id":1}]}`), shown{"send_cart", "", "", "10827…273 sent a cart of 1 product"}},
		{"cart", page(`"order":{"products":[{"id":1},{"id":2}],"note":"soon"}`), shown{"send_cart", "", "", "10827…273 sent a cart of 2 products: soon"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload, err := webhook.Parse([]byte(tt.body))
			if err != nil || len(payload.Events) != 1 {
				t.Fatalf("Parse(%s) = %d events, %v", tt.body, len(payload.Events), err)
			}
			e := payload.Events[0]
			if diff := cmp.Diff(tt.want, shown{e.Field, e.Kind, e.Flags.Label(), e.Summary}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoFalseTest holds what is short or looks like a sample, and is not one.
func TestNoFalseTest(t *testing.T) {
	bodies := []string{
		`{"object":"instagram","entry":[{"time":1,"id":"17841","messaging":[{"sender":{"id":"108273645091827"},"recipient":{"id":"123456789"},"timestamp":5,"message":{"mid":"random_mid_2","text":"random_text"}}]}]}`,
		`{"object":"instagram","entry":[{"time":1,"id":"1","messaging":[{"sender":{"id":"12334"},"recipient":{"id":"17841499100200301"},"timestamp":5,"message":{"mid":"m"}}]}]}`,
		`{"object":"instagram","entry":[{"time":1,"id":"1","messaging":[{"sender":{"id":"2494432963985342"},"recipient":{"id":"17841499100200301"},"timestamp":5,"read":{"mid":"m"}}]}]}`,
		`{"object":"instagram","entry":[{"id":"00","time":1,"changes":[{"field":"comments","value":{"from":{"id":"2323232321","username":"test"},"text":"This is an example."}}]}]}`,
		`{"object":"instagram","entry":[{"id":"1","time":1,"changes":[{"field":"mentions","value":{"media_id":"17887498072083520"}}]}]}`,
		`{"object":"instagram","entry":[{"id":"1","time":1,"changes":[{"field":"story_insights","value":{"media_id":"17887498072083520","reach":45}}]}]}`,
	}
	for _, body := range bodies {
		payload, err := webhook.Parse([]byte(body))
		if err != nil || len(payload.Events) != 1 {
			t.Fatalf("Parse(%s) = %d events, %v", body, len(payload.Events), err)
		}
		if e := payload.Events[0]; strings.Contains(e.Flags.Label(), "test") {
			t.Errorf("%s is taken for a Test", body)
		}
	}
}

func TestEventMID(t *testing.T) {
	v := vectors(t)
	tests := []struct{ body, want string }{
		{instagramMessage(`"message":{"mid":"m1","text":"hi"}`), "m1"},
		{instagramMessage(`"reaction":{"action":"unreact","mid":"m2"}`), "m2"},
		{instagramMessage(`"optin":{"type":"x"}`), ""},
		{string(v[0].body), ""},
		{string(v[5].body), "random_mid"},
		{instagramMessage(`"message":{"mid":"` + strings.Repeat("m", 2000) + `"}`), strings.Repeat("m", 999) + "…"},
	}
	for _, tt := range tests {
		payload, err := webhook.Parse([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if got := payload.Events[0].MID(); got != tt.want {
			t.Errorf("MID of %.200s = %q, want %q", tt.body, got, tt.want)
		}
	}
}
