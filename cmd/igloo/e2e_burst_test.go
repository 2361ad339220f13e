//go:build unix

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/igloo-dev/igloo/internal/journal"
)

// burst is how a burst went.
type burst struct {
	bodies []string
	took   time.Duration
}

// fireBurst posts n deliveries of as many conversations at 16 connections. Which
// connection carries which delivery is left to chance, so that neighbours of one
// conversation race for the journal.
func fireBurst(t *testing.T, callbackURL string, n, conversations int) burst {
	t.Helper()
	m := newMeta(t, callbackURL)
	b := burst{bodies: make([]string, n)}
	for i := range b.bodies {
		b.bodies[i] = message(i%conversations, i)
	}
	var next atomic.Int64
	var senders errgroup.Group
	started := time.Now()
	for range 16 {
		senders.Go(func() error {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				status, err := m.post(t.Context(), b.bodies[i])
				if err != nil {
					return err
				}
				if status != 200 {
					t.Errorf("POST = %d, want 200", status)
				}
			}
			return nil
		})
	}
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}
	b.took = time.Since(started)
	return b
}

// checkBurst compares what was posted with the journal and with what the app
// received.
func checkBurst(t *testing.T, b burst, dataDir string, app *developersApp) {
	t.Helper()
	checkLog(t, dataDir)
	j := openJournal(t, dataDir)
	recorded := deliveries(t, j)
	var journalOrder []string
	for i, d := range recorded {
		if d.ID != int64(i+1) {
			t.Fatalf("delivery %d of the journal has the id %d, want no gap", i+1, d.ID)
		}
		journalOrder = append(journalOrder, string(d.Body))
		attempts, err := j.Attempts(t.Context(), d.ID)
		if err != nil || len(attempts) != 1 || attempts[0].Status != 200 {
			t.Errorf("attempts of d%d: %+v, %v, want one that the app answered with 200", d.ID, attempts, err)
		}
	}
	got := app.received()
	for _, list := range []struct {
		name   string
		bodies []string
	}{{"recorded", journalOrder}, {"forwarded", got}} {
		if len(list.bodies) != len(b.bodies) {
			t.Errorf("%d deliveries %s, want %d", len(list.bodies), list.name, len(b.bodies))
		}
		if !slices.Equal(slices.Sorted(slices.Values(list.bodies)), slices.Sorted(slices.Values(b.bodies))) {
			t.Errorf("the bodies %s are not those that were posted, each once", list.name)
		}
	}
	want, have := byConversation(journalOrder), byConversation(got)
	for conversation, order := range want {
		if !slices.Equal(have[conversation], order) {
			t.Errorf("conversation %s reached the app in another order than the journal's", conversation)
		}
	}
}

func byConversation(bodies []string) map[string][]string {
	out := map[string][]string{}
	for _, body := range bodies {
		l := label([]byte(body))
		out[conversationOf(l)] = append(out[conversationOf(l)], l)
	}
	return out
}

// drained is how long igloo may go on after the last answer until the app has
// everything.
const drained = 10 * time.Second

// awaitForwarded waits until the app received n deliveries and says how long it took.
func awaitForwarded(t *testing.T, app *developersApp, n int) time.Duration {
	t.Helper()
	started := time.Now()
	poll(t, "every delivery reaches the app", func() bool { return app.count() >= n })
	took := time.Since(started)
	if took > drained {
		t.Errorf("the app had everything %v after the load, want %v at most", took, drained)
	}
	return took
}

// A burst is recorded and forwarded, all of it, once, in order.
func TestBurst(t *testing.T) {
	if !atFullSpeed(t) {
		return
	}
	testBurst(t, burstSize())
}

// TestBurstWatched is a burst that the race detector can follow.
func TestBurstWatched(t *testing.T) {
	if !raced {
		t.Skip("the same as TestBurst, without the race detector")
	}
	testBurst(t, 300)
}

func burstSize() int {
	if testing.Short() {
		return 1000
	}
	return 10_000
}

func testBurst(t *testing.T, n int) {
	t.Helper()
	app := newDevelopersApp(t, nil)
	l := withSecret(t).listen(t, "--forward-to", app.URL())
	b := fireBurst(t, l.info.Ingress, n, 23)
	after := awaitForwarded(t, app, n)
	l.end(t)
	checkBurst(t, b, l.info.DataDir, app)
	checkLines(t, l.stdout.String(), n)
	t.Logf("%d deliveries in %v, forwarded %v later", n, b.took, after)
}

// checkLines wants a line of --json for each delivery and each attempt, once: a slow
// reader loses nothing.
func checkLines(t *testing.T, stdout string, n int) {
	t.Helper()
	lines := map[string]int{}
	for text := range strings.Lines(stdout) {
		var line jsonLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("stdout line %q: %v", text, err)
		}
		lines[line.Type+" "+line.ID+line.Delivery]++
	}
	for id := range int64(n) {
		name := journal.FormatID(id+1, 0)
		if d, a := lines["delivery "+name], lines["attempt "+name]; d != 1 || a != 1 {
			t.Fatalf("%d delivery lines and %d attempt lines of %s, want one each", d, a, name)
		}
	}
}
