package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// exchange is a request in any of the JSON notations: each names what it knows in
// its own words, and none uses one word for something else.
type exchange struct {
	Type string `json:"type"` // of igloo: delivery, request; of webhook.site: web, email, dns

	Method     string `json:"method"`
	HTTPMethod string `json:"httpMethod"` // Lambda
	URL        string `json:"url"`
	URI        string `json:"uri"`
	Path       string `json:"path"`    // Lambda
	RawPath    string `json:"rawPath"` // Lambda, version 2.0
	Context    struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"` // Lambda, version 2.0

	Headers headers `json:"headers"`
	Header  headers `json:"header"` // igloo
	// Lambda has the headers that came more than once here.
	MultiValueHeaders headers `json:"multiValueHeaders"`

	Raw             *string         `json:"raw"` // ngrok: the whole request in base64
	Body            json.RawMessage `json:"body"`
	BodyBase64      *string         `json:"body_base64"` // igloo
	IsBase64Encoded bool            `json:"isBase64Encoded"`
	Content         *string         `json:"content"`                // webhook.site
	Payload         *string         `json:"request_payload_base64"` // webhook-tester
	PostData        *postData       `json:"postData"`               // HAR
	Encoding        string          `json:"encoding"`               // of the body: Vercel
}

// postData is the body of a request in a HAR.
type postData struct {
	Text     *string `json:"text"`
	Encoding string  `json:"encoding"`
}

// shape tells the JSON notations apart by the keys at the top.
type shape struct {
	Type string `json:"type"`
	Log  *struct {
		Entries []json.RawMessage `json:"entries"`
	} `json:"log"` // HAR
	Requests []json.RawMessage `json:"requests"` // ngrok
	Data     []json.RawMessage `json:"data"`     // webhook.site
	Request  json.RawMessage   `json:"request"`  // one of ngrok's or of a HAR
	Entry    json.RawMessage   `json:"entry"`
	Field    json.RawMessage   `json:"field"`
	Value    json.RawMessage   `json:"value"`
}

// payload reports whether the value is a payload as Meta sends it, or the preview of
// a change that the dashboard shows.
func (s shape) payload() bool {
	return is(s.Entry, '[') || is(s.Field, '"') && is(s.Value, '{')
}

// is reports whether a JSON value begins with a character.
func is(raw json.RawMessage, first byte) bool { return len(raw) > 0 && raw[0] == first }

// decode reads what it can of a JSON value: a key of another type than expected
// belongs to a notation of its own.
func decode(raw json.RawMessage, into any) bool {
	err := json.Unmarshal(raw, into)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	return err == nil || mistyped
}

// headers reads the ways headers are written as JSON: {name: value}, {name: [value]},
// [{"name", "value"}] and [[name, value]].
type headers http.Header

// UnmarshalJSON reads any of them, and passes over what is none.
func (h *headers) UnmarshalJSON(data []byte) error {
	*h = headers{}
	add := func(name string, values ...string) {
		key := http.CanonicalHeaderKey(name)
		(*h)[key] = append((*h)[key], values...)
	}
	var byName map[string]json.RawMessage
	if json.Unmarshal(data, &byName) == nil {
		for name, raw := range byName {
			var one string
			var many []string
			switch {
			case json.Unmarshal(raw, &one) == nil:
				add(name, one)
			case json.Unmarshal(raw, &many) == nil:
				add(name, many...)
			}
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return nil //nolint:nilerr // a notation of its own; the body counts
	}
	for _, raw := range list {
		var named struct{ Name, Value string }
		var pair []string
		switch {
		case json.Unmarshal(raw, &named) == nil:
			add(named.Name, named.Value)
		case json.Unmarshal(raw, &pair) == nil && len(pair) == 2:
			add(pair[0], pair[1])
		}
	}
	return nil
}

// collector gathers the requests of a JSON text.
type collector struct {
	requests []Request
	seen     int   // requests, those without a body included
	problem  error // of the first exchange that could not be read
}

// readJSONOrLog reads JSON, or a line of a log that begins with a bracket: [app] {…}.
func readJSONOrLog(text []byte) ([]Request, error) {
	requests, offset, err := readJSON(text)
	if err != nil && offset >= 0 && bytes.IndexByte(text[:min(offset, len(text))], '{') < 0 {
		if found, logErr := readLog(text); logErr == nil {
			return found, nil
		}
	}
	return requests, err
}

// readJSON reads one JSON value, or several one after the other.
// Where the text is no JSON it returns the offset, else -1.
func readJSON(text []byte) (requests []Request, offset int, err error) {
	var c collector
	dec := json.NewDecoder(bytes.NewReader(text))
	for n := 1; ; n++ {
		start := dec.InputOffset()
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			offset, err := jsonError(text, int(start), err)
			return nil, offset, err
		}
		where := ""
		if n > 1 {
			where = "value " + strconv.Itoa(n)
		}
		if n == 1 && !dec.More() && isPayload(raw) {
			return []Request{{Header: http.Header{}, Body: bytes.Clone(text)}}, -1, nil
		}
		c.value(raw, where, 0)
		if len(c.requests) > MaxRequests {
			return nil, -1, tooMany()
		}
	}
	switch {
	case len(c.requests) > 0:
		return c.requests, -1, nil
	case c.problem != nil:
		return nil, -1, c.problem
	case c.seen > 0:
		return nil, -1, &Error{Reason: fmt.Sprintf("no POST with a body among the requests (%d)", c.seen), Want: "a delivery is a POST; was it filtered out, or exported without its body?"}
	}
	return nil, -1, &Error{Line: 1, Column: 1, Reason: "JSON, but no request that igloo knows the notation of", Want: wantNotation}
}

