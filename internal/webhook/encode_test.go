package webhook_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func TestEncode(t *testing.T) {
	tests := []struct {
		name, src, changes, messaging string
	}{
		{"layout and order", "{ \"b\":1,\n\"a\":[1,2]}", `{"b": 1, "a": [1, 2]}`, `{"b":1,"a":[1,2]}`},
		{"slash", `"24/7"`, `"24/7"`, `"24\/7"`},
		{"slash already escaped", `"24\/7"`, `"24/7"`, `"24\/7"`},
		{"accents", `"é"`, `"\u00e9"`, `"\u00e9"`},
		{"upper-case escapes", `"\u00E9"`, `"\u00e9"`, `"\u00e9"`},
		{"emoji", `"🥐"`, `"\ud83e\udd50"`, `"\ud83e\udd50"`},
		{"backslash before an accent", `"\\é/"`, `"\\\u00e9/"`, `"\\\u00e9\/"`},
		{"quotes and newlines", `"\"\n\t\r"`, `"\"\n\t\r"`, `"\"\n\t\r"`},
		{"other controls", `"\u0001\u001f"`, `"\u0001\u001f"`, `"\u0001\u001f"`},
		{"delete", "\"\x7f\"", `"\u007f"`, "\"\x7f\""},
		{"markup", `"<b>&'=#@%"`, `"<b>&'=#@%"`, `"<b>&'=#@%"`},
		{"numbers as written", `[1.0,1E+2,-0,12345678901234567890123]`, `[1.0, 1E+2, -0, 12345678901234567890123]`, `[1.0,1E+2,-0,12345678901234567890123]`},
		{"key with accent", `{"é":true,"n":null}`, `{"\u00e9": true, "n": null}`, `{"\u00e9":true,"n":null}`},
		{"empty", `{"a":[],"b":{}}`, `{"a": [], "b": {}}`, `{"a":[],"b":{}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for d, want := range map[webhook.Dialect]string{webhook.Changes: tt.changes, webhook.Messaging: tt.messaging} {
				got, err := webhook.Encode([]byte("kept"), []byte(tt.src), d)
				if err != nil || string(got) != "kept"+want {
					t.Errorf("Encode(%s, %s) = %s, %v, want %s", tt.src, d, got, err, want)
				}
			}
		})
	}
	for _, bad := range []string{"", "{", `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\"", "{} {}"} {
		if _, err := webhook.Encode(nil, []byte(bad), webhook.Changes); err == nil {
			t.Errorf("Encode(%q) = nil error, want one", bad)
		}
	}
}

func TestEncodeMessenger(t *testing.T) {
	for src, want := range map[string]string{
		`{"text": "<b>100% you@example.com</b>"}`: `{"text":"\u003Cb>100\u0025 you\u0040example.com\u003C\/b>"}`,
		`["\u003c", "\u003C", "\\u003c", "é"]`:    `["\u003C","\u003C","\\u003c","\u00e9"]`,
		`{"a@b": "&=#'>"}`:                        `{"a\u0040b":"&=#'>"}`,
	} {
		got, err := webhook.EncodeMessenger([]byte("kept"), []byte(src))
		if err != nil || string(got) != "kept"+want {
			t.Errorf("EncodeMessenger(%s) = %s, %v, want %s", src, got, err, want)
		}
	}
	if _, err := webhook.EncodeMessenger(nil, []byte("{")); err == nil {
		t.Error("EncodeMessenger({) = nil error, want one")
	}
}

// TestEncodeVectors holds the encoders against bodies in the observed form: what a
// program would store after reading one must come out as Meta's bytes again.
func TestEncodeVectors(t *testing.T) {
	for _, v := range vectors(t) {
		dialect := webhook.Changes
		if bytes.HasPrefix(v.body, []byte(`{"object"`)) {
			dialect = webhook.Messaging
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, v.body, "", "\t"); err != nil {
			t.Fatal(err)
		}
		got, err := webhook.Encode(nil, pretty.Bytes(), dialect)
		if err != nil || !bytes.Equal(got, v.body) {
			t.Errorf("%s: Encode = %s, %v, want %s", v.name, got, err, v.body)
		}
		other, err := webhook.Encode(nil, v.body, 1-dialect)
		if err != nil || bytes.Equal(other, v.body) {
			t.Errorf("%s: the other dialect gives the same bytes", v.name)
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.body)
	}
	f.Add([]byte("\"\\\\\u2028\U0010FFFF/\""))
	f.Fuzz(func(t *testing.T, src []byte) {
		for name, encode := range map[string]func(src []byte) ([]byte, error){
			"changes":   func(src []byte) ([]byte, error) { return webhook.Encode(nil, src, webhook.Changes) },
			"messaging": func(src []byte) ([]byte, error) { return webhook.Encode(nil, src, webhook.Messaging) },
			"messenger": func(src []byte) ([]byte, error) { return webhook.EncodeMessenger(nil, src) },
		} {
			once, err := encode(src)
			if err != nil {
				return
			}
			if strings.ContainsFunc(string(once), func(r rune) bool { return r > 0x7f }) {
				t.Fatalf("%s: Encode(%q) = %q, want ASCII", name, src, once)
			}
			twice, err := encode(once)
			if err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%s: Encode is not stable: %q, then %q, %v", name, once, twice, err)
			}
			if same, err := sameJSON(src, once); err != nil || !same {
				t.Fatalf("%s: Encode(%q) = %q, which means something else, %v", name, src, once, err)
			}
		}
	})
}

// sameJSON compares two JSON texts by what encoding/json reads, numbers as written.
func sameJSON(a, b []byte) (bool, error) {
	var values [2]any
	for i, text := range [][]byte{a, b} {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&values[i]); err != nil {
			return false, err
		}
	}
	return cmp.Equal(values[0], values[1]), nil
}

// BenchmarkEncodeSign measures one event encoded and signed from scratch, with both
// signatures. It has to stay under 10 µs.
func BenchmarkEncodeSign(b *testing.B) {
	key := secret.New("0123456789abcdef0123456789abcdef")
	for _, v := range vectors(b) {
		dialect := webhook.Changes
		if bytes.HasPrefix(v.body, []byte(`{"object"`)) {
			dialect = webhook.Messaging
		}
		name, _, _ := strings.Cut(v.name, " ")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, err := webhook.Encode(nil, v.body, dialect)
				if err != nil {
					b.Fatal(err)
				}
				webhook.Sign(key, body)
				webhook.SignSHA1(key, body)
			}
		})
	}
}
