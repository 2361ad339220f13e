package webhook_test

import (
	"encoding/base64"
	"net/http"
	"os"
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
	cases := explainCases(t)
	for shard := range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i := shard; i < len(cases); i += 8 {
				c := cases[i]
				header := http.Header{webhook.SignatureHeader: {"sha256=" + c.value}}
				found := webhook.Explain(header, c.body, explainKeys)
				if got := found[0]; len(found) != 1 || got.Code != c.code || got.Secret != c.secret || got.Holds != (c.code == "verified") {
					t.Errorf("explain.txt:%d: Explain = %+v, want only %s by %q", c.line, found, c.code, c.secret)
				}
			}
		})
	}
}
