package receiver

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// TicketHeader carries the ticket of a simulated delivery. The receiver takes it
// out of every request, so it reaches neither the journal nor the app.
const TicketHeader = "Igloo-Ticket"

const (
	ticketLife = 2 * time.Minute // from Expect to the last byte of the header
	maxTickets = 8192            // at once; the oldest sender is long gone by then
)

// Simulation is what the session says about a delivery it is going to send itself.
type Simulation struct {
	Fixture string // name of the fired fixture
	Faulty  bool   // broken on purpose, so it is forwarded whatever the verdict

	// Done, when not nil, is told what became of the delivery. It needs room for
	// one value: the receiver does not wait.
	Done chan<- Arrival
}

func (s Simulation) report(a Arrival) {
	if s.Done == nil {
		return
	}
	select {
	case s.Done <- a:
	default:
	}
}

// Arrival is what became of a request at the callback URL.
type Arrival struct {
	Status  int   // what was answered
	ID      int64 // of the delivery; 0 when none was recorded
	Verdict webhook.Verdict
	Reason  string
	Forward bool // it goes to the app: an attempt follows, or is below

	// Attempt is the app's answer, when the app is the one who answers. Else nil.
	Attempt *journal.Attempt
}

// Expect returns a ticket for one delivery: sent in [TicketHeader], it marks the
// delivery as fired. A ticket is good once and for two minutes.
func (r *Receiver) Expect(s Simulation) (ticket string) { return r.simulations.issue(s) }

// Cancel takes a ticket back that was not used.
func (r *Receiver) Cancel(ticket string) { r.simulations.redeem(ticket) }

// SelfCheck is a verification request that the session sends to its own callback URL,
// through the tunnel.
type SelfCheck struct {
	Challenge string // to be sent as hub.challenge, once

	arrived atomic.Bool
}

// Arrived reports whether the request has come here. Whoever answers a challenge that
// has not arrived is another program.
func (c *SelfCheck) Arrived() bool { return c.arrived.Load() }

// ExpectSelfCheck returns a self-check to send. The receiver answers it itself, whoever
// answers Meta, and records it as igloo's own. It is good once and for two minutes.
func (r *Receiver) ExpectSelfCheck() *SelfCheck {
	c := &SelfCheck{}
	c.Challenge = r.selfChecks.issue(c)
	return c
}

// CancelSelfCheck takes back a self-check that is over: what arrives with its challenge
// from now on is a stranger's.
func (r *Receiver) CancelSelfCheck(c *SelfCheck) { r.selfChecks.redeem(c.Challenge) }

// tickets are random texts that stand for a T, each good once. The zero value is
// ready to use.
type tickets[T any] struct {
	mu     sync.Mutex
	issued map[[sha256.Size]byte]ticket[T]
}

type ticket[T any] struct {
	value T
	until time.Time
}

func (t *tickets[T]) issue(value T) string {
	text, now := rand.Text(), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.issued == nil {
		t.issued = map[[sha256.Size]byte]ticket[T]{}
	}
	if len(t.issued) >= maxTickets {
		t.sweep(now)
	}
	t.issued[sha256.Sum256([]byte(text))] = ticket[T]{value, now.Add(ticketLife)}
	return text
}

// sweep makes room: it drops what is over, and if that is nothing, everything.
func (t *tickets[T]) sweep(now time.Time) {
	for key, it := range t.issued {
		if now.After(it.until) {
			delete(t.issued, key)
		}
	}
	if len(t.issued) >= maxTickets {
		clear(t.issued)
	}
}

// redeem returns what a ticket stands for, once. Tickets are kept by their hash, so
// how long the search takes says nothing about them.
func (t *tickets[T]) redeem(text string) (value T, ok bool) {
	key := sha256.Sum256([]byte(text))
	t.mu.Lock()
	it, ok := t.issued[key]
	delete(t.issued, key)
	t.mu.Unlock()
	if !ok || time.Now().After(it.until) {
		return value, false
	}
	return it.value, true
}

// simulation takes the ticket out of a header and returns what it stands for, nil
// for a request from outside. Those, nearly all, cost a map look-up.
func (r *Receiver) simulation(h http.Header) *Simulation {
	texts, present := h[TicketHeader]
	if !present {
		return nil
	}
	delete(h, TicketHeader)
	if len(texts) != 1 {
		return nil
	}
	s, ok := r.simulations.redeem(texts[0])
	if !ok {
		return nil
	}
	return &s
}
