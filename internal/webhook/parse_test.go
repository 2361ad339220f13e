package webhook_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// instagramMessage wraps one messaging item the way Meta does.
func instagramMessage(item string) string {
	return `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[{"sender":{"id":"1082736450918273"},"recipient":{"id":"17841499100200301"},"timestamp":1790000123456,` + item + `}]}]}`
}

func TestParse(t *testing.T) {
	const (
		account  = "17841499100200301"
		customer = "1082736450918273"
	)
	sent, happened := time.UnixMilli(1790000124367), time.UnixMilli(1790000123456)
	dm := func(field, kind, text, summary string, flags webhook.Flag) webhook.Event {
		return webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InMessaging, Field: field, Kind: kind, Flags: flags,
			Account: account, Party: customer, Sent: sent, Time: happened, Text: text, Summary: summary,
		}
	}
	comment := func(field, kind, text, summary string) webhook.Event {
		return webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: field, Kind: kind, Account: account,
			Party: customer, Username: "river.baker", Sent: time.Unix(1790000123, 0), Text: text, Summary: summary,
		}
	}
	change := func(field, value string) string {
		return `{"entry": [{"id": "` + account + `", "time": 1790000123, "changes": [{"value": ` + value + `, "field": "` + field + `"}]}], "object": "instagram"}`
	}
	v := vectors(t)
	tests := []struct {
		name, body string
		want       webhook.Event
	}{
		{"V1 comment", string(v[0].body), comment("comments", "", "Qué rico 🥐 <b>24/7</b> & más", "@river.baker Qué rico 🥐 <b>24/7</b> & más")},
		{"V2 comment of the Test button", string(v[1].body), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: "comments", Kind: "reply", Flags: webhook.Test, Account: "0", Party: "232323232",
			Username: "test", Sent: time.Unix(1790000123, 0), Text: "This is an example.", Summary: "@test This is an example.",
		}},
		{"V3 text", string(v[2].body), dm("messages", "", "Olá! Café 24/7? 👋🏽", "10827…273 Olá! Café 24/7? 👋🏽", 0)},
		{"V4 story reply", string(v[3].body), dm("messages", "story_reply", "Love it", "10827…273 replied to a story: Love it", 0)},
		{"V5 reaction", string(v[4].body), dm("message_reactions", "react", "❤️", "10827…273 reacted love ❤️", 0)},
		{"V6 message of the Test button", string(v[5].body), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: "messages", Flags: webhook.Test, Account: "0", Party: "12334",
			Sent: time.Unix(1790000123, 0), Time: time.Unix(1527459824, 0), Text: "random_text", Summary: "12334 random_text",
		}},
		{"V7 reaction of the Test button", string(v[6].body), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InMessaging, Field: "message_reactions", Kind: "react", Flags: webhook.Test, Account: "0", Party: "12334",
			Sent: sent, Time: time.Unix(233445667, 0), Text: "❤️", Summary: "12334 reacted love ❤️",
		}},
		{"V8 read without sender", string(v[7].body), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InMessaging, Field: "messaging_seen", Flags: webhook.NoSender, Account: account,
			Sent: sent, Time: happened, Summary: "read the conversation",
		}},
		{"unreact", instagramMessage(`"reaction":{"mid":"m","action":"unreact"}`), dm("message_reactions", "unreact", "", "10827…273 took back a reaction", 0)},
		{"image", instagramMessage(`"message":{"mid":"m","attachments":[{"type":"image","payload":{"url":"u"}}]}`), dm("messages", "image", "", "10827…273 sent an image", 0)},
		{"two images", instagramMessage(`"message":{"mid":"m","attachments":[{"type":"image"},{"type":"image"}]}`), dm("messages", "image", "", "10827…273 sent 2 attachments, first image", 0)},
		{"quick reply", instagramMessage(`"message":{"mid":"m","text":"Opening hours","quick_reply":{"payload":"MENU_HOURS"}}`), dm("messages", "quick_reply", "Opening hours", `10827…273 tapped "Opening hours", payload MENU_HOURS`, 0)},
		{"inline reply", instagramMessage(`"message":{"mid":"m","text":"Yes","reply_to":{"mid":"e"}}`), dm("messages", "reply", "Yes", "10827…273 Yes", 0)},
		{"ad referral", instagramMessage(`"message":{"mid":"m","text":"price?","referral":{"ad_id":"23859471036250184"}}`), dm("messages", "ad", "price?", "10827…273 price? (from ad 23859…184)", 0)},
		{"unsent", instagramMessage(`"message":{"mid":"m","is_deleted":true}`), dm("messages", "unsend", "", "10827…273 (unsent)", webhook.Deleted)},
		{"unsupported", instagramMessage(`"message":{"mid":"m","is_unsupported":true}`), dm("messages", "unsupported", "", "10827…273 sent something the API does not show", 0)},
		{"postback", instagramMessage(`"postback":{"mid":"m","title":"Talk to a human","payload":"HUMAN"}`), dm("messaging_postbacks", "", "Talk to a human HUMAN", `10827…273 tapped "Talk to a human", payload HUMAN`, 0)},
		{"hollow edit", instagramMessage(`"message_edit":{"mid":"m","num_edit":0}`), dm("message_edit", "", "", "10827…273 message_edit without text: is the messages field enabled on the app?", webhook.HollowEdit)},
		{"handover", instagramMessage(`"pass_thread_control":{"new_owner_app_id":"263902037430900"}`), dm("messaging_handover", "pass", "", "10827…273 conversation passed to the Page Inbox", 0)},
		{"unknown item", instagramMessage(`"wave":{"hand":"left"}`), dm("", "", "", "10827…273 an event igloo does not know: wave", webhook.Unknown)},
		{
			"echo", `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[{"sender":{"id":"17841499100200301"},"recipient":{"id":"1082736450918273"},"timestamp":1790000123456,"message":{"mid":"m","text":"Thanks","is_echo":true}}]}]}`,
			dm("messages", "echo", "Thanks", "to 10827…273 Thanks", webhook.Echo),
		},
		{"reply on a reel", change("comments", `{"from": {"id": "1082736450918273", "username": "river.baker"}, "media": {"id": "1", "media_product_type": "REELS"}, "id": "2", "parent_id": "3", "text": "Me too"}`), comment("comments", "reply", "Me too", "@river.baker Me too")},
		{"live comment", change("live_comments", `{"from": {"id": "1082736450918273", "username": "river.baker"}, "media": {"media_product_type": "LIVE"}, "text": "hi"}`), comment("live_comments", "live", "hi", "@river.baker hi")},
		{"comment without text", change("comments", `{"from": {"id": "1082736450918273", "username": "river.baker"}, "media": {"media_product_type": "FEED"}}`), comment("comments", "", "", "@river.baker commented without text (a GIF or sticker)")},
		{"id as a number", change("comments", `{"from": {"id": 1082736450918273, "username": "river.baker"}, "text": "hi"}`), comment("comments", "", "hi", "@river.baker hi")},
		{"own comment", change("comments", `{"from": {"id": "17841499100200301", "username": "oven", "self_ig_scoped_id": "123"}, "text": "Thank you!"}`), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: "comments", Flags: webhook.Own, Account: account, Party: account,
			Username: "oven", Sent: time.Unix(1790000123, 0), Text: "Thank you!", Summary: "@oven Thank you!",
		}},
		{"story insights", change("story_insights", `{"media_id": "18112233905846170", "impressions": 412, "exits": -1}`), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: "story_insights", Account: account, Sent: time.Unix(1790000123, 0),
			Summary: "story 18112…170 impressions 412 exits <5",
		}},
		{"mention", change("mentions", `{"comment_id": "17906421385120336", "media_id": "18064310520917744"}`), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: "mentions", Kind: "comment", Account: account, Sent: time.Unix(1790000123, 0),
			Summary: "mentioned you in comment 17906…336",
		}},
		{"unknown field", change("follow", `{"anything": true}`), webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InChanges, Field: "follow", Flags: webhook.Unknown, Account: account, Sent: time.Unix(1790000123, 0),
			Summary: "a field igloo does not know the shape of: follow",
		}},
		{"standby", `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","standby":[{"sender":{"id":"1082736450918273"},"recipient":{"id":"17841499100200301"},"timestamp":1790000123456,"message":{"mid":"m","text":"anyone?"}}]}]}`, webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InStandby, Field: "standby", Flags: webhook.OnStandby, Account: account, Party: customer,
			Sent: sent, Time: happened, Text: "anyone?", Summary: "10827…273 anyone?",
		}},
		{"page echo", `{"object":"page","entry":[{"id":"p","time":1790000124367,"messaging":[{"sender":{"id":"p"},"recipient":{"id":"u"},"message":{"text":"hi","is_echo":true}}]}]}`, webhook.Event{
			N: 1, Object: "page", Section: webhook.InMessaging, Field: "message_echoes", Kind: "echo", Flags: webhook.Echo, Account: "p", Party: "u", Sent: sent, Text: "hi", Summary: "to u hi",
		}},
		{"changed_fields", `{"object":"user","entry":[{"uid":"1","id":"2","time":1790000123,"changed_fields":["photos"]}]}`, webhook.Event{
			N: 1, Object: "user", Section: webhook.InChangedFields, Field: "photos", Flags: webhook.WithoutValue, Account: "2", Sent: time.Unix(1790000123, 0),
			Summary: "changed; the subscription does not include values",
		}},
		{"flat entry of the examples page", `[{"object":"instagram","entry":[{"id":"2","time":1790000123,"field":"comments","value":{"from":{"id":"3","username":"a"},"text":"hi"}}]}]`, webhook.Event{
			N: 1, Object: "instagram", Section: webhook.InEntry, Field: "comments", Account: "2", Party: "3", Username: "a", Sent: time.Unix(1790000123, 0), Text: "hi", Summary: "@a hi",
		}},
		{"no entry", `{"hello":"world"}`, webhook.Event{N: 1, Section: webhook.InEntry, Flags: webhook.Unknown, Summary: "a payload without an entry"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := webhook.Parse([]byte(tt.body))
			if err != nil || len(got.Events) != 1 {
				t.Fatalf("Parse = %d events, %v, want 1 event", len(got.Events), err)
			}
			if diff := cmp.Diff(tt.want, got.Events[0], cmpopts.IgnoreFields(webhook.Event{}, "Raw")); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			if !strings.Contains(tt.body, string(got.Events[0].Raw)) || len(got.Events[0].Raw) == 0 {
				t.Errorf("Raw = %q, want bytes of the body", got.Events[0].Raw)
			}
		})
	}
}

