package check

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// variant is a body as a program hashes it that does not hash what it received.
type variant struct {
	code  string
	how   string // what the program does
	bytes []byte
}

func (v variant) detail() string { return "the app takes a signature over " + v.how }

// variants returns the ways in which programs write a delivery's body anew, each
// once. The likelier of two that agree comes first.
func variants(body []byte) []variant {
	decoded := unescape(body, true, false)
	compact := squeeze(body)
	stringified := unescape(compact, true, true)
	encoded := func(d webhook.Dialect) []byte {
		text, err := webhook.Encode(nil, body, d)
		if err != nil {
			return nil
		}
		return text
	}
	php, python := encoded(webhook.Messaging), encoded(webhook.Changes)
	all := []variant{
		{codeBodyEmpty, "an empty body", []byte{}},
		{codeBodyEmpty, "{}", []byte("{}")},
		{codeBodyDecoded, `the body with its \u escapes turned into characters`, decoded},
		{codeBodySlashes, `the body with "\/" turned into "/"`, unescape(body, false, true)},
		{codeBodyReserialised, "the parsed body written again as JSON.stringify does, compact and in UTF-8", stringified},
		{codeBodyReserialised, `the parsed body written again compact, with \u escapes and plain slashes`, unescape(compact, false, true)},
		{codeBodyReserialised, "the parsed body written again as PHP's json_encode does", php},
		{codeBodyReserialised, "the parsed body written again as Python's json.dumps does, with spaces", python},
		{codeBodyReserialised, "the parsed body written again with spaces, in UTF-8", unescape(python, true, true)},
		{codeBodyReserialised, "the parsed body written again with its keys sorted", sorted(body)},
		{codeBodyReserialised, "the parsed body written again with indentation", indent(stringified)},
		{codeBodyEscaped, `the parsed body written again with "<", "@", "%" and "/" escaped`, escapeMore(php)},
		{codeBodyEscaped, `the body with "<", "@" and "%" escaped`, escapeMore(body)},
		{codeBodyNewline, "the body and a newline", append(bytes.Clone(body), '\n')},
		{codeBodyBase64, "the body in base64", []byte(base64.StdEncoding.EncodeToString(body))},
	}
	kept := all[:0]
	for _, v := range all {
		same := func(other variant) bool { return bytes.Equal(other.bytes, v.bytes) }
		if v.bytes != nil && !bytes.Equal(v.bytes, body) && !slices.ContainsFunc(kept, same) {
			kept = append(kept, v)
		}
	}
	return kept
}

// squeeze takes the spaces out between tokens, nil for what is not JSON.
func squeeze(body []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, body) != nil {
		return nil
	}
	return out.Bytes()
}

func indent(body []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return nil
	}
	return out.Bytes()
}

// sorted is what comes of decoding into a map and encoding it, as Go does.
func sorted(body []byte) []byte {
	var value any
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	if in.Decode(&value) != nil {
		return nil
	}
	out, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return out
}

// escapeMore escapes what verifiers of Messenger deliveries were reported to.
func escapeMore(body []byte) []byte {
	for _, pair := range [][2]string{{"<", `\u003C`}, {"@", `\u0040`}, {"%", `\u0025`}} {
		body = bytes.ReplaceAll(body, []byte(pair[0]), []byte(pair[1]))
	}
	return body
}

// unescape turns \u escapes, or "\/", of a JSON text into the characters. Those that
// JSON needs stay.
func unescape(body []byte, unicode, slash bool) []byte {
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); {
		switch {
		case body[i] != '\\' || i+1 == len(body):
			out = append(out, body[i])
			i++
		case body[i+1] == '/' && slash:
			out = append(out, '/')
			i += 2
		case body[i+1] == 'u' && unicode:
			r, size := escaped(body[i:])
			if r < ' ' || r == '"' || r == '\\' {
				out = append(out, body[i:i+size]...)
			} else {
				out = utf8.AppendRune(out, r)
			}
			i += size
		default:
			out = append(out, body[i], body[i+1])
			i += 2
		}
	}
	return out
}

// escaped reads a \u escape, or two that make one character.
func escaped(text []byte) (r rune, size int) {
	const one = len(`\u0000`)
	unit := func(text []byte) rune {
		if len(text) < one || text[0] != '\\' || text[1] != 'u' {
			return -1
		}
		n, err := strconv.ParseUint(string(text[2:one]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	r = unit(text)
	if r < 0 {
		return 0, min(2, len(text)) // no escape: kept as it is
	}
	if utf16.IsSurrogate(r) {
		if both := utf16.DecodeRune(r, unit(text[one:])); both != utf8.RuneError {
			return both, 2 * one
		}
		return 0, one // half a pair: kept as it is
	}
	return r, one
}
