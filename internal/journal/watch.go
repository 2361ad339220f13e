package journal

import (
	"slices"
	"sync"
)

// watchers are the channels poked after every commit.
type watchers struct {
	mu    sync.Mutex
	chans []chan struct{}
}

// Watch returns a channel that holds a value whenever something was committed since
// the last receive. A slow receiver finds one value, not many: what changed is read
// with [Journal.Changes] or [Journal.Since]. Call stop when done with it.
func (j *Journal) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	j.watch.mu.Lock()
	defer j.watch.mu.Unlock()
	// Copied, so that poke may walk the old slice.
	j.watch.chans = append(slices.Clone(j.watch.chans), c)
	return c, func() { j.watch.remove(c) }
}

func (w *watchers) remove(c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chans = slices.DeleteFunc(slices.Clone(w.chans), func(other chan struct{}) bool { return other == c })
}

func (w *watchers) poke() {
	w.mu.Lock()
	chans := w.chans
	w.mu.Unlock()
	for _, c := range chans {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
