package webhook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
)

func TestDiffJSON(t *testing.T) {
	change := func(path, a, b string) webhook.Change { return webhook.Change{Path: path, A: a, B: b} }
	tests := []struct {
		name, a, b string
		want       webhook.Diff
	}{
		{"same", `{"a":1}`, `{"a":1}`, webhook.Diff{Same: true, At: 7, JSON: true}},
		{"same and no JSON", "x", "x", webhook.Diff{Same: true, At: 1}},
		{"cut", `{"a":1}`, `{"a":`, webhook.Diff{At: 5}},
		{"empty", ``, `{}`, webhook.Diff{}},
		{"later try", `{"object":"instagram","entry":[{"time":1,"id":"2"}]}`, `{"object":"instagram","entry":[{"time":3,"id":"2"}]}`, webhook.Diff{
			At: 39, JSON: true, Changes: []webhook.Change{change("entry[0].time", "1", "3")},
		}},
		{"added and removed", `{"a":{"x":1,"y":[1,2]},"b":null}`, `{"a":{"y":[1],"z":{}},"c":"d"}`, webhook.Diff{
			At: 7, JSON: true, Changes: []webhook.Change{
				change("a.x", "1", ""), change("a.y[1]", "2", ""), change("a.z", "", "{}"), change("b", "null", ""), change("c", "", `"d"`),
			},
		}},
		{"longer list and other type", `{"a":[1],"b":"1"}`, `{"a":[1,{"k":2}],"b":1}`, webhook.Diff{
			At: 7, JSON: true, Changes: []webhook.Change{change("a[1]", "", `{"k":2}`), change("b", `"1"`, "1")},
		}},
		{"the other dialect", `{"url": "a/b", "text": "Ol\u00e1"}` + "\n", `{"text":"Olá","url":"a\/b"}`, webhook.Diff{
			At: 2, JSON: true, Writing: []webhook.WritingDiff{
				{What: "spaces", A: "after separators", B: "none"},
				{What: "slashes", A: "plain", B: "escaped"},
				{What: "other characters", A: "escaped", B: "UTF-8"},
				{What: "order of keys", A: "url text", B: "text url"},
			},
		}},
		{"laid out", "{\n  \"a\": 1\n}", `{"a":1}`, webhook.Diff{At: 1, JSON: true, Writing: []webhook.WritingDiff{{What: "spaces", A: "on lines", B: "none"}}}},
		{"slashes both ways", `["a/b\/c"]`, `["a\/b\/c"]`, webhook.Diff{At: 3, JSON: true, Writing: []webhook.WritingDiff{{What: "slashes", A: "both ways", B: "escaped"}}}},
		{"a key twice", `{"a":1,"a":2}`, `{"a":2}`, webhook.Diff{At: 5, JSON: true, Changes: []webhook.Change{change("a", "1", "2")}}},
		{"top level", `1`, `[1]`, webhook.Diff{JSON: true, Changes: []webhook.Change{change("", "1", "[1]")}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, webhook.DiffJSON([]byte(tt.a), []byte(tt.b))); diff != "" {
				t.Errorf("DiffJSON(%q, %q) (-want +got):\n%s", tt.a, tt.b, diff)
			}
		})
	}
}

func TestDiffJSONBounds(t *testing.T) {
	var a, b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&a, `,"%d":1`, i)
		fmt.Fprintf(&b, `,"%d":2`, i)
	}
	got := webhook.DiffJSON([]byte("{"+a.String()[1:]+"}"), []byte("{"+b.String()[1:]+"}"))
	if len(got.Changes) != webhook.MaxDifferences {
		t.Errorf("%d changes, want %d", len(got.Changes), webhook.MaxDifferences)
	}
	long := webhook.DiffJSON([]byte(`{"`+strings.Repeat("k", 5000)+`":"`+strings.Repeat("v", 5000)+`"}`), []byte(`{}`)).Changes[0]
	if len(long.Path) > 100 || len(long.A) > 300 {
		t.Errorf("a change of %d and %d bytes", len(long.Path), len(long.A))
	}
}

func FuzzDiffJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\u00e9\/"}]}`), []byte(`{"a":[1,{"b":"é/"}],"c":null}`))
	f.Add([]byte(`[`), []byte(`"\"`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		there, back := webhook.DiffJSON(a, b), webhook.DiffJSON(b, a)
		if there.Same != back.Same || there.At != back.At || len(there.Changes) != len(back.Changes) && len(there.Changes) < 50 && len(back.Changes) < 50 {
			t.Errorf("DiffJSON(%q, %q) = %+v, the other way round %+v", a, b, there, back)
		}
		if same := webhook.DiffJSON(a, a); !same.Same || len(same.Changes) > 0 {
			t.Errorf("DiffJSON of %q with itself = %+v", a, same)
		}
	})
}
