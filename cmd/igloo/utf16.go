package main

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// wideNote is what to know of a body that was in UTF-16.
const wideNote = "the text is UTF-16, as > of Windows PowerShell writes it, and was read as UTF-8: its bytes are not those that were sent"

// fromUTF16 returns a text in UTF-16 as UTF-8, anything else as it is. UTF-16 is what
// has its byte order mark.
func fromUTF16(data []byte) (text []byte, wide bool) {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return data, false
	}
	units := make([]uint16, 0, len(data)/2)
	for rest := data[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return []byte(string(utf16.Decode(units))), true
}
