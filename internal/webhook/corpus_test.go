package webhook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// elsewhere are bodies of the shapes that other projects keep as test payloads, most
// of them older, simplified or broken on purpose. All values are invented. Each gives
// the events listed: field, kind, flags, other party.
var elsewhere = []struct {
	name, body string
	want       []string
}{
	{
		"ids as numbers", `{"object":"page","entry":[{"id":123456789012345,"time":1457764198246,"messaging":[{"sender":{"id":987654321098765},"recipient":{"id":123456789012345},"timestamp":1457764197627,"message":{"mid":"mid.1457764197618:41d1","seq":73,"text":"hello"}}]}]}`,
		[]string{"messages  [] 987654321098765"},
	},
	{
		"ids as words, times as dates", `{"object":"instagram","entry":[{"id":"account-1","time":"2021-09-08T06:34:04+0000","messaging":[{"sender":{"id":"sender-1"},"recipient":{"id":"account-1"},"timestamp":"2021-09-08T06:34:04+0000","message":{"mid":"message-1","text":"hi"}}]}]}`,
		[]string{"messages  [] sender-1"},
	},
	{
		"a customer known by reference", `{"object":"page","entry":[{"id":"1","time":1,"messaging":[{"sender":{"user_ref":"ref-1"},"recipient":{"id":"1"},"timestamp":1,"optin":{"ref":"button","user_ref":"ref-1"}}]}]}`,
		[]string{"messaging_optins  [no_sender] "},
	},
	{
		"sender and recipient as texts", `{"object":"instagram","entry":[{"id":"1","messaging":[{"sender":"2","recipient":"1","message":{"mid":"m","text":"a"}}]}]}`,
		[]string{"messages  [no_sender] "},
	},
	{
		"sender and recipient null", `{"object":"instagram","entry":[{"id":"1","messaging":[{"sender":null,"recipient":null,"message":{"mid":"m","text":"a"}}]}]}`,
		[]string{"messages  [no_sender] "},
	},
	{
		"a message that is a list", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":[]}]}]}`,
		[]string{"messages  [] 2"},
	},
	{
		"a message that is null", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":null}]}]}`,
		[]string{"messages  [] 2"},
	},
	{
		"a message beside the one before", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"prior_message":{"source":"customer_chat","identifier":"x"},"recipient":{"id":"1"},"timestamp":2,"message":{"mid":"m","text":"a","nlp":{"entities":{},"traits":{}}}}]}]}`,
		[]string{"messages  [] 2"},
	},
	{
		"an attachment without payload", `{"object":"instagram","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":{"mid":"m","attachments":[{"type":"like_heart"}]}}]}]}`,
		[]string{"messages like_heart [] 2"},
	},
	{
		"an attachment whose payload is null", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":{"mid":"m","attachments":[{"title":"a link","url":"https://example.com/","type":"fallback","payload":null}]}}]}]}`,
		[]string{"messages fallback [] 2"},
	},
	{
		"an attachment whose payload is a text", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":{"mid":"m","attachments":[{"type":"image","payload":"https://example.com/a.png"}]}}]}]}`,
		[]string{"messages image [] 2"},
	},
	{
		"a place", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":{"mid":"m","attachments":[{"title":"Ana's Location","url":"https://example.com/map","type":"location","payload":{"coordinates":{"lat":38.7,"long":-9.1}}}]}}]}]}`,
		[]string{"messages location [] 2"},
	},
	{
		"a sticker", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"message":{"mid":"m","sticker_id":369239263222822,"attachments":[{"type":"image","payload":{"url":"https://example.com/s.png","sticker_id":369239263222822}}]}}]}]}`,
		[]string{"messages image [] 2"},
	},
	{
		"a reel with a number for an id", `{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m","attachments":[{"type":"ig_reel","payload":{"url":"/reel/1/","reel_video_id":123451234512345}}]},"recipient":{"id":"1"},"sender":{"id":"2"}}]}]}`,
		[]string{"messages ig_reel [] 2"},
	},
	{
		"two messages in one entry, two entries", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"message":{"mid":"a","text":"a"}},{"sender":{"id":"3"},"postback":{"payload":"P"}}]},{"id":"4","messaging":[{"sender":{"id":"5"},"read":{"watermark":1,"seq":2}}]}]}`,
		[]string{"messages  [] 2", "messaging_postbacks  [] 3", "message_reads  [] 5"},
	},
	{
		"handover with numbers for apps", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1,"request_thread_control":{"requested_owner_app_id":123456789012345,"metadata":"m"}}]}]}`,
		[]string{"messaging_handovers request [] 2"},
	},
	{
		"a change without a value", `{"object":"page","entry":[{"id":"1","time":1,"changes":[{"field":"parking"},{"field":"payment_options"}]}]}`,
		[]string{"parking  [unknown] ", "payment_options  [unknown] "},
	},
	{
		"a person's page likes, verb beside value", `{"object":"user","entry":[{"uid":"2","id":"2","time":1,"changes":[{"field":"likes","verb":"add","value":{"page":"1"}}]}]}`,
		[]string{"likes  [unknown] "},
	},
	{
		"a value that is a text", `{"object":"user","entry":[{"id":"2","time":1,"changes":[{"field":"email","value":"a@example.com"}]}]}`,
		[]string{"email  [unknown] "},
	},
	{
		"a Page's feed", `{"object":"page","entry":[{"id":"1","time":1,"changes":[{"field":"feed","value":{"item":"comment","verb":"add","comment_id":"3_4","sender_id":2,"message":"a"}}]}]}`,
		[]string{"feed  [unknown] "},
	},
	{
		"retired events", `{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"checkout_update":{"payload":"P"}},{"sender":{"id":"2"},"payment":{"payload":"P"}}]}]}`,
		[]string{"  [unknown] 2", "  [unknown] 2"},
	},
	{
		"an item without an event", `{"object":"instagram","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1}]}]}`,
		[]string{"  [unknown] 2"},
	},
	{"an entry without a list", `{"object":"instagram","entry":[{"id":"1"}]}`, []string{"  [unknown] "}},
	{"an entry with nothing", `{"object":"other","entry":[{}]}`, []string{"  [unknown] "}},
	{"no entries", `{"object":"instagram","entry":[]}`, []string{"  [unknown] "}},
	{"an entry with another list", `{"object":"page","entry":[{"id":"1","time":1,"other":[{"sender":{"id":"2"}}]}]}`, []string{"  [unknown] "}},
	{
		"comments without anything but text", `{"object":"instagram","entry":[{"id":"0","time":1,"changes":[{"field":"comments","value":{"text":"a","id":"1"}}]}]}`,
		[]string{"comments  [test] "},
	},
}

