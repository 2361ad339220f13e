package journal_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/igloo-dev/igloo/internal/journal"
)

func TestRoundTrip(t *testing.T) {
	for _, path := range []string{"", fileIn(t)} {
		t.Run("path "+path, func(t *testing.T) {
			j, stop := start(t, journal.Config{Path: path})
			want := comment(1, "mia.k", "what camera is that?")
			id := appendAll(t, j, want)[0]
			if id != 1 || j.LastID() != 1 {
				t.Fatalf("Append() = %d, LastID() = %d, want 1", id, j.LastID())
			}
			want.ID = id
			check := func() {
				t.Helper()
				got, err := j.Delivery(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Delivery() (-want +got):\n%s", diff)
				}
			}
			check() // from memory
			a := attempt(id, 200, 14*time.Millisecond)
			if err := j.Record(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			settle(t, j, 1)
			if path != "" {
				stop()
				j, _ = start(t, journal.Config{Path: path})
				check() // from the file
			}
			a.ID, a.N = 1, 1
			got, err := j.Attempts(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]journal.Attempt{a}, got); diff != "" {
				t.Errorf("Attempts() (-want +got):\n%s", diff)
			}
			rows, err := j.Rows(t.Context(), journal.Query{}, journal.Page{})
			if err != nil {
				t.Fatal(err)
			}
			wantRow := journal.Row{
				ID: 1, ReceivedAt: want.ReceivedAt, Source: journal.Live, Verdict: "verified", Secret: "instagram", Answered: 200,
				Size: len(want.Body), Forward: true, Indexed: true, Events: 1, Field: "comments",
				Account: "17841405309211844", Party: "991", Username: "mia.k", Attempts: 1, Status: 200, Took: 14 * time.Millisecond,
			}
			if diff := cmp.Diff([]journal.Row{wantRow}, rows, cmpopts.IgnoreFields(journal.Row{}, "Kind", "Summary")); diff != "" {
				t.Errorf("Rows() (-want +got):\n%s", diff)
			}
		})
	}
}
