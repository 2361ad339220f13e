package forward_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// TestOrderWithinConversations sends 10,000 deliveries at 16 connections and holds
// that each conversation arrives in order and alone.
func TestOrderWithinConversations(t *testing.T) {
	const deliveries, people = 10_000, 40
	j := &memory{}
	var (
		mu     sync.Mutex
		seen   = map[string]int{}
		busy   = map[string]bool{}
		faults []string
	)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		names := strings.Split(r.Header.Get("X-People"), ",")
		place := 0
		_, _ = fmt.Sscan(r.Header.Get("X-Place"), &place)
		mu.Lock()
		for _, name := range names {
			if busy[name] || seen[name] >= place {
				faults = append(faults, fmt.Sprintf("%s: delivery %d after %d, busy %v", name, place, seen[name], busy[name]))
			}
			seen[name], busy[name] = place, true
		}
		mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		for _, name := range names {
			busy[name] = false
		}
		mu.Unlock()
	}))
	t.Cleanup(app.Close)
	f := newForwarder(t, app.URL, forward.Config{Concurrency: 16, DrainTimeout: 5 * time.Minute}, j)
	stop := run(t, f)
	for i := range deliveries {
		names := []string{fmt.Sprint("p", i*i%people)}
		if i%97 == 0 {
			names = []string{"p1", "p2", "p3", "p4"} // a batch
		}
		d := messages(names, i)
		d.Header = http.Header{"X-People": {strings.Join(names, ",")}, "X-Place": {fmt.Sprint(i + 1)}}
		j.append(d)
	}
	if err := stop(); err != nil { // drains
		t.Fatal(err)
	}
	if got := len(j.recorded()); got != deliveries {
		t.Errorf("%d attempts, want %d", got, deliveries)
	}
	if len(faults) > 0 {
		t.Errorf("%d out of order, the first: %s", len(faults), faults[0])
	}
}

// messages is one delivery with a message of each person.
func messages(people []string, n int) journal.Delivery {
	var items []string
	for _, person := range people {
		items = append(items, fmt.Sprintf(`{"sender":{"id":%q},"recipient":{"id":"9"},"timestamp":1790000123456,"message":{"mid":"m%d","text":"hi"}}`, person, n))
	}
	d := message("", "")
	d.Body = fmt.Appendf(nil, `{"object":"instagram","entry":[{"time":1790000124367,"id":"9","messaging":[%s]}]}`, strings.Join(items, ","))
	return d
}

func TestConcurrencyOfOneIsTotalOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 1}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) })
		stop := run(t, f)
		var want []int64
		for i := range 300 {
			want = append(want, j.append(message(fmt.Sprint(i%7), "hi")))
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ids(j.recorded())); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 3}, j)
		var at, peak atomic.Int32
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {
			peak.Store(max(peak.Load(), at.Add(1)))
			time.Sleep(time.Second)
			at.Add(-1)
		})
		run(t, f)
		start := time.Now()
		for i := range 9 {
			j.append(message(fmt.Sprint(i), "hi"))
		}
		time.Sleep(2500 * time.Millisecond)
		if got := len(j.recorded()); got != 6 {
			t.Errorf("%d attempts after %v, want 6", got, time.Since(start))
		}
		time.Sleep(time.Second)
		if got := peak.Load(); got != 3 || len(j.recorded()) != 9 {
			t.Errorf("%d at once, %d attempts, want 3 and 9", got, len(j.recorded()))
		}
	})
}

func TestLookAheadIsBounded(t *testing.T) {
	tests := []struct {
		name       string
		size, most int // bytes of a body; deliveries that may be taken
	}{
		{"by count", 100, 2048 + 64},
		{"by bytes", 1 << 20, 32 + 64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const deliveries = 4000
				j := &memory{}
				f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 2}, j)
				release := make(chan struct{})
				newPipeApp(t, f, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					<-release
				})
				body := bytes.Repeat([]byte("x"), tt.size)
				for i := range deliveries {
					d := message(fmt.Sprint(i), "hi")
					d.Body = body
					j.append(d)
				}
				run(t, f)
				synctest.Wait()
				if got := int(j.handedOut()); got > tt.most || got < 32 {
					t.Errorf("took %d deliveries ahead of a slow app, want at most %d", got, tt.most)
				}
				close(release)
				synctest.Wait()
				if got := len(j.recorded()); got != deliveries {
					t.Errorf("%d attempts, want %d", got, deliveries)
				}
			})
		})
	}
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

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 2}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := f.Run(ctx); err != nil {
				t.Errorf("Run = %v", err)
			}
		})
		for i := range 7 {
			j.append(message(fmt.Sprint(i), "hi"))
		}
		synctest.Wait()
		cancel()
		time.Sleep(1500 * time.Millisecond)
		j.append(message("8", "a request that was under way at the signal"))
		start := time.Now()
		wg.Wait()
		if got := len(j.recorded()); got != 8 {
			t.Errorf("%d attempts, want all 8", got)
		}
		if took := time.Since(start); took != 2500*time.Millisecond {
			t.Errorf("drained in %v after the last append, want 2.5s", took)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		var logged bytes.Buffer
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 1, DrainTimeout: 3 * time.Second, Logger: slog.New(slog.NewTextHandler(&logged, nil))}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second) })
		stop := run(t, f)
		for range 4 {
			j.append(message("1", "hi"))
		}
		synctest.Wait()
		start := time.Now()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("Run returned %v after the signal, want 3s", took)
		}
		// The first was answered, the second was under way, the others stay pending.
		attempts := j.recorded()
		if len(attempts) != 2 || !attempts[0].OK() || attempts[1].Err != "igloo stopped before the answer of app.test" {
			t.Errorf("attempts %+v, want one answered and one stopped", attempts)
		}
		if !strings.Contains(logged.String(), "replay --pending") {
			t.Errorf("log %q does not say how to send the rest", logged.String())
		}
	})
}

func TestDrainDoesNotWaitForDeadApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {}).setDown(true)
		stop := run(t, f)
		for i := range 40 {
			j.append(message(fmt.Sprint(i), "hi"))
		}
		synctest.Wait()
		start := time.Now()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 || len(j.recorded()) != 40 {
			t.Errorf("%d attempts within %v, want 40 at once", len(j.recorded()), took)
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
