package webhook_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// differences are the differences of a body's first event and of its envelope, as
// people read them.
func differences(t testing.TB, body string) []string {
	t.Helper()
	payload, err := webhook.Parse([]byte(body))
	if err != nil {
		t.Fatalf("Parse(%q): %v", body, err)
	}
	var out []string
	for _, d := range append(webhook.CompareEnvelope([]byte(body)), webhook.Compare(payload.Events[0])...) {
		out = append(out, string(d.Kind)+": "+d.String())
	}
	return out
}

func TestCompare(t *testing.T) {
	comment := func(value string) string {
		return `{"entry": [{"id": "17841499100200301", "time": 1790000123, "changes": [{"value": ` + value + `, "field": "comments"}]}], "object": "instagram"}`
	}
	page := func(item string) string {
		return strings.Replace(instagramMessage(item), `"instagram"`, `"page"`, 1)
	}
	const from, media = `"from": {"id": "1", "username": "a"}`, `"media": {"id": "2", "media_product_type": "FEED"}`
	tests := []struct {
		name, body string
		want       []string
	}{
		{"as known", comment(`{` + from + `, ` + media + `, "id": "3", "text": "hi"}`), nil},
		{"every optional key", comment(`{"from": {"id": "1", "username": "a", "self_ig_scoped_id": "9"}, "media": {"id": "2", "media_product_type": "AD", "ad_id": "4", "ad_title": "t", "original_media_id": "5"}, "id": "3", "parent_id": "6", "text": "hi"}`), nil},
		{"more", comment(`{` + from + `, "media": {"id": "2", "media_product_type": "FEED", "caption": "x"}, "id": "3", "likes": 4}`), []string{
			"unknown_key: value.media.caption is not known (string)", "unknown_key: value.likes is not known (number)",
		}},
		{"less", comment(`{"from": {"username": "a"}, "text": "hi"}`), []string{
			"missing_key: value.from.id is missing (string)", "missing_key: value.media is missing (object)", "missing_key: value.id is missing (string)",
		}},
		{"other types", comment(`{"from": {"id": 1, "username": null}, "media": [], "id": "3"}`), []string{
			"other_type: value.from.id is number, known as string", "other_type: value.from.username is null, known as string",
			"other_type: value.media is array, known as object",
		}},
		{"value is not an object", comment(`7`), []string{"other_type: value is number, known as object"}},
		{"no value", `{"entry":[{"id":"1","time":1,"changes":[{"field":"comments"}]}],"object":"instagram"}`, []string{"missing_key: value is missing (object)"}},
		{"a field without a known shape", `{"entry":[{"id":"1","time":1,"changes":[{"field":"follow","value":{"x":1}}]}],"object":"instagram"}`, nil},
		{"message", instagramMessage(`"message":{"mid":"m","text":"hi","sticker_id":7}`), []string{"unknown_key: message.sticker_id is not known (number)"}},
		{"two event objects", instagramMessage(`"message":{"mid":"m"},"wave":{}`), []string{"unknown_key: wave is not known (object)"}},
		{"attachment", instagramMessage(`"message":{"mid":"m","attachments":[{"type":"image","payload":{"url":"u"}},{"type":"image","payload":{"url":"u","id":1}}]}`), []string{
			"unknown_key: message.attachments[1].payload.id is not known (number)",
		}},
		{"attachment type", instagramMessage(`"message":{"mid":"m","attachments":[{"type":"hologram","payload":{"x":1}}]}`), []string{
			`unknown_value: message.attachments[0].type has a value that is not known: "hologram"`,
		}},
		{"attachment without payload", instagramMessage(`"message":{"mid":"m","attachments":[{"type":"video"},{"type":"ephemeral"},7,{"type":"template","payload":{}}]}`), []string{
			"missing_key: message.attachments[0].payload is missing (object)", "other_type: message.attachments[2] is number, known as object",
		}},
		{"template", instagramMessage(`"message":{"mid":"m","attachments":[{"type":"template","payload":{"generic":{"elements":[{"title":"t","buttons":[{"type":"open_url","title":"t","color":1}]}]}}}]}`), []string{
			"unknown_key: message.attachments[0].payload.generic.elements[0].buttons[0].color is not known (number)",
		}},
		{"read on Instagram", instagramMessage(`"read":{"watermark":1}`), []string{"unknown_key: read.watermark is not known (number)", "missing_key: read.mid is missing (string)"}},
		{"read on a page", page(`"read":{"watermark":1}`), nil},
		{"game play as published", page(`"game_play":{"game_id":"918273645546372","player_id":"4410098877665544"}`), nil},
		{"opt-in on a page", page(`"optin":{"ref":"x"}`), nil},
		{"referral from an ad on a page", page(`"referral":{"ref":"r","ad_id":"1","source":"ADS","type":"OPEN_THREAD","ads_context_data":{"ad_title":"t"}}`), nil},
		{"string timestamp", `{"object":"instagram","entry":[{"time":1,"id":"17841","messaging":[{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":"3","message":{"mid":"m"}}]}]}`, []string{
			"other_type: timestamp is string, known as number",
		}},
		{"string timestamp of a Test", `{"object":"instagram","entry":[{"time":1,"id":"0","messaging":[{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":"3","message":{"mid":"m"}}]}]}`, nil},
		{"no sender", `{"object":"instagram","entry":[{"time":1,"id":"1","messaging":[{"timestamp":3,"message":{"mid":"m"}}]}]}`, []string{
			"missing_key: sender is missing (object)", "missing_key: recipient is missing (object)",
		}},
		{"withheld payload", `{"object":"instagram","entry":[{"time":1,"id":"1","standby":[{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":3,"postback":{"mid":"m","title":"t"}}]}]}`, nil},
		{"postback without payload", instagramMessage(`"postback":{"mid":"m","title":"t"}`), []string{"missing_key: postback.payload is missing (string)"}},
		{"empty key", instagramMessage(`"message":{"mid":"m","":1}`), []string{`unknown_key: message."" is not known (number)`}},
		{"app roles", instagramMessage(`"app_roles":{"1":["primary_receiver"],"2":[3],"3":{}}`), []string{
			"other_type: app_roles.2[0] is number, known as string", "other_type: app_roles.3 is object, known as array",
		}},
		{"envelope", `{"object":"instagram","version":1,"entry":[{"id":1,"time":"5","changes":[],"hint":null}]}`, []string{
			"unknown_key: version is not known (number)", "other_type: entry[0].id is number, known as string",
			"other_type: entry[0].time is string, known as number", "unknown_key: entry[0].hint is not known (null)",
		}},
		{"flat entry of the examples page", `[{"object":"instagram","entry":[{"id":"2","time":1,"field":"comments","value":{}}]}]`, []string{
			"other_type: $ is array, known as object", "unknown_key: [].entry[0].field is not known (string)", "unknown_key: [].entry[0].value is not known (object)",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, differences(t, tt.body)); diff != "" {
				t.Errorf("differences of %s (-want +got):\n%s", tt.body, diff)
			}
		})
	}
}

func TestCompareBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"object":"instagram","entry":[{"time":1,"id":"1","messaging":[{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":3,"message":{"mid":"m"`)
	for range 5000 {
		b.WriteString(`,"` + strings.Repeat("k", 300) + `":1`)
	}
	b.WriteString(`}}]}]}`)
	payload, err := webhook.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	got := webhook.Compare(payload.Events[0])
	if len(got) != 50 {
		t.Errorf("%d differences, want 50", len(got))
	}
	if n := len(got[0].Path); n > 100 {
		t.Errorf("a path of %d bytes", n)
	}
}

func TestKeysAreCopies(t *testing.T) {
	keys := webhook.Keys("comments")
	keys[0].Path = "changed"
	if got := webhook.Keys("comments")[0].Path; got != "from" {
		t.Errorf("Keys(comments)[0].Path = %q, want from", got)
	}
	if got := webhook.Keys("message_edit")[2]; got.Type.String() != "string" || !got.Optional || got.Path != "message_edit.text" {
		t.Errorf("key = %+v", got)
	}
	if got, want := webhook.Keys("message_edit")[3].Type.String(), "string or number"; got != want {
		t.Errorf("Type = %q, want %q", got, want)
	}
	types := webhook.AttachmentKeys()
	if got := types["story_mention"][0].Path; got != "url" || types["ephemeral"] != nil {
		t.Errorf("AttachmentKeys: story_mention %q, ephemeral %v", got, types["ephemeral"])
	}
}

func FuzzCompare(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.body)
	}
	f.Add([]byte(`[{"object":7,"entry":[{"changes":[{"value":{"from":[]},"field":"comments"}],"standby":[[]],"messaging":[{"message":{"attachments":[{"type":"image","payload":[]}]}}]}]}]`))
	f.Add([]byte(`{"entry":[{"id":"1","changed_fields":[1,"\ud800"],"messaging":[{"app_roles":{"\u0000":[[]]}},{"postback":{"referral":{"product":{}}}}]}]} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		envelope := webhook.CompareEnvelope(body)
		payload, err := webhook.Parse(body)
		if err != nil {
			if len(envelope) != 0 && bytes.TrimSpace(body)[0] == '{' {
				t.Fatalf("differences of a body that does not parse: %v", envelope)
			}
			return
		}
		for _, e := range payload.Events {
			envelope = append(envelope[:0:0], webhook.Compare(e)...)
			if len(envelope) > webhook.MaxDifferences {
				t.Fatalf("%d differences", len(envelope))
			}
			for _, d := range envelope {
				if d.Path == "" || d.String() == "" || d.Want == "" && d.Got == "" {
					t.Fatalf("difference %+v", d)
				}
			}
		}
		if !bytes.Equal(before, body) {
			t.Fatal("Compare wrote to the body")
		}
	})
}