// jsonError gives a decoder's error its place.
func jsonError(text []byte, start int, err error) (offset int, placed error) {
	offset = start
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = int(syntax.Offset) - 1
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		line, column := place(text, len(text))
		return len(text), &Error{Line: line, Column: column, Reason: "the JSON ends inside a value", Want: "is it copied whole?"}
	}
	line, column := place(text, offset)
	return offset, &Error{Line: line, Column: column, Reason: err.Error(), Want: "expected JSON"}
}

func isPayload(raw json.RawMessage) bool {
	var s shape
	return decode(raw, &s) && s.payload()
}

// maxDepth is how deep lists of requests may lie in each other: each level reads its
// bytes anew.
const maxDepth = 3

// value reads one JSON value at a place.
func (c *collector) value(raw json.RawMessage, where string, depth int) {
	var list []json.RawMessage
	if is(raw, '[') && decode(raw, &list) {
		c.list(list, where, depth)
		return
	}
	var s shape
	if !is(raw, '{') || !decode(raw, &s) {
		return
	}
	switch {
	case s.payload():
		c.seen++
		c.requests = append(c.requests, Request{Header: http.Header{}, Body: bytes.Clone(raw), Number: c.seen})
	case s.Log != nil:
		c.list(s.Log.Entries, join(where, "log.entries"), depth)
	case s.Requests != nil:
		c.list(s.Requests, join(where, "requests"), depth)
	case s.Data != nil:
		c.list(s.Data, join(where, "data"), depth)
	default:
		c.exchange(raw, s, where)
	}
}

func (c *collector) list(list []json.RawMessage, where string, depth int) {
	for i, element := range list {
		if len(c.requests) <= MaxRequests && depth < maxDepth {
			c.value(element, fmt.Sprintf("%s[%d]", where, i), depth+1)
		}
	}
}

func join(where, key string) string {
	if where == "" {
		return key
	}
	return where + "." + key
}

// exchange reads a request, or what stands around one.
func (c *collector) exchange(raw json.RawMessage, s shape, where string) {
	var e, inner exchange
	if !decode(raw, &e) {
		return
	}
	if is(s.Request, '{') && !e.hasBody() && decode(s.Request, &inner) && (inner.hasBody() || inner.Method != "") {
		e, where = inner, join(where, "request")
	}
	if inside, ok := e.wrapped(); ok {
		e, where = inside, join(where, "body")
	}
	switch e.Type {
	case "attempt", "verification", "session", "tunnel", "notice", "fired", "replayed", "summary", "email", "dns":
		return // not deliveries
	}
	if e.method() == "" && !e.hasBody() {
		return
	}
	c.seen++
	r, err := e.request()
	if err != nil {
		if c.problem == nil {
			c.problem = &Error{Item: where, Reason: err.Error()}
		}
		return
	}
	r.Number = c.seen
	if len(r.Body) > 0 && (r.Method == "" || strings.EqualFold(r.Method, http.MethodPost)) {
		c.requests = append(c.requests, r)
	}
}

