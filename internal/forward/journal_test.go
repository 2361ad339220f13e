package forward_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
)

// quiet keeps what servers log about broken clients out of the test output.
var quiet = log.New(io.Discard, "", 0)

// memory is the smallest journal that keeps the promises the forwarder relies on.
type memory struct {
	mu         sync.Mutex
	deliveries []journal.Delivery
	attempts   []journal.Attempt
	watchers   []chan struct{}
	readErr    error // of Since
	recordErr  error // of Record
	taken      int64 // the highest id handed out by Since
}

func (m *memory) append(d journal.Delivery) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	d.ID = int64(len(m.deliveries) + 1)
	m.deliveries = append(m.deliveries, d)
	m.poke()
	return d.ID
}

func (m *memory) poke() {
	for _, w := range m.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (m *memory) LastID() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.deliveries))
}

func (m *memory) Since(_ context.Context, after int64, limit int) ([]journal.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := min(after+int64(limit), int64(len(m.deliveries)))
	m.taken = max(m.taken, end)
	return slices.Clone(m.deliveries[after:end]), m.readErr
}

func (m *memory) Watch() (<-chan struct{}, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := make(chan struct{}, 1)
	m.watchers = append(m.watchers, changed)
	return changed, func() {}
}

func (m *memory) Record(ctx context.Context, a journal.Attempt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recordErr != nil {
		return m.recordErr
	}
	a.ID = int64(len(m.attempts) + 1)
	m.attempts = append(m.attempts, a)
	m.poke()
	return nil
}

func (m *memory) recorded() []journal.Attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.attempts)
}

func (m *memory) handedOut() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken
}

// message is a delivery of one text message between an account and a person.
func message(person, text string) journal.Delivery {
	return journal.Delivery{
		ReceivedAt: time.Now(),
		Method:     "POST",
		URI:        "/webhook",
		Host:       "hooks.test",
		Header:     map[string][]string{"Content-Type": {"application/json"}, "User-Agent": {"facebookexternalua"}},
		Body: fmt.Appendf(nil, `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[`+
			`{"sender":{"id":%q},"recipient":{"id":"17841499100200301"},"timestamp":1790000123456,"message":{"mid":"m","text":%q}}]}]}`, person, text),
		Forward: true,
	}
}

func newForwarder(tb testing.TB, target string, cfg forward.Config, j forward.Journal) *forward.Forwarder {
	tb.Helper()
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Target = u
	f, err := forward.New(cfg, j)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// run runs f and returns a function that ends it and waits.
func run(tb testing.TB, f *forward.Forwarder) (stop func() error) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	var (
		wg  sync.WaitGroup
		err error
	)
	wg.Go(func() { err = f.Run(ctx) })
	stop = func() error {
		cancel()
		wg.Wait()
		return err
	}
	tb.Cleanup(func() { _ = stop() })
	return stop
}