func TestParseBatch(t *testing.T) {
	item := `{"field":"comments","value":{"from":{"id":"%d"},"text":"n"}}`
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(item, i))
	}
	body := `{"object":"instagram","entry":[{"id":"1","time":5,"changes":[` + strings.Join(items[:400], ",") + `]},{"id":"2","time":6,"changes":[` + strings.Join(items[400:], " , ") + `]}]}`
	got, err := webhook.Parse([]byte(body))
	if err != nil || len(got.Events) != 1000 || got.Entries != 2 {
		t.Fatalf("Parse = %d events in %d entries, %v, want 1000 in 2", len(got.Events), got.Entries, err)
	}
	for i, e := range got.Events {
		if e.N != i+1 || e.Party != fmt.Sprint(i) || string(e.Raw) != items[i] {
			t.Fatalf("event %d = n %d, party %q, raw %s", i, e.N, e.Party, e.Raw)
		}
	}
	if got, want := got.Events[999].Conversation(), "2/999"; got != want {
		t.Errorf("Conversation = %q, want %q", got, want)
	}
}

func TestParseSyntaxError(t *testing.T) {
	tests := []struct {
		body   string
		offset int
		reason string
	}{
		{"", 0, "empty body"},
		{"  \n", 0, "empty body"},
		{`"text"`, 0, "not a JSON object"},
		{` 17`, 1, "not a JSON object"},
		{`{"object":"instagram",}`, 21, ""},
		{`{"object":`, 10, ""},
		{`object=instagram&entry=1`, 0, ""},
		{`{} {}`, 2, "more text"},
	}
	for _, tt := range tests {
		_, err := webhook.Parse([]byte(tt.body))
		got, ok := errors.AsType[*webhook.SyntaxError](err)
		if !ok || got.Offset != tt.offset || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("Parse(%q) = %v, want %q at byte %d", tt.body, err, tt.reason, tt.offset)
		}
	}
}

