package webhook_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	name256 = "X-Hub-Signature-256"
	name1   = "X-Hub-Signature"
)

// sha512Vector is the HMAC-SHA512 of the first vector, by openssl.
const sha512Vector = "6c875e8bd0799c3ff156b3624e57dad11700cb7cb425d4104c253c4084ce73ec49f79b1002652f7b5030a4c79a414b22dfd9f04c93eccbb1f0030b9ce25c8bbc"

// codes returns the codes of explanations, guesses in brackets, with the secret.
func codes(found []webhook.Explanation) []string {
	var out []string
	for _, x := range found {
		code := x.Code
		if x.Guess {
			code = "(" + code + ")"
		}
		if x.Secret != "" {
			code += " " + x.Secret
		}
		out = append(out, code)
	}
	return out
}

func TestExplainHeaders(t *testing.T) {
	v := vectors(t)[0]
	digits, digits1 := strings.TrimPrefix(v.sha256, "sha256="), strings.TrimPrefix(v.sha1, "sha1=")
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	other := "sha256=" + strings.Repeat("0", 64)
	tests := []struct {
		name   string
		header http.Header
		want   string // codes, and the secret that fits
	}{
		{"as it should be", http.Header{name256: {v.sha256}, name1: {v.sha1}}, "verified instagram"},
		{"none", http.Header{}, "unsigned"},
		{"empty", http.Header{name256: {""}}, "unsigned"},
		{"blank", http.Header{name256: {"  "}}, "unsigned"},
		{"two blank ones", http.Header{name256: {"", " "}}, "unsigned"},
		{"a comma", http.Header{name256: {","}}, "unsigned"},
		{"nothing after the prefix", http.Header{name256: {"sha256="}}, "unsigned"},
		{"only SHA-1", http.Header{name1: {v.sha1}}, "sha1-only instagram"},
		{"only SHA-1, in upper case", http.Header{name1: {strings.ToUpper(v.sha1)}}, "sha1-only+wrong-prefix+uppercase-hex instagram"},
		{"swapped", http.Header{name256: {v.sha1}, name1: {v.sha256}}, "swapped-headers instagram"},
		{"SHA-1 in both", http.Header{name256: {v.sha1}, name1: {v.sha1}}, "sha1-in-sha256 instagram"},
		{"SHA-1 digits with the wrong prefix", http.Header{name256: {"sha256=" + digits1}}, "sha1-in-sha256 instagram"},
		{"SHA-256 in the legacy header", http.Header{name1: {v.sha256}}, "other-header instagram"},
		{"no prefix", http.Header{name256: {digits}}, "no-prefix instagram"},
		{"no prefix, upper case", http.Header{name256: {strings.ToUpper(digits)}}, "no-prefix+uppercase-hex instagram"},
		{"upper case", http.Header{name256: {"sha256=" + strings.ToUpper(digits)}}, "uppercase-hex instagram"},
		{"prefix in upper case", http.Header{name256: {"SHA256=" + digits}}, "wrong-prefix instagram"},
		{"colon", http.Header{name256: {"sha256:" + digits}}, "wrong-prefix instagram"},
		{"space", http.Header{name256: {"sha256 " + digits}}, "wrong-prefix instagram"},
		{"dash", http.Header{name256: {"sha-256=" + digits}}, "wrong-prefix instagram"},
		{"prefix twice", http.Header{name256: {"sha256=" + v.sha256}}, "wrong-prefix instagram"},
		{"double quotes", http.Header{name256: {`"` + v.sha256 + `"`}}, "padded-header instagram"},
		{"single quotes", http.Header{name256: {`'` + v.sha256 + `'`}}, "padded-header instagram"},
		{"space after", http.Header{name256: {v.sha256 + " "}}, "padded-header instagram"},
		{"line break after", http.Header{name256: {v.sha256 + "\r\n"}}, "padded-header instagram"},
		{"the whole header line", http.Header{name256: {"x-hub-signature-256: " + v.sha256}}, "padded-header instagram"},
		{"percent-encoded", http.Header{name256: {"sha256%3D" + digits}}, "percent-encoded instagram"},
		{"cut off", http.Header{name256: {v.sha256[:50]}}, "truncated-signature instagram"},
		{"cut off where SHA-1 would end", http.Header{name256: {v.sha256[:47]}}, "truncated-signature instagram"},
		{"cut off where SHA-1 would end, of nobody's", http.Header{name256: {other[:47]}}, "truncated-signature"},
		{"SHA-512 of the right secret", http.Header{name256: {"sha512=" + sha512Vector}}, "sha512-signature instagram"},
		{"cut off, odd", http.Header{name256: {v.sha256[:27]}}, "truncated-signature instagram"},
		{"SHA-1 cut off", http.Header{name1: {v.sha1[:30]}}, "sha1-only+truncated-signature instagram"},
		{"cut off too soon to tell", http.Header{name256: {v.sha256[:14]}}, "truncated-signature"},
		{"too long", http.Header{name256: {v.sha256 + "00"}}, "long-signature instagram"},
		{"twice the same", http.Header{name256: {v.sha256, v.sha256}}, "several-signatures instagram"},
		{"two, one of them good", http.Header{name256: {other, v.sha256}}, "several-signatures instagram"},
		{"two in a line", http.Header{name256: {other + ", " + v.sha256}}, "several-signatures instagram"},
		{"two in a line, the second rubbish", http.Header{name256: {v.sha256 + ", rubbish"}}, "several-signatures instagram"},
		{"base64", http.Header{name256: {"sha256=" + base64.StdEncoding.EncodeToString(raw)}}, "base64-digest instagram"},
		{"base64 alone", http.Header{name256: {base64.StdEncoding.EncodeToString(raw)}}, "no-prefix+base64-digest instagram"},
		{"base64 for URLs", http.Header{name256: {"sha256=" + base64.RawURLEncoding.EncodeToString(raw)}}, "base64-digest instagram"},
		{"as Stripe does", http.Header{name256: {"t=1790000123,v1=" + digits}}, "foreign-signature+several-signatures instagram"},
		{"as Slack does", http.Header{name256: {"v0=" + digits}}, "foreign-signature instagram"},
		{"SHA-512", http.Header{name256: {"sha512=" + digits + digits}}, "foreign-signature"},
		{"MD5", http.Header{name256: {"md5=" + digits[:32]}}, "foreign-signature"},
		{"placeholder", http.Header{name256: {"sha256=…"}}, "not-hex"},
		{"another placeholder", http.Header{name256: {"sha256=<64 hex>"}}, "not-hex"},
		{"rubbish", http.Header{name256: {"\x00\xff"}}, "not-hex"},
		{"another name", http.Header{"X-Original-Signature": {v.sha256}}, "other-header instagram"},
		{"a gateway's name", http.Header{"Http_x_hub_signature_256": {v.sha256}}, "other-header instagram"},
		{"a gateway's name, no prefix", http.Header{"X_hub_signature_256": {digits}}, "other-header+no-prefix instagram"},
		{"only SHA-256 was changed", http.Header{name256: {other}, name1: {v.sha1}}, "sha256-altered instagram"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := webhook.Explain(tt.header, v.body, explainKeys)
			if got := codes(found); got[0] != tt.want {
				t.Errorf("Explain(%v) = %q, want %q first", tt.header, got, tt.want)
			}
			if fits := found[0].Secret != "" && tt.want != "sha256-altered instagram"; fits && len(found) != 1 {
				t.Errorf("Explain(%v) = %q, want nothing else", tt.header, codes(found))
			}
			if found[0].Holds != (tt.want == "verified instagram") {
				t.Errorf("Explain(%v).Holds = %t", tt.header, found[0].Holds)
			}
		})
	}
}

