package tui

import (
	"context"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Journal is what the UI reads. [*journal.Journal] is one.
type Journal interface {
	Follower
	Finder
	Reader
}

// Follower says what changed in the journal, by cursor.
type Follower interface {
	// Watch returns a channel that is poked, never blocked on, after a change.
	Watch() (changed <-chan struct{}, stop func())
	// Now returns the place after everything recorded so far.
	Now(ctx context.Context) (journal.Cursor, error)
	Changes(ctx context.Context, since journal.Cursor, limit int) (journal.Changes, error)
}

// Finder answers queries.
type Finder interface {
	Rows(ctx context.Context, q journal.Query, p journal.Page) ([]journal.Row, error)
	// Match returns those of the given deliveries that match.
	Match(ctx context.Context, q journal.Query, deliveries []int64) ([]int64, error)
	Count(ctx context.Context, q journal.Query) (int, error)
	Stats(ctx context.Context) (journal.Stats, error)
}

// Reader loads one delivery in full.
type Reader interface {
	Delivery(ctx context.Context, id int64) (journal.Delivery, error)
	Events(ctx context.Context, delivery int64) ([]journal.Event, error)
	Attempts(ctx context.Context, delivery int64) ([]journal.Attempt, error)
}

// Session is what the user can make the running session do. Every method may be
// called from several goroutines, blocks until it is done or its context ends, and
// returns errors that are fit for people.
type Session interface {
	Sender
	Tunnels
	// Curl returns a shell command that sends a delivery again, to the target, or to
	// igloo itself when there is none. It does no work that takes time.
	Curl(d journal.Delivery) (string, error)
	// Save keeps what is too long for a terminal's clipboard in a file of the
	// session's own folder and returns its path.
	Save(ctx context.Context, name string, data []byte) (path string, err error)
}

// Sender sends deliveries to the target.
type Sender interface {
	// Fire delivers each of the named fixtures, signed, count times, and waits for
	// the answers. An error means that nothing, or not everything, could be sent.
	Fire(ctx context.Context, names []string, count int) ([]Outcome, error)
	// Replay sends recorded deliveries again, the same bytes, and waits for the
	// answers.
	Replay(ctx context.Context, deliveries []int64) ([]Outcome, error)
}

// Tunnels opens and closes public URLs.
type Tunnels interface {
	// Choices lists the tunnels this session can open.
	Choices(ctx context.Context) ([]Choice, error)
	// Open opens the tunnel named by a choice, in place of the one that is open.
	// It returns once the tunnel is starting; its state arrives with the [Facts].
	Open(ctx context.Context, name string) error
	// Close closes the tunnel that is open.
	Close(ctx context.Context) error
}

// Outcome is what became of one sent delivery.
type Outcome struct {
	Delivery int64
	Fixture  string          // "" for a replay
	Verdict  webhook.Verdict // of a fired delivery
	Sent     bool            // to the target; false when there is none, or the verdict forbade it
	Status   int             // the app's answer; 0 when it did not answer
	Took     time.Duration
	Err      string // why there is no answer
}

// Choice is a tunnel the user can open.
type Choice struct {
	Name    string // as --tunnel takes it: "ngrok", "ssh:localhost.run"
	Summary string // one line: who carries the traffic, what it needs
	Missing string // why it cannot be opened now, "" when it can
	Open    bool   // it is the open one
}

// Fixtures are the samples that can be fired. [*fixtures.Watcher] is one.
type Fixtures interface {
	// Set returns the fixtures as they are now, the broken ones with their error.
	Set() *fixtures.Set
	// Watch returns a channel that is poked when a file changed.
	Watch() (changed <-chan struct{}, stop func())
}

// Phase is the state of a tunnel or a target, as people need it.
type Phase int

// The phases. Absent means that there is none: no tunnel asked for, no target
// given.
const (
	Absent  Phase = iota
	Waiting       // connecting, or not asked yet
	Up
	Down // failed, refused, or gone; it may come back
)

// Facts is what a session knows beside the journal.
type Facts struct {
	Name    string    // of the program, shown first: "igloo"
	Started time.Time // of the session

	Tunnel      Phase
	Provider    string // "ngrok"
	CallbackURL string // public; "" while there is none
	CallbackWas string // the one that Meta may still have, "" when it is the same
	LocalURL    string // the same path on this machine
	TunnelNote  string // what the phase does not say: an error with its hint, "retry in 4s"

	Target     Phase
	TargetURL  string
	TargetNote string // why it is down

	// VerifyToken is set when igloo made the token itself: only then it may be
	// shown. TokenName says where a token the user gave came from.
	VerifyToken Token
	TokenName   string
	Verified    time.Time // last accepted verification request, zero when there was none

	Secrets []string // the known app secrets by name, in the order they are tried
	Notice  string   // one loud line that stays, such as "unchecked deliveries are not forwarded"
	More    []Fact   // for the connection info: project, journal, version
}

// Fact is one line of the connection info.
type Fact struct{ Name, Value string }

// Token is a secret that may be shown when the user asks for it. It is shaped so
// that printing a Facts never prints it.
type Token interface{ Reveal() string }

// Status holds the newest [Facts]. Whoever learns something calls Update; the UI
// is told that there is something new and reads the whole. It is safe for
// concurrent use, and an update never waits for the screen.
type Status struct {
	mu      sync.Mutex
	facts   Facts
	changed chan struct{}
}

// NewStatus returns a Status that starts with the given facts.
func NewStatus(facts Facts) *Status {
	return &Status{facts: facts, changed: make(chan struct{}, 1)}
}

// Update changes the facts. change must not keep its argument; slices in it are
// replaced, never written to.
func (s *Status) Update(change func(*Facts)) {
	s.mu.Lock()
	change(&s.facts)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Facts returns the newest facts.
func (s *Status) Facts() Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts
}
