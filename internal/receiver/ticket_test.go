package receiver_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// fire sends a delivery with these tickets.
func fire(r http.Handler, body, signature string, tickets ...string) *http.Response {
	req := signed(body)
	if signature != "" {
		req.Header.Set(webhook.SignatureHeader, signature)
	}
	req.Header[receiver.TicketHeader] = tickets
	return do(r, req)
}

func TestSimulation(t *testing.T) {
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{HasTarget: true}, rec)
	done := make(chan receiver.Arrival, 1)
	fire(r, body, "", r.Expect(receiver.Simulation{Fixture: "messages/text", Done: done}))
	d := rec.only(t)
	if d.Source != journal.Fired || d.Fixture != "messages/text" || d.Verdict != webhook.Verified || !d.Forward {
		t.Errorf("recorded source %q, fixture %q, verdict %q, forward %v", d.Source, d.Fixture, d.Verdict, d.Forward)
	}
	if _, there := d.Header[receiver.TicketHeader]; there {
		t.Error("the ticket is in the journal")
	}
	want := receiver.Arrival{Status: 200, ID: 1, Verdict: webhook.Verified, Forward: true}
	if got := <-done; got != want {
		t.Errorf("Done got %+v, want %+v", got, want)
	}
}

func TestFaultySimulationIsForwarded(t *testing.T) {
	tests := []struct {
		name            string
		hasTarget, fair bool
		forward         bool
	}{
		{"broken on purpose", true, false, true},
		{"no target", false, false, false},
		{"not said to be broken", true, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			r := newReceiver(t, receiver.Config{HasTarget: tt.hasTarget}, rec)
			done := make(chan receiver.Arrival, 1)
			resp := fire(r, body, "sha256="+strings.Repeat("0", 64), r.Expect(receiver.Simulation{Fixture: "x", Faulty: !tt.fair, Done: done}))
			d := rec.only(t)
			if resp.StatusCode != 401 || d.Verdict != webhook.Invalid || d.Forward != tt.forward {
				t.Errorf("answered %d, verdict %q, forward %v, want 401, invalid, %v", resp.StatusCode, d.Verdict, d.Forward, tt.forward)
			}
			if got := <-done; got.ID != 1 || got.Status != 401 || got.Verdict != webhook.Invalid || got.Reason == "" || got.Forward != tt.forward {
				t.Errorf("Done got %+v", got)
			}
		})
	}
}

func TestForeignTickets(t *testing.T) {
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{HasTarget: true}, rec)
	used := r.Expect(receiver.Simulation{Fixture: "used"})
	fire(r, body, "", used)
	cancelled := r.Expect(receiver.Simulation{Fixture: "cancelled"})
	r.Cancel(cancelled)
	good := r.Expect(receiver.Simulation{Fixture: "good"})
	selfCheck := r.ExpectSelfCheck().Challenge
	for name, tickets := range map[string][]string{
		"used":         {used},
		"cancelled":    {cancelled},
		"made up":      {strings.Repeat("A", len(good))},
		"empty":        {""},
		"in company":   {good, "x"},
		"a self check": {selfCheck},
		"one too long": {good + "A"},
	} {
		before := len(rec.all())
		fire(r, body, "", tickets...)
		d := rec.all()[before]
		if d.Source != journal.Live || d.Fixture != "" {
			t.Errorf("a ticket that is %s made a delivery of source %q", name, d.Source)
		}
		if _, there := d.Header[receiver.TicketHeader]; there {
			t.Errorf("a ticket that is %s is in the journal", name)
		}
	}
	fire(r, body, "", good)
	if d := rec.all()[len(rec.all())-1]; d.Fixture != "good" {
		t.Errorf("the good ticket does not hold any more")
	}
}

func TestTicketsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		r := newReceiver(t, receiver.Config{}, rec)
		early, late := r.Expect(receiver.Simulation{Fixture: "early"}), r.Expect(receiver.Simulation{Fixture: "late"})
		time.Sleep(2 * time.Minute)
		fire(r, body, "", early)
		time.Sleep(time.Second)
		fire(r, body, "", late)
		if all := rec.all(); all[0].Fixture != "early" || all[1].Source != journal.Live {
			t.Errorf("fixtures %q, %q, want the second one to be too late", all[0].Fixture, all[1].Fixture)
		}
	})
}

func TestManyTickets(t *testing.T) {
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{}, rec)
	var (
		mu  sync.Mutex
		all []string
		wg  sync.WaitGroup
	)
	for range 8 {
		wg.Go(func() {
			for range 2000 { // more than are kept
				ticket := r.Expect(receiver.Simulation{Fixture: "x"})
				mu.Lock()
				all = append(all, ticket)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	if got := len(slices.Compact(all)); got != 16_000 {
		t.Errorf("%d different tickets, want 16000", got)
	}
	fire(r, body, "", r.Expect(receiver.Simulation{Fixture: "the last"}))
	if d := rec.only(t); d.Fixture != "the last" {
		t.Errorf("the newest ticket does not hold: %q", d.Fixture)
	}
}

func TestSimulationHearsOfEveryEnd(t *testing.T) {
	tests := []struct {
		name   string
		change func(req *http.Request)
		err    bool
		status int
	}{
		{"not recorded", func(*http.Request) {}, true, 503},
		{"another host", func(req *http.Request) { req.Host = "evil.test" }, false, 421},
		{"another path", func(req *http.Request) { req.URL.Path = "/x" }, false, 404},
		{"too large", func(req *http.Request) { req.ContentLength = receiver.MaxBody + 1 }, false, 413},
		{"broken off", func(req *http.Request) { req.ContentLength = 10_000 }, false, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			if tt.err {
				rec.err = http.ErrHandlerTimeout
			}
			r := newReceiver(t, receiver.Config{}, rec)
			done := make(chan receiver.Arrival, 1)
			req := signed(body)
			req.Header.Set(receiver.TicketHeader, r.Expect(receiver.Simulation{Done: done}))
			tt.change(req)
			do(r, req)
			if got := <-done; got != (receiver.Arrival{Status: tt.status}) {
				t.Errorf("Done got %+v, want status %d alone", got, tt.status)
			}
		})
	}
}

func TestDoneIsNotWaitedFor(t *testing.T) {
	r := newReceiver(t, receiver.Config{}, &recorder{})
	if got := fire(r, body, "", r.Expect(receiver.Simulation{Done: make(chan receiver.Arrival)})).StatusCode; got != 200 {
		t.Errorf("answered %d, want 200", got)
	}
}
