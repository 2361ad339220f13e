//go:build unix

package main

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/igloo-dev/igloo/internal/journal"
)

// A delivery that was answered 200 survives kill -9, with every byte, and the journal
// is whole again as soon as it is opened.
func TestKill(t *testing.T) {
	if !atFullSpeed(t) {
		return
	}
	// Two projects at once, because a round also waits; within a project each round
	// goes on with the journal the last one left.
	const projects, rounds = 2, 10
	var all struct {
		sync.Mutex
		answered, recorded, pending int
	}
	lanes := map[string]func(t *testing.T){}
	for p := range projects {
		lanes[strconv.Itoa(p)] = func(t *testing.T) {
			v := newVictim(t, p)
			for range rounds {
				v.round(t)
			}
			all.Lock()
			defer all.Unlock()
			all.answered += len(v.answered)
			all.recorded += len(v.recorded)
			all.pending += v.pending
		}
	}
	together(t, lanes)
	t.Logf("%d kills: %d deliveries answered 200, %d recorded, %d of them pending", projects*rounds, all.answered, all.recorded, all.pending)
}

// victim is a session that is killed again and again.
type victim struct {
	sandbox *sandbox
	app     *developersApp
	random  *rand.Rand
	project int

	posted   map[string]bool
	answered map[string]bool  // bodies whose sender got a 200
	recorded map[string]int64 // bodies by their place in the journal
	pending  int
}

func newVictim(t *testing.T, project int) *victim {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &victim{
		sandbox: withSecret(t), app: newDevelopersApp(t, nil), project: project,
		random: rand.New(rand.NewPCG(seed, 0)), posted: map[string]bool{}, answered: map[string]bool{}, recorded: map[string]int64{},
	}
}

// round starts a session, posts at 16 connections, kills the session at a random
// moment, and looks at what it left.
func (v *victim) round(t *testing.T) {
	t.Helper()
	l := v.sandbox.listen(t, "--forward-to", v.app.URL())
	m := newMeta(t, l.info.Ingress)
	first := make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for {
				mu.Lock()
				n := len(v.posted)
				body := message(v.project*100+n%20, n)
				v.posted[body] = true
				mu.Unlock()
				status, err := m.post(t.Context(), body)
				if err != nil {
					return // killed
				}
				if status != 200 {
					t.Errorf("POST = %d, want 200", status)
					return
				}
				mu.Lock()
				v.answered[body] = true
				mu.Unlock()
				once.Do(func() { close(first) })
			}
		})
	}
	select {
	case <-first:
	case <-time.After(patience):
		t.Errorf("no answer within %v", patience)
	}
	// The one place where time is the point: any moment may be the last.
	time.Sleep(time.Duration(v.random.IntN(300)) * time.Millisecond)
	l.kill()
	senders.Wait()
	v.look(t, l.info.DataDir)
}

// look compares the journal with what is known from outside.
func (v *victim) look(t *testing.T, dataDir string) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Config{Path: filepath.Join(dataDir, "journal.db")})
	if err != nil {
		t.Fatal(err)
	}
	clear(v.recorded)
	for _, d := range deliveries(t, j) {
		body := string(d.Body)
		if v.recorded[body] != 0 || !v.posted[body] {
			t.Errorf("d%d was recorded as d%d already, or was never posted: %.100q", d.ID, v.recorded[body], body)
		}
		v.recorded[body] = d.ID
	}
	lost := 0
	for body := range v.answered {
		if v.recorded[body] == 0 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d deliveries that were answered 200 are lost", lost, len(v.answered))
	}
	for _, body := range v.app.received() {
		if v.recorded[body] == 0 {
			t.Errorf("the app received what is not recorded: %.100q", body)
		}
	}
	v.search(t, j)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	checkFile(t, filepath.Join(dataDir, "journal.db"))
}

// search wants every delivery in the derived rows and in the full-text index.
func (v *victim) search(t *testing.T, j *journal.Journal) {
	t.Helper()
	texts := []string{"", "field:messages is:live verdict:verified", "lorem ipsum"}
	for range 20 { // some by the word that no other has
		for body := range v.recorded {
			texts = append(texts, strings.Fields(label([]byte(body)))[1])
			break
		}
	}
	for _, text := range texts {
		want := len(v.recorded)
		if strings.HasPrefix(text, "n0") {
			want = 1
		}
		q, err := journal.ParseQuery(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := j.Count(t.Context(), q); err != nil || n != want {
			t.Errorf("Count(%q) = %d, %v, want %d", text, n, err, want)
		}
		rows, err := j.Rows(t.Context(), q, journal.Page{Limit: want + 1})
		if err != nil || len(rows) != want {
			t.Errorf("Rows(%q) = %d rows, %v, want %d", text, len(rows), err, want)
		}
		for _, r := range rows {
			if !r.Indexed || r.Events != 1 || r.Field != "messages" || r.Summary == "" {
				t.Fatalf("Rows(%q): %+v, want the derived rows", text, r)
			}
		}
	}
	stats, err := j.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.pending = int(stats.Pending)
	if n := int64(len(v.recorded)); stats.Deliveries != n || stats.Events != n || stats.Attempts+stats.Pending != n {
		t.Errorf("Stats() = %d deliveries, %d events, %d attempts, %d pending, want %d, %[5]d and together %[5]d", stats.Deliveries, stats.Events, stats.Attempts, stats.Pending, n)
	}
}

// checkFile asks SQLite whether the file and its full-text index are whole.
func checkFile(t *testing.T, path string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := sqlitex.ResultText(c.Prep("pragma integrity_check"))
	if err != nil || answer != "ok" {
		t.Errorf("integrity check: %q, %v", answer, err)
	}
	if err := sqlitex.ExecuteTransient(c, "insert into search (search, rank) values ('integrity-check', 1)", nil); err != nil {
		t.Errorf("full-text integrity check: %v", err)
	}
}
