package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/igloo-dev/igloo/internal/journal"
)

// execute runs SQL on a journal nobody has open.
func execute(tb testing.TB, path, script string) {
	tb.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		tb.Fatal(err)
	}
	if err := sqlitex.ExecuteScript(c, script, nil); err != nil {
		tb.Fatal(err)
	}
	if err := c.Close(); err != nil {
		tb.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		make   func(t *testing.T, path string)
		want   error
		reader error // when it differs
	}{
		{"a newer journal", func(t *testing.T, path string) {
			_, stop := start(t, journal.Config{Path: path})
			stop()
			execute(t, path, "pragma user_version = 99")
		}, journal.ErrNewer, nil},
		{"a text file", func(t *testing.T, path string) {
			write(t, path, strings.Repeat("dear diary\n", 1000))
		}, journal.ErrDamaged, nil},
		{"another program's database", func(t *testing.T, path string) {
			execute(t, path, "create table contact (name text); insert into contact values ('mia')")
		}, journal.ErrDamaged, nil},
		{"another program's empty database", func(t *testing.T, path string) {
			execute(t, path, "pragma application_id = 7; create table t (x); drop table t")
		}, journal.ErrDamaged, nil},
		{"a cut journal", func(t *testing.T, path string) {
			j, stop := start(t, journal.Config{Path: path})
			for i := range 50 {
				appendAll(t, j, comment(i, "mia", strings.Repeat("hello ", 200)))
			}
			stop()
			if err := os.Truncate(path, 8192); err != nil {
				t.Fatal(err)
			}
		}, journal.ErrDamaged, nil},
		{"an overwritten journal", func(t *testing.T, path string) {
			_, stop := start(t, journal.Config{Path: path})
			stop()
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte(strings.Repeat("\xff", 3000)), 100); err != nil {
				t.Fatal(err)
			}
		}, journal.ErrDamaged, nil},
		{"a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, journal.ErrDamaged, nil},
		{"a missing folder", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, fs.ErrNotExist, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sub", "journal.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			test.make(t, path)
			before, _ := os.ReadFile(path)
			for range 2 {
				j, err := journal.Open(t.Context(), journal.Config{Path: path})
				if err == nil {
					j.Close()
				}
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("Open() = %v, want %v with the path", err, test.want)
				}
			}
			if j, err := journal.OpenReader(t.Context(), journal.Config{Path: path}); !errors.Is(err, test.want) {
				if err == nil {
					j.Close()
				}
				t.Errorf("OpenReader() = %v, want %v", err, test.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("Open changed the file")
			}
		})
	}
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestOpenReadOnly(t *testing.T) {
	path := fileIn(t)
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		path = "/sys/igloo.db" // where not even root may write
	} else {
		_, stop := start(t, journal.Config{Path: path})
		stop()
		for _, name := range []string{path, filepath.Dir(path)} {
			if err := os.Chmod(name, 0o500); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
	}
	if _, err := journal.Open(t.Context(), journal.Config{Path: path}); !errors.Is(err, journal.ErrReadOnly) {
		t.Errorf("Open() = %v, want %v", err, journal.ErrReadOnly)
	}
}

func TestReaderCannotWrite(t *testing.T) {
	path := fileIn(t)
	w, _ := start(t, journal.Config{Path: path})
	appendAll(t, w, comment(1, "mia", "hi"))
	r, _ := start2(t, path)
	if _, err := r.Append(t.Context(), comment(2, "mia", "hi")); !errors.Is(err, journal.ErrReadOnly) {
		t.Errorf("Append() = %v, want %v", err, journal.ErrReadOnly)
	}
	if _, err := r.AppendVerification(t.Context(), journal.Verification{}); !errors.Is(err, journal.ErrReadOnly) {
		t.Errorf("AppendVerification() = %v, want %v", err, journal.ErrReadOnly)
	}
	if err := r.Record(t.Context(), attempt(1, 200, 0)); !errors.Is(err, journal.ErrReadOnly) {
		t.Errorf("Record() = %v, want %v", err, journal.ErrReadOnly)
	}
}

// start2 opens a reader and runs it.
func start2(tb testing.TB, path string) (*journal.Journal, func()) {
	tb.Helper()
	r, err := journal.OpenReader(tb.Context(), journal.Config{Path: path})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	stop := func() {
		cancel()
		if err := <-ran; err != nil {
			tb.Errorf("Run() = %v", err)
		}
		ran <- nil
		if err := r.Close(); err != nil {
			tb.Errorf("Close() = %v", err)
		}
	}
	tb.Cleanup(stop)
	return r, stop
}

func TestReaderFollows(t *testing.T) {
	path := fileIn(t)
	w, _ := start(t, journal.Config{Path: path})
	r, _ := start2(t, path)
	for i := range 3 {
		id := appendAll(t, w, comment(i, "mia", "hi"))[0]
		settle(t, r, 0) // the reader is poked for the commits of the writer
		waitFor(t, r, func() bool { return r.LastID() == id })
		if d, err := r.Delivery(t.Context(), id); err != nil || d.ID != id {
			t.Errorf("Delivery(%d) = %d, %v", id, d.ID, err)
		}
		if ds, err := r.Since(t.Context(), id-1, 10); err != nil || len(ds) != 1 {
			t.Errorf("Since(%d) = %d deliveries, %v, want 1", id-1, len(ds), err)
		}
	}
}

