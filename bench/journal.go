package main

import (
	"context"
	"fmt"
	"time"
)

// measureJournal fills a journal through a session with its terminal UI, and
// measures what people then meet: memory, the way from a delivery to the screen,
// idling, and whole commands that list, filter and search.
func measureJournal(ctx context.Context, l *lab, r *report) error {
	home, err := l.folder("journal")
	if err != nil {
		return err
	}
	size := pick(l, 100_000, 20_000)
	if err := l.measureScreen(ctx, home, size, r); err != nil {
		return err
	}
	if err := l.measureQueries(ctx, home, r, scale{thousands(size), 2, 0.5, 50, 15}); err != nil {
		return err
	}
	if !l.million {
		return nil
	}
	const million = 1_000_000
	if err := l.fill(ctx, home, size, million); err != nil {
		return err
	}
	return l.measureQueries(ctx, home, r, scale{"1M", 5, 1, 60, 20})
}

func thousands(n int) string { return fmt.Sprintf("%dk", n/1000) }

// measureScreen drives a session that has a terminal.
func (l *lab) measureScreen(ctx context.Context, home string, size int, r *report) error {
	a, err := l.startApp(ctx, 0)
	if err != nil {
		return err
	}
	defer a.kill()
	s, err := l.startScreen(ctx, home, a)
	if err != nil {
		return err
	}
	defer s.close()
	const first = 1000
	if err := l.seed(ctx, s.address, a, 0, first); err != nil {
		return err
	}
	small, _, err := s.memory()
	if err != nil {
		return err
	}
	l.say("journal: %d deliveries through a session with its terminal UI", size)
	began := time.Now()
	if err := l.seed(ctx, s.address, a, first, size); err != nil {
		return err
	}
	l.say("journal: all forwarded after %s", time.Since(began).Round(100*time.Millisecond))
	large, _, err := s.memory()
	if err != nil {
		return err
	}
	shown, err := l.timeToScreen(ctx, s, pick(l, 60, 20))
	if err != nil {
		return err
	}
	idle, err := idleCPU(ctx, s.process, pick(l, 10*time.Second, 4*time.Second))
	if err != nil {
		return err
	}
	r.atMost("delivery to screen, median", "ms", median(milliseconds(shown)), 50, 25)
	r.atMost("delivery to screen, p95", "ms", percentile(milliseconds(shown), 0.95), 100, 45)
	r.atMost("idle CPU with the terminal UI", "%", idle, 2, 0.5)
	r.atMost("memory after "+thousands(size)+" deliveries, terminal UI on", "MB", large, 80, 60)
	r.atMost("the same, to memory after 1k", "×", large/small, 2, 1.1)
	return s.stop(ctx)
}

// seed posts the messages from a number up to another, at 16 connections, and waits
// until the app has them.
func (l *lab) seed(ctx context.Context, address string, a *app, from, to int) error {
	before, err := a.answered(ctx)
	if err != nil {
		return err
	}
	_, err = post(ctx, address, 16, to-from, func(n int) delivery {
		return l.message(from+n, fmt.Sprintf("hello number%d, is the blue one %s?", from+n, words))
	})
	if err != nil {
		return err
	}
	_, err = a.awaitAnswered(ctx, before+to-from, drainLimit)
	return err
}

// fill brings a journal to a size through a session without a terminal.
func (l *lab) fill(ctx context.Context, home string, from, to int) error {
	a, err := l.startApp(ctx, 0)
	if err != nil {
		return err
	}
	defer a.kill()
	c, err := l.startSession(ctx, a, home, "igloo")
	if err != nil {
		return err
	}
	defer c.process.kill()
	const step = 100_000
	for ; from < to; from += step {
		l.say("journal: %d of %d deliveries", from, to)
		if err := l.seed(ctx, c.address, a, from, min(from+step, to)); err != nil {
			return err
		}
	}
	if _, err := l.awaitFound(ctx, home, fmt.Sprintf("number%d", to-1), time.Minute); err != nil {
		return err
	}
	return c.process.stop(ctx)
}

// timeToScreen posts one delivery after the other and returns how long it took until
// the text of each was on the screen.
func (l *lab) timeToScreen(ctx context.Context, s *screen, count int) ([]time.Duration, error) {
	c, err := dial(ctx, s.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var shown []time.Duration
	for n := range count {
		// Uneven, so that the posts do not fall in step with the frames.
		if err := pause(ctx, 60*time.Millisecond+time.Duration(n*37%50)*time.Millisecond); err != nil {
			return nil, err
		}
		text := mark(n)
		d := l.message(n, text)
		s.forget()
		began := time.Now()
		if _, err := c.post(ctx, d); err != nil {
			return nil, err
		}
		if err := s.await(ctx, text, 5*time.Second); err != nil {
			return nil, err
		}
		shown = append(shown, time.Since(began))
	}
	return shown, nil
}

// mark is a text of eight letters of which none stands where the last mark had it:
// a screen that writes only the cells that changed writes all of it.
func mark(n int) string {
	text := make([]byte, 8)
	for i := range text {
		text[i] = byte('a' + (7*n+3*i)%26)
	}
	return string(text)
}

// idleCPU returns the part of one processor that a program uses while nothing
// happens, in percent.
func idleCPU(ctx context.Context, p *process, d time.Duration) (float64, error) {
	if err := pause(ctx, 2*time.Second); err != nil { // let the last frames pass
		return 0, err
	}
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	after, err := p.cpu()
	if err != nil {
		return 0, err
	}
	return 100 * (after - before).Seconds() / d.Seconds(), nil
}
