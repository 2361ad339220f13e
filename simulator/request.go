package simulator

import (
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Request is a delivery ready to be signed and sent.
type Request struct {
	Fixture string // name of the fixture
	Field   string
	Login   webhook.Login // decides which app secret signs
	Dialect webhook.Dialect
	// Header is Meta's set in Meta's order. The client fills in Host and
	// Content-Length where their value is empty, and leaves out any other header
	// without a value: a request that is not signed has no signature headers.
	Header []fixtures.HeaderField
	Body   []byte
	Fault  Fault // what is wrong with it, from [Request.Break]
}

// apiVersion is what a published delivery of a direct message carries.
const apiVersion = "v23.0"

// unversioned is what the Messenger product's Test button sends instead.
const unversioned = "unversioned"

// header returns Meta's headers of a dialect, in order. test says that the
// dashboard's Test button sends. See docs/webhooks.md, "Request headers".
func header(d webhook.Dialect, test bool) []fixtures.HeaderField {
	if d == webhook.Changes {
		return []fixtures.HeaderField{
			{Name: "Host"},
			{Name: "User-Agent", Value: webhook.ChangesUserAgent},
			{Name: "Content-Length"},
			{Name: "Accept", Value: "*/*"},
			{Name: "Content-Type", Value: "application/json"},
			{Name: webhook.SHA1SignatureHeader},
			{Name: webhook.SignatureHeader},
		}
	}
	version := apiVersion
	if test {
		version = unversioned
	}
	return []fixtures.HeaderField{
		{Name: "Host"},
		{Name: "Content-Length"},
		{Name: "Accept", Value: "*/*"},
		{Name: "Accept-Encoding", Value: "deflate, gzip"},
		{Name: "User-Agent", Value: webhook.MessagingUserAgent},
		{Name: "Content-Type", Value: "application/json"},
		{Name: webhook.SHA1SignatureHeader},
		{Name: webhook.SignatureHeader},
		{Name: webhook.APIVersionHeader, Value: version},
	}
}

// setHeader replaces a header in its place, or appends it.
func setHeader(fields []fixtures.HeaderField, f fixtures.HeaderField) []fixtures.HeaderField {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, f.Name) {
			fields[i] = f
			return fields
		}
	}
	return append(fields, f)
}

// Get returns the value of a header, "" when there is none.
func (r *Request) Get(name string) string {
	for _, f := range r.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Set replaces a header in its place, or appends it. An empty value takes it away.
func (r *Request) Set(name, value string) {
	r.Header = setHeader(r.Header, fixtures.HeaderField{Name: name, Value: value})
}

// Sign makes both of Meta's signatures over the body. Call it after the last change
// to the body. It panics on an empty secret.
func (r *Request) Sign(appSecret secret.Value) {
	r.Set(webhook.SHA1SignatureHeader, webhook.SignSHA1(appSecret, r.Body))
	r.Set(webhook.SignatureHeader, webhook.Sign(appSecret, r.Body))
}

// SignWith is [Request.Sign] for many requests: the signer prepares its key once.
func (r *Request) SignWith(signer *webhook.Signer) {
	r.Set(webhook.SHA1SignatureHeader, signer.SignSHA1(r.Body))
	r.Set(webhook.SignatureHeader, signer.Sign(r.Body))
}
