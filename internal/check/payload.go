package check

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

const (
	codeUnknownObject = "unknown-object"
	codeNeverSent     = "never-sent"
	codeBatch         = "batch"
)

// kind is the check that a built-in fixture belongs to.
type kind int

const (
	elsewhere kind = iota // another object than instagram, or a check of its own
	field
	attachment
	senderless
	testButton
	own
	neverSent
)

const deletionName = "messages/deleted"

// kindOf sorts a fixture by what igloo sees in it.
func kindOf(f fixtures.Fixture) kind {
	payload, err := webhook.Parse(f.Payload)
	flags := webhook.Flag(0)
	for _, e := range payload.Events {
		flags |= e.Flags
	}
	switch {
	case f.NeverSent:
		return neverSent
	case err != nil, payload.Object != "instagram", flags&webhook.Deleted != 0:
		return elsewhere
	case strings.HasPrefix(f.Name, "test/"):
		return testButton
	case flags&(webhook.Echo|webhook.Own) != 0:
		return own
	case flags&(webhook.NoSender|webhook.HollowEdit) != 0:
		return senderless
	case strings.HasPrefix(f.Name, "messages/"):
		return attachment
	}
	return field
}

// kinds are the names of the built-in fixtures by kind. They never change.
var kinds = sync.OnceValue(func() map[kind][]string {
	names := map[kind][]string{}
	for _, f := range fixtures.Builtin().All() {
		k := kindOf(f)
		names[k] = append(names[k], f.Name)
	}
	return names
})

// payloadChecks are about what is inside a delivery. Their refusals count, whatever
// the app does with what it takes.
func payloadChecks() []Check {
	const group = "payload"
	names := func(code, title, what string, k kind) Check {
		return Check{Code: code, Group: group, Title: title, accepted: true, run: func(ctx context.Context, p *player) Finding {
			requests := p.allOf(ctx, k)
			sent := fmt.Sprintf("%d signed deliveries, %s", len(requests), what)
			refusal := Fail
			if k == neverSent {
				refusal = Warn
			}
			return p.accept(ctx, trial{code: code, sent: sent, refusal: refusal, requests: requests})
		}}
	}
	changed := func(code, title, sent string, refusal Status, comment, message []simulator.Change) Check {
		return Check{Code: code, Group: group, Title: title, accepted: true, run: func(ctx context.Context, p *player) Finding {
			return p.accept(ctx, trial{code: code, sent: sent, refusal: refusal, requests: []*simulator.Request{
				p.signed(ctx, baseNames[webhook.Changes], simulator.Options{Changes: append([]simulator.Change{set("text", baseText)}, comment...)}),
				p.signed(ctx, baseNames[webhook.Messaging], simulator.Options{Changes: append([]simulator.Change{set("text", baseText)}, message...)}),
			}})
		}}
	}
	json := func(path, value string) simulator.Change {
		return simulator.Change{Op: simulator.SetJSON, Path: path, Value: value, Add: true}
	}
	keys := []simulator.Change{
		set("$.igloo_unknown_key", "1"), json("$.entry[0].igloo_unknown_key", `{"a":[1]}`), json("igloo_unknown_key", `[null]`),
	}
	return []Check{
		names("fields", "a delivery of every field is accepted", "one of each kind of igloo fixtures list", field),
		names("attachments", "every kind of message and attachment is accepted", "one of each kind of igloo fixtures list", attachment),
		names("no-sender", "an event without sender and recipient is accepted", "without sender and recipient", senderless),
		names("test-shape", "what the dashboard's Test button sends is accepted", "of the Test button", testButton),
		changed(
			"unknown-field", "an event of an unknown field is accepted", "comments with another field, and messages/text with another event", Fail,
			[]simulator.Change{set("$.entry[0].changes[0].field", "igloo_unknown_field")},
			[]simulator.Change{{Op: simulator.Unset, Path: "message"}, json("igloo_unknown_event", `{"id":"1"}`)},
		),
		changed("unknown-keys", "unknown keys do not matter", "comments and messages/text with three more keys", Fail, keys, keys),
		changed(
			codeUnknownObject, "a delivery for another object is accepted", "comments and messages/text with another object", Warn,
			[]simulator.Change{set("$.object", "igloo_unknown_object")}, []simulator.Change{set("$.object", "igloo_unknown_object")},
		),
		{
			Code: codeBatch, Group: group, accepted: true, Title: "several events in one delivery are accepted",
			run: func(ctx context.Context, p *player) Finding {
				const events = 5
				return p.accept(ctx, trial{
					code: codeBatch, sent: fmt.Sprintf("comments and messages/text with %d events each", events), refusal: Fail,
					requests: []*simulator.Request{p.batch(ctx, webhook.Changes, events), p.batch(ctx, webhook.Messaging, events)},
				})
			},
		},
		names(codeNeverSent, "shapes that only Meta's pages have do no harm", "as Meta's pages print them", neverSent),
	}
}

// allOf makes a signed delivery of each built-in fixture of a kind.
func (p *player) allOf(ctx context.Context, k kind) []*simulator.Request {
	var requests []*simulator.Request
	for _, name := range kinds()[k] {
		requests = append(requests, p.signed(ctx, name, simulator.Options{}))
	}
	return requests
}

// batch makes a signed delivery of n events.
func (p *player) batch(ctx context.Context, d webhook.Dialect, n int) *simulator.Request {
	return p.signed(ctx, baseNames[d], simulator.Options{Batch: n, Changes: []simulator.Change{set("text", baseText)}})
}
