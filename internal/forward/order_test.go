package forward_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
		deliveries int
		size       int // bytes of a body
		most       int // deliveries that may be taken
	}{
		{"by count", 4000, 100, 2048 + 64},
		{"by bytes", 160, 1 << 20, 32 + 64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &memory{}
				f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 2}, j)
				release := make(chan struct{})
				newPipeApp(t, f, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					<-release
				})
				body := bytes.Repeat([]byte("x"), tt.size)
				for i := range tt.deliveries {
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
				if got := len(j.recorded()); got != tt.deliveries {
					t.Errorf("%d attempts, want %d", got, tt.deliveries)
				}
			})
		})
	}
}
