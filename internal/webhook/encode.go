package webhook

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

const lowerHex = "0123456789abcdef"

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
	dst = slices.Grow(dst, len(formatted)+len(formatted)/8)
	copied := 0
	for i := 0; i < len(formatted); {
		c := formatted[i]
		switch {
		case c == '\\':
			i += 2
			continue
		case c == '/' && d == Messaging, c >= utf8.RuneSelf:
		case messenger && (c == '<' || c == '@' || c == '%'):
		case c == 0x7f && d == Changes: // outside the printable range of Python's encoder
		default:
			i++
			continue
		}
		dst = append(dst, formatted[copied:i]...)
		r, size := utf8.DecodeRune(formatted[i:])
		switch {
		case c == '/':
			dst = append(dst, '\\', '/')
		case r > 0xFFFF:
			dst = appendEscape(dst, 0xD800+(r-0x10000)>>10)
			dst = appendEscape(dst, 0xDC00+(r-0x10000)&0x3FF)
		case c == '<':
			dst = append(dst, `\u003C`...) // the one escape with an upper-case digit
		default:
			dst = appendEscape(dst, r)
		}
		i += size
		copied = i
	}
	return append(dst, formatted[copied:]...), nil
}

func appendEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', lowerHex[r>>12&0xF], lowerHex[r>>8&0xF], lowerHex[r>>4&0xF], lowerHex[r&0xF])
}
