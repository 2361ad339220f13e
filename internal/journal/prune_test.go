package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// old fills a journal: 100 comments a minute apart, a batch of 200 in the middle, and
// an attempt of each.
func old(tb testing.TB, j *journal.Journal) {
	tb.Helper()
	for i := range 100 {
		d := comment(60*i, "mia", fmt.Sprintf("every word%d old%d", i, i))
		if i == 50 {
			d = manyComments(tb, 200)
			d.ReceivedAt = day.Add(50 * time.Minute)
		}
		if i%10 == 3 {
			d.Verdict, d.Source = webhook.Invalid, journal.Fired
		}
		id := appendAll(tb, j, d)[0]
		if err := j.Record(tb.Context(), attempt(id, 200+i%2*300, time.Millisecond)); err != nil {
			tb.Fatal(err)
		}
		if i%20 == 0 {
			if _, err := j.AppendVerification(tb.Context(), journal.Verification{ReceivedAt: d.ReceivedAt, Status: 200}); err != nil {
				tb.Fatal(err)
			}
		}
	}
	settle(tb, j, 100)
}

func prune(tb testing.TB, j *journal.Journal, upTo int64, thorough bool) {
	tb.Helper()
	if err := j.Prune(tb.Context(), upTo, thorough); err != nil {
		tb.Fatal(err)
	}
}

// integer reads one number of a file nobody writes.
func integer(tb testing.TB, path, query string) int {
	tb.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	stmt, _, err := c.PrepareTransient(query)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = stmt.Finalize() }()
	if row, err := stmt.Step(); err != nil || !row {
		if err != nil {
			tb.Fatal(err)
		}
		return 0
	}
	return stmt.ColumnInt(0)
}

func TestPrune(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	old(t, j)
	before, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prune(t, j, 60, true)
	got, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := journal.Stats{
		Deliveries: 40, Verdicts: map[webhook.Verdict]int64{webhook.Verified: 36, webhook.Invalid: 4},
		Sources: map[journal.Source]int64{journal.Live: 36, journal.Fired: 4}, Events: 40, Fields: map[string]int64{"comments": 40}, Statuses: map[int]int64{200: 20, 500: 20},
		Attempts: 40, Failed: 20, Verifications: 5, Oldest: day.Add(60 * time.Minute), Newest: day.Add(99 * time.Minute),
		Bodies: got.Bodies, Size: got.Size,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Stats() after pruning (-want +got):\n%s", diff)
	}
	if got.Size >= before.Size || got.Bodies >= before.Bodies {
		t.Errorf("%d bytes and %d of bodies, before %d and %d", got.Size, got.Bodies, before.Size, before.Bodies)
	}
	for query, want := range map[string]int{"": 40, "old10": 0, "old7": 10, "every": 40, "number5": 0, "batch": 0, "field:comments": 40, "verdict:invalid": 4, "is:failed": 20, "id:d1-d61": 1} {
		if n := countQuery(t, j, query); n != want {
			t.Errorf("Count(%q) = %d, want %d", query, n, want)
		}
	}
	if _, err := j.Delivery(t.Context(), 60); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Delivery(60) = %v, want %v", err, journal.ErrNotFound)
	}
	if d, err := j.Delivery(t.Context(), 61); err != nil || d.ID != 61 {
		t.Errorf("Delivery(61) = d%d, %v", d.ID, err)
	}
	// A word that went can come again.
	id := appendAll(t, j, comment(7000, "mia", "word10"))[0]
	settle(t, j, 100)
	if got := fmt.Sprint(ids(t, j, parse(t, "word10"), journal.Page{})); id != 101 || got != "[101]" {
		t.Errorf("d%d; Rows(word10) = %s, want [101]", id, got)
	}
	stop()
	for query, want := range map[string]int{
		"select count(*) from word where term like 'number%'":             0,
		"select count(*) from word where term like 'word1%'":              1,
		"select count(*) from event":                                      41,
		"select count(*) from attempt":                                    40,
		"select count(*) from notice where event < 61 << 14":              0,
		"select count(*) from verdict":                                    41,
		"pragma freelist_count":                                           0,
		"insert into search (search, rank) values ('integrity-check', 1)": 0,
	} {
		if got := integer(t, path, query); got != want {
			t.Errorf("%s = %d, want %d", query, got, want)
		}
	}
	if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), "number199") || strings.Contains(string(text), "old42") {
		t.Errorf("the file still holds what was pruned, or %v", err)
	}
}

// TestPruneAll takes everything: ids go on where they were, also after a restart.
func TestPruneAll(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	old(t, j)
	prune(t, j, 1000, false)
	for range 2 {
		stats, err := j.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if stats.Deliveries != 0 || stats.Events != 0 || stats.Attempts != 0 || stats.Bodies != 0 || stats.Fields["comments"] != 0 || stats.Pending != 0 || len(stats.Statuses) != 0 {
			t.Errorf("Stats() = %+v, want nothing", stats)
		}
		if now, err := j.Now(t.Context()); err != nil || now != (journal.Cursor{Delivery: 100, Indexed: 100, Attempt: 100, Verification: 5}) {
			t.Errorf("Now() = %+v, %v", now, err)
		}
		if n := countQuery(t, j, ""); n != 0 || j.LastID() != 100 {
			t.Errorf("%d deliveries, last d%d, want none and d100", n, j.LastID())
		}
		stop()
		j, stop = start(t, journal.Config{Path: path})
	}
	if id := appendAll(t, j, comment(1, "mia", "hi"))[0]; id != 101 {
		t.Errorf("the next delivery is d%d, want d101", id)
	}
	if err := j.Record(t.Context(), attempt(101, 200, 0)); err != nil {
		t.Fatal(err)
	}
	// An attempt that was under way when its delivery went.
	if err := j.Record(t.Context(), attempt(42, 200, 0)); err != nil {
		t.Fatal(err)
	}
	settle(t, j, 101)
	changes, err := j.Changes(t.Context(), journal.Cursor{Delivery: 100, Indexed: 100, Attempt: 100}, 10)
	if err != nil || len(changes.Rows) != 1 || len(changes.Attempts) != 1 || changes.More {
		t.Errorf("Changes() = %+v, %v, want one delivery and its attempt", changes, err)
	}
}

