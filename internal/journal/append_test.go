package journal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

func TestGroupCommit(t *testing.T) {
	const senders, each = 16, 50
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	var mu sync.Mutex
	bodies := make(map[int64]string)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			last := int64(0)
			for i := range each {
				d := comment(s*each+i, fmt.Sprintf("user%d", s), fmt.Sprintf("text %d", i))
				id, err := j.Append(t.Context(), d)
				if err != nil {
					t.Error(err)
					return
				}
				if id <= last {
					t.Errorf("Append() = %d after %d", id, last)
				}
				last = id
				mu.Lock()
				bodies[id] = string(d.Body)
				mu.Unlock()
				if err := j.Record(t.Context(), attempt(id, 200, time.Millisecond)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stop()

	j, _ = start(t, journal.Config{Path: path})
	if len(bodies) != senders*each || j.LastID() != senders*each {
		t.Fatalf("%d ids, last %d, want %d", len(bodies), j.LastID(), senders*each)
	}
	var after int64
	for after < j.LastID() {
		ds, err := j.Since(t.Context(), after, 37)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			if d.ID != after+1 || string(d.Body) != bodies[d.ID] {
				t.Fatalf("Since(%d) holds %d with body %q, want %q", after, d.ID, d.Body, bodies[d.ID])
			}
			after = d.ID
		}
	}
	if pending, err := j.Pending(t.Context()); err != nil || len(pending) > 0 {
		t.Errorf("Pending() = %v, %v, want none", pending, err)
	}
	stats, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Deliveries != senders*each || stats.Events != senders*each || stats.Attempts != senders*each || stats.Fields["comments"] != senders*each {
		t.Errorf("Stats() = %+v, want %d of each", stats, senders*each)
	}
}

func TestBackPressure(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  journal.Config
	}{
		{"count", journal.Config{MaxPending: 2}},
		{"bytes", journal.Config{MaxPendingBytes: 3000}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, stop := start(t, test.cfg)
				ids := appendAll(t, j, comment(1, "a", "one"), comment(2, "b", "two"))
				appended := make(chan error, 1)
				go func() {
					_, err := j.Append(t.Context(), comment(3, "c", "three"))
					appended <- err
				}()
				synctest.Wait()
				select {
				case err := <-appended:
					t.Fatalf("Append() = %v while two deliveries are pending", err)
				default:
				}
				// What is not forwarded does not wait.
				unsigned := comment(4, "d", "four")
				unsigned.Forward = false
				appendAll(t, j, unsigned)

				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := j.Append(ctx, comment(5, "e", "five")); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Append() = %v, want %v", err, context.DeadlineExceeded)
				}
				if err := j.Record(t.Context(), attempt(ids[0], 200, 0)); err != nil {
					t.Fatal(err)
				}
				if err := <-appended; err != nil {
					t.Errorf("Append() = %v after an attempt", err)
				}
				stop()
				if _, err := j.Append(t.Context(), comment(6, "f", "six")); !errors.Is(err, journal.ErrClosed) {
					t.Errorf("Append() = %v after Run, want %v", err, journal.ErrClosed)
				}
				if err := j.Record(t.Context(), attempt(ids[1], 200, 0)); !errors.Is(err, journal.ErrClosed) {
					t.Errorf("Record() = %v after Run, want %v", err, journal.ErrClosed)
				}
			})
		})
	}
}

