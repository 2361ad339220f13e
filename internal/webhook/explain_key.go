package webhook

import (
	"crypto/hmac"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
)

// signer makes signatures with one key: a candidate as it is, or spoilt in one of the
// ways people spoil keys.
type signer struct {
	candidate *Candidate // nil: no key of anybody's
	codes     []string   // what is wrong with the key; none when nothing is
	mac       hash.Hash
	likely    bool // tried on every form of the body, however large
}

// spoilt are the usual ways to spoil a key, with their codes.
var spoilt = []struct {
	code string
	of   func(key string) string // the same key again: does not apply
}{
	{"secret-quoted", unwrap},
	{"secret-newline", func(key string) string { return key + "\n" }},
	{"secret-newline", func(key string) string { return key + "\r\n" }},
	{"secret-newline", func(key string) string { return key + "\r" }},
	{"secret-space", func(key string) string { return key + " " }},
	{"secret-space", func(key string) string { return " " + key }},
	{"secret-quotes", func(key string) string { return `"` + key + `"` }},
	{"secret-quotes", func(key string) string { return `'` + key + `'` }},
	{"secret-hex-decoded", func(key string) string {
		if decoded, err := hex.DecodeString(key); err == nil {
			return string(decoded)
		}
		return key
	}},
	{"secret-case", ifHex(strings.ToUpper)},
	{"secret-case", ifHex(strings.ToLower)},
}

// unwrap takes off the quotes and the white space that a key was given with.
func unwrap(key string) string {
	return strings.Trim(key, " \t\r\n\"'`")
}

// ifHex applies change to hexadecimal keys only: nobody changes the case of a token.
func ifHex(change func(string) string) func(string) string {
	return func(key string) string {
		if _, err := hex.DecodeString(key); err != nil {
			return key
		}
		return change(key)
	}
}

// missing are the keys of programs that found none.
var missing = []string{"", "undefined", "null", "None"}

// kindCodes say what is wrong with a key that is no app secret.
var kindCodes = map[CandidateKind]string{
	VerifyTokenKey: "verify-token", AccessTokenKey: "access-token", DevelopmentKey: "development-secret",
}

// signers returns every candidate as it is, then the keys of programs without one,
// then the candidates spoilt.
func signers(newHash func() hash.Hash, candidates []Candidate) []signer {
	var whole, broken []signer
	for i := range candidates {
		c := &candidates[i]
		if c.Value.Empty() {
			continue
		}
		var codes []string
		if code := kindCodes[c.Kind]; code != "" {
			codes = append(codes, code)
		}
		key := c.Value.Reveal()
		whole = append(whole, signer{c, codes, hmac.New(newHash, []byte(key)), true})
		known := []string{key}
		for _, s := range spoilt {
			if other := s.of(key); other != "" && !slices.Contains(known, other) {
				known = append(known, other)
				broken = append(broken, signer{c, append(slices.Clip(codes), s.code), hmac.New(newHash, []byte(other)), false})
			}
		}
	}
	for _, key := range missing {
		whole = append(whole, signer{nil, []string{"secret-missing"}, hmac.New(newHash, []byte(key)), true})
	}
	return append(whole, broken...)
}

// blunder is a way to sign that is no HMAC with a key over a text.
type blunder struct {
	candidate *Candidate
	codes     []string
	sum       []byte
}

// blunders returns the body signed by those who mistook what an HMAC is.
func blunders(newHash func() hash.Hash, body []byte, candidates []Candidate) []blunder {
	digest := func(h hash.Hash, parts ...[]byte) []byte {
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	out := []blunder{{nil, []string{"not-hmac"}, digest(newHash(), body)}}
	for i := range candidates {
		c := &candidates[i]
		if c.Value.Empty() {
			continue
		}
		key := []byte(c.Value.Reveal())
		out = append(out,
			blunder{c, []string{"not-hmac"}, digest(newHash(), key, body)},
			blunder{c, []string{"not-hmac"}, digest(newHash(), body, key)},
			blunder{c, []string{"swapped-arguments"}, digest(hmac.New(newHash, body), key)},
		)
	}
	return out
}

// keyName is a candidate in a sentence.
func (c Candidate) keyName() string {
	switch {
	case c.Kind == VerifyTokenKey:
		return "the verify token"
	case c.Kind == AccessTokenKey:
		return "the access token"
	case c.Name == InstagramLogin.SecretName():
		return "the Instagram app secret"
	case c.Name == FacebookLogin.SecretName():
		return "the Meta app secret"
	case c.Name == DevelopmentSecret, c.Kind == DevelopmentKey:
		return "igloo's development secret"
	}
	return "app secret " + c.Name
}

// secretName is a candidate for programs.
func (c Candidate) secretName() string {
	switch c.Kind {
	case VerifyTokenKey:
		return "verify-token"
	case AccessTokenKey:
		return "access-token"
	case DevelopmentKey:
		return DevelopmentSecret
	case AppSecretKey:
	}
	return c.Name
}
