package forward_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/forward"
)

// startAll starts whatever may start and returns the ids.
func startAll(s *forward.Schedule) []int64 {
	var ids []int64
	for id := s.Start(); id != 0; id = s.Start() {
		ids = append(ids, id)
	}
	return ids
}

func TestScheduleOrder(t *testing.T) {
	type step struct {
		finish []int64
		starts []int64
	}
	tests := []struct {
		name  string
		limit int
		jobs  [][]string // conversations of jobs 1, 2, …
		steps []step
	}{
		{
			name: "one conversation goes one by one", limit: 4,
			jobs:  [][]string{{"a"}, {"a"}, {"a"}},
			steps: []step{{nil, []int64{1}}, {[]int64{1}, []int64{2}}, {[]int64{2}, []int64{3}}, {[]int64{3}, nil}},
		},
		{
			name: "conversations overtake each other", limit: 4,
			jobs:  [][]string{{"a"}, {"a"}, {"b"}, {"c"}},
			steps: []step{{nil, []int64{1, 3, 4}}, {[]int64{3}, nil}, {[]int64{1}, []int64{2}}},
		},
		{
			name: "the limit holds, the earliest goes first", limit: 2,
			jobs:  [][]string{{"a"}, {"b"}, {"c"}, {"a"}, {"d"}},
			steps: []step{{nil, []int64{1, 2}}, {[]int64{1}, []int64{3}}, {[]int64{2, 3}, []int64{4, 5}}},
		},
		{
			name: "none is in no order", limit: 3,
			jobs:  [][]string{{}, {}, {"a"}, {}},
			steps: []step{{nil, []int64{1, 2, 3}}, {[]int64{2}, []int64{4}}},
		},
		{
			name: "a batch waits for all its conversations and holds them all", limit: 8,
			jobs:  [][]string{{"a"}, {"b"}, {"a", "b", "c"}, {"c"}, {"b"}, {"d"}},
			steps: []step{{nil, []int64{1, 2, 6}}, {[]int64{2}, nil}, {[]int64{1}, []int64{3}}, {[]int64{3}, []int64{4, 5}}},
		},
		{
			name: "two batches that share everything", limit: 8,
			jobs:  [][]string{{"a", "b"}, {"a", "b"}, {"b"}},
			steps: []step{{nil, []int64{1}}, {[]int64{1}, []int64{2}}, {[]int64{2}, []int64{3}}},
		},
		{
			name: "a limit of one is the journal's order", limit: 1,
			jobs:  [][]string{{"a"}, {"b"}, {"a"}, {}, {"b"}},
			steps: []step{{nil, []int64{1}}, {[]int64{1}, []int64{2}}, {[]int64{2}, []int64{3}}, {[]int64{3}, []int64{4}}, {[]int64{4}, []int64{5}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := forward.NewSchedule(tt.limit)
			for i, keys := range tt.jobs {
				s.Add(int64(i+1), keys...)
			}
			for i, step := range tt.steps {
				for _, id := range step.finish {
					s.Finish(id)
				}
				if diff := cmp.Diff(step.starts, startAll(s)); diff != "" {
					t.Fatalf("step %d starts (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestScheduleReadied(t *testing.T) {
	s := forward.NewSchedule(4)
	if !s.Add(1, "a", "b") || s.Add(2, "a") || s.Add(3, "b") || s.Add(4, "a") || !s.Add(5, "c") {
		t.Error("Add says ready for a job that waits, or the other way round")
	}
	s.Start()
	if got := s.Finish(1); got != 2 {
		t.Errorf("Finish(1) = %d, want 2: those right behind it", got)
	}
}

// TestScheduleProperties runs random loads and holds every start against the rules.
func TestScheduleProperties(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		limit := 1 + rng.IntN(8)
		conversations := 1 + rng.IntN(12)
		load := &load{t: t, seed: seed, limit: limit, s: forward.NewSchedule(limit), keys: map[int64][]string{}}
		for range 200 {
			switch {
			case rng.IntN(2) == 0:
				load.add(someKeys(rng, conversations))
			case len(load.running) > 0 && rng.IntN(3) > 0:
				load.finish(load.running[rng.IntN(len(load.running))])
			default:
				load.start()
			}
		}
		// Whatever was added comes through: nothing starves, nothing is left behind.
		for len(load.waiting) > 0 || len(load.running) > 0 {
			for load.start() {
			}
			if len(load.running) == 0 {
				t.Fatalf("seed %d: %d jobs never start", seed, len(load.waiting))
			}
			load.finish(load.running[0])
		}
		if load.s.Size() != 0 || load.s.Conversations() != 0 {
			t.Fatalf("seed %d: %d jobs and %d conversations left over", seed, load.s.Size(), load.s.Conversations())
		}
	}
}

func someKeys(rng *rand.Rand, conversations int) []string {
	var keys []string
	for range rng.IntN(4) {
		keys = append(keys, fmt.Sprint("c", rng.IntN(conversations)))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// load is a model of the schedule: slow and plain.
type load struct {
	t                *testing.T
	seed             uint64
	limit            int
	s                *forward.Schedule
	last             int64
	keys             map[int64][]string
	waiting, running []int64 // waiting in journal order
}

func (l *load) add(keys []string) {
	l.last++
	l.keys[l.last] = keys
	ready := l.s.Add(l.last, keys...)
	if want := l.free(l.last); ready != want {
		l.t.Fatalf("seed %d: Add(%d, %q) = %v, want %v", l.seed, l.last, keys, ready, want)
	}
	l.waiting = append(l.waiting, l.last)
}

// free reports whether no earlier unfinished job shares a conversation with id.
func (l *load) free(id int64) bool {
	shares := func(other int64) bool {
		return other < id && slices.ContainsFunc(l.keys[other], func(k string) bool { return slices.Contains(l.keys[id], k) })
	}
	return !slices.ContainsFunc(l.waiting, shares) && !slices.ContainsFunc(l.running, shares)
}

func (l *load) start() bool {
	want := int64(0)
	if len(l.running) < l.limit {
		if i := slices.IndexFunc(l.waiting, l.free); i >= 0 {
			want = l.waiting[i]
		}
	}
	got := l.s.Start()
	if got != want {
		l.t.Fatalf("seed %d: Start() = %d, want %d; waiting %v, running %v", l.seed, got, want, l.waiting, l.running)
	}
	if got == 0 {
		return false
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(id int64) bool { return id == got })
	l.running = append(l.running, got)
	return true
}

func (l *load) finish(id int64) {
	l.running = slices.DeleteFunc(l.running, func(r int64) bool { return r == id })
	l.s.Finish(id)
}

func BenchmarkSchedule(b *testing.B) {
	s := forward.NewSchedule(16)
	var id int64
	for b.Loop() {
		id++
		s.Add(id, "17841499100200301/1082736450918273")
		s.Finish(s.Start())
	}
}
