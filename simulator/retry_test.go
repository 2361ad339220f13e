package simulator_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/simulator"
)

// made is a try with the time it came at, by our clock.
type made struct {
	N     int
	After time.Duration
	At    time.Duration
}

// retryUntil runs a retry whose n-th try is accepted.
func retryUntil(ctx context.Context, r simulator.Retry, n int) (tries []made, last simulator.Try, ok bool, err error) {
	start := time.Now()
	last, ok, err = r.Run(ctx, func(_ context.Context, try simulator.Try) bool {
		tries = append(tries, made{try.N, try.After, time.Since(start)})
		return try.N == n
	})
	return tries, last, ok, err
}

// TestRetryWholePlan fails for 36 hours, which a scaled clock makes two minutes.
func TestRetryWholePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries, last, ok, err := retryUntil(t.Context(), simulator.Retry{Scale: 1000}, 0)
		if err != nil || ok || last.N != 10 || last.After != 36*time.Hour {
			t.Errorf("last try %+v, ok %v, %v, want the tenth after 36h", last, ok, err)
		}
		want := []made{
			{1, 0, 0},
			{2, 0, 0},
			{3, 19 * time.Second, 19 * time.Millisecond},
			{4, 5 * time.Minute, 300 * time.Millisecond},
			{5, 16 * time.Minute, 960 * time.Millisecond},
			{6, time.Hour, 3600 * time.Millisecond},
			{7, 3 * time.Hour, 10800 * time.Millisecond},
			{8, 8 * time.Hour, 28800 * time.Millisecond},
			{9, 18 * time.Hour, 64800 * time.Millisecond},
			{10, 36 * time.Hour, 129600 * time.Millisecond},
		}
		if diff := cmp.Diff(want, tries); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
		if took := (simulator.Retry{Scale: 1000}).Takes(); took != 129600*time.Millisecond {
			t.Errorf("Takes = %v, want 2m9.6s", took)
		}
	})
}

// TestRetryPlanSlowsDown is what Meta says of it: at once, ever less often, 36 h.
func TestRetryPlanSlowsDown(t *testing.T) {
	plan := simulator.RetryPlan()
	gap := time.Duration(0)
	for i := 1; i < len(plan); i++ {
		if next := plan[i] - plan[i-1]; next <= gap {
			t.Errorf("the gap before %v is %v, after one of %v", plan[i], next, gap)
		} else {
			gap = next
		}
	}
	if plan[0] != 0 || plan[len(plan)-1] != 36*time.Hour {
		t.Errorf("from %v to %v, want from at once to 36h", plan[0], plan[len(plan)-1])
	}
}

// TestRetryUntilAccepted stops at the first 200, in Meta's own time.
func TestRetryUntilAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries, last, ok, err := retryUntil(t.Context(), simulator.Retry{}, 3)
		if err != nil || !ok || last != (simulator.Try{N: 3, After: 19 * time.Second}) || len(tries) != 3 || tries[2].At != 19*time.Second {
			t.Errorf("%+v, last %+v, ok %v, %v, want three tries in 19s", tries, last, ok, err)
		}
	})
}

// TestRetryGoesOn is interrupted in a pause and resumed: no try is made twice, and the
// pause is waited for anew.
func TestRetryGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
		defer cancel()
		tries, last, ok, err := retryUntil(ctx, simulator.Retry{}, 0)
		if !errors.Is(err, context.DeadlineExceeded) || ok || last.N != 4 || len(tries) != 4 {
			t.Fatalf("%+v, last %+v, ok %v, %v, want four tries and the context's error", tries, last, ok, err)
		}
		left := simulator.Retry{Made: last.N}.Left()
		if len(left) != 6 || left[0] != (simulator.Try{N: 5, After: 16 * time.Minute}) {
			t.Errorf("left: %+v, want six from the fifth on", left)
		}
		tries, last, ok, err = retryUntil(t.Context(), simulator.Retry{Made: 4}, 6)
		want := []made{{5, 16 * time.Minute, 11 * time.Minute}, {6, time.Hour, 55 * time.Minute}}
		if diff := cmp.Diff(want, tries); diff != "" || err != nil || !ok || last.N != 6 {
			t.Errorf("resumed: last %+v, ok %v, %v (-want +got):\n%s", last, ok, err, diff)
		}
	})
}

// TestRetryBrokenOff does not count a try that was under way when the context ended.
func TestRetryBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		last, ok, err := simulator.Retry{Made: 1}.Run(ctx, func(context.Context, simulator.Try) bool {
			cancel()
			return false
		})
		if !errors.Is(err, context.Canceled) || ok || last.N != 1 {
			t.Errorf("last %+v, ok %v, %v, want the first try and the context's error", last, ok, err)
		}
		if last, ok, err := (simulator.Retry{Made: 99}).Run(t.Context(), nil); err != nil || ok || last.N != 10 {
			t.Errorf("a plan that is over: %+v, %v, %v", last, ok, err)
		}
	})
}
