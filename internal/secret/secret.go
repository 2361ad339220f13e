// Package secret holds values that never print: app secrets, verify tokens,
// access tokens and tunnel tokens.
//
// A [Value] shows itself as "[redacted]" in fmt, log/slog, JSON and every other
// encoder; the text leaves only through [Value.Reveal], so a reviewer finds every
// use with one search.
//
// The package makes no API promise before v1.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"strings"
)

// Redacted is what a secret prints as.
const Redacted = "[redacted]"

// Value is a secret text. The zero Value is empty.
//
// It is a struct around a pointer: a plain string type would leak through %d,
// reflection-based encoders and unexported fields.
type Value struct{ text *string }

// New returns a Value that holds text.
func New(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{text: &text}
}

// Reveal returns the text itself. Call it only where the text is used: to sign,
// to compare, to send to the service it belongs to.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Empty reports whether the value holds no text.
func (v Value) Empty() bool { return v.text == nil }

// Equal reports whether the value is text, in a time that depends on neither.
// An empty value equals nothing, not even the empty text.
func (v Value) Equal(text string) bool {
	if v.text == nil {
		return false
	}
	a, b := sha256.Sum256([]byte(*v.text)), sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format prints [Redacted] for every verb and flag.
func (Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// String returns [Redacted].
func (Value) String() string { return Redacted }

// GoString returns [Redacted].
func (Value) GoString() string { return Redacted }

// LogValue logs [Redacted].
func (Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText encodes [Redacted], which covers JSON, XML and map keys.
func (Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// minRedact is the shortest secret Redact replaces: a shorter one would turn
// ordinary words of an error text into holes and give its length away.
const minRedact = 4

// Redact returns text with every occurrence of the given secrets replaced by
// [Redacted]. Secrets shorter than 4 bytes are left alone.
func Redact(text string, values ...Value) string {
	for _, v := range values {
		if s := v.Reveal(); len(s) >= minRedact {
			text = strings.ReplaceAll(text, s, Redacted)
		}
	}
	return text
}
