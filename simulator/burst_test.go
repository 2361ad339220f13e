package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/simulator"
)

func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally simulator.Tally
		var now, most atomic.Int32
		err := simulator.Burst{Count: 1000, Concurrency: 4}.Run(t.Context(), &tally, func(_ context.Context, n int) (int, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Duration(n%100+1) * time.Millisecond)
			switch {
			case n < 10:
				return 0, errors.New("connection refused")
			case n < 30:
				return 500, nil
			}
			return 200, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := tally.Summary()
		if s.Sent != 1000 || s.OK != 970 || most.Load() != 4 {
			t.Errorf("sent %d, ok %d, at once %d, want 1000, 970, 4", s.Sent, s.OK, most.Load())
		}
		if diff := cmp.Diff(map[int]int{200: 970, 500: 20}, s.Statuses); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"connection refused": 10}, s.Errors); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
		near := func(got, want time.Duration) bool { return got >= want && got <= want+want/25 }
		if !near(s.P50, 50*time.Millisecond) || !near(s.P95, 95*time.Millisecond) || !near(s.P99, 99*time.Millisecond) || s.Max != 100*time.Millisecond {
			t.Errorf("p50 %v, p95 %v, p99 %v, max %v", s.P50, s.P95, s.P99, s.Max)
		}
		// 50.5 s of work for four.
		if s.Took < 12*time.Second || s.Took > 14*time.Second || s.Rate() < 70 || s.Rate() > 84 {
			t.Errorf("took %v, %.1f a second", s.Took, s.Rate())
		}
	})
}

func TestBurstRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally simulator.Tally
		start := time.Now()
		var starts []time.Duration
		err := simulator.Burst{Count: 5, Rate: 10}.Run(t.Context(), &tally, func(context.Context, int) (int, error) {
			starts = append(starts, time.Since(start))
			return 200, nil
		})
		want := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond, 400 * time.Millisecond}
		if diff := cmp.Diff(want, starts); err != nil || diff != "" {
			t.Errorf("starts (-want +got): %v\n%s", err, diff)
		}
	})
}

func TestBurstCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer cancel()
		var tally simulator.Tally
		err := simulator.Burst{Count: 1 << 40, Rate: 10, Concurrency: 3}.Run(ctx, &tally, func(context.Context, int) (int, error) { return 200, nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run: %v, want the context's error", err)
		}
		if s := tally.Summary(); s.Sent != 10 || s.Took != 950*time.Millisecond {
			t.Errorf("sent %d in %v, want 10 in 950ms", s.Sent, s.Took)
		}
	})
}

func TestBurstErrorsAreBounded(t *testing.T) {
	var tally simulator.Tally
	err := simulator.Burst{Count: 100}.Run(t.Context(), &tally, func(_ context.Context, n int) (int, error) {
		return 0, fmt.Errorf("error %d", n)
	})
	s := tally.Summary()
	if err != nil || len(s.Errors) != 21 || s.Errors[simulator.OtherErrors] != 80 {
		t.Errorf("%d errors told apart, %d others, %v, want 20 and 80", len(s.Errors)-1, s.Errors[simulator.OtherErrors], err)
	}
	if s.P99 != 0 || s.Max != 0 || s.OK != 0 {
		t.Errorf("times without an answer: %+v", s)
	}
}

func TestBurstOfNothing(t *testing.T) {
	var tally simulator.Tally
	if err := (simulator.Burst{}).Run(t.Context(), &tally, nil); err != nil {
		t.Error(err)
	}
	if s := tally.Summary(); s.Sent != 0 || s.Rate() != 0 && s.Took == 0 {
		t.Errorf("Summary = %+v", s)
	}
}
