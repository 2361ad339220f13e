package simulator

import (
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
)

// await waits for the first byte of the answer.
func (c *conn) await() error {
	c.limit.N = maxAnswerHeader
	if _, err := c.r.Peek(1); err != nil {
		return err
	}
	c.silent = false
	return nil
}

// readHeader reads status and headers of the final answer.
func (c *conn) readHeader() (*http.Response, error) {
	for {
		response, err := http.ReadResponse(c.r, post)
		if err != nil && c.limit.N <= 0 {
			return nil, errHugeHeader
		}
		if err != nil {
			return nil, &notHTTPError{err}
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			c.limit.N = noLimit
			return response, nil
		}
	}
}

// readAnswer reads what is kept of an answer's body.
func readAnswer(response *http.Response) (body []byte, truncated bool, err error) {
	if n := response.ContentLength; n >= 0 && n <= keepBody {
		body = make([]byte, n)
		n, err := io.ReadFull(response.Body, body)
		return body[:n], false, err
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, keepBody+1))
	if len(body) > keepBody {
		return body[:keepBody], true, err
	}
	return body, false, err
}

// readShort reads an answer that has arrived whole and is of the plainest kind, which
// nearly every answer to a delivery is. It takes a fifth of the time net/http needs; in
// a burst that counts. What it does not know it leaves unread.
func (c *conn) readShort() (Response, bool) {
	whole, _ := c.r.Peek(c.r.Buffered()) // that much is there
	answer, n := parseShort(whole)
	if n == 0 {
		return Response{}, false
	}
	_, _ = c.r.Discard(n) // as above
	return answer, true
}

// parseShort reads an answer and returns how long it is, 0 for one that it leaves to
// net/http.
func parseShort(b []byte) (Response, int) {
	const begin, maxLines = "HTTP/1.1 200", 16
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 || !plainStatus(b[:end]) {
		return Response{}, 0
	}
	text := string(b[:end+2]) // one string for all values
	status, _ := strconv.Atoi(text[len(begin)-3 : len(begin)])
	answer := Response{Status: status, Proto: "HTTP/1.1", Header: make(http.Header, maxLines/4)}
	length := -1
	values := make([]string, 0, maxLines)
	for at := bytes.IndexByte(b, '\n') + 1; at < len(text); {
		stop := at + bytes.IndexByte(b[at:], '\r')
		name, value, ok := plainHeader(text[at:stop])
		if !ok || text[stop+1] != '\n' || len(values) == maxLines {
			return Response{}, 0
		}
		if name == "Content-Length" {
			n, err := strconv.ParseUint(value, 10, 18)
			if err != nil || length >= 0 {
				return Response{}, 0
			}
			length = int(n) // of 18 bits
		}
		values = append(values, value)
		if last := len(values); answer.Header[name] == nil {
			answer.Header[name] = values[last-1 : last : last]
		} else {
			answer.Header[name] = append(answer.Header[name], value)
		}
		at = stop + 2
	}
	end += len("\r\n\r\n")
	if length < 0 || length > len(b)-end {
		return Response{}, 0
	}
	answer.Body = bytes.Clone(b[end : end+length])
	return answer, end + length
}

// plainStatus reports whether a status line is of HTTP/1.1 and a final answer with a
// body.
func plainStatus(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 4 || rest[0] < '2' || rest[0] > '5' || rest[1] < '0' || rest[1] > '9' || rest[2] < '0' || rest[2] > '9' || rest[3] != ' ' {
		return false
	}
	return sendable(string(rest)) && !bytes.HasPrefix(rest, []byte("204")) && !bytes.HasPrefix(rest, []byte("304"))
}

// plainHeader splits a header line. ok is false for one that says how the answer is to
// be read, or that net/http would look at twice.
func plainHeader(line string) (name, value string, ok bool) {
	colon := 0
	for ; colon < len(line) && line[colon] != ':'; colon++ {
		c := line[colon] | 0x20
		if (c < 'a' || c > 'z') && line[colon] != '-' {
			return "", "", false
		}
	}
	if colon == 0 || colon == len(line) || !sendable(line[colon:]) {
		return "", "", false
	}
	switch name = textproto.CanonicalMIMEHeaderKey(line[:colon]); name {
	case "Transfer-Encoding", "Connection", "Trailer", "Pragma":
		return "", "", false
	}
	return name, textproto.TrimString(line[colon+1:]), true
}
