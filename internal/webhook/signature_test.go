package webhook_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func TestSignVectors(t *testing.T) {
	for _, v := range vectors(t) {
		if got := webhook.Sign(vectorKey, v.body); got != v.sha256 {
			t.Errorf("%s: Sign = %s, want %s", v.name, got, v.sha256)
		}
		if got := webhook.SignSHA1(vectorKey, v.body); got != v.sha1 {
			t.Errorf("%s: SignSHA1 = %s, want %s", v.name, got, v.sha1)
		}
		if err := webhook.Verify(vectorKey, v.body, v.sha256); err != nil {
			t.Errorf("%s: Verify = %v, want nil", v.name, err)
		}
		if err := webhook.VerifySHA1(vectorKey, v.body, v.sha1); err != nil {
			t.Errorf("%s: VerifySHA1 = %v, want nil", v.name, err)
		}
		// A second opinion from a library that verifies the same header.
		if err := github.ValidateSignature(v.sha256, v.body, []byte(vectorKey.Reveal())); err != nil {
			t.Errorf("%s: another verifier says %v", v.name, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	v := vectors(t)[0]
	digits := strings.TrimPrefix(v.sha256, "sha256=")
	tests := []struct {
		name, signature string
		body            []byte
		key             secret.Value
		want            error
	}{
		{"no header", "", v.body, vectorKey, webhook.ErrNotSigned},
		{"no prefix", digits, v.body, vectorKey, webhook.ErrMalformedSignature},
		{"sha1 in its place", v.sha1, v.body, vectorKey, webhook.ErrMalformedSignature},
		{"short", v.sha256[:70], v.body, vectorKey, webhook.ErrMalformedSignature},
		{"long", v.sha256 + "00", v.body, vectorKey, webhook.ErrMalformedSignature},
		{"upper case", "sha256=" + strings.ToUpper(digits), v.body, vectorKey, webhook.ErrMalformedSignature},
		{"upper-case prefix", "SHA256=" + digits, v.body, vectorKey, webhook.ErrMalformedSignature},
		{"not hex", "sha256=" + strings.Repeat("z", 64), v.body, vectorKey, webhook.ErrMalformedSignature},
		{"trailing space", v.sha256 + " ", v.body, vectorKey, webhook.ErrMalformedSignature},
		{"other secret", v.sha256, v.body, secret.New("other"), webhook.ErrSignatureMismatch},
		{"newline added", v.sha256, append(slices.Clip(v.body), '\n'), vectorKey, webhook.ErrSignatureMismatch},
		{"empty body", v.sha256, nil, vectorKey, webhook.ErrSignatureMismatch},
		{"empty secret", v.sha256, v.body, secret.Value{}, webhook.ErrEmptySecret},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := webhook.Verify(tt.key, tt.body, tt.signature); !errors.Is(err, tt.want) {
				t.Errorf("Verify(%q) = %v, want %v", tt.signature, err, tt.want)
			}
		})
	}
	if err := webhook.VerifySHA1(vectorKey, v.body, v.sha256); !errors.Is(err, webhook.ErrMalformedSignature) {
		t.Errorf("VerifySHA1(sha256) = %v, want %v", err, webhook.ErrMalformedSignature)
	}
	if err := webhook.VerifySHA1(vectorKey, nil, v.sha1); !errors.Is(err, webhook.ErrSignatureMismatch) {
		t.Errorf("VerifySHA1(other body) = %v, want %v", err, webhook.ErrSignatureMismatch)
	}
}

func TestParseAppSecrets(t *testing.T) {
	tests := []struct {
		list  string
		names string
		texts string
		err   string
	}{
		{"abc", "#1", "abc", ""},
		{"instagram=abc,meta=def", "instagram meta", "abc def", ""},
		{" instagram = x", "#1", "instagram = x", ""}, // not the exact name: the whole text is the secret
		{"a=b", "#1", "a=b", ""},
		{"abc , meta=def", "#1 meta", "abc def", ""},
		{"", "", "", "app secret 1 is empty"},
		{"abc,", "", "", "app secret 2 is empty"},
		{"meta=", "", "", "app secret 1 is empty"},
		{"meta=a,meta=b", "", "", `two app secrets are named "meta"`},
	}
	for _, tt := range tests {
		got, err := webhook.ParseAppSecrets(tt.list)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("ParseAppSecrets(%q) error = %v, want %s", tt.list, err, tt.err)
			}
			continue
		}
		var names, texts []string
		for _, s := range got {
			names, texts = append(names, s.Name), append(texts, s.Value.Reveal())
		}
		if err != nil || strings.Join(names, " ") != tt.names || strings.Join(texts, " ") != tt.texts {
			t.Errorf("ParseAppSecrets(%q) = %q %q, %v, want %q %q", tt.list, names, texts, err, tt.names, tt.texts)
		}
	}
}

