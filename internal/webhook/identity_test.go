package webhook_test

import (
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// event returns the one event of a body.
func event(tb testing.TB, body string) webhook.Event {
	tb.Helper()
	payload, err := webhook.Parse([]byte(body))
	if err != nil || len(payload.Events) != 1 {
		tb.Fatalf("Parse(%s) = %d events, %v, want 1", body, len(payload.Events), err)
	}
	return payload.Events[0]
}

func item(time, rest string) string {
	return `{"object":"instagram","entry":[{"time":` + time + `,"id":"17841","messaging":[{"sender":{"id":"1"},"recipient":{"id":"17841"},` + rest + `}]}]}`
}

func change(time, field, value string) string {
	return `{"entry": [{"id": "17841", "time": ` + time + `, "changes": [{"value": ` + value + `, "field": "` + field + `"}]}], "object": "instagram"}`
}

func TestIdentity(t *testing.T) {
	message := item("1790000124367", `"timestamp":1790000123456,"message":{"mid":"m1","text":"hi"}`)
	comment := change("1790000124", "comments", `{"id": "178", "text": "hi", "from": {"id": "1"}}`)
	read := item("1790000124367", `"timestamp":1790000123456,"read":{"mid":"m1"}`)
	react := item("1790000124367", `"timestamp":1790000123456,"reaction":{"mid":"m1","action":"react","reaction":"love"}`)
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"later try of a message", message, strings.Replace(message, "1790000124367", "1790000190000", 1), true},
		{"later try with another CDN URL", item("1", `"timestamp":5,"message":{"mid":"m1","attachments":[{"type":"image","payload":{"url":"https://a"}}]}`), item("2", `"timestamp":5,"message":{"mid":"m1","attachments":[{"type":"image","payload":{"url":"https://b"}}]}`), true},
		{"later try of a comment", comment, strings.Replace(comment, "1790000124", "1790000190", 1), true},
		{"later try of a read event", read, strings.Replace(read, "1790000124367", "1790000423456", 1), true},
		{"other message", message, strings.Replace(message, "m1", "m2", 1), false},
		{"other comment", comment, strings.Replace(comment, "178", "179", 1), false},
		{"other account", comment, strings.Replace(comment, "17841", "17842", 1), false},
		{"the message's deletion", message, item("1", `"timestamp":1790000123456,"message":{"mid":"m1","is_deleted":true}`), false},
		{"a reaction to it", message, react, false},
		{"the same reaction again, later", react, strings.Replace(react, "1790000123456", "1790000199999", 1), false},
		{"reaction taken back", react, strings.Replace(react, `"react","reaction":"love"`, `"unreact"`, 1), false},
		{"second edit", item("1", `"timestamp":5,"message_edit":{"mid":"m1","text":"a","num_edit":1}`), item("1", `"timestamp":6,"message_edit":{"mid":"m1","text":"b","num_edit":2}`), false},
		{"live comment of the same id", comment, strings.Replace(comment, `"comments"`, `"live_comments"`, 1), false},
		{"mention in a comment", change("1", "mentions", `{"media_id": "1", "comment_id": "2"}`), change("9", "mentions", `{"media_id": "1", "comment_id": "2"}`), true},
		{"mentions of one medium", change("1", "mentions", `{"media_id": "1", "comment_id": "2"}`), change("1", "mentions", `{"media_id": "1", "comment_id": "3"}`), false},
		{"insights that differ", change("1", "story_insights", `{"media_id": "1", "reach": 1}`), change("1", "story_insights", `{"media_id": "1", "reach": 2}`), false},
	} {
		a, b := event(t, tt.a).Identity(), event(t, tt.b).Identity()
		if a == 0 || b == 0 || (a == b) != tt.same {
			t.Errorf("%s: identities %#x and %#x, want the same: %v", tt.name, a, b, tt.same)
		}
	}
	for _, body := range []string{
		strings.ReplaceAll(comment, "17841", "0"), // a Test
		`{"object":"instagram","entry":[{"id":"1","time":1,"changed_fields":["comments"]}]}`,
		`{"object":"instagram"}`,
	} {
		if got := event(t, body).Identity(); got != 0 {
			t.Errorf("Identity of %s = %#x, want 0", body, got)
		}
	}
	// Kept in journals: it must never change.
	if got := event(t, message).Identity(); got != 0x7ee3b3b3a28dbd49 {
		t.Errorf("Identity = %#x, want %#x", got, uint64(0x7ee3b3b3a28dbd49))
	}
	edit := event(t, item("1", `"timestamp":9,"message_edit":{"mid":"m1","num_edit":0}`))
	if edit.MessageIdentity() != event(t, message).Identity() {
		t.Error("the MessageIdentity of an edit is not its message's Identity")
	}
	if got := event(t, comment).MessageIdentity(); got != 0 {
		t.Errorf("MessageIdentity of a comment = %#x, want 0", got)
	}
}

