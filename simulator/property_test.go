package simulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// signedRequest renders and signs a fixture.
func signedRequest(t testing.TB, f fixtures.Fixture, o simulator.Options) *simulator.Request {
	t.Helper()
	r, err := simulator.Render(f, o)
	if err != nil {
		t.Fatal(err)
	}
	r.Sign(simulator.NewSecret(key))
	return r
}

// holds verifies a body with a request's signature.
func holds(r *simulator.Request, body []byte) bool {
	return webhook.Verify(simulator.NewSecret(key), body, r.Get(webhook.SignatureHeader)) == nil
}

// TestEncodeSignVerify holds that what is encoded and signed verifies, and nothing
// else does: for every fixture, and for payloads of the nastiest texts.
func TestEncodeSignVerify(t *testing.T) {
	var all []fixtures.Fixture
	all = append(all, fixtures.Builtin().All()...)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		value := randomValue(rng, 4)
		section := []string{`"changes":[{"field":"comments","value":%s}]`, `"messaging":[{"message":{"mid":"m","text":%s}}]`}[i%2]
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, `{"object":"instagram","entry":[{"id":"1","time":1790000123,`+fmt.Sprintf(section, text)+`}]}`)
		f.Name = fmt.Sprint("random ", i)
		all = append(all, f)
	}
	for i, f := range all {
		for _, o := range []simulator.Options{{}, {Batch: 7}, {MessengerEscapes: true}} {
			r, err := simulator.Render(f, o)
			if err != nil && o.MessengerEscapes {
				continue // in the changes dialect
			}
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				continue
			}
			r.Sign(simulator.NewSecret(key))
			if !holds(r, r.Body) {
				t.Errorf("%s: the signature does not hold: %s", f.Name, r.Body)
			}
			spoiled := bytes.Clone(r.Body)
			spoiled[(i*7919)%len(spoiled)] ^= 1 << (i % 8)
			err = webhook.Verify(simulator.NewSecret(key), spoiled, r.Get(webhook.SignatureHeader))
			if !errors.Is(err, webhook.ErrSignatureMismatch) {
				t.Errorf("%s: with a bit flipped Verify = %v", f.Name, err)
			}
			if i := bytes.IndexFunc(r.Body, func(c rune) bool { return c < ' ' || c > '~' && (c != 0x7f || r.Dialect == webhook.Changes) }); i >= 0 {
				t.Errorf("%s: byte %#x in %s", f.Name, r.Body[i], r.Body)
			}
			if !f.Wrapped && o.Batch == 0 {
				checkSame(t, f, r)
			}
		}
	}
}

// checkSame holds that a bare fixture means the same after encoding.
func checkSame(t *testing.T, f fixtures.Fixture, r *simulator.Request) {
	t.Helper()
	var want, got any
	if err := errors.Join(json.Unmarshal(f.Payload, &want), json.Unmarshal(r.Body, &got)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s means something else (-want +got):\n%s", f.Name, diff)
	}
}

// nasty are texts that encoders disagree about.
var nasty = []string{
	"", "/", "\\", "\"", "\\/", "</script>", "<", ">", "&", "'", "@", "%", "#=?", "\b\f\n\r\t", "\x00\x01\x1f", "\x7f", "\u0080\u00ff",
	"é", "ß", "漢", "👋🏽", "👩‍🍳", "\u2028\u2029", "\ufeff", "\ufffd", "\uffff", "\U0010ffff", `\u00e9`, "{{mid}}", "sha256=", " ", "\u00a0",
}

func randomValue(rng *rand.Rand, depth int) any {
	switch n := rng.IntN(8); {
	case n == 0 && depth > 0:
		out := map[string]any{}
		for range rng.IntN(4) {
			out[randomText(rng)] = randomValue(rng, depth-1)
		}
		return out
	case n == 1 && depth > 0:
		var out []any
		for range rng.IntN(4) {
			out = append(out, randomValue(rng, depth-1))
		}
		return out
	case n == 2:
		return []any{nil, true, false, 0, -1, 1.5, 12345678901234}[rng.IntN(7)]
	}
	return randomText(rng)
}

func randomText(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(5) {
		b.WriteString(nasty[rng.IntN(len(nasty))])
	}
	return b.String()
}

var unicodeEscape = regexp.MustCompile(`(\\u[0-9a-f]{4})+`)

