package journal

import (
	"net/http"
	"slices"
	"strings"
)

// The head of a request or an answer is stored as text, one line each, the way it
// looks on the wire: people read it with sqlite3, and one column is cheaper to write
// than six. Names are sorted, because http.Header has no order to keep.

// appendRequestHead writes the request line, the Host and the header.
func appendRequestHead(dst []byte, method, uri, proto, host string, header http.Header) []byte {
	dst = appendLine(dst, method)
	dst = append(dst, ' ')
	dst = appendLine(dst, uri)
	dst = append(dst, ' ')
	dst = appendLine(dst, proto)
	dst = append(dst, "\nHost: "...)
	dst = appendLine(dst, host)
	dst = append(dst, '\n')
	return appendHeader(dst, header)
}

func appendHeader(dst []byte, header http.Header) []byte {
	var space [32]string
	names := space[:0]
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range header[name] {
			dst = appendLine(dst, name)
			dst = append(dst, ": "...)
			dst = appendLine(dst, value)
			dst = append(dst, '\n')
		}
	}
	return dst
}

// appendLine writes s without line breaks, which net/http never lets through; a
// Delivery made by hand could hold some.
func appendLine(dst []byte, s string) []byte {
	if strings.IndexByte(s, '\n') < 0 {
		return append(dst, s...)
	}
	return append(dst, strings.ReplaceAll(s, "\n", " ")...)
}

// parseRequestHead is the reverse of appendRequestHead. A request target may hold
// spaces, a method and a protocol cannot.
func parseRequestHead(head []byte) (method, uri, proto, host string, header http.Header) {
	line, rest := cutLine(string(head))
	method, line, _ = strings.Cut(line, " ")
	if i := strings.LastIndexByte(line, ' '); i >= 0 {
		uri, proto = line[:i], line[i+1:]
	}
	line, rest = cutLine(rest)
	_, host, _ = strings.Cut(line, ": ")
	return method, uri, proto, host, parseHeader(rest)
}

func parseHeader(lines string) http.Header {
	header := make(http.Header, strings.Count(lines, "\n"))
	for lines != "" {
		var line string
		line, lines = cutLine(lines)
		name, value, _ := strings.Cut(line, ": ")
		header[name] = append(header[name], value)
	}
	return header
}

func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return line, rest
}
