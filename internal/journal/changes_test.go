package journal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
)

func TestWatchCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := start(t, journal.Config{})
		changed, stop := j.Watch()
		other, stopOther := j.Watch()
		defer stopOther()
		for i := range 20 {
			appendAll(t, j, comment(i, "mia", "hi"))
		}
		synctest.Wait()
		time.Sleep(time.Second) // of fake time: derived rows are written, too
		if len(changed) != 1 || len(other) != 1 {
			t.Errorf("watchers hold %d and %d values after 20 commits, want 1", len(changed), len(other))
		}
		<-changed
		<-other
		stop()
		appendAll(t, j, comment(21, "mia", "hi"))
		if len(changed) != 0 {
			t.Error("a stopped watcher was poked")
		}
		<-other
	})
}

// TestChanges follows a journal that is written by many, with cursors of any step,
// and demands that everything is seen once and in order.
func TestChanges(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			path := ""
			if seed%2 == 1 {
				path = fileIn(t)
			}
			j, _ := start(t, journal.Config{Path: path})
			const deliveries = 300
			var writers sync.WaitGroup
			for s := range 3 {
				writers.Go(func() { write3(t, j, rand.New(rand.NewPCG(seed, uint64(s))), deliveries/3) })
			}
			follow(t, j, rand.New(rand.NewPCG(seed, 9)), deliveries)
			writers.Wait()
		})
	}
}

// write3 appends deliveries, attempts of its own earlier ones, and verifications.
func write3(t *testing.T, j *journal.Journal, r *rand.Rand, n int) {
	var mine []int64
	for i := range n {
		id, err := j.Append(t.Context(), comment(i, "mia", "hi"))
		if err != nil {
			t.Error(err)
			return
		}
		mine = append(mine, id)
		if err := j.Record(t.Context(), attempt(mine[r.IntN(len(mine))], 200+r.IntN(300), 0)); err != nil {
			t.Error(err)
		}
		if i%10 == 0 {
			if _, err := j.AppendVerification(t.Context(), journal.Verification{Status: 200}); err != nil {
				t.Error(err)
			}
		}
	}
}

func follow(t *testing.T, j *journal.Journal, r *rand.Rand, want int) {
	changed, stop := j.Watch()
	defer stop()
	state := make(map[int64]journal.Row)
	bornIndexed := make(map[int64]bool) // were indexed when they were first shown
	var cursor journal.Cursor
	attempts := make(map[int64]int)
	lastAttempt, lastVerification, verifications := int64(0), int64(0), 0
	for {
		c, err := j.Changes(t.Context(), cursor, 1+r.IntN(20))
		if err != nil {
			t.Fatal(err)
		}
		previous := int64(0)
		for _, row := range c.Rows {
			if row.ID <= previous {
				t.Errorf("row %d after row %d", row.ID, previous)
			}
			previous = row.ID
			old, known := state[row.ID]
			if !known && row.ID <= cursor.Delivery {
				t.Errorf("row %d was skipped when it was new", row.ID)
			}
			attempted := slices.ContainsFunc(c.Attempts, func(a journal.Attempt) bool { return a.Delivery == row.ID })
			indexed := cursor.Indexed < row.ID && row.ID <= c.Next.Indexed && !bornIndexed[row.ID]
			if known && !attempted && !indexed {
				t.Errorf("row %d is repeated without a reason: %+v, before %+v", row.ID, row, old)
			}
			if !known && row.Indexed {
				bornIndexed[row.ID] = true
			}
			state[row.ID] = row
		}
		for id := cursor.Delivery + 1; id <= c.Next.Delivery; id++ {
			if _, ok := state[id]; !ok {
				t.Errorf("delivery %d was passed and not shown", id)
			}
		}
		for _, a := range c.Attempts {
			if a.ID != lastAttempt+1 {
				t.Errorf("attempt %d after %d", a.ID, lastAttempt)
			}
			lastAttempt = a.ID
			attempts[a.Delivery]++
			if a.N != attempts[a.Delivery] {
				t.Errorf("attempt %d has number %d, want %d", a.ID, a.N, attempts[a.Delivery])
			}
			if _, ok := state[a.Delivery]; !ok {
				t.Errorf("attempt %d came before its delivery %d", a.ID, a.Delivery)
			}
		}
		for _, v := range c.Verifications {
			if v.ID != lastVerification+1 {
				t.Errorf("verification %d after %d", v.ID, lastVerification)
			}
			lastVerification = v.ID
			verifications++
		}
		cursor = c.Next
		if c.More {
			continue
		}
		if len(state) == want && lastAttempt == int64(want) && cursor.Indexed == int64(want) && verifications == 3*((want/3+9)/10) {
			break
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("stuck at %+v", cursor)
		}
	}
	for id, row := range state {
		if !row.Indexed || row.Attempts != attempts[id] {
			t.Errorf("the last row of %d is %+v, want it indexed with %d attempts", id, row, attempts[id])
		}
	}
}

// TestBrief holds Brief against Changes: the same but for the rows.
func TestBrief(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	for range 5 {
		id, err := j.Append(t.Context(), journal.Delivery{Method: "POST", URI: "/", Body: []byte(`{}`), Forward: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Record(t.Context(), journal.Attempt{Delivery: id, Status: 200}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, err := j.Changes(t.Context(), journal.Cursor{}, 3)
	if err != nil || len(whole.Rows) != 3 {
		t.Fatalf("Changes = %d rows, %v, want 3", len(whole.Rows), err)
	}
	got, err := j.Brief(t.Context(), journal.Cursor{}, 3)
	whole.Rows = nil
	if diff := cmp.Diff(whole, got); err != nil || diff != "" {
		t.Errorf("Brief: %v (-want +got):\n%s", err, diff)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
