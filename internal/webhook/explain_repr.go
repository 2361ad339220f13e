package webhook

import "bytes"

// Python's str and repr describe a value. People sign the description.

// bytesRepr returns text as Python's str does of bytes: b'…'.
func bytesRepr(text []byte) []byte {
	around := byte('\'')
	if bytes.IndexByte(text, '\'') >= 0 && bytes.IndexByte(text, '"') < 0 {
		around = '"'
	}
	out := append(make([]byte, 0, len(text)+len(text)/8+3), 'b', around)
	for _, c := range text {
		switch {
		case c == around || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c > '~':
			out = append(out, byteRepr(c)...)
		default:
			out = append(out, c)
		}
	}
	return append(out, around)
}

// dictRepr returns the text as Python's str does of the parsed object.
func dictRepr(text []jsonToken) []byte {
	var out []byte
	for _, t := range text {
		switch {
		case isSpace(t[0]):
		case t[0] == '"':
			out = appendStrRepr(out, unquote(t))
		case t[0] == ',' || t[0] == ':':
			out = append(out, t[0], ' ')
		case t[0] == 't' || t[0] == 'f':
			out = append(append(out, t[0]-'a'+'A'), t[1:]...)
		case t[0] == 'n':
			out = append(out, "None"...)
		default:
			out = append(out, t...)
		}
	}
	return out
}

// appendStrRepr appends a text as Python's repr does.
func appendStrRepr(dst, text []byte) []byte {
	around := byte('\'')
	if bytes.IndexByte(text, '\'') >= 0 && bytes.IndexByte(text, '"') < 0 {
		around = '"'
	}
	dst = append(dst, around)
	for _, c := range text {
		switch {
		case c == around || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c == 0x7f:
			dst = append(dst, byteRepr(c)...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, around)
}

// byteRepr is a byte that does not print, in Python's notation.
func byteRepr(c byte) string {
	switch c {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	return string([]byte{'\\', 'x', lowerHex[c>>4], lowerHex[c&0xF]})
}