// stringify does to a body what JSON.stringify(JSON.parse(body)) does: no spaces, no
// escapes but the needed ones.
func stringify(t testing.TB, body []byte) []byte {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(compact.String(), `\/`, `/`)
	text = unicodeEscape.ReplaceAllStringFunc(text, func(run string) string {
		var units []uint16
		for _, hex := range strings.Split(run, `\u`)[1:] {
			n, err := strconv.ParseUint(hex, 16, 16)
			if err != nil {
				t.Fatal(err)
			}
			units = append(units, uint16(n))
		}
		return string(utf16.Decode(units))
	})
	return []byte(text)
}

// TestRoundTripBreaksTheSignature parses and writes bodies again, the most usual
// mistake: the changes dialect never survives it. The messaging dialect does when a
// text has nothing to escape, which is why the mistake can stay unnoticed for long.
func TestRoundTripBreaksTheSignature(t *testing.T) {
	survivors := map[webhook.Dialect]int{}
	for _, f := range fixtures.Builtin().All() {
		r := signedRequest(t, f, simulator.Options{})
		again := stringify(t, r.Body)
		var want, got any
		if err := errors.Join(json.Unmarshal(r.Body, &want), json.Unmarshal(again, &got)); err != nil || !cmp.Equal(want, got) {
			t.Fatalf("%s: not a round trip: %v\n%s\n%s", f.Name, err, r.Body, again)
		}
		escapes := bytes.Contains(r.Body, []byte(`\/`)) || bytes.Contains(r.Body, []byte(`\u`))
		if wantHeld := r.Dialect == webhook.Messaging && !escapes; holds(r, again) != wantHeld {
			t.Errorf("%s: after JSON.stringify the signature holds: %t, want %t\n%s", f.Name, !wantHeld, wantHeld, again)
		} else if wantHeld {
			survivors[r.Dialect]++
		}
		// The other dialect's separators break either.
		other, err := webhook.Encode(nil, r.Body, 1-r.Dialect)
		if err != nil || holds(r, other) {
			t.Errorf("%s: the signature holds in the other dialect, %v", f.Name, err)
		}
	}
	if survivors[webhook.Messaging] == 0 {
		t.Error("no direct message survives, though those of plain texts should")
	}
}

// TestContentLengths makes bodies of the shape of published deliveries whose
// Content-Length is known, and counts: the dialects, and no others, have it.
func TestContentLengths(t *testing.T) {
	tests := []struct {
		name, fixture      string
		shape              simulator.Shape
		changes            []string
		sent, compact, raw int
	}{
		{"a comment, December 2024", "comments", simulator.Real, []string{
			"username=riverbaker", "from.id=1082736450918273", "text=Qué pan más bonito, gracias y saludos",
		}, 346, 322, 314},
		{"a direct message", "messages", simulator.Real, []string{"text=Hola"}, 395, 395, 395},
		{"a direct message, November 2025", "messages", simulator.Real, []string{"sender.id=108273645091827", "text=Hey"}, 393, 393, 393},
		{"a direct message, July 2025", "messages", simulator.Real, []string{"text=Olá oi"}, 402, 402, 398},
		{"the Test of comments", "comments", simulator.Test, nil, 308, 282, 282},
		{"the Test of messages", "messages", simulator.Test, nil, 255, 232, 232},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := signedRequest(t, builtin(t, tt.fixture), simulator.Options{Shape: tt.shape, Changes: set(t, tt.changes...), Seed: 1})
			var compact bytes.Buffer
			if err := json.Compact(&compact, r.Body); err != nil {
				t.Fatal(err)
			}
			if raw := stringify(t, r.Body); len(r.Body) != tt.sent || compact.Len() != tt.compact || len(raw) != tt.raw {
				t.Errorf("%d bytes, %d without spaces, %d without escapes; want %d, %d, %d: %s", len(r.Body), compact.Len(), len(raw), tt.sent, tt.compact, tt.raw, r.Body)
			}
		})
	}
}

var longID = regexp.MustCompile(`"(\d{16,17})"`)