// wrapped returns the request that stands as a text in the body of an event, as Vercel
// hands it to a function.
func (e exchange) wrapped() (inside exchange, ok bool) {
	var text string
	if e.method() != "" || json.Unmarshal(e.Body, &text) != nil || !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return e, false
	}
	if !decode(json.RawMessage(text), &inside) {
		return e, false
	}
	return inside, inside.Method != "" && inside.Body != nil
}

func (e exchange) method() string {
	return first(e.Method, e.HTTPMethod, e.Context.HTTP.Method)
}

func (e exchange) hasBody() bool {
	return e.Raw != nil || e.Body != nil || e.BodyBase64 != nil || e.Content != nil || e.Payload != nil || e.PostData != nil
}

// request turns an exchange into a request.
func (e exchange) request() (Request, error) {
	if e.Raw != nil {
		raw, err := decode64(*e.Raw)
		if err != nil {
			return Request{}, fmt.Errorf("raw: %w", err)
		}
		if len(raw) > 0 {
			r, _, err := readHTTP(raw)
			return r, err
		}
	}
	r := Request{Method: e.method(), URL: first(e.URL, e.URI, e.Path, e.RawPath), Header: http.Header{}}
	for _, h := range []headers{e.MultiValueHeaders, e.Headers, e.Header} {
		if len(r.Header) == 0 && h != nil {
			r.Header = http.Header(h)
		}
	}
	if err := e.body(&r); err != nil {
		return r, err
	}
	if len(r.Body) > 0 {
		r.noteLength()
	}
	return r, nil
}

// body finds the body under the names it has.
func (e exchange) body(r *Request) (err error) {
	var text string
	switch {
	case e.BodyBase64 != nil:
		r.Body, err = decode64(*e.BodyBase64)
	case e.Payload != nil:
		r.Body, err = decode64(*e.Payload)
	case e.PostData != nil && e.PostData.Text != nil && e.PostData.Encoding == "base64":
		r.Body, err = decode64(*e.PostData.Text)
	case e.PostData != nil && e.PostData.Text != nil:
		r.Body = []byte(*e.PostData.Text)
	case e.PostData != nil:
		r.note("the HAR has the request without the text of its body")
	case e.Content != nil:
		r.Body = []byte(*e.Content)
	case len(e.Body) == 0 || string(e.Body) == "null":
	case json.Unmarshal(e.Body, &text) != nil:
		r.Body = bytes.Clone(e.Body)
		r.note("the body was parsed and written anew when it was exported: its bytes are not those that were signed")
	case e.IsBase64Encoded, e.Encoding == "base64":
		r.Body, err = decode64(text)
	default:
		r.Body = []byte(text)
	}
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return nil
}

// decode64 decodes base64 of either alphabet, with or without padding.
func decode64(text string) ([]byte, error) {
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "").Replace(text), "=")
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("no base64: %w", err)
	}
	return data, nil
}

// maxGuesses bounds where a text is tried for a payload; a line of a log has one.
const maxGuesses = 100

// readLog looks for the one payload in a text that is something else, such as a line
// of a log.
func readLog(text []byte) ([]Request, error) {
	var found []json.RawMessage
	guesses := 0
	for i := 0; i < len(text) && len(found) < 2 && guesses < maxGuesses; {
		open := bytes.IndexByte(text[i:], '{')
		if open < 0 {
			break
		}
		i += open + 1
		if !beginsPayload(text[i:]) {
			continue
		}
		guesses++
		var raw json.RawMessage
		err := json.NewDecoder(bytes.NewReader(text[i-1:])).Decode(&raw)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break // so does all that begins inside it
		}
		if err == nil && isPayload(raw) {
			found = append(found, raw)
			i += len(raw) - 1
		}
	}
	switch len(found) {
	case 0:
		return nil, &Error{Line: 1, Reason: "igloo does not know this notation", Want: wantNotation}
	case 1:
		r := Request{Header: http.Header{}, Body: found[0]}
		r.note("the body was taken out of the text around it")
		return []Request{r}, nil
	}
	return nil, &Error{Line: 1, Reason: "several payloads in a text igloo does not know the notation of", Want: "cut out one of them"}
}

// beginsPayload reports whether an object whose inside this is begins with a key of a
// payload, so that only what may be one is decoded.
func beginsPayload(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return bytes.HasPrefix(text, []byte(`"object"`)) || bytes.HasPrefix(text, []byte(`"entry"`))
}
