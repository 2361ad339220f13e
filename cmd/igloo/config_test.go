package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite generated files")

// configSchema is the JSON Schema of igloo.yaml, made from the flags.
func configSchema(t *testing.T) []byte {
	t.Helper()
	properties := map[string]any{}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	eachConfigFlag(flags.AddFlag)
	for _, key := range configKeys() {
		f := flags.Lookup(strings.ReplaceAll(key, "_", "-"))
		_, about := pflag.UnquoteUsage(f)
		kind := any("string")
		switch f.Value.Type() {
		case "bool":
			kind = "boolean"
		case "int":
			kind = "integer"
		case "stringSlice":
			kind = []string{"string", "array"}
		}
		if key == "forward_to" || key == "app_id" {
			kind = []string{"string", "integer"}
		}
		properties[key] = map[string]any{"description": about, "type": kind}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "igloo.yaml",
		"type": "object", "additionalProperties": false, "properties": properties,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestConfigDocs holds docs/config.md and its schema to the flags, both ways.
func TestConfigDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "config.schema.json")
	want := configSchema(t)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/config.schema.json is not what the flags say; go test ./cmd/igloo -run ConfigDocs -update rewrites it (-want +got):\n%s", diff)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	_, keys, _ := strings.Cut(string(doc), "## Keys")
	for line := range strings.Lines(keys) {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			key, mark, _ := strings.Cut(rest, "`")
			documented[key] = true
			flag := strings.ReplaceAll(key, "_", "-")
			if dagger := strings.HasPrefix(mark, " †"); dagger != !trustedHere(flag, "/anywhere") {
				t.Errorf("docs/config.md marks %s as untrusted: %v, the code says %v", key, dagger, !dagger)
			}
		}
	}
	for _, key := range configKeys() {
		if !documented[key] {
			t.Errorf("docs/config.md does not list %s", key)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("docs/config.md lists %s, which is no key", key)
	}
}

func TestDotenvValue(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain", "plain"},
		{`"in quotes"`, "in quotes"},
		{`'single # kept'`, "single # kept"},
		{"value # comment", "value"},
		{"a#b", "a#b"},
		{`"open`, `"open`},
		{"", ""},
	}
	for _, tt := range tests {
		if got := dotenvValue(tt.text); got != tt.want {
			t.Errorf("dotenvValue(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain é 日本", "plain é 日本"},
		{"\x1b[31mred\x1b[0m", "·[31mred·[0m"},
		{"\x1b]0;title\x07", "·]0;title·"},
		{"a\u202eb\u200dc", "abc"},
		{"nul\x00 c1\u009b", "nul· c1·"},
		{"two\nlines", "two\nlines"},
	}
	for _, tt := range tests {
		if got := clean(tt.text); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestNearestHint(t *testing.T) {
	words := []string{"list", "show", "follow", "export"}
	for word, want := range map[string]string{"lst": `did you mean "list"?`, "folow": `did you mean "follow"?`, "zzzzzz": "none"} {
		if got := nearestHint(word, words, "none"); got != want {
			t.Errorf("nearestHint(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestSafeName(t *testing.T) {
	tests := []struct{ name, want string }{
		{"my-app", "my-app"},
		{"my app/../x", "my-app-..-x"},
		{"日本", "root"},
		{strings.Repeat("a", 99), strings.Repeat("a", 40)},
		{"..", "root"},
	}
	for _, tt := range tests {
		if got := safeName(tt.name); got != tt.want {
			t.Errorf("safeName(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestEscapeHidden(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{"a":"é 日本 🥐"}`, `{"a":"é 日本 🥐"}`},
		{"\"\u009b31m\"", `"\u009b31m"`},
		{"\"a\u202eb\"", `"a\u202eb"`},
		{"\"\x7f\"", `"\u007f"`},
		{"\"\U000e0041\"", `"\udb40\udc41"`},
	}
	for _, tt := range tests {
		got := escapeHidden([]byte(tt.text))
		if string(got) != tt.want {
			t.Errorf("escapeHidden(%q) = %q, want %q", tt.text, got, tt.want)
		}
		var before, after any
		if json.Unmarshal([]byte(tt.text), &before) != nil || json.Unmarshal(got, &after) != nil || !cmp.Equal(before, after) {
			t.Errorf("escapeHidden(%q) changed the value to %v", tt.text, after)
		}
	}
}
