package simulator

import (
	"bytes"
	"encoding/json"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// duplicateGap is how much later than the one before it a duplicate was sent. Two
// published deliveries of one event are 18.7 s apart.
const duplicateGap = 19 * time.Second

// shuffleWindow is how many requests wait to be shuffled, whatever their number.
const shuffleWindow = 1000

// Duplicate yields each request and after it n more of the same event. They differ in
// entry[].time alone, as far as is known of Meta's; so they are signed one by one.
func Duplicate(requests iter.Seq[*Request], n int) iter.Seq[*Request] {
	return func(yield func(*Request) bool) {
		for r := range requests {
			original := *r // whoever takes r may sign it while we go on
			original.Header, original.Body = slices.Clone(r.Header), bytes.Clone(r.Body)
			if !yield(r) {
				return
			}
			for i := range n {
				if !yield(original.Later(time.Duration(i+1) * duplicateGap)) {
					return
				}
			}
		}
	}
}

// Shuffle yields requests out of order, in the same way for the same seed other than 0.
// Whatever their number, it looks at most a thousand ahead.
func Shuffle(requests iter.Seq[*Request], seed uint64) iter.Seq[*Request] {
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // an order, not a key
	}
	return func(yield func(*Request) bool) {
		rng := newSource(seed)
		var waiting []*Request
		first := 1 // never the first one first: two must not come in order by chance
		take := func() *Request {
			first = min(first, len(waiting)-1)
			i := first + int(rng.below(uint64(len(waiting)-first))) //nolint:gosec // small
			r := waiting[i]
			waiting, first = slices.Delete(waiting, i, i+1), 0
			return r
		}
		for r := range requests {
			if waiting = append(waiting, r); len(waiting) > shuffleWindow && !yield(take()) {
				return
			}
		}
		for len(waiting) > 0 {
			if !yield(take()) {
				return
			}
		}
	}
}

// Later returns the delivery as it would be had it been sent so much later: each
// entry[].time is moved, in its own unit, and the rest stays byte for byte. It is
// neither signed nor broken.
func (r *Request) Later(by time.Duration) *Request {
	later := *r
	later.Header, later.Fault = slices.Clone(r.Header), ""
	later.Set(webhook.SHA1SignatureHeader, "")
	later.Set(webhook.SignatureHeader, "")
	later.Body = make([]byte, 0, len(r.Body))
	done := 0
	for _, t := range entryTimes(r.Body) {
		old, err := strconv.ParseInt(string(r.Body[t.start:t.end]), 10, 64)
		if err != nil || old <= 0 {
			continue // a fraction, or no time at all
		}
		unit := time.Second
		if t.end-t.start >= millisDigits {
			unit = time.Millisecond
		}
		later.Body = append(later.Body, r.Body[done:t.start]...)
		later.Body = strconv.AppendInt(later.Body, old+int64(by/unit), 10)
		done = t.end
	}
	later.Body = append(later.Body, r.Body[done:]...)
	return &later
}

// span is a piece of a body.
type span struct{ start, end int }

// entryTimes finds the digits of each entry[].time. What is not JSON has none.
func entryTimes(body []byte) []span {
	type level struct {
		object bool
		key    string // of the member that is being read
		named  bool   // key is read, its value follows
	}
	var out []span
	var at []level
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		d.UseNumber()
		token, err := d.Token()
		if err != nil {
			return out // the end, or no JSON from here on
		}
		if n := len(at); n > 0 && at[n-1].object && !at[n-1].named {
			if key, ok := token.(string); ok {
				at[n-1].key, at[n-1].named = key, true
				continue
			}
		}
		if n := len(at); n > 0 {
			at[n-1].named = false
		}
		end := int(d.InputOffset())
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				at = append(at, level{object: token == '{'})
			} else {
				at = at[:len(at)-1]
			}
		case json.Number:
			if len(at) == 3 && at[0].key == "entry" && !at[1].object && at[2].key == "time" {
				out = append(out, span{end - len(token), end})
			}
		}
	}
}
