package tui_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/tui"
)

// arrive puts n more deliveries into the journal.
func arrive(s *screen, n int) {
	for range n {
		row := s.journal.rows[0]
		row.ID = int64(len(s.journal.rows) + 1)
		s.journal.put(row, "{}")
	}
}

func TestFollow(t *testing.T) {
	onScreen(t, options{width: 80, height: 24}, func(s *screen) {
		s.expect("▼ following")
		arrive(s, 20)
		s.refute("Deliveries 35")
		s.pass(50 * time.Millisecond) // what arrives is gathered for 33 ms
		s.expect("Deliveries 35", "▼ following")

		s.press("k")
		selected := s.selection()
		arrive(s, 7)
		s.pass(settleTime)
		s.expect("▼ 7 new", "Deliveries 42")
		if got := s.selection(); got != selected {
			t.Errorf("selection = %q, want %q", got, selected)
		}
		s.press("G")
		s.expect("▼ following")
		s.refute("new ─")
	})
}

// What changes shows on the row and in the detail.
func TestAttemptShows(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press("k*3")
		s.expect("ERR connection refused")
		row := s.journal.rows[11]
		row.Status, row.Err, row.Attempts, row.Replayed, row.Took = 200, "", 2, true, 9*time.Millisecond
		s.journal.put(row, sampleBody("messages", "leo_r", "x", 1), sampleAttempt(&row, 1), sampleAttempt(&row, 2))
		s.pass(settleTime)
		s.expect("✓↻ postbacks", "200 9ms  attempt 2 ↻")
	})
}

func TestFilter(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press("/", "'field:comments")
		s.expect("Deliveries 15")
		s.pass(settleTime)
		s.expect("Deliveries 6 of 15")
		s.press("enter")
		s.expect("esc clears")

		arrive(s, 2) // comments
		row := s.journal.rows[1]
		row.ID = int64(len(s.journal.rows) + 1)
		s.journal.put(row, "{}") // a message
		s.pass(settleTime)
		s.expect("Deliveries 8 of 1")

		s.press("esc")
		s.pass(settleTime)
		s.expect("Deliveries 18")
		s.refute("esc clears")
	})
}

func TestFilterError(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press("/", "'field:comments")
		s.pass(settleTime)
		s.press("' filed:x")
		s.pass(settleTime)
		s.expect(`"filed:x": unknown key`, "Deliveries 6 of 15") // the last good one stays
		s.press("esc")
		s.pass(settleTime)
		s.refute("unknown key")
	})
}

func TestFilterBlamesAWord(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press("/", "'field:none comments", "enter")
		s.pass(settleTime)
		s.expect("nothing matches the filter", "without field:none something would")
	})
}

func TestFilterHistoryAndCompletion(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		for _, text := range []string{"'camera", "'ship"} {
			s.press("/", text, "enter")
			s.press("esc")
			s.pass(settleTime)
		}
		s.press("/", "up")
		s.expect("/  ship")
		s.press("up")
		s.expect("/  camera")
		s.press("down", "down")
		s.refute("/  ship")
		s.press("'-fi", "tab")
		s.expect("/  -field:")
		s.press("'st", "tab")
		s.expect("/  -field:story_insights")
		s.press("' from:@m", "tab")
		s.expect("from:@mia.k")
	})
}

func TestOnlyProblems(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press("!")
		s.pass(settleTime)
		s.expect("only problems", "Deliveries 3 of 15", "no known app secret makes…", "ERR", "500")
		s.press("!")
		s.pass(settleTime)
		s.refute("only problems")
	})
}

func TestChecklistTicks(t *testing.T) {
	onScreen(t, options{journal: newFakeJournal, facts: unready(), width: 100, height: 30}, func(s *screen) {
		s.expect("Waiting for the first event", "○ Tunnel online", "○ Webhook verified", "✗ App reachable", "r replays them later")
		s.status.Update(func(f *tui.Facts) {
			f.Tunnel, f.CallbackURL, f.Target, f.TargetNote, f.Notice = tui.Up, "https://x.example/webhook", tui.Up, "", ""
		})
		s.settle()
		s.expect("✓ Tunnel online", "✓ App reachable", "the callback URL is there: u copies it")
		s.journal.verified = append(s.journal.verified, journal.Verification{ID: 1, ReceivedAt: noon, Status: 200})
		s.journal.changed <- struct{}{}
		s.pass(settleTime)
		s.expect("✓ Webhook verified")
		s.journal.put(sampleJournal().rows[0], sampleBody("comments", "mia.k", "hi", 1))
		s.pass(settleTime)
		s.refute("Waiting for the first event")
		s.expect("Deliveries 1", "@mia.k")
	})
}