// TestIDsLoseDigitsAsFloats parses the ids of every fixture as programs do that take
// them for numbers: the mistake must show. A Page's 15 digits are too few for it.
func TestIDsLoseDigitsAsFloats(t *testing.T) {
	for _, f := range fixtures.Builtin().All() {
		if !bytes.Contains(f.Payload, []byte(".id}}")) {
			continue // Meta's fixed sample values
		}
		for range 5 {
			r := signedRequest(t, f, simulator.Options{})
			literal := string(f.Payload)
			for _, m := range longID.FindAllSubmatch(r.Body, -1) {
				id := string(m[1])
				if strings.Contains(literal, id) {
					continue
				}
				var number float64
				if err := json.Unmarshal([]byte(id), &number); err != nil {
					t.Fatal(err)
				}
				if got := strconv.FormatFloat(number, 'f', -1, 64); got == id {
					t.Errorf("%s: the id %s survives as a float", f.Name, id)
				}
			}
		}
	}
}

// TestMIDs decodes the mids of every fixture and seed: they name the account of their
// entry, one conversation, and the very time of the event that brings them.
func TestMIDs(t *testing.T) {
	for _, f := range fixtures.Builtin().All() {
		own := bytes.Contains(f.Payload, []byte(`"mid":"{{mid}}"`))
		if !own || f.NeverSent {
			continue
		}
		for seed := range uint64(20) {
			body := signedRequest(t, f, simulator.Options{Seed: seed}).Body
			var payload struct {
				Entry []struct {
					ID                 string
					Messaging, Standby []map[string]json.RawMessage
				}
			}
			if err := json.Unmarshal(body, &payload); err != nil {
				t.Fatal(err)
			}
			entry := payload.Entry[0]
			item := append(entry.Messaging, entry.Standby...)[0]
			for _, event := range []string{"message", "postback", "message_edit"} {
				var with struct{ MID string }
				if item[event] == nil {
					continue
				}
				if err := json.Unmarshal(item[event], &with); err != nil {
					t.Fatal(err)
				}
				checkMID(t, with.MID, entry.ID, string(item["timestamp"]))
			}
		}
	}
}

// TestPageIDs holds what a Page's deliveries are made of against published ones.
func TestPageIDs(t *testing.T) {
	run := simulator.NewRun(0, nil)
	render := func(name string) string {
		t.Helper()
		tmpl, err := run.Compile(builtin(t, name), simulator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return string(tmpl.Render().Body)
	}
	first, second := render("page/messages/text"), render("page/messages/text")
	item := []string{"entry", "0", "messaging", "0"}
	mid := at(t, first, append(item, "message", "mid")...)
	if !regexp.MustCompile(`^m_[A-Za-z0-9_-]{85}[AQgw]$`).MatchString(mid) {
		t.Errorf("mid %q", mid)
	}
	if again := at(t, second, append(item, "message", "mid")...); again == mid {
		t.Errorf("two messages with the mid %q", mid)
	}
	if got := at(t, render("page/messages/reply"), append(item, "message", "reply_to", "mid")...); got != mid {
		t.Errorf("the reply is to %q, want the first message, %q", got, mid)
	}
	page := at(t, first, "entry", "0", "id")
	if !regexp.MustCompile(`^\d{15}$`).MatchString(page) || page != at(t, second, "entry", "0", "id") || page != at(t, first, append(item, "recipient", "id")...) {
		t.Errorf("page id %q in %s and %s", page, first, second)
	}
	// What the run knows of Instagram is another conversation.
	if got := at(t, render("messages/reply"), append(item, "message", "reply_to", "mid")...); strings.HasPrefix(got, "m_") {
		t.Errorf("an Instagram reply to a Page's message %q", got)
	}
}

// TestFreshPage gives a captured delivery of a Page ids of its kind.
func TestFreshPage(t *testing.T) {
	const old = "m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM_QPpz5jdCK48PnKAjSdjfipqxqMvK8ma6AC8fplwlqLP_5cgXIbu7I3rBN0P"
	f := parse(t, `{"object":"page","entry":[{"time":1,"id":"102133768442217","messaging":[{"timestamp":1,"message":{"mid":"`+old+`","text":"a"}}]}]}`)
	mid := at(t, render(t, f, simulator.Options{Fresh: true}), "entry", "0", "messaging", "0", "message", "mid")
	if mid == old || !strings.HasPrefix(mid, "m_") || len(mid) != len(old) {
		t.Errorf("mid %q for %q", mid, old)
	}
}
