package simulator

import (
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
// has ids and a time of its own. It is safe for concurrent use.
type Run struct {
	mu       sync.Mutex
	rng      *rand.Rand
	now      func() time.Time
	last     int64 // microseconds of the latest event: no two share one
	account  string
	user     string
	username string
	labelled map[string]string // "comment.id:parent" → value, "mid:first" → mid
}

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
		seed = rand.Uint64()
	}
	r := &Run{rng: rand.New(rand.NewPCG(seed, 0)), now: clock, labelled: map[string]string{}} //nolint:gosec // ids, not keys
	r.account = r.digits("17841", 17)
	r.user, r.username = r.userID(), r.newUsername()
	return r
}

// digits returns a number of n digits that begins with prefix. It is odd: above
// 2^53 an odd number changes when a program reads it as a float, so that an app
// which does so is found out.
func (r *Run) digits(prefix string, n int) string {
	b := make([]byte, n)
	r.fillDigits(b, prefix)
	return string(b)
}

// fillDigits writes what digits returns.
func (r *Run) fillDigits(b []byte, prefix string) {
	copy(b, prefix)
	rest := r.rng.Uint64()
	for i := len(prefix); i < len(b); i++ {
		b[i] = '0' + byte(rest%10)
		rest /= 10
	}
	b[len(b)-1] |= 1 // '0' is even: makes the digit odd
}

// userID returns an Instagram-scoped user id: 16 digits, no fixed prefix, above 2^53.
func (r *Run) userID() string { return r.digits(strconv.Itoa(91+r.rng.IntN(9)), 16) }

// mediaPrefix and commentPrefix draw from the prefixes seen in published deliveries.
func (r *Run) mediaPrefix() string   { return strconv.Itoa(178 + r.rng.IntN(7)) }
func (r *Run) commentPrefix() string { return strconv.Itoa(178 + r.rng.IntN(6)) }

var (
	firstNames = [...]string{"river", "ana", "noor", "leo", "mia", "sam", "ivo", "tala", "kofi", "yuki", "lune", "omar"}
	lastNames  = [...]string{"baker", "stone", "vale", "reyes", "okafor", "lindt", "moreau", "sato", "novak", "silva", "hale", "kaya"}
)

func (r *Run) newUsername() string {
	return firstNames[r.rng.IntN(len(firstNames))] + "." + lastNames[r.rng.IntN(len(lastNames))] + strconv.Itoa(10+r.rng.IntN(90))
}

// moment is when one event happened. Two events of a run never share a
// microsecond, which is what tells their mids apart.
func (r *Run) moment(sent time.Time) time.Time {
	r.last = max(sent.Add(-sendDelay).UnixMicro(), r.last+1)
	return time.UnixMicro(r.last)
}

// thread returns the conversation of an account with the run's customer.
func (r *Run) thread(account string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(account + "/" + r.user)) // never fails
	return h.Sum64()
}

// label returns the value that a labelled placeholder has throughout the run. The
// first to ask for a mid decides its account and time.
func (r *Run) label(name, label, account string, at time.Time) string {
	key := name + ":" + label
	if v, ok := r.labelled[key]; ok {
		return v
	}
	var v string
	switch name {
	case "user.id":
		v = r.userID()
	case "user.username":
		v = r.newUsername()
	case "comment.id":
		v = r.digits(r.commentPrefix(), 17)
	case "ad.id":
		v = r.digits("238", 17)
	case "mid":
		// Several labels of one delivery must not share a microsecond.
		v = webhook.NewMID(account, r.thread(account), at.Add(-earlier-time.Duration(len(r.labelled))*time.Microsecond))
	default: // media.id, story.id
		v = r.digits(r.mediaPrefix(), 17)
	}
	r.labelled[key] = v
	return v
}

// sentMID remembers the first message of the run, which "{{mid:first}}" means.
func (r *Run) sentMID(mid string) {
	if _, ok := r.labelled[firstMID]; !ok {
		r.labelled[firstMID] = mid
	}
}

const firstMID = "mid:first"

// urlSafe are the characters of a CDN URL's signature.
const urlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// appendURLSafe appends n random characters.
func (r *Run) appendURLSafe(dst []byte, n int) []byte {
	var bits uint64
	for i := range n {
		if i%10 == 0 {
			bits = r.rng.Uint64()
		}
		dst = append(dst, urlSafe[bits&63])
		bits >>= 6
	}
	return dst
}
