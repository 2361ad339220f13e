package forward_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
)

func TestNewRefuses(t *testing.T) {
	parse := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, cfg := range map[string]forward.Config{
		"no target":            {},
		"no host":              {Target: parse("/webhook")},
		"another scheme":       {Target: parse("ftp://localhost/x")},
		"a password":           {Target: parse("http://a:b@localhost")},
		"negative concurrency": {Target: parse("http://localhost"), Concurrency: -1},
		"negative timeout":     {Target: parse("http://localhost"), Timeout: -1},
	} {
		if _, err := forward.New(cfg, &memory{}); err == nil {
			t.Errorf("New with %s returns no error", name)
		}
	}
}

// ids returns the deliveries of attempts, in the order they were recorded.
func ids(attempts []journal.Attempt) []int64 {
	var out []int64
	for _, a := range attempts {
		out = append(out, a.Delivery)
	}
	return out
}

func TestRunForwardsWhatIsToBeForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		j.append(message("1", "before the session"))
		f := newForwarder(t, "http://app.test/webhook", forward.Config{}, j)
		var got sync.Map
		newPipeApp(t, f, func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got.Store(string(body), true)
		})
		j.append(message("1", "between New and Run"))
		run(t, f)
		rejected := message("1", "unsigned")
		rejected.Forward = false
		j.append(rejected)
		last := message("2", "later")
		j.append(last)
		synctest.Wait()
		attempts := j.recorded()
		if diff := cmp.Diff([]int64{2, 4}, slices.Sorted(slices.Values(ids(attempts)))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		if _, ok := got.Load(string(last.Body)); !ok {
			t.Errorf("the app did not get %q", last.Body)
		}
		for _, a := range attempts {
			if !a.OK() || a.Replay || a.Target != "http://app.test/webhook" {
				t.Errorf("attempt %+v", a)
			}
		}
	})
}

// hang keeps a request until the sender gives up.
func hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // net/http notices that only after the body
	<-r.Context().Done()
}

func TestSlowApp(t *testing.T) {
	tests := []struct {
		name   string
		app    http.HandlerFunc
		status int
		err    string
	}{
		{"never answers", func(_ http.ResponseWriter, r *http.Request) { hang(r) }, 0, "no answer within 30s"},
		{"never ends its answer", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "OK")
			_ = http.NewResponseController(w).Flush()
			hang(r)
		}, 200, "no end of the answer within 30s"},
		{"talks for ever", func(w http.ResponseWriter, _ *http.Request) {
			for range 3600 {
				if _, err := fmt.Fprint(w, strings.Repeat("x", 100<<10)); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &memory{}
				f := newForwarder(t, "http://app.test", forward.Config{}, j)
				newPipeApp(t, f, tt.app)
				run(t, f)
				j.append(message("1", "hi"))
				time.Sleep(31 * time.Second)
				attempts := j.recorded()
				if len(attempts) != 1 || attempts[0].Status != tt.status || attempts[0].Err != tt.err {
					t.Fatalf("attempts %+v, want one with status %d, err %q", attempts, tt.status, tt.err)
				}
				if took := attempts[0].Took; tt.err != "" && took != 30*time.Second {
					t.Errorf("took %v, want 30s", took)
				}
			})
		})
	}
}

func TestSendHoldsTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForwarder(t, "http://app.test", forward.Config{}, &memory{})
		newPipeApp(t, f, func(_ http.ResponseWriter, r *http.Request) { hang(r) })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if a := f.Send(ctx, message("1", "hi")); a.Err != "no answer within 5s" || a.Took != 5*time.Second {
			t.Errorf("Send = err %q after %v, want no answer within 5s", a.Err, a.Took)
		}
	})
}

