package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

const nested = `{"object": "instagram", "entry": [{"id": "1", "time": 5, "messaging": [{
	"sender": {"id": "2"}, "timestamp": 1790000123456, "flag": true, "none": null, "dot.ted": {"x": "y"},
	"message": {"mid": "m", "text": "hi", "list": [{"type": "image", "n": 1.0}, {"type": "video"}]}}]}]}`

func TestChanges(t *testing.T) {
	const head = `{"object":"instagram","entry":[{"id":"1","time":5,"messaging":[`
	item := func(old, changed string) string {
		whole := `{"sender":{"id":"2"},"timestamp":1790000123456,"flag":true,"none":null,"dot.ted":{"x":"y"},` +
			`"message":{"mid":"m","text":"hi","list":[{"type":"image","n":1.0},{"type":"video"}]}}`
		if !strings.Contains(whole, old) {
			panic(old)
		}
		return head + strings.Replace(whole, old, changed, 1) + "]}]}"
	}
	s, u, j := simulator.Set, simulator.Unset, simulator.SetJSON
	tests := []struct {
		name   string
		change simulator.Change
		want   string
	}{
		{"full path", simulator.Change{Op: s, Path: "message.text", Value: "ho"}, item(`"hi"`, `"ho"`)},
		{"unique name", simulator.Change{Op: s, Path: "text", Value: "ho"}, item(`"hi"`, `"ho"`)},
		{"digits stay a string", simulator.Change{Op: s, Path: "sender.id", Value: "7"}, item(`"2"`, `"7"`)},
		{"number", simulator.Change{Op: s, Path: "timestamp", Value: "1E+2"}, item(`1790000123456`, `1E+2`)},
		{"boolean", simulator.Change{Op: s, Path: "flag", Value: "false"}, item(`true`, `false`)},
		{"null becomes a string", simulator.Change{Op: s, Path: "none", Value: "1"}, item(`"none":null`, `"none":"1"`)},
		{"index", simulator.Change{Op: s, Path: "message.list[1].type", Value: "x"}, item(`"video"`, `"x"`)},
		{"quoted key", simulator.Change{Op: s, Path: `["dot.ted"].x`, Value: "z"}, item(`"y"`, `"z"`)},
		{"not expanded", simulator.Change{Op: s, Path: "text", Value: "{{mid}}"}, item(`"hi"`, `"{{mid}}"`)},
		{"escaped", simulator.Change{Op: s, Path: "text", Value: "a/\"é\n"}, item(`"hi"`, `"a\/\"\u00e9\n"`)},
		{"empty", simulator.Change{Op: s, Path: "text"}, item(`"hi"`, `""`)},
		{"from the top", simulator.Change{Op: s, Path: "$.entry[0].messaging[0].message.text", Value: "ho"}, item(`"hi"`, `"ho"`)},
		{"event", simulator.Change{Op: s, Path: "[0].message.text", Value: "ho"}, item(`"hi"`, `"ho"`)},
		{"JSON", simulator.Change{Op: j, Path: "text", Value: ` {"a" : [1.0, null]}`}, item(`"hi"`, `{"a":[1.0,null]}`)},
		{"JSON of another type", simulator.Change{Op: j, Path: "message", Value: `7`}, item(`{"mid":"m","text":"hi","list":[{"type":"image","n":1.0},{"type":"video"}]}`, `7`)},
		{"unset", simulator.Change{Op: u, Path: "text"}, item(`"text":"hi",`, ``)},
		{"unset element", simulator.Change{Op: u, Path: "message.list[0]"}, item(`{"type":"image","n":1.0},`, ``)},
		{"unset object", simulator.Change{Op: u, Path: "sender"}, item(`"sender":{"id":"2"},`, ``)},
		{"add", simulator.Change{Op: s, Path: "message.is_echo", Value: "true", Add: true}, item(`{"type":"video"}]`, `{"type":"video"}],"is_echo":"true"`)},
		{"add JSON", simulator.Change{Op: j, Path: "message.is_echo", Value: "true", Add: true}, item(`{"type":"video"}]`, `{"type":"video"}],"is_echo":true`)},
		{"add deep", simulator.Change{Op: s, Path: "message.a.b[0].c", Value: "1", Add: true}, item(`{"type":"video"}]`, `{"type":"video"}],"a":{"b":[{"c":"1"}]}`)},
		{"add element", simulator.Change{Op: s, Path: "message.list[2]", Value: "x", Add: true}, item(`{"type":"video"}]`, `{"type":"video"},"x"]`)},
		{"add sets what is there", simulator.Change{Op: s, Path: "text", Value: "ho", Add: true}, item(`"hi"`, `"ho"`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := render(t, parse(t, nested), simulator.Options{Changes: []simulator.Change{tt.change}})
			if got != tt.want {
				t.Errorf("body\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestChangeErrors(t *testing.T) {
	s, u, j := simulator.Set, simulator.Unset, simulator.SetJSON
	tests := []struct {
		change simulator.Change
		want   string
	}{
		{simulator.Change{Op: s, Path: "txet"}, `change "txet": there is no such path, did you mean "message.text"?`},
		{simulator.Change{Op: s, Path: "mesage.text"}, `change "mesage.text": there is no such path, did you mean "message.text"?`},
		{simulator.Change{Op: s, Path: "message.list[2].type"}, `change "message.list[2].type": there is no such path, did you mean "message.list[0].type"?`},
		{simulator.Change{Op: s, Path: "$.entri[0].id"}, `change "$.entri[0].id": there is no such path, did you mean "$.entry[0].id"?`},
		{simulator.Change{Op: s, Path: "completely_elsewhere"}, `change "completely_elsewhere": there is no such path`},
		{simulator.Change{Op: s, Path: "type"}, `change "type": the name stands at "message.list[0].type" and "message.list[1].type"`},
		{simulator.Change{Op: u, Path: "nothing", Add: true}, `change "nothing": there is no such path`},
		{simulator.Change{Op: s, Path: "timestamp", Value: "soon"}, `change "timestamp": it is a number, and "soon" is none; set it as JSON to change its type`},
		{simulator.Change{Op: s, Path: "flag", Value: "1"}, `change "flag": it is true or false, not "1"`},
		{simulator.Change{Op: s, Path: "message", Value: "1"}, `change "message": it is an object; set it as JSON or name a value inside`},
		{simulator.Change{Op: j, Path: "text", Value: "{"}, `change "text": the value is not JSON: 1:2: the file ends inside a value; is a bracket or quote missing?`},
		{simulator.Change{Op: s, Path: "[1].text"}, `change "[1].text": the last of 1 events is [0]`},
		{simulator.Change{Op: s, Path: "message.list[3]", Add: true}, `change "message.list[3]": [3] leaves a gap, the next is [2]`},
		{simulator.Change{Op: s, Path: "message.text.x", Add: true}, `change "message.text.x": x can't be added to a string`},
		{simulator.Change{Op: s, Path: ""}, `change "": it names no value`},
		{simulator.Change{Op: s, Path: "$"}, `change "$": it names no value`},
		{simulator.Change{Op: s, Path: "[0]"}, `change "[0]": it names no value`},
		{simulator.Change{Op: s, Path: "a..b"}, `change "a..b": a name is missing`},
		{simulator.Change{Op: s, Path: "a[x]"}, `change "a[x]": [x] is no index`},
		{simulator.Change{Op: s, Path: "a[-1]"}, `change "a[-1]": [-1] is no index`},
		{simulator.Change{Op: s, Path: "a[0"}, `change "a[0": [0] is no index`},
		{simulator.Change{Op: s, Path: `a["b`}, `change "a[\"b": ["…"] is not closed`},
		{simulator.Change{Op: s, Path: "a[0]b"}, `change "a[0]b": want "." or "[" before "b"`},
	}
	for _, tt := range tests {
		_, err := simulator.Render(parse(t, nested), simulator.Options{Changes: []simulator.Change{tt.change}})
		if want := `fixture "x": ` + tt.want; fmt.Sprint(err) != want {
			t.Errorf("change %+v:\n got %v\nwant %s", tt.change, err, want)
		}
	}
	_, err := simulator.Render(parse(t, `{"entry": []}`), simulator.Options{Changes: set(t, "text=x")})
	if want := `fixture "x": change "text": the payload has no event; start at its top, did you mean "$.text"?`; fmt.Sprint(err) != want {
		t.Errorf("without events: %v, want %s", err, want)
	}
	if _, err := simulator.ParseChange(simulator.Set, "text", false); fmt.Sprint(err) != `change "text": want PATH=VALUE` {
		t.Errorf("ParseChange: %v", err)
	}
}

// TestChangesInBatch changes all events, one, and those that have the path.
func TestChangesInBatch(t *testing.T) {
	texts := func(f fixtures.Fixture, o simulator.Options) string {
		payload, err := webhook.Parse([]byte(render(t, f, o)))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range payload.Events {
			out = append(out, e.Text)
		}
		return strings.Join(out, ",")
	}
	comment := builtin(t, "comments/reply")
	if got := texts(comment, simulator.Options{Batch: 3, Changes: set(t, "text=x", "[1].text=y")}); got != "x,y,x" {
		t.Errorf("texts %s, want x,y,x", got)
	}
	mixed := parse(t, `{"object":"instagram","entry":[{"id":"1","changes":[{"value":{"text":"a"},"field":"comments"},{"value":{"media_id":"b"},"field":"mentions"}]}]}`)
	if got := texts(mixed, simulator.Options{Changes: set(t, "text=x")}); got != "x," {
		t.Errorf("texts %s, want only the event with a text changed", got)
	}
}

// TestChangesReachTheMID sets account and time of an event, which its mid repeats.
func TestChangesReachTheMID(t *testing.T) {
	body := render(t, builtin(t, "messages"), simulator.Options{Changes: set(t, "$.entry[0].id=17841400000000001", "timestamp=1700000000123")})
	checkMID(t, at(t, body, "entry", "0", "messaging", "0", "message", "mid"), "17841400000000001", "1700000000123")
}

func FuzzRender(f *testing.F) {
	for _, fixture := range fixtures.Builtin().All() {
		f.Add(fixture.File, "text", "x", uint8(0), uint8(2))
	}
	f.Add([]byte(nested), `message.list[1]["type"]`, "{}", uint8(1), uint8(0))
	f.Add([]byte(nested), `$.entry`, `[{"messaging": [{}]}]`, uint8(2), uint8(3))
	f.Add([]byte(`{"payload":{"entry":[{"changes":[{"value":{"a":"iglooslot0.{{mid}}"}}]}]}}`), "a", "iglooslot", uint8(16), uint8(1))
	f.Fuzz(func(t *testing.T, file []byte, path, value string, how, batch uint8) {
		fixture, err := fixtures.Parse("x.json", file)
		if err != nil {
			return
		}
		o := simulator.Options{Batch: int(batch % 8), Fresh: how&8 != 0, Seed: 1}
		if how&32 == 0 {
			o.Changes = []simulator.Change{{Op: simulator.Op(how % 3), Path: path, Value: value, Add: how&16 != 0}}
		}
		r, err := simulator.Render(fixture, o)
		if err != nil {
			return
		}
		if _, err := fixtures.ParseJSON(r.Body); err != nil {
			t.Fatalf("Render gives %q: %v", r.Body, err)
		}
		for _, c := range r.Body {
			if c >= 0x80 || c < ' ' {
				t.Fatalf("Render gives byte %#x in %q", c, r.Body)
			}
		}
		secret := simulator.NewSecret(key)
		r.Sign(secret)
		if err := webhook.Verify(secret, r.Body, r.Get(webhook.SignatureHeader)); err != nil {
			t.Fatalf("Verify(Sign(%q)): %v", r.Body, err)
		}
		r.Body[len(r.Body)/2] ^= 1
		if err := webhook.Verify(secret, r.Body, r.Get(webhook.SignatureHeader)); err == nil {
			t.Fatalf("a flipped bit verifies: %q", r.Body)
		}
		again, err := simulator.Render(fixture, o)
		r.Body[len(r.Body)/2] ^= 1
		if err != nil || string(again.Body) != string(r.Body) {
			t.Fatalf("the same seed gives %q, then %q, %v", r.Body, again.Body, err)
		}
	})
}
