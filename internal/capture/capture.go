// Package capture reads HTTP requests the way people and programs write them down:
//
//   - a raw HTTP/1.x request, as a proxy or a packet capture shows it, its lines
//     ended by CRLF or LF, the request line left out or not; several, when each has a
//     Content-Length
//   - a curl command in the quoting of a POSIX shell or of cmd.exe, as browsers copy
//     it and igloo prints it
//   - a HAR file
//   - what request inspectors export as JSON: ngrok's agent API, webhook.site,
//     webhook-tester, Pipedream's RequestBin; and the event of an AWS Lambda function,
//     also as Vercel wraps it
//   - igloo's own lines: deliveries, and requests of igloo fire --print json
//   - a payload alone, or in a line of a log
//
// [Read] finds out which. Bodies are taken byte for byte: a signature is made over
// bytes, so what a notation lost is said in [Request.Note] and never made up for.
//
// Nothing is executed and no other file is read: a command that takes its body from
// a file is refused with the reason.
//
// The package makes no API promise before v1.
package capture

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of what is read. A HAR of an afternoon stays below them.
const (
	MaxSize     = 64 << 20 // bytes of text
	MaxRequests = 1000     // requests in one text
)

// Request is one HTTP request as it was written down. A payload alone has a body and
// nothing else.
type Request struct {
	Method string
	URL    string // as far as the notation tells: a path, or a whole URL
	Header http.Header
	Body   []byte
	// Number is its place among the requests of the text, from 1: those that no webhook
	// could be count too.
	Number int
	// Note is what to know before the body is trusted, such as a Content-Length that
	// does not fit; "" when there is nothing.
	Note string
}

// note adds a sentence to the request's note.
func (r *Request) note(format string, args ...any) {
	if r.Note != "" {
		r.Note += "; "
	}
	r.Note += fmt.Sprintf(format, args...)
}

// noteLength compares the body with what its Content-Length says.
func (r *Request) noteLength() {
	said := r.Header.Get("Content-Length")
	if said == "" || r.Header.Get("Content-Encoding") != "" {
		return
	}
	if n, err := strconv.Atoi(strings.TrimSpace(said)); err != nil || n != len(r.Body) {
		r.note("Content-Length says %q and the body has %d bytes: it is not the body that was sent", said, len(r.Body))
	}
}

// Error says why a text holds no request that igloo can read.
type Error struct {
	Line, Column int    // from 1; Column is 0 when the line is meant, both when the text is
	Item         string // where in a JSON text: "log.entries[3]"; "" elsewhere
	Reason       string // what was found
	Want         string // what was expected, or what to do; may be ""
}

// Error returns "line 3: reason; what was expected".
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Item != "":
		b.WriteString(e.Item + ": ")
	case e.Column > 0:
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	case e.Line > 0:
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	b.WriteString(e.Reason)
	if e.Want != "" {
		b.WriteString("; " + e.Want)
	}
	return b.String()
}

// wantNotation says what Read reads.
const wantNotation = "expected an HTTP request, a curl command, a HAR, the JSON export of a request inspector, or a payload"

// byteOrderMark is what some Windows editors put before UTF-8.
var byteOrderMark = []byte("\ufeff")

// Read returns the requests a text holds, in order; at least one. From a text with
// many, such as a HAR, it takes those that a webhook could be: POST, with a body.
// The error is an [*Error].
func Read(data []byte) ([]Request, error) {
	requests, err := read(data)
	for i := range requests {
		if requests[i].Number == 0 { // all that are there were taken
			requests[i].Number = i + 1
		}
	}
	return requests, err
}

func read(data []byte) ([]Request, error) {
	if len(data) > MaxSize {
		return nil, &Error{Reason: fmt.Sprintf("%d bytes, the limit is %d MiB", len(data), MaxSize>>20), Want: "cut out the request"}
	}
	text := bytes.TrimPrefix(data, byteOrderMark)
	start := bytes.TrimLeft(text, " \t\r\n")
	if len(start) == 0 {
		return nil, &Error{Reason: "the text is empty", Want: wantNotation}
	}
	switch first := firstLine(start); {
	case start[0] == '{' || start[0] == '[':
		return readJSONOrLog(text)
	case strings.HasPrefix(first, "HTTP/"):
		return nil, &Error{Line: 1, Reason: "this is a response", Want: "igloo needs the request that it answers"}
	case isRequestLine(first) || isHeaderLine(first) && hasEmptyLine(start): // a line of a log may look like a header
		return readPipelined(start)
	case mentionsCurl(start):
		return readCurl(text)
	case strings.HasPrefix(strings.ToLower(first), "invoke-webrequest"), strings.HasPrefix(strings.ToLower(first), "invoke-restmethod"), strings.HasPrefix(first, "$session"):
		return nil, &Error{Line: 1, Reason: "this is a PowerShell command", Want: "copy the request as curl (bash or cmd) or as HAR"}
	}
	return readLog(text)
}

// firstLine returns a text's first line, without its end.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(bytes.TrimRight(line[:min(len(line), 8<<10)], "\r"))
}

// place returns the line and column of an offset, from 1, in characters.
func place(text []byte, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	line = bytes.Count(before, []byte("\n")) + 1
	last := before[bytes.LastIndexByte(before, '\n')+1:]
	return line, utf8.RuneCount(last) + 1
}