func TestCallbackURLChanges(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.status.Update(func(f *tui.Facts) { f.Tunnel, f.CallbackURL = tui.Waiting, "" })
		s.settle()
		s.status.Update(func(f *tui.Facts) { f.Tunnel, f.CallbackURL = tui.Up, sampleFacts().CallbackURL })
		s.settle()
		s.refute("the callback URL changed") // it came back
		s.status.Update(func(f *tui.Facts) { f.CallbackURL = "https://other.example/webhook" })
		s.settle()
		s.expect("the callback URL changed: update it at Meta", "https://other.example/webhook")
	})
}

// A URL is not called online before it was seen to lead here, and what Meta would meet
// stands on the screen.
func TestPublicURLIsChecked(t *testing.T) {
	onScreen(t, options{journal: newFakeJournal, facts: unready(), width: 120, height: 30}, func(s *screen) {
		const page = "a page stands in front of the callback URL: take another --tunnel"
		s.status.Update(func(f *tui.Facts) { f.Tunnel, f.CallbackURL = tui.Waiting, "https://x.example/webhook" })
		s.settle()
		s.expect("○ checking", "https://x.example/webhook", "Checking that it leads here.")
		s.refute("● online", "✓ Tunnel online")
		s.status.Update(func(f *tui.Facts) { f.Tunnel, f.TunnelNote = tui.Down, page })
		s.settle()
		s.expect("✗ degraded", "public URL: a page stands in front", "✗ Tunnel online", "p opens another")
		s.status.Update(func(f *tui.Facts) { f.Tunnel, f.TunnelNote = tui.Up, "" })
		s.settle()
		s.expect("● online", "✓ Tunnel online", "no app secret")
		s.refute("degraded", "a page stands")
	})
}

func TestCallbackURLChangedSinceLastTime(t *testing.T) {
	facts := unready()
	facts.Verified = noon // of another time
	onScreen(t, options{journal: newFakeJournal, facts: facts, width: 120, height: 30}, func(s *screen) {
		s.status.Update(func(f *tui.Facts) {
			f.Tunnel, f.CallbackURL, f.CallbackWas = tui.Up, "https://new.example/webhook", "https://old.example/webhook"
		})
		s.settle()
		s.expect("the callback URL has changed: enter it at Meta again", "igloo subscribe app", "○ Webhook verified", "Meta may still have https://old.example/webhook")
		s.status.Update(func(f *tui.Facts) { f.CallbackWas = "" })
		s.settle()
		s.refute("old.example", "has changed")
	})
}

func TestFixturesAreWatched(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press("f", "'mine")
		s.expect("no fixture fits")
		set, err := fixtures.Load("testdata/fixtures")
		if err != nil {
			t.Fatal(err)
		}
		s.files.set = set
		s.files.changed <- struct{}{}
		s.settle()
		s.expect("mine/broken", "✗ line 4", "mine/good", "1.")
		s.press("enter")
		if !strings.Contains(s.text(), "mine/broken is broken") || s.session.calls != nil {
			t.Errorf("a broken fixture was fired: %v\n%s", s.session.calls, s.text())
		}
	})
}

func TestJournalInTrouble(t *testing.T) {
	j := func() *fakeJournal {
		j := newFakeJournal()
		j.err = errors.New("disk I/O error")
		return j
	}
	onScreen(t, options{journal: j, width: 100, height: 30}, func(s *screen) {
		s.expect("the journal cannot be read: disk I/O error", "✗ journal: disk I/O error")
		s.journal.mu.Lock()
		s.journal.err = nil
		s.journal.mu.Unlock()
		s.pass(2 * time.Second)
		s.refute("disk I/O error")
		s.expect("Waiting for the first event")
	})
}

func TestToastGoes(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		s.press(".")
		s.expect("nothing fired yet")
		s.pass(3 * time.Second)
		s.press(".") // a new one stays for its own time
		s.pass(3 * time.Second)
		s.expect("nothing fired yet")
		s.pass(2 * time.Second)
		s.refute("nothing fired yet")
	})
}

// Rows beyond the first page come as the user scrolls up to them, up to the bound.
func TestOlderRows(t *testing.T) {
	many := func() *fakeJournal {
		j := newFakeJournal()
		row := sampleJournal().rows[0]
		for id := range int64(tui.MaxRows + 5000) {
			row.ID = id + 1
			row.ReceivedAt = noon.Add(time.Duration(id) * time.Second)
			j.rows = append(j.rows, row)
		}
		return j
	}
	onScreen(t, options{journal: many, width: 80, height: 24}, func(s *screen) {
		newest := s.selection()
		for range 30 {
			s.press("g")
		}
		first := s.selection()
		want := noon.Add(5000 * time.Second).Format(time.TimeOnly) // the bound
		if !strings.Contains(first, want) {
			t.Errorf("first row = %q, want %s", first, want)
		}
		s.press("G")
		if got := s.selection(); got != newest {
			t.Errorf("last row = %q, want %q", got, newest)
		}
	})
}
