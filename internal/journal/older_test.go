package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/igloo-dev/igloo/internal/journal"
)

// Every version of the schema that came before has a journal in testdata, written by
// the igloo of its time: eight deliveries with one of everything, see the counts.

// TestOlderJournals opens each of them, reads everything and writes on.
func TestOlderJournals(t *testing.T) {
	for version := 1; version < len(journal.Migrations()); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			copyFile(t, fmt.Sprintf("testdata/journal-v%d.db", version), path)
			if _, err := journal.OpenReader(t.Context(), journal.Config{Path: path}); !errors.Is(err, journal.ErrOlder) {
				t.Errorf("OpenReader() = %v, want %v", err, journal.ErrOlder)
			}
			j, stop := start(t, journal.Config{Path: path})
			for query, want := range map[string]string{
				"": "[8 7 6 5 4 3 2 1]", "reykjavik": "[2]", "verdict:invalid": "[2]", "is:fired": "[3]", "field:comments": "[8 6 2 1]", "from:mia.k": "[1]",
				"is:no_sender": "[5 4]", "is:hollow_edit": "[5]", "is:without_value": "[6]", "field:messaging_seen is:no_sender": "[4]",
				"is:slow": "[3]", "is:replay": "[4]", "is:failed": "[]", "is:duplicate": "[]", "/no payload/": "[7]", "number69": "[8]",
			} {
				if got := fmt.Sprint(ids(t, j, parse(t, query), journal.Page{})); got != want {
					t.Errorf("Rows(%q) = %s, want %s", query, got, want)
				}
			}
			stats, err := j.Stats(t.Context())
			if err != nil || stats.Deliveries != 8 || stats.Events != 76 || stats.Attempts != 7 || stats.Verifications != 1 || stats.Pending != 1 || stats.Statuses[200] != 6 {
				t.Errorf("Stats() = %+v, %v", stats, err)
			}
			d, err := j.Delivery(t.Context(), 7)
			if err != nil || string(d.Body) != "no payload \x00\xff" {
				t.Errorf("Delivery(7) = %q, %v", d.Body, err)
			}
			attempts, err := j.Attempts(t.Context(), 4)
			if err != nil || len(attempts) != 2 || attempts[0].Status != 500 || !attempts[1].Replay || attempts[1].Resigned {
				t.Errorf("Attempts(4) = %+v, %v", attempts, err)
			}
			if id := appendAll(t, j, comment(9, "mia.k", "and now"))[0]; id != 9 {
				t.Errorf("the next delivery is d%d, want d9", id)
			}
			settle(t, j, 7)
			prune(t, j, 2, true)
			if n := countQuery(t, j, ""); n != 7 {
				t.Errorf("%d deliveries after pruning two, want 7", n)
			}
			stop()
			if diff := cmp.Diff(schemaOf(t, ""), schemaOf(t, path)); diff != "" {
				t.Errorf("schema (-new journal +migrated):\n%s", diff)
			}
		})
	}
	if files, err := filepath.Glob("testdata/journal-v*.db"); err != nil || len(files) != len(journal.Migrations())-1 {
		t.Errorf("samples %v, %v: there must be one of every older version", files, err)
	}
}

// schemaOf returns the tables with their columns, and the indexes, of a journal; of a
// new one when path is "".
func schemaOf(t *testing.T, path string) []string {
	t.Helper()
	if path == "" {
		path = fileIn(t)
		_, stop := start(t, journal.Config{Path: path})
		stop()
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var out []string
	err = sqlitex.ExecuteTransient(c, "select s.name, group_concat(p.name || ' ' || p.type, ', ') from sqlite_schema s left join pragma_table_info(s.name) p group by s.name order by s.name", &sqlitex.ExecOptions{
		ResultFunc: func(stmt *sqlite.Stmt) error {
			out = append(out, stmt.ColumnText(0)+": "+stmt.ColumnText(1))
			return nil
		},
	})
	if err != nil || len(out) < 10 || !strings.HasPrefix(out[0], "attempt") {
		t.Fatalf("schema %v, %v", out, err)
	}
	return out
}

// TestMigrationIsWhole breaks the newest migration: the older journal is as it was.
func TestMigrationIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	copyFile(t, "testdata/journal-v1.db", path)
	execute(t, path, "create table notice (x)")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if j, err := journal.Open(t.Context(), journal.Config{Path: path}); err == nil {
		j.Close()
		t.Error("Open() of a journal that cannot be migrated = nil, want an error")
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file has changed, or %v", err)
	}
}
