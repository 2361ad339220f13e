package simulator_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

const key = "0123456789abcdef0123456789abcdef"

// The ids and mids of the vectors.
const (
	vectorMID   = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDk5MTAwMjAwMzAxOjM0MDI4MjM2Njg0MTcxMDMwMTI0NDI1ODYzNTM4NTUzODk5NTk1OTozMzAxOTY3NDE2OTMwMzg2MDk2MDQ2NDUwMjUxMzQ2NzM5MgZDZD"
	earlierMID  = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDk5MTAwMjAwMzAxOjM0MDI4MjM2Njg0MTcxMDMwMTI0NDI1ODYzNTM4NTUzODk5NTk1OTozMzAxOTY3Mjk3MDI3OTU4OTQ4MTgxNTk2MTU3MDkwMjAxNgZDZD"
	vectorStory = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=17990011223344556&signature=AbExampleOnly_k3Jr9-2QmZ0"
)

// set builds changes from "path=value" texts.
func set(t testing.TB, args ...string) []simulator.Change {
	t.Helper()
	var out []simulator.Change
	for _, arg := range args {
		c, err := simulator.ParseChange(simulator.Set, arg, false)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

func builtin(t testing.TB, name string) fixtures.Fixture {
	t.Helper()
	f, err := fixtures.Builtin().Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestVectors renders the built-in fixtures with the ids of the published vectors:
// the bodies and both signatures come out byte for byte.
func TestVectors(t *testing.T) {
	now := time.UnixMilli(1790000124367)
	inSeconds := time.Unix(1790000123, 0)
	parties := []string{"$.entry[0].id=17841499100200301", "sender.id=1082736450918273", "recipient.id=17841499100200301"}
	tests := []struct {
		vector, fixture string
		options         simulator.Options
		changes         []string
	}{
		{"V1", "comments", simulator.Options{Now: inSeconds}, []string{
			"$.entry[0].id=17841499100200301", "from.id=1082736450918273", "username=river.baker",
			"media.id=18064310520917744", "id=17906421385120336",
		}},
		{"V2", "comments/ad", simulator.Options{Now: inSeconds, Shape: simulator.Test}, nil},
		{"V3", "messages", simulator.Options{Now: now}, append(parties, "mid="+vectorMID)},
		{"V4", "messages/story_reply", simulator.Options{Now: now}, append(parties, "mid="+vectorMID,
			"message.reply_to.story.id=18112233905846170", "url="+vectorStory)},
		{"V5", "message_reactions", simulator.Options{Now: now}, append(parties, "mid="+earlierMID)},
		{"V6", "messages/image", simulator.Options{Now: inSeconds, Shape: simulator.Test}, nil},
		{"V7", "message_reactions", simulator.Options{Now: now, Shape: simulator.Test, Login: webhook.Messenger}, nil},
		{"V8", "messaging_seen/no_sender", simulator.Options{Now: now}, []string{"$.entry[0].id=17841499100200301", "mid=" + earlierMID}},
	}
	vectors := readVectors(t)
	for _, tt := range tests {
		t.Run(tt.vector, func(t *testing.T) {
			tt.options.Changes = set(t, tt.changes...)
			r, err := simulator.Render(builtin(t, tt.fixture), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			r.Sign(simulator.NewSecret(key))
			want := vectors[tt.vector]
			if diff := cmp.Diff(want.body, string(r.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got := r.Get(webhook.SHA1SignatureHeader); got != want.sha1 {
				t.Errorf("X-Hub-Signature = %q, want %q", got, want.sha1)
			}
			if got := r.Get(webhook.SignatureHeader); got != want.sha256 {
				t.Errorf("X-Hub-Signature-256 = %q, want %q", got, want.sha256)
			}
		})
	}
}

// TestVectorsAsCaptured fires the vectors' bodies as bare fixtures: laid out in any
// way, they come out as they were.
func TestVectorsAsCaptured(t *testing.T) {
	for name, v := range readVectors(t) {
		for layout, text := range map[string]string{
			"as sent": v.body,
			"spread":  strings.ReplaceAll(strings.ReplaceAll(v.body, `":`, `" : `), "{", "{\n\t"),
		} {
			f, err := fixtures.Parse(name+".json", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			r, err := simulator.Render(f, simulator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r.Sign(simulator.NewSecret(key))
			if got := r.Get(webhook.SignatureHeader); got != v.sha256 {
				t.Errorf("%s %s: signature %q, want %q, of\n%s", name, layout, got, v.sha256, r.Body)
			}
		}
	}
}

type vector struct{ body, sha1, sha256 string }

func readVectors(t testing.TB) map[string]vector {
	t.Helper()
	data, err := os.ReadFile("../internal/webhook/testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	out := map[string]vector{}
	for ; len(lines) >= 4; lines = lines[4:] {
		name, _, _ := strings.Cut(lines[0], " ")
		out[name] = vector{lines[1], lines[2], lines[3]}
	}
	if len(out) != 8 {
		t.Fatalf("%d vectors, want 8", len(out))
	}
	return out
}
