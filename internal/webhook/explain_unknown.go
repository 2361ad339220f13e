package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// diagnose says what is known of a signature that nothing fits: first what is wrong for
// certain, then that nothing fits, then the likeliest causes.
func (e *explainer) diagnose() []Explanation {
	body := e.bodyFaults()
	out := append(e.headerFaults(), body...)
	real := realSecrets(e.candidates)
	if len(real) == 0 {
		return append(out, explain("unchecked"))
	}
	known := slices.DeleteFunc(slices.Clone(e.candidates), func(c Candidate) bool { return c.Value.Empty() })
	out = append(out, explain("unexplained", len(known), e.forms))
	if len(body) > 0 { // reason enough
		return out
	}
	for _, c := range real {
		if !metaForm(c.Value.Reveal()) {
			out = append(out, guess("secret-not-meta", c.keyName()))
		}
	}
	if e.rewritten() {
		out = append(out, guess("body-not-meta"))
	}
	if len(real) == 1 {
		out = append(out, guess("other-product-secret"))
	}
	return append(out, guess("other-app-secret"), guess("body-altered"))
}

func explain(code string, args ...any) Explanation {
	c := otherCauses[code]
	return Explanation{Code: code, Text: fmt.Sprintf(c.text, args...), Fix: c.fix}
}

func guess(code string, args ...any) Explanation {
	x := explain(code, args...)
	x.Guess = true
	return x
}

func realSecrets(candidates []Candidate) []Candidate {
	var out []Candidate
	for _, c := range candidates {
		if c.Kind == AppSecretKey && c.Name != DevelopmentSecret && !c.Value.Empty() {
			out = append(out, c)
		}
	}
	return out
}

// metaForm reports whether a secret looks as Meta's do.
func metaForm(key string) bool {
	_, err := hex.DecodeString(key)
	return err == nil && len(key) == 32
}

// headerFaults says what is wrong with the header, whoever signed.
func (e *explainer) headerFaults() []Explanation {
	var out []Explanation
	for _, code := range e.readings[0].codes {
		out = append(out, Explanation{Code: code, Text: headerCauses[code].text, Fix: headerCauses[code].fix})
	}
	legacy := e.header.Get(SHA1SignatureHeader)
	for _, c := range e.candidates {
		if legacy != "" && !c.Value.Empty() && !e.readings[0].sha1 && VerifySHA1(c.Value, e.body, legacy) == nil {
			x := explain("sha256-altered")
			x.Secret = c.secretName()
			return append(out, x)
		}
	}
	return out
}

// sha512 reports whether a candidate made the signature by SHA-512, which other services
// use.
func (e *explainer) sha512() (x Explanation, ok bool) {
	digits, ok := strings.CutPrefix(strings.ToLower(e.header.Get(SignatureHeader)), "sha512=")
	digest, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return Explanation{}, false
	}
	for _, c := range e.candidates {
		if c.Value.Empty() {
			continue
		}
		mac := hmac.New(sha512.New, []byte(c.Value.Reveal()))
		mac.Write(e.body)
		if hmac.Equal(mac.Sum(nil), digest) {
			x = explain("sha512-signature", c.keyName())
			x.Secret = c.secretName()
			return x, true
		}
	}
	return Explanation{}, false
}

// bodyFaults says what is wrong with the body, whoever signed.
func (e *explainer) bodyFaults() []Explanation {
	have := len(e.body)
	if have == 0 {
		return []Explanation{explain("body-empty")}
	}
	sent, err := strconv.Atoi(e.header.Get("Content-Length"))
	differs := err == nil && sent != have && e.header.Get("Content-Encoding") == ""
	broken := checkJSON(e.body)
	switch {
	case differs && broken == nil && e.metaLength(sent):
		return []Explanation{explain("body-rewritten")}
	case differs && have < sent:
		return []Explanation{explain("body-truncated", have, sent)}
	case differs:
		return []Explanation{explain("body-longer", have, sent)}
	}
	if syntax, ok := errors.AsType[*SyntaxError](broken); ok {
		return []Explanation{explain("body-not-json", syntax.Offset)}
	}
	return nil
}

// metaLength reports whether the body's JSON has n bytes when Meta writes it.
func (e *explainer) metaLength(n int) bool {
	written, ok := e.asMeta()
	return ok && len(written) == n
}

// rewritten reports whether the body is a payload in other bytes than Meta's.
func (e *explainer) rewritten() bool {
	written, ok := e.asMeta()
	return ok && !bytes.Equal(written, e.body)
}

// asMeta returns the body's JSON as Meta's sender writes it.
func (e *explainer) asMeta() ([]byte, bool) {
	core := bytes.TrimSpace(bytes.TrimPrefix(e.body, []byte(bom)))
	if checkJSON(core) != nil {
		return nil, false
	}
	d, _, known := dialectOf(core)
	if !known {
		return nil, false
	}
	return rewrite(nil, tokens(core), metaStyle(d, asOrdered), maxRewritten(len(core)))
}
