package simulator

import (
	"math/bits"
	"time"
)

// histogram counts durations in a bounded memory: 128 steps for each doubling of the
// time, so that a percentile is at most 0.8 % off.
type histogram struct {
	counts [64 * steps]int
	total  int
	max    time.Duration
}

const (
	stepBits = 7
	steps    = 1 << stepBits
)

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(int64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// bucket returns the place of a value: exact below 256, then its first 8 bits
// and how far they are shifted.
func bucket(v int64) int {
	shift := max(bits.Len64(uint64(v))-stepBits-1, 0) //nolint:gosec // not negative
	return shift<<stepBits + int(v>>shift)
}

// upper returns the largest value of a bucket.
func upper(i int) int64 {
	shift := max(i>>stepBits-1, 0)
	return int64(i-shift<<stepBits+1)<<shift - 1
}

// percentile returns the value that a share of all are at most.
func (h *histogram) percentile(share float64) time.Duration {
	left := int(share*float64(h.total) + 0.5)
	for i, n := range h.counts {
		if left -= n; n > 0 && left <= 0 {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}
