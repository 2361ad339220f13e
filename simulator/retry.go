package simulator

import (
	"context"
	"slices"
	"time"
)

// What developers report of Meta, whose pages give no figures for Instagram: how long
// an app fails until it is told, and until it gets no more deliveries.
const (
	AlertAfter   = 15 * time.Minute
	DisableAfter = time.Hour
)

// RetryPlan returns how long after the first try each further one comes. Meta says
// that it tries at once, then a few times more with decreasing frequency over 36
// hours, and drops the delivery then; the figures between are igloo's, near the few
// gaps that have been published.
func RetryPlan() []time.Duration {
	return []time.Duration{
		0, 19 * time.Second, 5 * time.Minute, 16 * time.Minute,
		time.Hour, 3 * time.Hour, 8 * time.Hour, 18 * time.Hour, 36 * time.Hour,
	}
}

// Try is one try at a delivery.
type Try struct {
	N     int           // 1 for the first
	After time.Duration // since the first, by Meta's clock
}

// Tries returns every try at a delivery that is never accepted.
func Tries() []Try {
	all := []Try{{N: 1}}
	for i, after := range RetryPlan() {
		all = append(all, Try{N: i + 2, After: after})
	}
	return all
}

// Retry tries a delivery again as Meta does. The zero value takes 36 hours.
type Retry struct {
	Scale float64 // how many times faster than Meta's the clock goes; 0 = 1
	Made  int     // tries that were made before, which are not made again
}

// Run calls send for each try when its time has come, until one was answered 200 or
// the last has failed. It returns the last try that was made. Its error is the
// context's; what was not tried then is left for another Retry.
func (r Retry) Run(ctx context.Context, send func(context.Context, Try) (answered200 bool)) (last Try, ok bool, err error) {
	tries := Tries()
	made := min(max(r.Made, 0), len(tries))
	if made > 0 {
		last = tries[made-1]
	}
	start := time.Now().Add(-r.scaled(last.After))
	for _, try := range tries[made:] {
		wait := time.NewTimer(time.Until(start.Add(r.scaled(try.After))))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return last, false, ctx.Err()
		}
		ok := send(ctx, try)
		if ctx.Err() != nil && !ok {
			return last, false, ctx.Err() // broken off by us, not by the app
		}
		if last = try; ok {
			return last, true, nil
		}
	}
	return last, false, nil
}

// Left returns the tries that are still to be made.
func (r Retry) Left() []Try {
	tries := Tries()
	return slices.Clip(tries[min(max(r.Made, 0), len(tries)):])
}

// Takes returns how long all tries take at most, beside the app's answers.
func (r Retry) Takes() time.Duration {
	plan := RetryPlan()
	return r.scaled(plan[len(plan)-1])
}

// scaled turns a time by Meta's clock into one by ours.
func (r Retry) scaled(d time.Duration) time.Duration {
	if r.Scale <= 0 {
		return d
	}
	return time.Duration(float64(d) / r.Scale)
}
