package simulator

import (
	"crypto/sha512"
	"encoding/base64"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	// sendDelay is how long after an event its delivery is sent: in published
	// deliveries entry[].time is usually 0.2 to 2 s after timestamp.
	sendDelay = 911 * time.Millisecond
	// earlier is how long before an event the message was sent that it refers to,
	// when the run has not sent one itself.
	earlier = 65 * time.Second
	// seededStep is the time between two deliveries of a seeded run.
	seededStep = time.Second
)

// seededStart is when a seeded run begins. Like everything in it, it is fixed.
var seededStart = time.UnixMilli(1_790_000_124_367)

// Run hands out what fixtures have placeholders for: one customer writes to one
// account throughout, so that their deliveries make a conversation, and every event
// has ids and a time of its own. Only a batch is about further accounts, each with a
// customer of its own. It is safe for concurrent use.
type Run struct {
	parties [batchAccounts]party // the first are those of all single events

	mu       sync.Mutex
	rng      source
	now      func() time.Time
	last     int64 // microseconds of the latest event: no two share one
	labelled map[string]string
}

// party is an account and the customer who writes to it. Meta's ids of customers hold
// for one account only, so another account means another id.
type party struct {
	account, user, username string
	conversation            webhook.Conversation
}

func (s *source) party() party {
	p := party{account: string(s.appendID(nil, "17841", idLength)), user: s.userID(), username: s.username()}
	p.conversation = webhook.NewConversation(p.account, threadOf(p.account, p.user))
	return p
}

// page returns the id of the account's Facebook Page.
func (p party) page() string { return "102" + p.account[len("17841"):] }

// NewRun returns a run. With a seed other than 0 it hands out the same ids and
// times again, from a fixed date on; with 0 they are random and the time is now.
// A clock takes the place of either time.
func NewRun(seed uint64, clock func() time.Time) *Run {
	if clock == nil && seed == 0 {
		clock = time.Now
	}
	if clock == nil {
		next := seededStart
		clock = func() time.Time { // called under the lock
			now := next
			next = next.Add(seededStep)
			return now
		}
	}
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // ids, not keys
	}
	r := &Run{rng: newSource(seed), now: clock, labelled: map[string]string{}}
	r.parties[0] = r.rng.party()
	others := newSource(^seed)
	for i := 1; i < len(r.parties); i++ {
		r.parties[i] = others.party()
	}
	return r
}

// turn is what one delivery gets from its run.
type turn struct {
	rng   source // for this delivery alone
	sent  time.Time
	first int64 // microseconds of the first event; the next one has the next
	// labels are the values of the template's labelled slots, in order.
	labels []string
}

// turn draws what the next delivery of a template needs. The rest can be made
// beside other deliveries.
func (r *Run) turn(t *Template) turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := turn{sent: r.now(), rng: newSource(r.rng.Uint64())}
	out.first = max(out.sent.Add(-sendDelay).UnixMicro(), r.last+1)
	r.last = out.first + int64(max(len(t.events), 1)) - 1
	for _, i := range t.labelled {
		s := t.slots[i]
		out.labels = append(out.labels, r.label(s, t.account(s), t.at(s, out)))
	}
	if t.firstMID != end {
		s := t.slots[t.firstMID]
		s.label = firstLabel
		if _, known := r.labelled[s.labelKey()]; !known {
			r.labelled[s.labelKey()] = string(t.appendMID(nil, s, out))
		}
	}
	return out
}

// firstLabel is the label of a mid that means the first message of the run.
const firstLabel = "first"

// labelKey tells a labelled value from all others of a run.
func (s slot) labelKey() string { return labelNames[s.kind] + ":" + s.label }

// label returns the value that a labelled placeholder has throughout the run. The
// first to ask for a mid decides its account and time.
func (r *Run) label(s slot, account string, at time.Time) string {
	key := s.labelKey()
	if v, ok := r.labelled[key]; ok {
		return v
	}
	var v string
	switch s.kind {
	case userID:
		v = r.rng.userID()
	case username:
		v = r.rng.username()
	case mid, pageMID:
		// Several labels of one delivery must not share a microsecond.
		v = string(r.appendMID(nil, s, account, at.Add(-earlier-time.Duration(len(r.labelled))*time.Microsecond)))
	default:
		v = string(r.rng.appendKind(nil, s.kind))
	}
	r.labelled[key] = v
	return v
}

// appendMID appends the id of a message that was sent at a time. A Page's is 64 bytes that
// tell nothing.
func (r *Run) appendMID(dst []byte, s slot, account string, at time.Time) []byte {
	if s.kind == pageMID {
		sum := sha512.Sum512([]byte(account + "/" + strconv.FormatInt(at.UnixMicro(), 10)))
		return base64.RawURLEncoding.AppendEncode(append(dst, pageMIDPrefix...), sum[:])
	}
	p := &r.parties[s.party]
	switch {
	case s.thread != 0:
		return append(dst, webhook.NewMID(account, s.thread, at)...)
	case account != p.account:
		return append(dst, webhook.NewMID(account, threadOf(account, p.user), at)...)
	}
	return p.conversation.AppendMID(dst, at)
}

// pageMIDPrefix begins the mids Messenger gives a Page.
const pageMIDPrefix = "m_"

// threadOf returns the thread of an account and a customer.
func threadOf(account, user string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(account + "/" + user)) // never fails
	return h.Sum64()
}
