package journal

import "sync"

// ring holds the newest deliveries in memory, so that the forwarder, the indexer and
// the first look at a delivery cost no read of the file. It is bounded by count and
// bytes.
type ring struct {
	maxCount int
	maxBytes int64

	mu    sync.RWMutex
	items []Delivery // a queue without gaps in the ids, oldest first, from head
	head  int
	bytes int64
}

// deliveryOverhead is about what a Delivery takes beside its header and body.
const deliveryOverhead = 512

// footprint estimates the bytes a delivery takes in memory.
func footprint(d *Delivery) int64 {
	n := deliveryOverhead + len(d.Body) + len(d.URI) + len(d.Reason)
	for name, values := range d.Header {
		for _, value := range values {
			n += 64 + len(name) + len(value)
		}
	}
	return int64(n)
}

func (r *ring) add(d Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = append(r.items, d)
	r.bytes += footprint(&d)
	for len(r.items)-r.head > 1 && (len(r.items)-r.head > r.maxCount || r.bytes > r.maxBytes) {
		r.bytes -= footprint(&r.items[r.head])
		r.items[r.head] = Delivery{} // let go of the body
		r.head++
	}
	if r.head > r.maxCount {
		// Move down only now and then, so that it costs next to nothing per delivery.
		n := copy(r.items, r.items[r.head:])
		clear(r.items[n:])
		r.items, r.head = r.items[:n], 0
	}
}

// since appends up to limit deliveries with ids above after. ok is false when the
// first of them is no longer here.
func (r *ring) since(dst []Delivery, after int64, limit int) (_ []Delivery, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	live := r.items[r.head:]
	if len(live) == 0 || after+1 < live[0].ID {
		return dst, false
	}
	from := min(after+1-live[0].ID, int64(len(live)))
	live = live[from:]
	return append(dst, live[:min(limit, len(live))]...), true
}

// forget lets go of the deliveries up to an id.
func (r *ring) forget(upTo int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.head < len(r.items) && r.items[r.head].ID <= upTo {
		r.bytes -= footprint(&r.items[r.head])
		r.items[r.head] = Delivery{}
		r.head++
	}
}
