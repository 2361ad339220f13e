package webhook_test

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// explainKeys are the keys of testdata/explain.sh.
var explainKeys = []webhook.Candidate{
	{Name: "instagram", Value: vectorKey},
	{Name: "meta", Value: secret.New("fedcba9876543210fedcba9876543210")},
	{Name: "#3", Value: secret.New("aa55aa55bb66bb66cc77cc77dd88dd88")},
	{Name: webhook.DevelopmentSecret, Value: secret.New("00112233445566778899aabbccddeeff")},
	{Kind: webhook.VerifyTokenKey, Value: secret.New("vt_8f2c1b77d0a94e63")},
	{Kind: webhook.AccessTokenKey, Value: secret.New("IGAAexampleTokenZDZD")},
}

// explainCase is a signature that openssl made.
type explainCase struct {
	line                int
	body                []byte
	secret, code, value string
}

// explainCases reads testdata/explain.txt.
func explainCases(tb testing.TB) []explainCase {
	tb.Helper()
	data, err := os.ReadFile("testdata/explain.txt")
	if err != nil {
		tb.Fatal(err)
	}
	bodies := map[string][]byte{}
	var out []explainCase
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		words := strings.Fields(text)
		switch {
		case strings.HasPrefix(text, "#"):
		case words[0] == "body":
			if bodies[words[1]], err = base64.StdEncoding.DecodeString(words[2]); err != nil {
				tb.Fatalf("explain.txt:%d: %v", line, err)
			}
		default:
			out = append(out, explainCase{line, bodies[words[0]], strings.TrimPrefix(words[1], "-"), words[2], words[3]})
		}
	}
	if len(out) < 2000 {
		tb.Fatalf("%d cases, want the whole matrix", len(out))
	}
	return out
}

// Every way to spoil a key times every form of the body, each signed by openssl.
func TestExplainMatrix(t *testing.T) {
	t.Parallel()
	known, hidden := webhook.ExplanationCodes(), hiddenInExplanations()
	byBody := map[string][]explainCase{}
	for _, c := range explainCases(t) {
		byBody[string(c.body)] = append(byBody[string(c.body)], c)
	}
	for body, cases := range byBody {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			digests, got := map[string][]byte{}, map[string][]string{}
			for _, c := range cases {
				digest, err := hex.DecodeString(c.value)
				if err != nil {
					t.Fatalf("explain.txt:%d: %v", c.line, err)
				}
				digests[strconv.Itoa(c.line)] = digest
			}
			for _, x := range webhook.ExplainAll([]byte(body), digests, explainKeys) {
				line, code, _ := strings.Cut(x.Code, "+")
				x.Code, x.Text = cmp.Or(code, "verified"), strings.TrimSuffix(x.Text, ", but ")
				checkExplanations(t, []webhook.Explanation{x}, known, hidden...)
				got[line] = append(got[line], x.Code+" by "+x.Secret)
			}
			for _, c := range cases {
				want := []string{c.code + " by " + c.secret}
				if found := got[strconv.Itoa(c.line)]; !slices.Equal(found, want) {
					t.Errorf("explain.txt:%d: explained as %q, want %q", c.line, found, want)
				}
			}
		})
	}
}

// The same through the front door, for some.
func TestExplain(t *testing.T) {
	for i, c := range explainCases(t) {
		if i%43 != 0 {
			continue
		}
		header := http.Header{webhook.SignatureHeader: {"sha256=" + c.value}}
		found := webhook.Explain(header, c.body, explainKeys)
		if got := found[0]; len(found) != 1 || got.Code != c.code || got.Secret != c.secret || got.Holds != (c.code == "verified") {
			t.Errorf("explain.txt:%d: Explain = %+v, want only %s by %q", c.line, found, c.code, c.secret)
		}
	}
}

func ExampleExplain() {
	// What an app computed that hashes JSON.stringify(request.body).
	header := http.Header{}
	header.Set(webhook.SignatureHeader, "sha256=db0db7f2394a3e5e8273d99f54c99ac5f0652807ca8d4f9bebb6e26f04b9024c")
	candidates := []webhook.Candidate{{Name: "instagram", Value: secret.New("0123456789abcdef0123456789abcdef")}}
	for _, x := range webhook.Explain(header, []byte(`{"object": "instagram"}`), candidates) {
		fmt.Println(x.Code)
		fmt.Println(x.Text)
	}
	// Output:
	// json-stringify
	// made with the Instagram app secret, over the JSON as JSON.stringify writes it
}
