//go:build unix

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// What goes wrong on a developer's machine. The tests mostly wait, so they do it at
// the same time.
func TestTrouble(t *testing.T) {
	t.Parallel()
	together(t, map[string]func(*testing.T){
		"no app secret":            func(t *testing.T) { testSecret(t, newSandbox(t), "unchecked", http.StatusOK) },
		"wrong app secret":         testWrongSecret,
		"app stopped":              testAppStopped,
		"app restarting":           testAppRestarting,
		"app slow":                 testAppSlow,
		"interrupted in a burst":   testInterruptedInBurst,
		"interrupted twice":        testInterruptedTwice,
		"data directory is a file": testDataDirIsFile,
	})
}

func testWrongSecret(t *testing.T) {
	testSecret(t, newSandbox(t, "IGLOO_APP_SECRET=another"), "invalid", http.StatusUnauthorized)
}

// What cannot be verified is recorded, and no app gets it; fired deliveries go on.
func testSecret(t *testing.T, s *sandbox, verdict string, status int) {
	t.Helper()
	var received atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received.Add(1) }))
	t.Cleanup(app.Close)
	l := s.listen(t, "--forward-to", app.URL)
	if got, err := newMeta(t, l.info.Ingress).post(t.Context(), message(1, 1)); got != status {
		t.Errorf("POST = %d, %v, want %d", got, err, status)
	}
	if d := l.await(t, "delivery", func(jsonLine) bool { return true }); d.Verdict != verdict || d.Answered != status {
		t.Errorf("the line %s, want %s and %d", d.raw, verdict, status)
	}
	if said := strings.Contains(l.stdout.String(), "set IGLOO_APP_SECRET"); said != (verdict == "unchecked") {
		t.Errorf("the session says what to set: %t\n%s", said, l.stdout.String())
	}
	if code, stdout, stderr := s.run(t, "fire", "comments"); code != exitDone || received.Load() != 1 {
		t.Errorf("fire: exit code %d, want %d, and the app received %d deliveries, want that one\n%s%s", code, exitDone, received.Load(), stdout, stderr)
	}
	l.end(t)
}

// With the app stopped a fired delivery is tried for 10 s, and once the app is back
// it takes one command.
func testAppStopped(t *testing.T) {
	s, address := withSecret(t), freeAddress(t)
	l := s.listen(t, "--forward-to", address)
	began := time.Now()
	code, stdout, stderr := s.run(t, "fire", "comments")
	if took := time.Since(began); code != exitFailed || took < 9*time.Second || took > 20*time.Second {
		t.Errorf("fire: exit code %d after %v, want %d after 10 s", code, took, exitFailed)
	}
	if !strings.Contains(stdout, "d1 verified: ") || !strings.Contains(stdout, "refused") || !strings.Contains(stderr, "igloo replay --failed") {
		t.Errorf("fire says %q and %q, want the refusal and what to type next", stdout, stderr)
	}
	app := appAt(t, address)
	if code, stdout, stderr := s.run(t, "replay", "--failed"); code != exitDone || !strings.Contains(stdout, "d1 verified: 200") {
		t.Errorf("replay --failed: exit code %d, want %d and 200 for d1\n%s%s", code, exitDone, stdout, stderr)
	}
	l.end(t)
	recorded := deliveries(t, openJournal(t, l.info.DataDir))
	if got := app.received(); len(recorded) != 1 || len(got) != 1 || got[0] != string(recorded[0].Body) {
		t.Errorf("the app received %q, want the %d recorded", got, len(recorded))
	}
}

// An app that restarts, as hot reloading makes it, misses nothing.
func testAppRestarting(t *testing.T) {
	address := freeAddress(t)
	before := appAt(t, address)
	l := withSecret(t).listen(t, "--forward-to", address)
	m := newMeta(t, l.info.Ingress)
	post := func(n int) {
		if status, err := m.post(t.Context(), message(n%3, n)); status != http.StatusOK {
			t.Errorf("POST = %d, %v, want 200", status, err)
		}
	}
	post(0)
	poll(t, "the app has the first delivery", func() bool { return before.count() == 1 })
	// A delivery on a connection that breaks may have reached the app, so that one
	// counts as failed. This is about those that come while nobody listens.
	poll(t, "igloo lets go of the connection", func() bool { return before.open.Load() == 0 })
	before.server.Close()
	for n := range 9 {
		post(n + 1)
	}
	after := appAt(t, address)
	poll(t, "the app has the others", func() bool { return after.count() == 9 })
	l.end(t)
	for i, attempt := range attempts(t, l.info.DataDir) {
		if attempt.Status != http.StatusOK || attempt.N != 1 {
			t.Errorf("attempt %d: %+v, want one, answered 200", i, attempt)
		}
	}
}

