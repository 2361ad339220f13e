package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"

	"github.com/igloo-dev/igloo/simulator"
)

// progressLine is one line on a terminal that is drawn again and again in its place.
// Without a terminal it draws nothing. Whoever holds it guards it.
type progressLine struct {
	out     io.Writer
	columns int // 0: no terminal
	drawn   time.Time
	shown   bool
}

func newProgressLine(out io.Writer) progressLine {
	p := progressLine{out: out}
	if file, ok := out.(*os.File); ok && isTerminal(out) {
		p.columns = 80
		if width, _, err := term.GetSize(file.Fd()); err == nil && width > 0 {
			p.columns = width
		}
	}
	return p
}

// draw shows a text in the line's place, cut to the terminal: a line that wraps can't
// be taken back.
func (p *progressLine) draw(text string) {
	if p.columns == 0 {
		return
	}
	p.drawn, p.shown = time.Now(), true
	fmt.Fprint(p.out, "\r\x1b[K"+cut(text, p.columns-1))
}

// clear takes the line away, so that another can be written.
func (p *progressLine) clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// progressText says how far a burst is: a bar where there is room, numbers, how fast it
// goes and how much failed.
func progressText(done, expected, failed int, took time.Duration, columns int) string {
	text := fmt.Sprintf("%d of %d, %.0f/s", done, expected, float64(done)/max(took.Seconds(), 0.001))
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	const widest, narrowest = 30, 10
	width := min(widest, columns-2-len(text))
	if width < narrowest {
		return text
	}
	full := min(width*done/max(expected, 1), width)
	return strings.Repeat("█", full) + strings.Repeat("░", width-full) + " " + text
}

// waitAfter is how long a terminal shows nothing before it is said what is waited for.
const waitAfter = 2 * time.Second

// watch says on a terminal what is waited for when nothing comes for a while, until it
// is stopped.
func (r *reporter) watch() (stop func()) {
	if r.line.columns == 0 {
		return func() {}
	}
	over := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.wait(time.Now())
			case <-over:
				return
			}
		}
	})
	return func() {
		close(over)
		running.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.line.clear()
	}
}

// wait draws what is waited for.
func (r *reporter) wait(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	waited := now.Sub(r.last)
	if waited < waitAfter {
		return
	}
	what := "waiting for the app's answer"
	switch {
	case len(r.retries.open) > 0:
		what = "waiting for the next try"
	case r.order.Fault == simulator.SlowBody:
		what = "writing the body slowly and waiting for the answer"
	}
	r.line.draw(fmt.Sprintf("%s, %.0f s", what, waited.Truncate(time.Second).Seconds()))
}
