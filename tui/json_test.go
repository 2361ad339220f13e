package tui_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tui"
)

func TestLayout(t *testing.T) {
	body := `{"object":"instagram","entry":[{"id":"1","messaging":[{"a":1.50,"b":[],"c":{}},{"t":"\u65e5\u672c \ud83d\udc4d \/ \" \\u0041 \u001b \u202e \ud83d"}]},{"id":"2"},{"id":"3","changed_fields":["comments","x"]}]}`
	want := `{
  "object": "instagram",
  "entry": [
    {
      "id": "1",
      "messaging": [
        {
          "a": 1.50,
          "b": [],
          "c": {}
        },
        {
          "t": "日本 👍 / \" \\u0041 \u001b \u202e \ud83d"
        }
      ]
    },
    {
      "id": "2"
    },
    {
      "id": "3",
      "changed_fields": [
        "comments",
        "x"
      ]
    }
  ]
}
`
	text, marks, path, err := tui.Layout([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("text: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]int{6, 11, 16, 22, 23}, marks); diff != "" {
		t.Errorf("marks: -want +got\n%s", diff)
	}
	for line, want := range map[int]string{
		0: "$", 1: "$.object", 4: "$.entry[0].id", 7: "$.entry[0].messaging[0].a", 12: "$.entry[0].messaging[1].t",
		13: "$.entry[0].messaging[1]", 17: "$.entry[1].id", 23: "$.entry[2].changed_fields[1]", 27: "$",
	} {
		if got := path(line); got != want {
			t.Errorf("path of line %d = %q, want %q", line, got, want)
		}
	}
}

func TestLayoutOfBrokenJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":`:   "not JSON: unexpected end of JSON input at byte 5",
		`{"a":x}`: "not JSON: invalid character 'x' looking for beginning of value at byte 6",
		``:        "not JSON: unexpected end of JSON input at byte 0",
	} {
		if _, _, _, err := tui.Layout([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("Layout(%q) = %v, want %q", body, err, want)
		}
	}
}

// A body that is all brackets must not grow without bound.
func TestLayoutIsBounded(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("1,", 1<<20) + "1" + strings.Repeat("]", 5000)
	if _, _, _, err := tui.Layout([]byte(deep)); err == nil {
		t.Error("Layout of a megabyte at depth 5000 = nil, want an error")
	}
}

// Laying out changes nothing but space and escapes.
func FuzzLayout(f *testing.F) {
	f.Add([]byte(sampleBody("comments", "mia.k", "hi", 3)))
	f.Add([]byte(`{"entry":[{"messaging":[{},{"x":[{"entry":[{"changes":[{}]}]}]}],"standby":[{}]},{}, {"changed_fields":["a"]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		text, marks, _, err := tui.Layout(body)
		if err != nil {
			return
		}
		var compact, again bytes.Buffer
		if json.Compact(&compact, body) != nil || !json.Valid([]byte(text)) {
			return
		}
		if err := json.Compact(&again, []byte(text)); err != nil {
			t.Errorf("Layout(%q) = %q: %v", body, text, err)
		}
		for i := 1; i < len(marks); i++ {
			if marks[i] <= marks[i-1] {
				t.Errorf("Layout(%q): marks %v are not in order", body, marks)
			}
		}
	})
}

// The lines on which events start are as many as webhook.Parse counts.
func TestMarksAreEvents(t *testing.T) {
	for _, f := range fixtures.Builtin().All() {
		payload, err := webhook.Parse(f.Payload)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if _, marks, _, err := tui.Layout(f.Payload); err != nil || len(marks) != len(payload.Events) {
			t.Errorf("%s: %d marks, %v, want %d", f.Name, len(marks), err, len(payload.Events))
		}
	}
}

func BenchmarkLayout(b *testing.B) {
	body := []byte(sampleBody("comments", "mia.k", "what camera is that?", 1000))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, _, _, err := tui.Layout(body); err != nil {
			b.Fatal(err)
		}
	}
}