func TestRefusedIsTriedAgain(t *testing.T) {
	tests := []struct {
		name   string
		age    time.Duration // of the delivery
		backIn time.Duration // when the app is up again
		dials  int
		err    string
		at     time.Duration // when the last try started
	}{
		{"the app restarts", 0, 2 * time.Second, 7, "", 2200 * time.Millisecond},
		{"just in time", 0, 9900 * time.Millisecond, 23, "", 10 * time.Second},
		{"the app stays away", 0, time.Hour, 23, "connection refused by app.test", 10 * time.Second},
		{"arrived 9.95 s ago", 9950 * time.Millisecond, time.Hour, 2, "connection refused by app.test", 50 * time.Millisecond},
		{"arrived long ago", time.Minute, time.Hour, 1, "connection refused by app.test", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &memory{}
				f := newForwarder(t, "http://app.test", forward.Config{}, j)
				app := newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {})
				app.setDown(true)
				time.AfterFunc(tt.backIn, func() { app.setDown(false) })
				run(t, f)
				start := time.Now()
				d := message("1", "hi")
				d.ReceivedAt = start.Add(-tt.age)
				j.append(d)
				time.Sleep(15 * time.Second)
				attempts := j.recorded()
				if len(attempts) != 1 || attempts[0].Err != tt.err || attempts[0].At.Sub(start) != tt.at {
					t.Fatalf("attempts %+v, want one at %v with err %q", attempts, tt.at, tt.err)
				}
				if got := app.dialed(); got != tt.dials {
					t.Errorf("%d tries, want %d", got, tt.dials)
				}
			})
		})
	}
}

// TestBacklogOfDeadApp holds that a backlog fails within ten seconds of its arrival
// instead of queueing up ten seconds each.
func TestBacklogOfDeadApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const deliveries = 500
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {}).setDown(true)
		run(t, f)
		for i := range deliveries {
			j.append(message(fmt.Sprint(i), "hi"))
		}
		time.Sleep(10*time.Second + time.Millisecond)
		if got := len(j.recorded()); got != deliveries {
			t.Errorf("%d attempts after 10s, want %d", got, deliveries)
		}
	})
}

// TestIdleConnection holds that a delivery never meets a kept connection the app
// closes at that moment, as servers do that close after 5 s.
func TestIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		app := newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {})
		run(t, f)
		for range 3 {
			j.append(message("1", "hi"))
			synctest.Wait()
		}
		if got := app.dialed(); got != 1 {
			t.Errorf("%d connections for three deliveries in a row, want 1", got)
		}
		time.Sleep(1100 * time.Millisecond)
		j.append(message("1", "hi"))
		synctest.Wait()
		if got := app.dialed(); got != 2 {
			t.Errorf("%d connections after a pause, want a second", got)
		}
	})
}

func TestJournalErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk gone")
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {})
		var logged bytes.Buffer
		g := newForwarder(t, "http://app.test", forward.Config{Logger: slog.New(slog.NewTextHandler(&logged, nil))}, j)
		newPipeApp(t, g, func(http.ResponseWriter, *http.Request) {})

		j.recordErr = broken
		j.append(message("1", "hi"))
		if err := run(t, g)(); err != nil {
			t.Errorf("Run = %v when only an attempt could not be recorded", err)
		}
		if !strings.Contains(logged.String(), "could not be recorded") || !strings.Contains(logged.String(), "disk gone") {
			t.Errorf("log %q does not say what was lost", logged.String())
		}

		j.readErr = broken
		if err := f.Run(t.Context()); !errors.Is(err, broken) {
			t.Errorf("Run = %v, want %v", err, broken)
		}
	})
}

func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		app := newPipeApp(t, f, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
		app.setDown(true)
		time.AfterFunc(3*time.Second, func() { app.setDown(false) })
		d := message("1", "hi")
		d.ID, d.ReceivedAt = 42, time.Now().Add(-24*time.Hour) // the ten seconds count from now
		a := f.Replay(t.Context(), d)
		if a.Delivery != 42 || !a.Replay || a.Status != http.StatusAccepted || a.Err != "" {
			t.Errorf("Replay = %+v", a)
		}
		recorded := j.recorded()
		if len(recorded) != 1 {
			t.Fatalf("%d attempts recorded, want 1", len(recorded))
		}
		recorded[0].ID = 0
		if diff := cmp.Diff(a, recorded[0]); diff != "" {
			t.Errorf("recorded (-returned +recorded):\n%s", diff)
		}
		f2 := newForwarder(t, "http://app.test", forward.Config{}, j)
		newPipeApp(t, f2, func(_ http.ResponseWriter, r *http.Request) { hang(r) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f2.Replay(ctx, d)
		if got := len(j.recorded()); got != 2 {
			t.Errorf("%d attempts recorded, want the interrupted one too", got)
		}
	})
}