// attempts reads the attempts of all deliveries.
func attempts(t *testing.T, dataDir string) []journal.Attempt {
	t.Helper()
	j := openJournal(t, dataDir)
	var all []journal.Attempt
	for _, d := range deliveries(t, j) {
		some, err := j.Attempts(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// Meta does not wait for a slow app, and the app gets everything.
func testAppSlow(t *testing.T) {
	app := newDevelopersApp(t, slowly(3*time.Second))
	l := withSecret(t).listen(t, "--forward-to", app.URL())
	m := newMeta(t, l.info.Ingress)
	const n = 8
	began := time.Now()
	for i := range n {
		if status, err := m.post(t.Context(), message(i, i)); status != http.StatusOK {
			t.Errorf("POST = %d, %v, want 200", status, err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("%d deliveries were answered in %v, want it not to depend on the app", n, took)
	}
	poll(t, "the app has everything", func() bool { return app.count() == n })
	l.end(t) // with the app still at work
	for _, a := range attempts(t, l.info.DataDir) {
		if a.Status != http.StatusOK || a.Took < 3*time.Second {
			t.Errorf("attempt %+v, want 200 after 3 s", a)
		}
	}
}

// Ctrl-C in a burst: what was answered is recorded, and forwarded before the end or
// left for replay --pending.
func testInterruptedInBurst(t *testing.T) {
	app := newDevelopersApp(t, slowly(2*time.Millisecond))
	l := withSecret(t).listen(t, "--forward-to", app.URL())
	m := newMeta(t, l.info.Ingress)
	answered := map[string]bool{}
	var mu sync.Mutex
	var senders sync.WaitGroup
	for c := range 16 {
		senders.Go(func() {
			for n := 0; ; n++ {
				body := message(c, n)
				status, err := m.post(t.Context(), body)
				if err != nil || status == http.StatusServiceUnavailable {
					return // the door is closed
				}
				if status != http.StatusOK {
					t.Errorf("POST = %d, want 200", status)
				}
				mu.Lock()
				answered[body] = true
				mu.Unlock()
			}
		})
	}
	poll(t, "the burst is under way", func() bool { return app.count() > 100 })
	l.end(t)
	senders.Wait()

	j := openJournal(t, l.info.DataDir)
	pending, err := j.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := map[int64]bool{}
	for _, id := range pending {
		left[id] = true
	}
	reached := map[string]int{}
	for _, body := range app.received() {
		reached[body]++
	}
	recorded := deliveries(t, j)
	for _, d := range recorded {
		body := string(d.Body)
		delete(answered, body)
		if want := 1; left[d.ID] || reached[body] != want {
			t.Errorf("d%d: pending %t, received %d times, want it forwarded: there was time", d.ID, left[d.ID], reached[body])
		}
	}
	if len(answered) > 0 {
		t.Errorf("%d deliveries were answered 200 and are not recorded", len(answered))
	}
	t.Logf("%d deliveries recorded, %d pending", len(recorded), len(pending))
}

// A second Ctrl-C ends igloo at once, whatever hangs, and loses nothing: the next
// session says what is pending and sends it when told to.
func testInterruptedTwice(t *testing.T) {
	ctx, release := context.WithCancel(t.Context())
	defer release()
	hanging := newDevelopersApp(t, func(http.ResponseWriter, *http.Request) { <-ctx.Done() })
	s := withSecret(t)
	l := s.listen(t, "--forward-to", hanging.URL())
	m := newMeta(t, l.info.Ingress)
	for n := range 3 {
		if status, err := m.post(t.Context(), message(1, n)); status != http.StatusOK {
			t.Fatalf("POST = %d, %v, want 200", status, err)
		}
	}
	poll(t, "the app hangs", func() bool { return hanging.count() == 1 })
	l.signal(t, os.Interrupt)
	poll(t, "the door is closed", func() bool {
		conn, err := net.Dial("tcp", m.target.Host)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	began := time.Now()
	l.signal(t, os.Interrupt)
	if code := l.wait(t); code != exitInterrupted || time.Since(began) > 2*time.Second {
		t.Errorf("exit code %d after %v, want %d at once", code, time.Since(began), exitInterrupted)
	}
	release()

	app := newDevelopersApp(t, nil)
	l = s.listen(t, "--forward-to", app.URL())
	l.awaitOutput(t, &l.stdout, "a notice of what is pending", func(text string) bool { return strings.Contains(text, "igloo replay --pending") })
	if code, stdout, stderr := s.run(t, "replay", "--pending"); code != exitDone {
		t.Errorf("replay --pending: exit code %d, want %d\n%s%s", code, exitDone, stdout, stderr)
	}
	l.end(t)
	var want []string
	for n := range 3 {
		want = append(want, message(1, n))
	}
	if got := app.received(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the app received %d deliveries, want the 3 that were pending, in order", len(got))
	}
}

// A place where nothing can be written is said, with what to type next. (Root may
// write everywhere but into a file.)
func testDataDirIsFile(t *testing.T) {
	s := withSecret(t)
	file := filepath.Join(s.dir, "taken")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		code, _, stderr := s.run(t, "listen", "--listen", "127.0.0.1:0", "--tunnel", "none", "--data-dir", dir)
		if code != exitFailed || !strings.Contains(stderr, "igloo: error: ") || !strings.Contains(stderr, "igloo: hint: choose a folder you can write to") {
			t.Errorf("--data-dir %q: exit code %d, stderr %q, want %d and a hint", dir, code, stderr, exitFailed)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file now holds %q, %v", text, err)
	}
}
