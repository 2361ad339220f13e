// Package simulator plays Meta: it turns a fixture into the signed request Meta
// would send and delivers it to a URL, byte for byte.
//
// In a test of an app, [Deliver] is all that is needed:
//
//	f, err := fixtures.Builtin().Get("messages/image")
//	…
//	target := simulator.Target{URL: server.URL + "/webhook", AppSecret: simulator.NewSecret("…")}
//	answer, err := simulator.Deliver(ctx, target, f)
//
// With [Target.Fault] the delivery is one that the app should refuse.
//
// Underneath are three steps. [Render] makes a [Request] of a fixture: placeholders
// become ids of Meta's shapes, changes are applied, and the body is written in the
// dialect of the field with Meta's header set. [Request.Sign] signs it. A [Client]
// sends it over HTTP/1.1 with the header names and order as they are; net/http
// would sort and rename them.
//
// Deliveries that belong together come from one [Run], which remembers who writes
// to whom, hands out ids, and tells the time. A [Template] of a run renders one
// fixture again and again; a [Burst] sends many, [Duplicate] and [Shuffle] put them
// into Meta's disorder, and [Retry] tries one again for 36 hours.
//
// The package makes no API promise before v1.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/secret"
)

// NewSecret returns an app secret. It never prints.
func NewSecret(text string) secret.Value { return secret.New(text) }

// Target is an app to deliver to.
type Target struct {
	URL       string       // callback URL of the app: "http://127.0.0.1:3000/webhook"
	AppSecret secret.Value // from [NewSecret]
	Fault     Fault        // what is to be wrong with the deliveries; "" is nothing
	// Client sends the request; nil means a new one for each delivery, with the
	// system's certificate authorities.
	Client *Client
}

// Deliver signs a fixture as Meta would, sends it, and returns the app's answer,
// whatever its status. An error means that there was no answer, or that the
// fixture can't be rendered.
func Deliver(ctx context.Context, target Target, f fixtures.Fixture) (Response, error) {
	return target.Deliver(ctx, f, Options{})
}

// Deliver is the function [Deliver] with options.
func (t Target) Deliver(ctx context.Context, f fixtures.Fixture, o Options) (Response, error) {
	u, err := ParseURL(t.URL)
	if err != nil {
		return Response{}, err
	}
	if t.AppSecret.Empty() {
		return Response{}, fmt.Errorf("deliver fixture %q: the target has no app secret", f.Name)
	}
	r, err := Render(f, o)
	if err != nil {
		return Response{}, err
	}
	r.Sign(t.AppSecret)
	if err := r.Break(t.Fault); err != nil {
		return Response{}, err
	}
	client := t.Client
	if client == nil {
		if client, err = NewClient(ClientConfig{}); err != nil {
			return Response{}, err
		}
		defer client.Close()
	}
	return client.Send(ctx, u, r)
}

// ParseURL parses a URL to deliver to and refuses what can't be one. What may hold a
// password is not quoted.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "@"):
		return nil, errors.New("target is not a URL")
	case err != nil:
		return nil, fmt.Errorf("target: %w", err)
	case u.User != nil:
		return nil, errUser
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("target %q is no http:// or https:// URL", text)
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }):
		return nil, fmt.Errorf("target %q: write the host in its ASCII form, xn--…", text)
	}
	return u, nil
}

// errUser refuses a password: no callback URL has one, and it would show.
var errUser = errors.New("target: a callback URL has no user or password")
