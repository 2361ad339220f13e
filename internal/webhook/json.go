package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A body is checked once by jsontext and then walked in place: the values below
// are slices of it, so an event's Raw is the very bytes that were received, and
// a hostile body costs no more memory than it has bytes.

// SyntaxError says where a body stops being JSON, or that it is not an object.
type SyntaxError struct {
	Offset int // in bytes, from 0
	Reason string
}

// Error returns the reason and the place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not a webhook payload: %s at byte %d", e.Reason, e.Offset)
}

// lenient accepts what Meta never sends but a verifier must not trip over.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// checkJSON returns a [*SyntaxError] when body is not one JSON value.
func checkJSON(body []byte) error {
	if jsontext.Value(body).IsValid(lenient...) {
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return &SyntaxError{Reason: "empty body"}
	}
	dec := jsontext.NewDecoder(bytes.NewReader(body), lenient...)
	for {
		_, err := dec.ReadToken()
		if err == nil && dec.StackDepth() == 0 {
			// The first value is whole, so what follows it is the trouble.
			return &SyntaxError{Offset: int(dec.InputOffset()), Reason: "more text after the JSON value"}
		}
		if err == nil {
			continue
		}
		offset := dec.InputOffset()
		if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			offset, err = syntactic.ByteOffset, syntactic.Err
		}
		return &SyntaxError{Offset: int(offset), Reason: err.Error()}
	}
}

// members walks the members of an object in order, keys without their quotes.
// Anything else has none.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		for i := skipSpace(object, 1); object[i] == '"'; {
			key := object[i:skipValue(object, i)]
			i = skipSpace(object, i+len(key)) + 1 // the colon
			i = skipSpace(object, i)
			value := object[i:skipValue(object, i)]
			if !yield(unquote(key), value) {
				return
			}
			if i = skipSpace(object, i+len(value)); object[i] == ',' {
				i = skipSpace(object, i+1)
			}
		}
	}
}

// elements walks the elements of an array in order. Anything else has none.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(array) == 0 || array[0] != '[' {
			return
		}
		for i := skipSpace(array, 1); array[i] != ']'; {
			value := array[i:skipValue(array, i)]
			if !yield(value) {
				return
			}
			if i = skipSpace(array, i+len(value)); array[i] == ',' {
				i = skipSpace(array, i+1)
			}
		}
	}
}

// member returns the value of the first member with this key, nil when absent.
func member(object []byte, key string) []byte {
	for k, v := range members(object) {
		if string(k) == key {
			return v
		}
	}
	return nil
}

// path follows member keys down an object.
func path(object []byte, keys ...string) []byte {
	for _, key := range keys {
		object = member(object, key)
	}
	return object
}

// text returns a JSON string's text, or a number as it is written: ids are strings
// on the wire, and a sender that gets this wrong should still be readable.
func text(value []byte) string {
	switch {
	case len(value) == 0 || value[0] == '{' || value[0] == '[' || value[0] == 'n':
		return ""
	case value[0] != '"':
		return string(value)
	}
	return string(unquote(value))
}

// unquote returns the text of a JSON string, in place when nothing in it is escaped.
func unquote(value []byte) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	unquoted, _ := jsontext.AppendUnquote(nil, value) // lenient: invalid UTF-8 becomes U+FFFD
	return unquoted
}

// integer returns a JSON number or a string of digits as int64, 0 when it is neither.
func integer(value []byte) int64 {
	n, err := strconv.ParseInt(text(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func isTrue(value []byte) bool { return string(value) == "true" }

// skipSpace and skipValue need a valid JSON text and an index inside it.

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t' {
		i++
	}
	return i
}

// skipValue returns the index after the value that starts at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = closingQuote(b, i+1)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ' ', '\n', '\r', '\t', ',', ':':
			continue
		default: // number, true, false, null
			for i+1 < len(b) && !isDelimiter(b[i+1]) {
				i++
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}

// closingQuote returns the index of the quote that ends the string whose text
// starts at i.
func closingQuote(b []byte, i int) int {
	for start := i; ; i++ {
		i += bytes.IndexByte(b[i:], '"')
		escapes := 0
		for i-escapes > start && b[i-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

func isDelimiter(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ':'
}

// format rewrites src without layout, or with Python's default separators.
func format(dst, src []byte, spaced bool) ([]byte, error) {
	return jsontext.AppendFormat(dst, src, jsontext.SpaceAfterComma(spaced), jsontext.SpaceAfterColon(spaced))
}