func TestParseBounds(t *testing.T) {
	body := []byte(`{"object":"` + strings.Repeat("é", 5000) + `","entry":[{"changes":[` + strings.Repeat("0,", 2*webhook.MaxEvents) + `0]}]}`)
	got, err := webhook.Parse(body)
	if err != nil || len(got.Events) != webhook.MaxEvents || got.More != webhook.MaxEvents+1 {
		t.Errorf("Parse = %d events and %d more, %v", len(got.Events), got.More, err)
	}
	if n := utf8.RuneCountInString(got.Events[0].Object); n != 64 {
		t.Errorf("object of %d characters kept, want 64", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.body)
	}
	f.Add([]byte(`[{"entry":[{"changes":[{"value":{"from":[]},"field":7}],"standby":[[]],"messaging":[{"message":{"attachments":[{}]}}]}]}]`))
	f.Add([]byte(`{"entry":[{"changed_fields":[1,"\ud800"]}]} `))
	f.Add([]byte(`{"object":"page","entry":[{"id":"0","messaging":[{"app_roles":{"1":["a"],"2":[[]]}},{"order":{"products":[{}],"note":"n"}},{"read":{"watermark":1}},{"postback":{"referral":{"product":{"id":"1"}}}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		got, err := webhook.Parse(body)
		if !bytes.Equal(before, body) {
			t.Fatal("Parse wrote to the body")
		}
		if err != nil {
			return
		}
		if len(got.Events) == 0 {
			t.Fatal("no event and no error")
		}
		for _, e := range got.Events {
			if !bytes.Contains(body, e.Raw) {
				t.Fatalf("Raw %q is not part of the body", e.Raw)
			}
			if utf8.RuneCountInString(e.Summary) > 160 {
				t.Fatalf("summary of %d characters", utf8.RuneCountInString(e.Summary))
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	v := vectors(b)
	batch := []byte(`{"entry": [{"id": "1", "time": 1, "changes": [` + strings.Repeat(`{"value": {"from": {"id": "1082736450918273", "username": "river.baker"}, "media": {"id": "18064310520917744", "media_product_type": "FEED"}, "id": "17906421385120336", "text": "Qu\u00e9 rico"}, "field": "comments"},`, 999) + `{}]}], "object": "instagram"}`)
	for name, body := range map[string][]byte{"comment": v[0].body, "message": v[2].body, "batch1000": batch} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := webhook.Parse(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