// What holds for the explainer is what the receiver lets in.
func TestExplainAgreesWithJudge(t *testing.T) {
	var keys []webhook.AppSecret
	for _, c := range explainKeys[:4] {
		keys = append(keys, webhook.AppSecret{Name: c.Name, Value: c.Value})
	}
	k := keyring(t, keys...)
	if diff := cmp.Diff(explainKeys[:4], k.Candidates(), cmp.Comparer(func(a, b secret.Value) bool { return a.Equal(b.Reveal()) })); diff != "" {
		t.Errorf("Candidates (-want +got):\n%s", diff)
	}
	for _, c := range explainCases(t)[:400] {
		header := http.Header{name256: {"sha256=" + c.value}}
		if got, want := k.Judge(header, c.body).Verdict == webhook.Verified, c.code == "verified"; got != want {
			t.Errorf("explain.txt:%d: Judge = %t, want %t", c.line, got, want)
		}
	}
}

func TestExplainSeveral(t *testing.T) {
	v := vectors(t)[0]
	twice := []webhook.Candidate{
		{Name: "#1", Value: secret.New(vectorKey.Reveal() + "\n")},
		{Name: "meta", Value: vectorKey},
		{Name: "#3", Value: secret.New(`"` + vectorKey.Reveal() + `"`)},
		{Kind: webhook.VerifyTokenKey, Value: vectorKey},
		{Kind: webhook.AccessTokenKey},
	}
	tests := []struct {
		name, signature string
		body            []byte
		candidates      []webhook.Candidate
		want            []string
	}{
		{"one key under several names", v.sha256, v.body, twice, []string{"verified meta", "verify-token verify-token", "secret-quoted #1", "secret-quoted #3"}},
		{"the simplest first", strings.ToUpper(v.sha256[7:]), v.body, twice, []string{
			"no-prefix+uppercase-hex meta", "no-prefix+uppercase-hex+verify-token verify-token",
			"no-prefix+uppercase-hex+secret-quoted #1", "no-prefix+uppercase-hex+secret-quoted #3",
		}},
		{"the other product's", v.sha256, v.body, []webhook.Candidate{{Name: "meta", Value: vectorKey}}, []string{"verified meta"}},
		{"the other product's, for certain", vectors(t)[5].sha256, vectors(t)[5].body, []webhook.Candidate{{Name: "meta", Value: vectorKey}}, []string{"other-product meta"}},
		{"igloo's own, replaced", v.sha256, v.body, []webhook.Candidate{explainKeys[1], {Kind: webhook.DevelopmentKey, Value: vectorKey}}, []string{"development-secret development"}},
		{"two things at once", v.sha256[7:], append(slices.Clip(v.body), '\n'), twice[2:3], []string{"no-prefix+secret-quoted+newline-added #3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := webhook.Explain(http.Header{name256: {tt.signature}}, tt.body, tt.candidates)
			if diff := cmp.Diff(tt.want, codes(found)); diff != "" {
				t.Errorf("Explain (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainNothingFits(t *testing.T) {
	comment, message := vectors(t)[0], vectors(t)[2]
	unknown := http.Header{name256: {"sha256=" + strings.Repeat("0", 64)}}
	with := func(name, value string) http.Header {
		h := unknown.Clone()
		h.Set(name, value)
		return h
	}
	both, one, own := explainKeys[:2], explainKeys[:1], explainKeys[3:4]
	odd := []webhook.Candidate{{Name: "#1", Value: secret.New("too short")}, explainKeys[1]}
	tests := []struct {
		name       string
		header     http.Header
		body       []byte
		candidates []webhook.Candidate
		want       string
	}{
		{"both products known", unknown, comment.body, both, "unexplained (other-app-secret) (body-altered)"},
		{"one product known", unknown, comment.body, one, "unexplained (other-product-secret) (other-app-secret) (body-altered)"},
		{"not Meta's secret", unknown, comment.body, odd, "unexplained (secret-not-meta) (other-app-secret) (body-altered)"},
		{"no real secret", unknown, comment.body, own, "unchecked"},
		{"no candidate", unknown, comment.body, nil, "unchecked"},
		{"empty body", unknown, nil, both, "body-empty unexplained"},
		{"rewritten body", unknown, []byte(strings.ReplaceAll(string(message.body), `\/`, "/")), both, "unexplained (body-not-meta) (other-app-secret) (body-altered)"},
		{"rewritten body of known length", with("Content-Length", "442"), []byte(strings.ReplaceAll(string(message.body), `\/`, "/")), both, "body-rewritten unexplained"},
		{"cut off", with("Content-Length", "442"), message.body[:300], both, "body-truncated unexplained"},
		{"too long", with("Content-Length", "200"), message.body, both, "body-longer unexplained"},
		{"cut off, no length", unknown, message.body[:300], both, "body-not-json unexplained"},
		{"no JSON", unknown, []byte("object=instagram"), both, "body-not-json unexplained"},
		{"mangled header", http.Header{name256: {strings.Repeat("0", 64)}}, comment.body, both, "no-prefix unexplained (other-app-secret) (body-altered)"},
		{"only SHA-1", http.Header{name1: {"sha1=" + strings.Repeat("0", 40)}}, comment.body, both, "sha1-only unexplained (other-app-secret) (body-altered)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(codes(webhook.Explain(tt.header, tt.body, tt.candidates)), " ")
			if got != tt.want {
				t.Errorf("Explain = %s, want %s", got, tt.want)
			}
		})
	}
}

// The sentences that are put together otherwise than most.
func TestExplainWords(t *testing.T) {
	tests := []struct{ signature, want string }{
		{"sha256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "made with no key: the plain hash of the body, not an HMAC"},
		{"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", `made with no key: the plain hash of the body, not an HMAC, but the header lacks "sha256="`},
		{"sha256=" + strings.Repeat("0", 64), "none of the known keys (1) made this signature, over the body in any of 13 forms"},
	}
	for _, tt := range tests {
		found := webhook.Explain(http.Header{name256: {tt.signature}}, []byte("{}"), explainKeys[:1])
		if found[0].Text != tt.want {
			t.Errorf("Explain(%q) says %q, want %q", tt.signature, found[0].Text, tt.want)
		}
	}
}
