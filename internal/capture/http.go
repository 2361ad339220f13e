package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
)

// isRequestLine reports whether a line is "METHOD target", with or without the
// version after it.
func isRequestLine(line string) bool {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	if method == "" || len(method) > 16 || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return false
	}
	return (strings.HasPrefix(target, "/") || strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")) &&
		(version == "" || strings.HasPrefix(version, "HTTP/"))
}

// isHeaderLine reports whether a line is "Name: value". Browsers show the request
// line of HTTP/2 as headers whose names begin with a colon.
func isHeaderLine(line string) bool {
	name, _, found := strings.Cut(strings.TrimPrefix(line, ":"), ":")
	return found && isToken(name)
}

// hasEmptyLine reports whether an empty line stands in the text, as before a body.
func hasEmptyLine(text []byte) bool {
	return bytes.Contains(text, []byte("\n\n")) || bytes.Contains(text, []byte("\n\r\n"))
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// readPipelined reads raw requests that stand one after the other, each with a
// Content-Length.
func readPipelined(text []byte) ([]Request, error) {
	var out []Request
	for rest := text; len(rest) > 0; {
		r, after, err := readHTTP(rest)
		if bad, ok := errors.AsType[*Error](err); ok {
			bad.Line += bytes.Count(text[:len(text)-len(rest)], []byte("\n"))
			return nil, bad
		}
		if out = append(out, r); len(out) > MaxRequests {
			return nil, tooMany()
		}
		rest = after
	}
	return out, nil
}

// maxHeader bounds the lines before the body: joining folded ones takes the square of
// their length.
const maxHeader = 64 << 10

// readHTTP reads one raw request: everything after the first empty line is the body,
// or what its Content-Length says when a request line follows, which is the first of
// after.
func readHTTP(text []byte) (r Request, after []byte, err error) {
	r = Request{Header: http.Header{}}
	rest, number, last := text, 0, ""
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		content := strings.TrimSuffix(string(line), "\r")
		number++
		rest = after
		if content == "" {
			break
		}
		if len(text)-len(rest) > maxHeader {
			return r, nil, &Error{Line: number, Reason: fmt.Sprintf("more than %d KiB of headers", maxHeader>>10), Want: "is the empty line before the body missing?"}
		}
		switch {
		case number == 1 && isRequestLine(content):
			r.Method, content, _ = strings.Cut(content, " ")
			r.URL, _, _ = strings.Cut(content, " ")
		case last != "" && strings.TrimLeft(content, " \t") != content: // folded, as in old mail
			values := r.Header[last]
			values[len(values)-1] += " " + strings.TrimSpace(content)
		case isHeaderLine(content):
			last = r.addHeader(content)
		case content[0] == '{' || content[0] == '[':
			return r, nil, &Error{Line: number, Reason: "the body begins without an empty line before it", Want: "put one between the headers and the body"}
		default:
			return r, nil, &Error{Line: number, Reason: "neither a header nor the empty line before the body", Want: "a header is \"Name: value\""}
		}
	}
	return r, r.setBody(rest), nil
}

// addHeader reads one header line and returns the key it went to, "" for a
// pseudo-header.
func (r *Request) addHeader(line string) string {
	if pseudo, ok := strings.CutPrefix(line, ":"); ok {
		name, value, _ := strings.Cut(pseudo, ":")
		switch value = strings.TrimSpace(value); name {
		case "method":
			r.Method = value
		case "path":
			r.URL = value
		}
		return ""
	}
	name, value, _ := strings.Cut(line, ":")
	key := http.CanonicalHeaderKey(name)
	r.Header[key] = append(r.Header[key], strings.TrimSpace(value))
	return key
}

// setBody takes what stands after the headers, and returns the request that follows.
// Content-Length decides where the body ends when only blanks would follow it, for an
// editor ends a file with a newline, or another request.
func (r *Request) setBody(rest []byte) (after []byte) {
	r.Body = rest
	if strings.EqualFold(r.Header.Get("Transfer-Encoding"), "chunked") {
		r.unchunk()
		return nil
	}
	n, err := strconv.Atoi(r.Header.Get("Content-Length"))
	if err == nil && n >= 0 && n <= len(rest) {
		follows := bytes.TrimLeft(rest[n:], "\r\n")
		switch {
		case len(bytes.TrimSpace(follows)) == 0:
			r.Body = rest[:n]
		case isRequestLine(firstLine(follows)):
			r.Body, after = rest[:n], follows
		}
	}
	r.noteLength()
	return after
}

// unchunk takes the body out of its chunks.
func (r *Request) unchunk() {
	body, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(r.Body)))
	if err != nil {
		r.note("Transfer-Encoding says chunked and the body is not: it is taken as it is")
		return
	}
	r.Body = body
}
