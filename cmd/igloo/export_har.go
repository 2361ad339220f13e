package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// An HTTP Archive, version 1.2 (http://www.softwareishard.com/blog/har-12-spec/), as
// browsers and proxies read and write it. Like the reader of these in internal/capture
// it needs no library, see docs/adr/0006-captured-requests.md.

type harEntry struct {
	Started  string      `json:"startedDateTime"`
	Time     float64     `json:"time"`
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Comment  string      `json:"comment,omitempty"`
	Igloo    harIgloo    `json:"_igloo"` // names that begin so are everyone's own
}

type harIgloo struct {
	ID      string          `json:"id"`
	Source  journal.Source  `json:"source"`
	Name    string          `json:"name,omitempty"`
	Verdict webhook.Verdict `json:"verdict"`
	Reason  string          `json:"reason,omitempty"`
}

type harTimings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harRequest struct {
	Method      string      `json:"method"`
	URL         string      `json:"url"`
	HTTPVersion string      `json:"httpVersion"`
	Cookies     []harPair   `json:"cookies"`
	Headers     []harPair   `json:"headers"`
	Query       []harPair   `json:"queryString"`
	Body        harPostData `json:"postData"`
	HeadersSize int         `json:"headersSize"`
	BodySize    int         `json:"bodySize"`
}

// harPostData has an encoding beside the text, as the content of a response has. The
// specification forgot it here; proxies write it all the same.
type harPostData struct {
	MimeType string `json:"mimeType"`
	harText
}

type harText struct {
	Text     string `json:"text"`
	Encoding string `json:"encoding,omitempty"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harPair  `json:"cookies"`
	Headers     []harPair  `json:"headers"`
	Content     harContent `json:"content"`
	RedirectURL string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
}

type harContent struct {
	Size     int    `json:"size"`
	MimeType string `json:"mimeType"`
	harText
}

// beginHAR and endHAR write what stands around the entries, so that an archive of any
// size takes the memory of one.
func (e *exporter) beginHAR() error {
	return e.print(`{"log":{"version":"1.2","creator":{"name":"igloo","version":"` + buildVersion() + `"},"entries":[` + "\n")
}

func (e *exporter) endHAR() error { return e.print("]}}\n") }

func (e *exporter) har(ctx context.Context, j *journal.Journal, d journal.Delivery) error {
	attempts, err := j.Attempts(ctx, d.ID)
	if err != nil {
		return err
	}
	if e.n > 1 {
		if err := e.print(","); err != nil {
			return err
		}
	}
	return e.out.write(newHAREntry(d, attempts))
}

// newHAREntry is a delivery with the app's last answer, or with igloo's own when the
// app gave none.
func newHAREntry(d journal.Delivery, attempts []journal.Attempt) harEntry {
	entry := harEntry{
		Started: stampText(d.ReceivedAt),
		Request: newHARRequest(d),
		Response: harResponse{
			Status: d.Status, StatusText: http.StatusText(d.Status), HTTPVersion: "HTTP/1.1",
			Cookies: []harPair{}, Headers: []harPair{}, HeadersSize: -1, BodySize: -1,
		},
		Comment: "answered by igloo",
		Igloo:   harIgloo{journal.FormatID(d.ID, 0), d.Source, d.Fixture, d.Verdict, d.Reason},
	}
	for _, a := range attempts {
		if a.Status == 0 {
			continue
		}
		entry.Comment = "answered by " + a.Target
		entry.Time = millis(a.Took)
		entry.Timings.Wait = entry.Time
		entry.Response.Status, entry.Response.StatusText = a.Status, http.StatusText(a.Status)
		entry.Response.Headers = harHeader(a.Header)
		entry.Response.RedirectURL = a.Header.Get("Location")
		entry.Response.Content = harContent{len(a.Body), mimeType(a.Header), harTextOf(a.Body)}
		entry.Response.BodySize = len(a.Body)
	}
	return entry
}

func newHARRequest(d journal.Delivery) harRequest {
	// The scheme is the tunnel's to tell.
	scheme := "http"
	if d.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	r := harRequest{
		Method: d.Method, URL: scheme + "://" + d.Host + d.URI, HTTPVersion: d.Proto,
		Cookies: []harPair{}, Headers: harHeader(d.Header), Query: []harPair{},
		Body:        harPostData{mimeType(d.Header), harTextOf(d.Body)},
		HeadersSize: -1, BodySize: len(d.Body),
	}
	_, query, _ := strings.Cut(d.URI, "?")
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if part != "" {
			r.Query = append(r.Query, harPair{unescaped(name), unescaped(value)})
		}
	}
	return r
}

// unescaped is a part of a query without its escapes, or as it came.
func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func harHeader(h http.Header) []harPair {
	out := []harPair{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if !journal.Credential(name) {
				out = append(out, harPair{wireName(name), value})
			}
		}
	}
	return out
}

func mimeType(h http.Header) string {
	return cmp.Or(h.Get("Content-Type"), "application/octet-stream")
}

func harTextOf(body []byte) harText {
	if utf8.Valid(body) {
		return harText{Text: string(body)}
	}
	return harText{base64.StdEncoding.EncodeToString(body), "base64"}
}
