package tunneltest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
)

// patience is how long a test waits for what should come.
const patience = 20 * time.Second

// Recorder keeps the reports of a tunnel. Its Emit is what Run wants. The zero
// Recorder is ready.
type Recorder struct {
	mu      sync.Mutex
	all     []tunnel.Status
	taken   int           // how many Await has looked at
	changed chan struct{} // closed at the next report
}

// Emit records a report.
func (r *Recorder) Emit(st tunnel.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, st)
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// All returns the reports until now.
func (r *Recorder) All() []tunnel.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// States returns the states of the reports until now, the same one in a row once.
func (r *Recorder) States() []tunnel.State {
	var states []tunnel.State
	for _, st := range r.All() {
		states = append(states, st.State)
	}
	return slices.Compact(states)
}

// Await returns the next report that is in that state, among those that no
// Await has passed before. It fails the test when none comes.
func (r *Recorder) Await(t testing.TB, want tunnel.State) tunnel.Status {
	t.Helper()
	return r.AwaitFunc(t, want.String(), func(st tunnel.Status) bool { return st.State == want })
}

// AwaitFunc is Await for any condition; what says which.
func (r *Recorder) AwaitFunc(t testing.TB, what string, is func(tunnel.Status) bool) tunnel.Status {
	t.Helper()
	deadline := time.After(patience)
	for {
		st, changed, ok := r.next(is)
		if ok {
			return st
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no report %s within %v, only %v", what, patience, r.All())
		}
	}
}

// next looks for a report among those not looked at, else says when to look again.
func (r *Recorder) next(is func(tunnel.Status) bool) (tunnel.Status, <-chan struct{}, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.taken < len(r.all) {
		st := r.all[r.taken]
		r.taken++
		if is(st) {
			return st, nil, true
		}
	}
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return tunnel.Status{}, r.changed, false
}