func TestPruneKeeps(t *testing.T) {
	j, _ := start(t, journal.Config{})
	appendAll(t, j, comment(1, "mia", "one"), comment(2, "mia", "two"), comment(3, "mia", "three"))
	if err := j.Record(t.Context(), attempt(1, 200, 0)); err != nil {
		t.Fatal(err)
	}
	settle(t, j, 1)
	prune(t, j, 3, false)
	if got := fmt.Sprint(ids(t, j, journal.Query{}, journal.Page{})); got != "[3 2]" {
		t.Errorf("after pruning %s, want [3 2]: this session still has to forward them", got)
	}
}

func TestExcess(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	if x, err := j.Excess(t.Context(), journal.Retention{Age: time.Hour, Bytes: 1}, day); err != nil || x != (journal.Excess{}) {
		t.Errorf("Excess() of an empty journal = %+v, %v", x, err)
	}
	old(t, j)
	now := day.Add(100 * time.Minute)
	for _, tt := range []struct {
		retention journal.Retention
		upTo      int64
	}{
		{journal.Retention{}, 0},
		{journal.Retention{Age: time.Hour}, 40},
		{journal.Retention{Age: 24 * time.Hour}, 0},
		{journal.Retention{Age: time.Second}, 100},
		{journal.Retention{Bytes: 1 << 30}, 0},
		{journal.Retention{Bytes: 1 << 30, Age: time.Hour}, 40},
		{journal.Retention{Bytes: 1}, 100},
	} {
		x, err := j.Excess(t.Context(), tt.retention, now)
		if err != nil || x.UpTo != tt.upTo || x.Deliveries != tt.upTo || (x.Bytes > 0) != (tt.upTo > 0) {
			t.Errorf("Excess(%+v) = %+v, %v, want up to d%d", tt.retention, x, err, tt.upTo)
		}
	}
	// By size: what is left fits, more or less, and is not much less.
	stats, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limit := stats.Size * 2 / 3
	x, err := j.Excess(t.Context(), journal.Retention{Bytes: limit}, now)
	if err != nil || x.UpTo < 5 || x.UpTo > 95 || !x.Oldest.Equal(day) {
		t.Errorf("Excess of %d of %d bytes = %+v, %v", limit, stats.Size, x, err)
	}
	prune(t, j, x.UpTo, true)
	stop()
	if info, err := os.Stat(path); err != nil || info.Size() > limit*3/2 || info.Size() < limit/4 {
		t.Errorf("the file has %d bytes after pruning to %d, %v", info.Size(), limit, err)
	}
}

// TestPruneBesideArrivals prunes while deliveries arrive, and kills it again and again
// on the way: what is left is whole.
func TestPruneBesideArrivals(t *testing.T) {
	path := fileIn(t)
	j, _ := start(t, journal.Config{Path: path})
	old(t, j)
	done := make(chan error, 1)
	go func() { done <- j.Prune(t.Context(), 100, true) }()
	pruning := true
	for round := 0; pruning || round < 3; round++ {
		for i := range 20 {
			d := comment(6000+i, "mia", fmt.Sprintf("round%d word%d", round, i))
			d.Forward = false
			appendAll(t, j, d)
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		copyFile(t, path+"-wal", copied+"-wal")
		copyFile(t, path, copied)
		checkFigures(t, copied)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			pruning = false
		default:
		}
	}
	settle(t, j, 0)
	if first := ids(t, j, journal.Query{}, journal.Page{OldestFirst: true, Limit: 1})[0]; first != 101 {
		t.Errorf("the oldest is d%d, want d101", first)
	}
	for _, query := range []string{"word3", "round1", "every"} {
		q := parse(t, query)
		scanned, err := j.Scan(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if n := countQuery(t, j, query); n != len(scanned) {
			t.Errorf("Count(%q) = %d, without an index %d", query, n, len(scanned))
		}
	}
}

// checkFigures opens a journal and compares its figures with its rows.
func checkFigures(t *testing.T, path string) {
	t.Helper()
	j, stop := start(t, journal.Config{Path: path})
	stats, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	for query, want := range map[string]int64{
		"select count(*) from attempt where last and status = 200":                   stats.Statuses[200],
		"select count(*) from delivery":                                              stats.Deliveries,
		"select total(length(body)) from delivery":                                   stats.Bodies,
		"select count(*) from event":                                                 stats.Fields["comments"],
		"select count(*) from attempt":                                               stats.Attempts,
		"select count(*) from verdict":                                               stats.Deliveries,
		"insert into search (search, rank) values ('integrity-check', 1)":            0,
		"select count(*) from event where id >> 14 not in (select id from delivery)": 0,
	} {
		if got := integer(t, path, query); int64(got) != want {
			t.Errorf("%s = %d, the figures say %d", query, got, want)
		}
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := sqlitex.ResultText(c.Prep("pragma integrity_check")); err != nil || text != "ok" {
		t.Errorf("integrity_check = %q, %v", text, err)
	}
}
