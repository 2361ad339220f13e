package simulator_test

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/simulator"
)

// TestLater moves the time of entries in either unit and nothing else.
func TestLater(t *testing.T) {
	tests := []struct{ body, want string }{
		{
			`{"entry": [{"id": "0", "time": 1790000123, "changes": [{"value": {"time": 5}}]}, {"time": 9}], "time": 1}`,
			`{"entry": [{"id": "0", "time": 1790000142, "changes": [{"value": {"time": 5}}]}, {"time": 28}], "time": 1}`,
		},
		{
			`{"object":"instagram","entry":[{"time":1790000124367,"messaging":[{"timestamp":1790000123456,"message":{"entry":[{"time":7}]}}]}]}`,
			`{"object":"instagram","entry":[{"time":1790000143367,"messaging":[{"timestamp":1790000123456,"message":{"entry":[{"time":7}]}}]}]}`,
		},
		{`{"entry":[{"time":1.5},{"time":"1790000123"},{"time":99999999999999999999}]}`, `{"entry":[{"time":1.5},{"time":"1790000123"},{"time":99999999999999999999}]}`},
		{`{"entry":{"a":{"time":1}}}`, `{"entry":{"a":{"time":1}}}`},
		{`{"entry":[{"time":1790000123},`, `{"entry":[{"time":1790000142},`},
		{`no JSON`, `no JSON`},
		{``, ``},
	}
	for _, tt := range tests {
		r := &simulator.Request{Body: []byte(tt.body)}
		r.Set("X-Hub-Signature-256", "sha256=x")
		later := r.Later(19 * time.Second)
		if diff := cmp.Diff(tt.want, string(later.Body)); diff != "" || later.Get("X-Hub-Signature-256") != "" {
			t.Errorf("Later, signed %q (-want +got):\n%s", later.Get("X-Hub-Signature-256"), diff)
		}
		if string(r.Body) != tt.body || r.Get("X-Hub-Signature-256") == "" {
			t.Errorf("Later changed the request itself: %s", r.Body)
		}
	}
}

// numbered are n requests whose only time is their number.
func numbered(n int) iter.Seq[*simulator.Request] {
	return func(yield func(*simulator.Request) bool) {
		for i := range n {
			if !yield(&simulator.Request{Body: fmt.Appendf(nil, `{"entry":[{"time":%d}]}`, 100*(i+1))}) {
				return
			}
		}
	}
}

func times(requests iter.Seq[*simulator.Request]) []string {
	var out []string
	for r := range requests {
		digits, _ := strings.CutPrefix(string(r.Body), `{"entry":[{"time":`)
		out = append(out, strings.TrimSuffix(digits, `}]}`))
	}
	return out
}

func TestDuplicate(t *testing.T) {
	got := times(simulator.Duplicate(numbered(3), 2))
	if diff := cmp.Diff([]string{"100", "119", "138", "200", "219", "238", "300", "319", "338"}, got); diff != "" {
		t.Errorf("Duplicate (-want +got):\n%s", diff)
	}
	for r := range simulator.Duplicate(numbered(1), 1) {
		if bytes.Contains(r.Body, []byte("!")) {
			t.Errorf("a duplicate was made of a request that had been given away: %s", r.Body)
		}
		r.Body[0] = '!' // as the faults of whoever got it do
	}
	for r := range simulator.Duplicate(numbered(1<<40), 1) {
		if string(r.Body) == `{"entry":[{"time":119}]}` {
			break // whoever stops asking stops it
		}
	}
}

// TestShuffle yields everything once, out of order, and again so for the same seed.
func TestShuffle(t *testing.T) {
	if got := times(simulator.Shuffle(numbered(2), 0)); !slices.Equal(got, []string{"200", "100"}) {
		t.Errorf("two of them: %v", got)
	}
	if got := times(simulator.Shuffle(numbered(1), 0)); !slices.Equal(got, []string{"100"}) {
		t.Errorf("one: %v", got)
	}
	if got := times(simulator.Shuffle(numbered(0), 0)); got != nil {
		t.Errorf("none: %v", got)
	}
	if diff := cmp.Diff([]string{"400", "500", "200", "600", "100", "300"}, times(simulator.Shuffle(numbered(6), 7))); diff != "" {
		t.Errorf("six with seed 7 (-want +got):\n%s", diff)
	}
	got := times(simulator.Shuffle(numbered(5000), 1))
	if slices.Equal(got, times(simulator.Shuffle(numbered(5000), 2))) || !slices.Equal(got, times(simulator.Shuffle(numbered(5000), 1))) {
		t.Error("the seed does not decide the order")
	}
	inOrder := times(numbered(5000))
	if slices.Equal(got, inOrder) {
		t.Error("nothing is shuffled")
	}
	slices.Sort(got)
	slices.Sort(inOrder)
	if diff := cmp.Diff(inOrder, got); diff != "" {
		t.Errorf("not each once (-want +got):\n%s", diff)
	}
}

func FuzzLater(f *testing.F) {
	f.Add([]byte(reaction), int64(19))
	f.Add([]byte(`{"entry":[{"time":1}]}`), int64(-5))
	f.Fuzz(func(t *testing.T, body []byte, seconds int64) {
		r := &simulator.Request{Body: body}
		if got := r.Later(0); string(got.Body) != string(body) {
			t.Errorf("Later(0) = %q of %q", got.Body, body)
		}
		r.Later(time.Duration(seconds) * time.Second)
	})
}
