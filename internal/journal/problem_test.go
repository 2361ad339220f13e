package journal_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// A problem is a delivery that failed, or whose signature does not hold, or both.
func TestProblems(t *testing.T) {
	j, _ := start(t, journal.Config{})
	forged, unsigned := comment(3, "eve", "forged"), comment(4, "eve", "unsigned")
	forged.Verdict, unsigned.Verdict = webhook.Invalid, webhook.Unsigned // forwarded all the same
	appendAll(t, j, comment(1, "mia.k", "answered"), comment(2, "leo_r", "refused"), forged, unsigned, comment(5, "ana", "pending"))
	attempts := []journal.Attempt{
		attempt(1, 200, time.Millisecond), attempt(2, 500, time.Millisecond), attempt(3, 404, time.Millisecond), attempt(4, 200, time.Millisecond),
	}
	for _, a := range attempts {
		if err := j.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, j, int64(len(attempts)))
	for text, want := range map[string][]int64{
		"is:problem":           {4, 3, 2},
		"-is:problem":          {5, 1},
		"is:problem eve":       {4, 3},
		"is:problem is:failed": {3, 2},
	} {
		q, err := journal.ParseQuery(text, time.Now())
		if err != nil {
			t.Fatalf("ParseQuery(%q) = %v", text, err)
		}
		rows, err := j.Rows(t.Context(), q, journal.Page{})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, r := range rows {
			got = append(got, r.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Rows(%q): -want +got\n%s", text, diff)
		}
		if n, err := j.Count(t.Context(), q); err != nil || n != len(want) {
			t.Errorf("Count(%q) = %d, %v, want %d", text, n, err, len(want))
		}
	}
}