func TestThread(t *testing.T) {
	for body, want := range map[string]string{
		item("1", `"timestamp":5,"message":{"mid":"m1"}`):                       "17841/1",
		change("1", "comments", `{"id": "178"}`):                                "17841/comments/178",
		change("1", "comments", `{"id": "179", "parent_id": "178"}`):            "17841/comments/178",
		change("1", "mentions", `{"media_id": "1"}`):                            "",
		`{"object":"instagram","entry":[{"time":1,"messaging":[{"read":{}}]}]}`: "",
	} {
		if got := event(t, body).Thread(); got != want {
			t.Errorf("Thread of %s = %q, want %q", body, got, want)
		}
	}
}

// TestShapesAgree demands the answer of Compare for every fixture, as it is and with
// something unknown in it, in any order and twice.
func TestShapesAgree(t *testing.T) {
	var shapes webhook.Shapes
	check := func(name string, body []byte) {
		payload, err := webhook.Parse(body)
		if err != nil {
			return
		}
		if got, want := shapes.EnvelopeDiffers(body), len(webhook.CompareEnvelope(body)) > 0; got != want {
			t.Errorf("%s: EnvelopeDiffers = %v, want %v", name, got, want)
		}
		for _, e := range payload.Events {
			if got, want := shapes.Differ(e), len(webhook.Compare(e)) > 0; got != want {
				t.Errorf("%s: Differ of event %d = %v, want %v", name, e.N, got, want)
			}
		}
	}
	for range 2 {
		for _, f := range fixtures.Builtin().All() {
			request, err := simulator.Render(f, simulator.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			body := string(request.Body)
			for _, change := range []*strings.Replacer{
				strings.NewReplacer(), strings.NewReplacer(`"mid"`, `"midd"`), strings.NewReplacer(`"timestamp"`, `"when"`), strings.NewReplacer(`"entry"`, `"x":1,"entry"`),
				strings.NewReplacer(`"image"`, `"hologram"`), strings.NewReplacer(`"id": "`, `"id": 1, "x": "`), strings.NewReplacer(`"comments"`, `"mentions"`),
			} {
				check(f.Name, []byte(change.Replace(body)))
			}
		}
	}
}

func FuzzShapes(f *testing.F) {
	f.Add([]byte(item("1", `"timestamp":5,"message":{"mid":"m1","attachments":[{"type":"image","payload":{"url":"u"}}]}`)))
	f.Add([]byte(change("1", "comments", `{"id": 1e9, "x": [true, null, {}]}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		payload, err := webhook.Parse(body)
		if err != nil {
			return
		}
		var shapes webhook.Shapes
		if got, want := shapes.EnvelopeDiffers(body), len(webhook.CompareEnvelope(body)) > 0; got != want {
			t.Errorf("EnvelopeDiffers(%q) = %v, want %v", body, got, want)
		}
		for _, e := range payload.Events {
			e.Identity()
			e.MessageIdentity()
			if got, want := shapes.Differ(e), len(webhook.Compare(e)) > 0; got != want {
				t.Errorf("Differ of event %d of %q = %v, want %v", e.N, body, got, want)
			}
		}
	})
}

func BenchmarkShapes(b *testing.B) {
	e := event(b, item("1790000124367", `"timestamp":1790000123456,"message":{"mid":"aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxMjgxNTg5MDkwMTkzOjM0MDI4MjM2Njg0MTcxMDMwMTI1ODk1OTky","text":"is it still available?"}`))
	b.Run("differ", func(b *testing.B) {
		var shapes webhook.Shapes
		for b.Loop() {
			shapes.Differ(e)
		}
	})
	b.Run("identity", func(b *testing.B) {
		for b.Loop() {
			e.Identity()
		}
	})
}