func TestAppendWithoutRun(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := j.Append(ctx, comment(1, "a", "one")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append() = %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := j.AppendVerification(ctx, journal.Verification{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("AppendVerification() = %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestDiskFull(t *testing.T) {
	j, _ := start(t, journal.Config{})
	id := appendAll(t, j, comment(1, "mia", "before"))[0]
	settle(t, j, 0)
	if err := j.LimitPages(t.Context(), 1); err != nil { // the limit is never below the size
		t.Fatal(err)
	}
	big := comment(2, "mia", strings.Repeat("x", 1<<20))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := j.Append(t.Context(), big); !errors.Is(err, journal.ErrFull) {
				t.Errorf("Append() = %v, want %v", err, journal.ErrFull)
			}
		})
	}
	wg.Wait()
	a := attempt(id, 200, time.Millisecond)
	a.Body = make([]byte, 200<<10)
	if err := j.Record(t.Context(), a); err != nil {
		t.Errorf("Record() = %v, want it queued", err)
	}
	if n, err := j.Count(t.Context(), journal.Query{}); err != nil || n != 1 {
		t.Errorf("Count() = %d, %v, want 1", n, err)
	}
	if err := j.LimitPages(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if next := appendAll(t, j, comment(3, "mia", "after"))[0]; next != id+1 {
		t.Errorf("Append() = %d with space again, want %d", next, id+1)
	}
	settle(t, j, 1) // the attempt was kept and is written now
	if attempts, err := j.Attempts(t.Context(), id); err != nil || len(attempts) != 1 || attempts[0].N != 1 {
		t.Errorf("Attempts() = %v, %v, want one", attempts, err)
	}
}

func TestAttemptsAreNumbered(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	id := appendAll(t, j, comment(1, "mia", "hi"))[0]
	record := func(status int, replay bool) {
		t.Helper()
		a := attempt(id, status, time.Millisecond)
		a.Replay = replay
		if err := j.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	record(500, false)
	record(502, true)
	stop()
	j, _ = start(t, journal.Config{Path: path})
	record(200, true)
	settle(t, j, 3)
	attempts, err := j.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range attempts {
		got = append(got, fmt.Sprintf("%d: %d %t", a.N, a.Status, a.Replay))
	}
	if diff := cmp.Diff([]string{"1: 500 false", "2: 502 true", "3: 200 true"}, got); diff != "" {
		t.Errorf("Attempts() (-want +got):\n%s", diff)
	}
	rows, err := j.Rows(t.Context(), journal.Query{}, journal.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.Attempts != 3 || r.Status != 200 || !r.Replayed || r.Failed() || r.Pending() {
		t.Errorf("Rows() = %+v, want the third attempt", r)
	}
	if err := j.Record(t.Context(), attempt(id+1, 200, 0)); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Record() = %v for an unknown delivery, want %v", err, journal.ErrNotFound)
	}
}

func TestRefusedVerificationsAreForgotten(t *testing.T) {
	j, _ := start(t, journal.Config{})
	for i := range 1003 {
		status := http.StatusForbidden
		if i == 1 {
			status = http.StatusOK
		}
		if _, err := j.AppendVerification(t.Context(), journal.Verification{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.Verifications(t.Context(), 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	// The first and the third are forgotten; the second was answered 200.
	if len(got) != 2 || got[0].ID != 2 || got[1].ID != 4 {
		t.Errorf("Verifications() begins with %+v, want ids 2 and 4", got)
	}
}

func TestVerifications(t *testing.T) {
	j, _ := start(t, journal.Config{})
	want := journal.Verification{
		ReceivedAt: day, URI: "/webhook?hub.mode=subscribe", Host: "example.ngrok.app", Remote: "31.13.127.4:443",
		Header: http.Header{"Accept": {"*/*"}}, Self: true, Status: 403, Reason: "wrong verify token",
	}
	id, err := j.AppendVerification(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	want.ID = id
	got, err := j.Verifications(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]journal.Verification{want}, got); diff != "" {
		t.Errorf("Verifications() (-want +got):\n%s", diff)
	}
}

func TestOddDeliveries(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	odd := []journal.Delivery{
		{},
		delivery(1, ""),
		delivery(2, "not json \xff\x00"),
		delivery(3, `{"object":"instagram"}`),
		{Method: "POST", URI: "/a b?c=d e", Proto: "HTTP/1.1", Host: "", Header: http.Header{"Host": {"x"}, "X-Empty": {""}, "X-Line": {"a\nb"}}},
	}
	ids := appendAll(t, j, odd...)
	settle(t, j, 0)
	stop()
	j, _ = start(t, journal.Config{Path: path})
	odd[4].Header["X-Line"] = []string{"a b"}
	for i, want := range odd {
		want.ID = ids[i]
		got, err := j.Delivery(t.Context(), ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Delivery(%d) (-want +got):\n%s", ids[i], diff)
		}
	}
	if _, err := j.Delivery(t.Context(), 99); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Delivery(99) = %v, want %v", err, journal.ErrNotFound)
	}
	for _, after := range []int64{-5, 0, 4, 5, 99} {
		ds, err := j.Since(t.Context(), after, 3)
		if want := min(3, max(0, 5-max(after, 0))); err != nil || len(ds) != int(want) {
			t.Errorf("Since(%d) = %d deliveries, %v, want %d", after, len(ds), err, want)
		}
	}
}
