package webhook_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// differing are the built-in fixtures whose shape is not the known one, and how: the
// forms that Meta's pages print and no delivery has.
var differing = map[string][]string{
	"never_sent/array":             {"other_type: $ is array, known as object"},
	"never_sent/comment_id":        {"unknown_key: value.comment_id is not known (string)", "missing_key: value.id is missing (string)"},
	"never_sent/comments_flat":     {"unknown_key: entry[0].field is not known (string)", "unknown_key: entry[0].value is not known (object)"},
	"never_sent/comments_old":      {"missing_key: value.from is missing (object)", "missing_key: value.media is missing (object)"},
	"never_sent/live_comments_old": {"missing_key: value.from is missing (object)", "missing_key: value.media is missing (object)"},
}

// TestEveryFixtureHasTheKnownShape holds the built-in fixtures against the tables of
// shapes, in both directions.
func TestEveryFixtureHasTheKnownShape(t *testing.T) {
	for name := range differing {
		if _, err := fixtures.Builtin().Get(name); err != nil {
			t.Errorf("an exception for what is no fixture: %v", err)
		}
	}
	for _, f := range fixtures.Builtin().All() {
		r, err := simulator.Render(f, simulator.Options{})
		if err != nil {
			t.Errorf("Render(%s): %v", f.Name, err)
			continue
		}
		got := differences(t, string(r.Body))
		if diff := cmp.Diff(differing[f.Name], got); diff != "" {
			t.Errorf("differences of fixture %s (-want +got):\n%s", f.Name, diff)
		}
		if len(got) > 0 && !f.NeverSent {
			t.Errorf("fixture %s is not of the known shape and not marked as never sent", f.Name)
		}
	}
}

// TestTestFlagOfFixtures holds the flag to the fixtures of the Test button, and to no
// other.
func TestTestFlagOfFixtures(t *testing.T) {
	for _, f := range fixtures.Builtin().All() {
		r, err := simulator.Render(f, simulator.Options{})
		if err != nil {
			t.Errorf("Render(%s): %v", f.Name, err)
			continue
		}
		payload, err := webhook.Parse(r.Body)
		if err != nil {
			t.Errorf("Parse(%s): %v", f.Name, err)
			continue
		}
		want := len(f.Name) > 5 && f.Name[:5] == "test/"
		for _, e := range payload.Events {
			if got := e.Flags&webhook.Test != 0; got != want {
				t.Errorf("fixture %s, event %d: Test %t, want %t", f.Name, e.N, got, want)
			}
		}
	}
}
