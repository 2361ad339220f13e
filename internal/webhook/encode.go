package webhook

import (
	"fmt"
	"unicode/utf8"
)

const lowerHex = "0123456789abcdef"

// messengerEscapes are spelled out, since their hexadecimal digits are upper-case
// where those of every other escape are not.
var messengerEscapes = map[byte]string{'<': `\u003C`, '@': `\u0040`, '%': `\u0025`}

// Encode appends to dst the JSON text src as Meta's sender of a dialect writes it:
// pure ASCII with lower-case \uXXXX escapes (surrogate pairs above U+FFFF), a space
// after "," and ":" in the changes dialect, "/" as "\/" in the messaging dialect,
// no trailing newline. Key order and number tokens stay as they are in src; its
// layout and escapes don't matter. It fails on anything but one JSON value without
// duplicate names.
//
// Encode is for what igloo makes and signs. Never call it on received bytes.
func Encode(dst, src []byte, d Dialect) ([]byte, error) {
	return encode(dst, src, d, false)
}

// EncodeMessenger is [Encode] in the messaging dialect with three more escapes:
// "<" as \u003C with an upper-case C, "@" as \u0040 and "%" as \u0025. Verifiers
// written for Facebook Pages needed them; no delivery of Instagram has shown them.
func EncodeMessenger(dst, src []byte) ([]byte, error) {
	return encode(dst, src, Messaging, true)
}

func encode(dst, src []byte, d Dialect, messenger bool) ([]byte, error) {
	formatted, err := format(nil, src, d == Changes)
	if err != nil {
		return dst, fmt.Errorf("encode payload: %w", err)
	}
	// A byte above 0x7F, and any of "/", "<", "@" and "%", only ever stands inside a
	// string.
	for i := 0; i < len(formatted); {
		c := formatted[i]
		switch {
		case c == '\\':
			dst = append(dst, c, formatted[i+1])
			i += 2
		case c == '/' && d == Messaging:
			dst = append(dst, '\\', '/')
			i++
		case messenger && (c == '<' || c == '@' || c == '%'):
			dst = append(dst, messengerEscapes[c]...)
			i++
		case c == 0x7f && d == Changes: // outside the printable range of Python's encoder
			dst = appendEscape(dst, 0x7f)
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRune(formatted[i:])
			if r > 0xFFFF {
				r -= 0x10000
				dst = appendEscape(dst, 0xD800+r>>10)
				dst = appendEscape(dst, 0xDC00+r&0x3FF)
			} else {
				dst = appendEscape(dst, r)
			}
			i += size
		}
	}
	return dst, nil
}

func appendEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', lowerHex[r>>12&0xF], lowerHex[r>>8&0xF], lowerHex[r>>4&0xF], lowerHex[r&0xF])
}