func waitFor(tb testing.TB, j *journal.Journal, done func() bool) {
	tb.Helper()
	changed, stop := j.Watch()
	defer stop()
	deadline := time.After(20 * time.Second)
	for !done() {
		select {
		case <-changed:
		case <-deadline:
			tb.Fatal("nothing happened for 20 seconds")
		}
	}
}

func TestBusy(t *testing.T) {
	path := fileIn(t)
	_, stop := start(t, journal.Config{Path: path})
	stop()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := sqlitex.ExecuteTransient(c, "begin exclusive", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), journal.Config{Path: path}); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("Open() = %v, want %v", err, journal.ErrBusy)
	}
}

func TestFileIsTheUsersOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps who may read a file elsewhere")
	}
	path := fileIn(t)
	write(t, path, "")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	j, _ := start(t, journal.Config{Path: path})
	appendAll(t, j, comment(1, "mia", "hi"))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want it the user's only", filepath.Base(path+suffix), info.Mode())
		}
	}
}

// TestKill copies the files of a running journal, as a kill would leave them, and
// opens the copy.
func TestKill(t *testing.T) {
	path := fileIn(t)
	j, _ := start(t, journal.Config{Path: path})
	batch := manyComments(t, 400)
	for round := range 3 {
		var last int64
		for i := range 40 {
			d := comment(i, "mia", fmt.Sprintf("round %d word%d", round, i))
			if i == 20 {
				d = batch
			}
			last = appendAll(t, j, d)[0]
			if i%3 == 0 {
				if err := j.Record(t.Context(), attempt(last, 200, 0)); err != nil {
					t.Fatal(err)
				}
			}
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		copyFile(t, path+"-wal", copied+"-wal")
		copyFile(t, path, copied)
		checkComplete(t, copied, last)
	}
}

// checkComplete opens a journal and demands that deliveries up to last are there, with
// their events and words.
func checkComplete(t *testing.T, path string, last int64) {
	t.Helper()
	j, stop := start(t, journal.Config{Path: path})
	defer stop()
	if j.LastID() < last {
		t.Errorf("LastID() = %d, %d was acknowledged", j.LastID(), last)
	}
	now, err := j.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if now.Indexed != j.LastID() {
		t.Errorf("indexed up to %d after Open, want %d", now.Indexed, j.LastID())
	}
	stats, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events, found := int64(0), 0
	for id := range j.LastID() {
		list, err := j.Events(t.Context(), id+1)
		if err != nil {
			t.Fatal(err)
		}
		events += int64(len(list))
		for _, e := range list {
			if strings.HasPrefix(e.Text, "round") {
				found++
				break
			}
		}
	}
	if stats.Events != events || stats.Deliveries != j.LastID() {
		t.Errorf("Stats() counts %d events of %d deliveries, want %d of %d", stats.Events, stats.Deliveries, events, j.LastID())
	}
	if n := countQuery(t, j, "round"); n != found {
		t.Errorf("search finds %d deliveries, want %d", n, found)
	}
	pending, err := j.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := countQuery(t, j, "is:pending"); n != len(pending) || int64(n) != stats.Pending || int64(n) != j.LastID()-stats.Attempts {
		t.Errorf("%d pending by query, %d listed, %d in stats, want %d", n, len(pending), stats.Pending, j.LastID()-stats.Attempts)
	}
}

func countQuery(tb testing.TB, j *journal.Journal, text string) int {
	tb.Helper()
	n, err := j.Count(tb.Context(), parse(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, to, string(b))
}

// manyComments is one delivery with n events.
func manyComments(tb testing.TB, n int) journal.Delivery {
	tb.Helper()
	var b strings.Builder
	b.WriteString(`{"object": "instagram", "entry": [{"id": "17841405309211844", "time": 1795269740, "changes": [`)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `{"field": "comments", "value": {"id": "%d", "from": {"id": "%d", "username": "user%d"}, "media": {"id": "1", "media_product_type": "FEED"}, "text": "batch comment number%d"}}`, i, i%7, i%7, i)
	}
	b.WriteString(`]}]}`)
	return delivery(0, b.String())
}

// TestRederive drops every derived row: opening the journal derives them again.
func TestRederive(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	for i := range 100 {
		id := appendAll(t, j, comment(i, "mia", fmt.Sprintf("round %d", i)))[0]
		if i%2 == 0 {
			if err := j.Record(t.Context(), attempt(id, 200, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	appendAll(t, j, manyComments(t, 300))
	stop()
	execute(t, path, `
		insert into search(search) values ('delete-all');
		delete from event; delete from word; delete from tally; delete from verdict; delete from pending;
		update state set value = 0;`)
	checkComplete(t, path, 101)
}

func TestMigrate(t *testing.T) {
	c, err := sqlite.OpenConn(":memory:", sqlite.OpenReadWrite|sqlite.OpenMemory)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	steps := journal.Migrations()
	if err := journal.Migrate(c, steps); err != nil {
		t.Fatal(err)
	}
	more := append(slices.Clip(steps), "alter table delivery add column note text", "insert into state values ('note', 1)")
	broken := append(slices.Clip(more[:len(more)-1]), "update nothing set x = 1")
	if err := journal.Migrate(c, broken); err == nil {
		t.Fatal("Migrate() with a broken step, want an error")
	}
	for range 2 {
		if err := journal.Migrate(c, more); err != nil {
			t.Fatalf("Migrate() = %v after a broken one was rolled back", err)
		}
	}
	if err := journal.Migrate(c, steps); !errors.Is(err, journal.ErrNewer) {
		t.Errorf("Migrate() = %v, want %v", err, journal.ErrNewer)
	}
}
