package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/fixtures"
)

// AppendHTTP appends the request as it goes over the wire.
func (r *Request) AppendHTTP(dst []byte, target *url.URL) ([]byte, error) {
	dst, err := appendHead(dst, target, r, nil)
	return append(dst, r.Body...), err
}

// Curl returns a shell command that makes the same request. curl keeps the headers'
// order except for Host, which comes first.
func (r *Request) Curl(target *url.URL) (string, error) {
	var b strings.Builder
	data := shellQuote(string(r.Body))
	if !plainArgument(r.Body) {
		fmt.Fprintf(&b, "printf %%s %s | base64 -d | ", base64.StdEncoding.EncodeToString(r.Body))
		data = "@-"
	}
	b.WriteString("curl --http1.1 -sS -i -X POST")
	fields, err := r.fields(target)
	if err != nil {
		return "", err
	}
	for _, f := range fields {
		if !strings.EqualFold(f.Name, "Content-Length") { // curl's own
			b.WriteString(" \\\n  -H " + shellQuote(f.Name+": "+f.Value))
		}
	}
	b.WriteString(" \\\n  -H 'Expect:' \\\n  --data-binary " + data + " \\\n  " + shellQuote(target.String()))
	return b.String(), nil
}

// MarshalRequest returns the request as one JSON object: type, fixture, field, url,
// method, headers as [name, value] pairs in order, and the body as text, or as
// body_base64 when it is not valid UTF-8.
func (r *Request) MarshalRequest(target *url.URL) ([]byte, error) {
	fields, err := r.fields(target)
	if err != nil {
		return nil, err
	}
	out := struct {
		Type       string      `json:"type"`
		Fixture    string      `json:"fixture"`
		Field      string      `json:"field,omitempty"`
		URL        string      `json:"url"`
		Method     string      `json:"method"`
		Headers    [][2]string `json:"headers"`
		Body       *string     `json:"body,omitempty"`
		BodyBase64 []byte      `json:"body_base64,omitempty"`
	}{Type: "request", Fixture: r.Fixture, Field: r.Field, URL: target.String(), Method: "POST"}
	for _, f := range fields {
		out.Headers = append(out.Headers, [2]string{f.Name, f.Value})
	}
	if utf8.Valid(r.Body) {
		text := string(r.Body)
		out.Body = &text
	} else {
		out.BodyBase64 = r.Body
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // for people and jq, not for a web page
	if err := encoder.Encode(out); err != nil {
		return nil, fmt.Errorf("print request: %w", err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// fields returns the headers as they go over the wire.
func (r *Request) fields(target *url.URL) ([]fixtures.HeaderField, error) {
	head, err := appendHead(nil, target, r, nil)
	if err != nil {
		return nil, err
	}
	var out []fixtures.HeaderField
	_, lines, _ := strings.Cut(string(head), "\r\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(lines, "\r\n\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		out = append(out, fixtures.HeaderField{Name: name, Value: value})
	}
	return out, nil
}

// plainArgument reports whether a body can be a command's argument: no NUL, no
// leading "@", which curl takes for a file, and no other control character but
// line breaks and tabs, which a terminal might act upon.
func plainArgument(body []byte) bool {
	return utf8.Valid(body) && !strings.HasPrefix(string(body), "@") && !strings.ContainsFunc(string(body), func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0
	})
}

// shellQuote quotes a text for a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