// TestShapesElsewhere reads what other projects test with: nothing is refused, and
// what igloo does not know is said to be unknown.
func TestShapesElsewhere(t *testing.T) {
	for _, tt := range elsewhere {
		t.Run(tt.name, func(t *testing.T) {
			got := replay(t, []byte(tt.body))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCorpus replays the bodies of a folder as well when IGLOO_CORPUS names one: a
// collection of other people's payloads, which can't be kept here.
func TestCorpus(t *testing.T) {
	bodies := map[string]string{}
	for _, tt := range elsewhere {
		bodies[tt.name] = tt.body
	}
	if folder := os.Getenv("IGLOO_CORPUS"); folder != "" {
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("IGLOO_CORPUS=%s holds %d .json files, %v", folder, len(files), err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bodies[file] = string(body)
		}
	}
	events, unknown := 0, 0
	for name, body := range bodies {
		for _, line := range replay(t, []byte(body)) {
			if events++; strings.Contains(line, "unknown") {
				unknown++
				t.Logf("unknown: %q of %s", line, name)
			}
		}
	}
	t.Logf("%d bodies, %d events, %d of them unknown", len(bodies), events, unknown)
}

// replay parses a body in every way there is and lists its events. None may be
// silent: each says in one line what it is.
func replay(t *testing.T, body []byte) []string {
	t.Helper()
	payload, err := webhook.Parse(body)
	if err != nil {
		t.Fatalf("Parse(%s): %v", body, err)
	}
	if len(payload.Events) == 0 {
		t.Errorf("Parse(%s) gives no event", body)
	}
	_ = webhook.Conversations(body)   // must not panic
	_ = webhook.CompareEnvelope(body) // nor this
	var out []string
	for _, e := range payload.Events {
		if e.Summary == "" || len(e.Raw) == 0 {
			t.Errorf("Parse(%s) gives an event without a summary or bytes: %+v", body, e)
		}
		_ = webhook.Compare(e)
		out = append(out, fmt.Sprintf("%s %s %v %s", e.Field, e.Kind, e.Flags.Names(), e.Party))
	}
	return out
}
