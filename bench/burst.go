package main

import (
	"context"
	"fmt"
	"time"
)

// measureBurst posts what Meta sends to an app that was away: deliveries of 1000
// comments, one after the other.
func measureBurst(ctx context.Context, l *lab, r *report) error {
	const updates = 1000
	count := pick(l, 100, 30)
	l.say("burst: %d deliveries of %d updates", count, updates)
	batches := make([]delivery, count)
	for n := range batches {
		batches[n] = l.batch(n, updates, fmt.Sprintf("lastofbatch%d", n))
	}
	a, err := l.startApp(ctx, 0)
	if err != nil {
		return err
	}
	defer a.kill()
	c, err := l.startRelay(ctx, a, "igloo")
	if err != nil {
		return err
	}
	defer c.process.kill()
	took, err := post(ctx, c.address, 1, count, func(n int) delivery { return batches[n] })
	if err != nil {
		return err
	}
	lag, err := l.awaitFound(ctx, c.home, fmt.Sprintf("lastofbatch%d", count-1), 30*time.Second)
	if err != nil {
		return err
	}
	if _, err := a.awaitAnswered(ctx, count, drainLimit); err != nil {
		return err
	}
	_, peak, err := c.process.memory()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("burst of %d × %d updates: ", count, updates)
	r.atMost(name+"answer, p50", "ms", median(milliseconds(took)), 8, 4)
	r.atMost(name+"the last found by search after", "s", lag.Seconds(), 4, 2)
	r.atMost(name+"memory at the highest", "MB", peak, 200, 128)
	return c.process.stop(ctx)
}
