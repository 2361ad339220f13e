package simulator_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// TestBatch counts events, ids, entries and accounts.
func TestBatch(t *testing.T) {
	for name, want := range map[string]struct{ entries, first int }{
		"comments": {entries: 3, first: 334}, "messages": {entries: 1000, first: 1}, "standby": {entries: 1000, first: 1},
	} {
		body := render(t, builtin(t, name), simulator.Options{Batch: simulator.MaxBatch})
		payload, err := webhook.Parse([]byte(body))
		if err != nil || len(payload.Events) != simulator.MaxBatch || payload.Entries != want.entries {
			t.Errorf("%s: %d events in %d entries, %v, want %d in %d", name, len(payload.Events), payload.Entries, err, simulator.MaxBatch, want.entries)
		}
		seen, accounts, customers, first := map[string]bool{}, map[string]int{}, map[string]string{}, 0
		for _, e := range payload.Events {
			accounts[e.Account]++
			if e.Account == payload.Events[0].Account {
				first++
			}
			if other, ok := customers[e.Party]; ok && other != e.Account {
				t.Errorf("%s: %s writes to %s and %s", name, e.Party, other, e.Account)
			}
			customers[e.Party] = e.Account
			if name == "comments" {
				seen[at(t, string(e.Raw), "value", "id")] = true
				continue
			}
			mid := at(t, string(e.Raw), "message", "mid")
			checkMID(t, mid, e.Account, fmt.Sprint(e.Time.UnixMilli()))
			seen[mid] = true
		}
		if len(seen) != simulator.MaxBatch || len(accounts) != 3 || first != 334 {
			t.Errorf("%s: %d ids, %d accounts, %d of the first, want 1000, 3, 334", name, len(seen), len(accounts), first)
		}
	}
}

// TestBatchBytes holds two batches to the byte: the same seed gives the same accounts.
func TestBatchBytes(t *testing.T) {
	tests := []struct{ file, want string }{
		{
			`{"payload":{"entry":[{"id":"{{account.id}}","time":"{{now.s}}","changes":[{"value":{"from":{"id":"{{user.id}}"},"text":"é"},"field":"comments"}]}],"object":"instagram"}}`,
			`{"entry": [` +
				`{"id": "17841133768442217", "time": 1790000124, "changes": [{"value": {"from": {"id": "9920695185106279"}, "text": "\u00e9"}, "field": "comments"}, {"value": {"from": {"id": "9920695185106279"}, "text": "\u00e9"}, "field": "comments"}]}, ` +
				`{"id": "17841730232732535", "time": 1790000124, "changes": [{"value": {"from": {"id": "9692262557138221"}, "text": "\u00e9"}, "field": "comments"}, {"value": {"from": {"id": "9692262557138221"}, "text": "\u00e9"}, "field": "comments"}]}, ` +
				`{"id": "17841057015698397", "time": 1790000124, "changes": [{"value": {"from": {"id": "9727307389743919"}, "text": "\u00e9"}, "field": "comments"}]}` +
				`], "object": "instagram"}`,
		},
		{
			`{"payload":{"object":"instagram","entry":[{"time":"{{now.ms}}","id":"{{account.id}}","messaging":[{"sender":{"id":"{{user.id}}"},"recipient":{"id":"{{account.id}}"},"timestamp":"{{now.ms}}","message":{"text":"a/é"}}]}]}}`,
			`{"object":"instagram","entry":[` +
				`{"time":1790000124367,"id":"17841133768442217","messaging":[{"sender":{"id":"9920695185106279"},"recipient":{"id":"17841133768442217"},"timestamp":1790000123456,"message":{"text":"a\/\u00e9"}}]},` +
				`{"time":1790000124367,"id":"17841730232732535","messaging":[{"sender":{"id":"9692262557138221"},"recipient":{"id":"17841730232732535"},"timestamp":1790000123456,"message":{"text":"a\/\u00e9"}}]},` +
				`{"time":1790000124367,"id":"17841057015698397","messaging":[{"sender":{"id":"9727307389743919"},"recipient":{"id":"17841057015698397"},"timestamp":1790000123456,"message":{"text":"a\/\u00e9"}}]},` +
				`{"time":1790000124367,"id":"17841133768442217","messaging":[{"sender":{"id":"9920695185106279"},"recipient":{"id":"17841133768442217"},"timestamp":1790000123456,"message":{"text":"a\/\u00e9"}}]},` +
				`{"time":1790000124367,"id":"17841730232732535","messaging":[{"sender":{"id":"9692262557138221"},"recipient":{"id":"17841730232732535"},"timestamp":1790000123456,"message":{"text":"a\/\u00e9"}}]}` +
				`]}`,
		},
	}
	for _, tt := range tests {
		for range 2 {
			if diff := cmp.Diff(tt.want, render(t, parse(t, tt.file), simulator.Options{Batch: 5, Seed: 1})); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		}
	}
}

// TestBatchOfOwnAccount leaves an account that is written out alone.
func TestBatchOfOwnAccount(t *testing.T) {
	f := parse(t, `{"object":"instagram","entry":[{"id":"1","changes":[{"value":{"text":"a"},"field":"comments"},{"value":{"text":"b"},"field":"comments"}]}]}`)
	want := `{"object": "instagram", "entry": [{"id": "1", "changes": [` +
		`{"value": {"text": "a"}, "field": "comments"}, {"value": {"text": "b"}, "field": "comments"}, ` +
		`{"value": {"text": "a"}, "field": "comments"}, {"value": {"text": "b"}, "field": "comments"}, ` +
		`{"value": {"text": "a"}, "field": "comments"}]}]}`
	if diff := cmp.Diff(want, render(t, f, simulator.Options{Batch: 5})); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// TestBatchOfEntries repeats what is an event by itself: a delivery without values,
// and the array and the flat entry that Meta's pages print.
func TestBatchOfEntries(t *testing.T) {
	for file, want := range map[string]string{
		`{"object":"instagram","entry":[{"id":"1","changed_fields":["comments"]}]}`: `{"object": "instagram", "entry": [` +
			`{"id": "1", "changed_fields": ["comments"]}, {"id": "1", "changed_fields": ["comments"]}]}`,
		`{"object":"instagram","entry":[{"id":"1","field":"comments","value":{}}]}`: `{"object": "instagram", "entry": [` +
			`{"id": "1", "field": "comments", "value": {}}, {"id": "1", "field": "comments", "value": {}}]}`,
		`{"field":"messages","never_sent":true,"payload":[{"object":"instagram","entry":[{"id":"1","messaging":[{"message":{}}]}]}]}`: `[{"object":"instagram","entry":[` +
			`{"id":"1","messaging":[{"message":{}}]},{"id":"1","messaging":[{"message":{}}]}]}]`,
	} {
		if diff := cmp.Diff(want, render(t, parse(t, file), simulator.Options{Batch: 2})); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
}

// TestBatchOfNothing refuses what has no event to repeat.
func TestBatchOfNothing(t *testing.T) {
	f := parse(t, `{"object":"instagram","entry":[{"id":"1"}]}`)
	_, err := simulator.Render(f, simulator.Options{Batch: 2})
	if want := `fixture "x": a batch repeats events, and the payload has none`; err == nil || err.Error() != want {
		t.Errorf("Render: %v, want %s", err, want)
	}
}
