package tunnel

import (
	"errors"
	"regexp"
	"sync"

	"github.com/igloo-dev/igloo/internal/secret"
)

// tokenShapes matches what looks like a token of a tunnel service, compiled at
// the first use. Services echo what they were sent, and what they were sent may
// be a token that igloo never held, or held in another spelling.
var tokenShapes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i:auth[-_ ]?token"?\s*[:=]\s*)([^\r\n]+)` + // the rest of the line
		`|\b([0-9][0-9A-Za-z]{15,}_[0-9A-Za-z]{8,})\b` + // authtokens and API keys: 2abc…_…
		`|\b((?:cr|ak|tok|pat)_[0-9A-Za-z]{12,})\b`) // credential ids and keys
})

// Redact returns text without the given secrets and without anything that looks
// like a token of a tunnel service. It is for texts that come from such a
// service: igloo's own have no tokens in them, and lose nothing here.
func Redact(text string, secrets ...secret.Value) string {
	text = secret.Redact(text, secrets...)
	shapes := tokenShapes()
	var out []byte
	end := 0
	for _, m := range shapes.FindAllStringSubmatchIndex(text, -1) {
		for g := 2; g < len(m); g += 2 {
			if m[g] < 0 {
				continue
			}
			out = append(append(out, text[end:m[g]]...), secret.Redacted...)
			end = m[g+1]
		}
	}
	return string(append(out, text[end:]...))
}

// redactError returns err, or when there is something to hide, an error with
// the rest of its text. That one does not unwrap: the errors below still hold
// the whole text.
func redactError(err error, secrets []secret.Value) error {
	if err == nil {
		return nil
	}
	if fatal, ok := errors.AsType[*FatalError](err); ok {
		return &FatalError{
			Code: fatal.Code,
			Hint: Redact(fatal.Hint, secrets...),
			Err:  redactError(fatal.Err, secrets),
		}
	}
	text := err.Error()
	if clean := Redact(text, secrets...); clean != text {
		return errors.New(clean)
	}
	return err
}