func keyring(t testing.TB, secrets ...webhook.AppSecret) *webhook.Keyring {
	t.Helper()
	k, err := webhook.NewKeyring(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestJudge(t *testing.T) {
	var (
		instagram   = webhook.AppSecret{Name: "instagram", Value: vectorKey}
		meta        = webhook.AppSecret{Name: "meta", Value: secret.New("meta secret")}
		first       = webhook.AppSecret{Name: "#1", Value: secret.New("first")}
		development = webhook.AppSecret{Name: webhook.DevelopmentSecret, Value: secret.New("made by igloo")}
	)
	v := vectors(t)
	comments, test, pageBody := v[0].body, v[5].body, []byte(`{"object":"page","entry":[]}`)
	tests := []struct {
		name    string
		keys    []webhook.AppSecret
		signer  secret.Value // empty: no signature header
		header  http.Header
		body    []byte
		verdict webhook.Verdict
		secret  string
		reason  string // part of it; "" = no reason at all
	}{
		{"the right one", []webhook.AppSecret{instagram}, instagram.Value, nil, comments, webhook.Verified, "instagram", ""},
		{"the second", []webhook.AppSecret{first, meta}, meta.Value, nil, comments, webhook.Verified, "meta", ""},
		{"none fits", []webhook.AppSecret{first, meta}, instagram.Value, nil, comments, webhook.Invalid, "", "another app secret"},
		{"no real secret", []webhook.AppSecret{development}, instagram.Value, nil, comments, webhook.Unchecked, "", "IGLOO_APP_SECRET"},
		{"no secret at all", nil, instagram.Value, nil, comments, webhook.Unchecked, "", "IGLOO_APP_SECRET"},
		{"development", []webhook.AppSecret{development}, development.Value, nil, comments, webhook.Verified, "development", ""},
		{"unsigned", []webhook.AppSecret{first}, secret.Value{}, nil, comments, webhook.Unsigned, "", "no X-Hub-Signature-256"},
		{"unsigned without a secret", nil, secret.Value{}, nil, comments, webhook.Unsigned, "", "no X-Hub-Signature-256"},
		{"sha1 only", []webhook.AppSecret{first}, secret.Value{}, http.Header{"X-Hub-Signature": {"sha1=00"}}, comments, webhook.Unsigned, "", "legacy"},
		{"malformed", []webhook.AppSecret{first}, secret.Value{}, http.Header{"X-Hub-Signature-256": {"sha256=zz"}}, comments, webhook.Invalid, "", "malformed"},
		{"two headers", []webhook.AppSecret{instagram}, secret.Value{}, http.Header{"X-Hub-Signature-256": {v[0].sha256, v[0].sha256}}, comments, webhook.Invalid, "", "2 X-Hub-Signature-256 headers"},
		{"page event, instagram secret", []webhook.AppSecret{instagram, meta}, instagram.Value, nil, pageBody, webhook.Verified, "instagram", "Messenger"},
		{"page event, meta secret", []webhook.AppSecret{instagram, meta}, meta.Value, nil, pageBody, webhook.Verified, "meta", ""},
		{"Instagram test, meta secret", []webhook.AppSecret{instagram, meta}, meta.Value, nil, test, webhook.Verified, "meta", "Instagram Login"},
		{"Messenger test, instagram secret", []webhook.AppSecret{instagram, meta}, instagram.Value, http.Header{"Facebook-Api-Version": {"unversioned"}}, comments, webhook.Verified, "instagram", "Messenger"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := tt.header.Clone()
			if header == nil {
				header = http.Header{}
			}
			if !tt.signer.Empty() {
				header.Set(webhook.SignatureHeader, webhook.Sign(tt.signer, tt.body))
			}
			got := keyring(t, tt.keys...).Judge(header, tt.body)
			if got.Verdict != tt.verdict || got.Secret != tt.secret || !strings.Contains(got.Reason, tt.reason) || (tt.reason == "" && got.Reason != "") {
				t.Errorf("Judge = %+v, want %s %q %q", got, tt.verdict, tt.secret, tt.reason)
			}
		})
	}
}

func TestKeyringFor(t *testing.T) {
	meta := webhook.AppSecret{Name: "meta", Value: secret.New("m")}
	instagram := webhook.AppSecret{Name: "instagram", Value: secret.New("i")}
	first := webhook.AppSecret{Name: "#1", Value: secret.New("1")}
	tests := []struct {
		keys  []webhook.AppSecret
		login webhook.Login
		want  string
	}{
		{[]webhook.AppSecret{instagram, meta}, webhook.InstagramLogin, "instagram"},
		{[]webhook.AppSecret{instagram, meta}, webhook.FacebookLogin, "meta"},
		{[]webhook.AppSecret{instagram, meta}, webhook.Messenger, "meta"},
		{[]webhook.AppSecret{first, instagram}, webhook.Messenger, "instagram"},
		{[]webhook.AppSecret{first}, webhook.Messenger, "#1"},
		{[]webhook.AppSecret{meta}, webhook.InstagramLogin, "meta"},
	}
	for _, tt := range tests {
		if got, ok := keyring(t, tt.keys...).For(tt.login); !ok || got.Name != tt.want {
			t.Errorf("For(%s) of %d secrets = %q, want %q", tt.login, len(tt.keys), got.Name, tt.want)
		}
	}
	if _, ok := keyring(t).For(webhook.InstagramLogin); ok {
		t.Error("For on an empty keyring = true, want false")
	}
	if _, err := webhook.NewKeyring(webhook.AppSecret{Name: "#1"}); !errors.Is(err, webhook.ErrEmptySecret) {
		t.Errorf("NewKeyring(empty) = %v, want %v", err, webhook.ErrEmptySecret)
	}
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.body, "key", uint16(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, key string, bit uint16) {
		if key == "" {
			return
		}
		k := secret.New(key)
		signature := webhook.Sign(k, body)
		if err := webhook.Verify(k, body, signature); err != nil {
			t.Fatalf("Verify(Sign(x)) = %v, want nil", err)
		}
		if len(body) > 0 {
			flipped := append([]byte(nil), body...)
			flipped[int(bit/8)%len(body)] ^= 1 << (bit % 8)
			if err := webhook.Verify(k, flipped, signature); !errors.Is(err, webhook.ErrSignatureMismatch) {
				t.Fatalf("Verify(flipped) = %v, want %v", err, webhook.ErrSignatureMismatch)
			}
		}
		for _, s := range []string{string(body), signature[:len(signature)-1], strings.ToUpper(signature)} {
			if err := webhook.Verify(k, body, s); err == nil {
				t.Fatalf("Verify(%q) = nil, want an error", s)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := vectors(b)[2]
	k := keyring(b, webhook.AppSecret{Name: "#1", Value: vectorKey})
	header := http.Header{webhook.SignatureHeader: {v.sha256}}
	b.SetBytes(int64(len(v.body)))
	b.ReportAllocs()
	for b.Loop() {
		if k.Judge(header, v.body).Verdict != webhook.Verified {
			b.Fatal("not verified")
		}
	}
}
