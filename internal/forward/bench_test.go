package forward_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
)

// endless is a journal that has the same b.N deliveries ready at once, so that the
// benchmark measures forwarding alone.
type endless struct {
	deliveries []journal.Delivery
	last       atomic.Int64
	recorded   atomic.Int64
	done       chan struct{}
	changed    chan struct{}
}

func (e *endless) LastID() int64 { return e.last.Load() }

func (e *endless) Since(_ context.Context, after int64, limit int) ([]journal.Delivery, error) {
	last := e.last.Load()
	out := make([]journal.Delivery, 0, limit)
	for id := after + 1; id <= last && len(out) < limit; id++ {
		d := e.deliveries[id%int64(len(e.deliveries))]
		d.ID = id
		out = append(out, d)
	}
	return out, nil
}

func (e *endless) Watch() (<-chan struct{}, func()) { return e.changed, func() {} }

func (e *endless) Record(context.Context, journal.Attempt) error {
	if e.recorded.Add(1) == e.last.Load() {
		close(e.done)
	}
	return nil
}

func BenchmarkForward(b *testing.B) {
	for _, people := range []int{1000, 1} {
		b.Run(fmt.Sprintf("conversations=%d", people), func(b *testing.B) {
			app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
			b.Cleanup(app.Close)
			e := &endless{done: make(chan struct{}), changed: make(chan struct{}, 1)}
			for i := range people {
				e.deliveries = append(e.deliveries, message(fmt.Sprint(i), "hi"))
			}
			f := newForwarder(b, app.URL, forward.Config{}, e)
			stop := run(b, f)
			b.ReportAllocs()
			b.ResetTimer()
			e.last.Store(int64(b.N))
			e.changed <- struct{}{}
			<-e.done
			b.StopTimer()
			if err := stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
