package webhook_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// checkExplanations checks what holds of all explanations.
func checkExplanations(t *testing.T, found []webhook.Explanation, known []string, hidden ...string) {
	t.Helper()
	if len(found) == 0 {
		t.Fatal("no explanation, want one at least")
	}
	for _, x := range found {
		for code := range strings.SplitSeq(x.Code, "+") {
			if !slices.Contains(known, code) {
				t.Errorf("code %q of %q is in no table", code, x.Code)
			}
		}
		if x.Text == "" || strings.ContainsAny(x.Text+x.Fix, "\n\r") || strings.Contains(x.Text+x.Fix, "  ") || strings.Contains(x.Text, "%!") || !utf8.ValidString(x.Text) {
			t.Errorf("%s: text %q, fix %q", x.Code, x.Text, x.Fix)
		}
		if x.Fix == "" && x.Code != "verified" {
			t.Errorf("%s has no fix", x.Code)
		}
		if strings.Count(x.Code, "+") == 0 && utf8.RuneCountInString(x.Text) > 120 && x.Code != "other-product" {
			t.Errorf("%s: %q has %d characters, want 120 at most", x.Code, x.Text, utf8.RuneCountInString(x.Text))
		}
		all := fmt.Sprintf("%+v", x)
		for _, h := range hidden {
			if h != "" && strings.Contains(all, h) {
				t.Errorf("%s shows %q", all, h)
			}
		}
	}
}

// hiddenInExplanations is what no output of a case may show: keys and parts of bodies.
func hiddenInExplanations() []string {
	hidden := []string{"1790000123", "messaging", "sha256=0", "sha256=1"}
	for _, c := range explainKeys {
		hidden = append(hidden, c.Value.Reveal(), hex.EncodeToString([]byte(c.Value.Reveal())))
	}
	return hidden
}

// No output shows a key, a signature that was sent or made, or the body.
func TestExplainHidesSecrets(t *testing.T) {
	known, hidden := webhook.ExplanationCodes(), hiddenInExplanations()
	for i, c := range explainCases(t) {
		if i%101 != 0 {
			continue
		}
		for _, value := range []string{c.value, strings.ToUpper(c.value), c.value[:30], "v1=" + c.value, strings.Repeat("7", 64)} {
			expected := webhook.Sign(explainKeys[0].Value, c.body)
			found := webhook.Explain(http.Header{name256: {value}}, c.body, explainKeys[:2])
			checkExplanations(t, found, known, append(slices.Clip(hidden), c.value[:16], value, expected, strings.TrimPrefix(expected, "sha256="))...)
		}
	}
}

// docs/signatures.md explains every code, and no other.
func TestExplainDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/signatures.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|").FindAllSubmatch(text, -1) {
		documented = append(documented, string(row[1]))
	}
	known := webhook.ExplanationCodes()
	for _, code := range known {
		if n := len(slices.DeleteFunc(slices.Clone(documented), func(d string) bool { return d != code })); n != 1 {
			t.Errorf("docs/signatures.md has %d rows for %q, want 1", n, code)
		}
	}
	for _, code := range documented {
		if !slices.Contains(known, code) {
			t.Errorf("docs/signatures.md has a row for %q, which is no code", code)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.body, v.sha256, v.sha1, vectorKey.Reveal(), "")
	}
	f.Add([]byte(`"{\"a\":1}"`), "sha256=", "", "ab", "12")
	f.Add([]byte("eyJhIjoxfQ=="), "t=1,v1=00", "sha1=x", " 'k' ", "x")
	f.Add([]byte(strings.Repeat(`[{"`, 70)), "sha256:A", "", "\n", "-1")
	f.Add([]byte(strings.Repeat(`[`, 300)+strings.Repeat(`]`, 300)), "%3D", ",,", "k", "600")
	f.Add([]byte("\ufeff{\"\\ud800/\":\"\\u00e9\x7f\xff\"}\r\n"), "sha256=0000000000", "", "key", "3")
	known := webhook.ExplanationCodes()
	f.Fuzz(func(t *testing.T, body []byte, signature, legacy, key, length string) {
		if len(body) > 4<<10 {
			return
		}
		header := http.Header{name256: {signature}, name1: {legacy}, "Content-Length": {length}}
		candidates := []webhook.Candidate{{Name: "#1", Value: secret.New(key)}, {Kind: webhook.VerifyTokenKey, Value: secret.New("vt_0123456789")}}
		checkExplanations(t, webhook.Explain(header, body, candidates), known, "vt_0123456789")
		if key == "" {
			return
		}
		found := webhook.Explain(http.Header{name256: {webhook.Sign(candidates[0].Value, body)}}, body, candidates)
		if !found[0].Holds || found[0].Code != "verified" || found[0].Secret != "#1" {
			t.Fatalf("Explain(Sign(x)) = %+v, want it to hold", found)
		}
	})
}
