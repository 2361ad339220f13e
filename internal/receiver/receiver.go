// Package receiver is the handler behind the callback URL, igloo's public door.
//
// A [Receiver] answers Meta's verification requests, reads each delivery once and
// bounded, judges its signature over the raw bytes, has it recorded, and only then
// answers. It lets nothing else through: one exact path, two methods, and only the
// host names it is known by. [Receiver.Server] wraps it in an [http.Server] that
// holds the limits on headers, connections and time.
//
// Who answers Meta is a choice: by default igloo does, at once after the commit.
// With [Config.App] set, the developer's app gets the request meanwhile and its
// answer goes back.
//
// The session's own simulator drives the same door. [Receiver.Expect] gives it a
// ticket that marks one delivery as simulated, which nobody else can do and neither
// the app nor the journal sees.
//
// The package makes no API promise before v1.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// The bounds of the public door.
const (
	MaxBody     = 5 << 20          // bytes of a delivery's body; above it is answered 413
	maxInFlight = 512              // requests being handled at once; above it is answered 503
	maxBuffered = 256 << 20        // bytes of bodies in flight together; above it is answered 503
	bodyTimeout = 15 * time.Second // for a request to arrive whole; later is answered 408
)

// Recorder keeps what arrives. Append and AppendVerification return once it is
// committed. The journal is one.
type Recorder interface {
	Append(ctx context.Context, d journal.Delivery) (int64, error)
	AppendVerification(ctx context.Context, v journal.Verification) (int64, error)
	Record(ctx context.Context, a journal.Attempt) error
}

// App sends a request to the developer's app and returns what it answered. It
// does not record. forward.Forwarder is one.
type App interface {
	Send(ctx context.Context, d journal.Delivery) journal.Attempt
}

// Config says what a Receiver answers. Path and Keyring are required.
type Config struct {
	Path        string           // the callback path, exact, "/webhook"
	Keyring     *webhook.Keyring // judges signatures
	VerifyToken secret.Value     // what a verification request must carry

	// AllowHost reports whether a Host is one of ours beside the loopback names,
	// which always are. It is asked with the name alone: lower case, no port, no
	// brackets, no final dot. nil allows none. It is called for every request and
	// from many goroutines.
	AllowHost func(name string) bool

	HasTarget         bool // there is an app to forward to
	ForwardUnverified bool // forward whatever the verdict

	// App answers verification requests and the deliveries that are to be forwarded,
	// and the receiver records its attempts: nothing else must forward them then.
	// nil means that igloo answers.
	App App

	// Explain finds out why a signature does not hold, in a line; "" when it does not
	// know. nil leaves it at the verdict's reason. It is called by one goroutine at a
	// time.
	Explain func(header http.Header, body []byte) string

	Logger *slog.Logger // nil discards
}

// Receiver is the [http.Handler] behind the callback URL. It is safe for concurrent
// use, and [New] makes one.
type Receiver struct {
	cfg  Config
	path string // as it must stand in the request target
	rec  Recorder
	log  *slog.Logger

	simulations tickets[Simulation]
	selfChecks  tickets[*SelfCheck]

	explaining         explaining
	inFlight, buffered atomic.Int64
	counts             counters
	lastPublic         atomic.Int64 // when a request last came in under a public name, in Unix ns
	hostWarning        throttle
	pathWarning        throttle
	refusals           throttle
}

// Counts says how often a Receiver did something since it was made.
type Counts struct {
	Recorded    int64 // deliveries committed
	Unrecorded  int64 // deliveries answered 503 because the journal failed
	Busy        int64 // requests answered 503 because too many were in flight
	TooLarge    int64 // answered 413
	Incomplete  int64 // bodies that did not arrive whole, in time or at all
	WrongHost   int64 // answered 421
	WrongTarget int64 // answered 404 or 405
}

type counters struct {
	recorded, unrecorded, busy, tooLarge, incomplete, wrongHost, wrongTarget atomic.Int64
}

// New returns a Receiver that hands what arrives to rec.
func New(cfg Config, rec Recorder) (*Receiver, error) {
	path, err := url.Parse(cfg.Path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("callback path %q: %w", cfg.Path, errors.Unwrap(err))
	case len(cfg.Path) == 0 || cfg.Path[0] != '/' || path.Host != "":
		return nil, fmt.Errorf("callback path %q does not start with one slash", cfg.Path)
	case path.RawQuery != "" || path.ForceQuery || path.Fragment != "":
		return nil, fmt.Errorf("callback path %q is more than a path", cfg.Path)
	case cfg.Keyring == nil:
		return nil, errors.New("receiver needs a keyring")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Receiver{cfg: cfg, path: path.EscapedPath(), rec: rec, log: cfg.Logger}, nil
}

// Counts returns what the Receiver has counted.
func (r *Receiver) Counts() Counts {
	return Counts{
		Recorded:    r.counts.recorded.Load(),
		Unrecorded:  r.counts.unrecorded.Load(),
		Busy:        r.counts.busy.Load(),
		TooLarge:    r.counts.tooLarge.Load(),
		Incomplete:  r.counts.incomplete.Load(),
		WrongHost:   r.counts.wrongHost.Load(),
		WrongTarget: r.counts.wrongTarget.Load(),
	}
}

// LastPublic returns when a request last came to the callback URL under another name
// than this machine's own: so long ago the public URL was seen to work. It is zero
// when there was none.
func (r *Receiver) LastPublic() time.Time {
	if ns := r.lastPublic.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// ServeHTTP answers one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	simulation := r.simulation(req.Header)
	arrival := r.serve(w, req, simulation)
	if simulation != nil {
		simulation.report(arrival)
	}
}

// serve is the gate: it lets a request to our own name and path through. simulation
// is nil for what comes from outside.
func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, simulation *Simulation) Arrival {
	ours, public := r.ours(req.Host)
	if !ours {
		r.counts.wrongHost.Add(1)
		if r.hostWarning.pass(time.Now()) {
			r.log.Warn("refused a request for another host; --allow-host lets one through", "host", req.Host, "remote", req.RemoteAddr)
		}
		return answerStatus(w, http.StatusMisdirectedRequest)
	}
	if req.URL.EscapedPath() != r.path {
		// The same bytes whatever the path, so that nothing can be learnt by trying.
		r.counts.wrongTarget.Add(1)
		if r.pathWarning.pass(time.Now()) {
			r.log.Warn("refused a request for another path than the callback URL's", "uri", clip(req.RequestURI), "remote", req.RemoteAddr)
		}
		return answerStatus(w, http.StatusNotFound)
	}
	if req.Method != http.MethodGet && req.Method != http.MethodPost {
		r.counts.wrongTarget.Add(1)
		w.Header()["Allow"] = allowedMethods
		return answerStatus(w, http.StatusMethodNotAllowed)
	}
	if public {
		r.lastPublic.Store(time.Now().UnixNano())
	}
	defer r.inFlight.Add(-1)
	if r.inFlight.Add(1) > maxInFlight {
		return r.answerBusy(w, "too many requests in flight")
	}
	if req.Method == http.MethodGet {
		return r.serveVerification(w, req)
	}
	return r.serveDelivery(w, req, simulation)
}

// Header values every answer shares. net/http copies nothing and writes to none.
var (
	allowedMethods = []string{"GET, POST"}
	plainText      = []string{"text/plain; charset=utf-8"}
	closing        = []string{"close"}
	soon           = []string{"1"}
)

// answerText writes a short text answer and returns what it said.
func answerText(w http.ResponseWriter, status int, text string) Arrival {
	w.Header()["Content-Type"] = plainText
	w.WriteHeader(status)
	// A sender that went away meanwhile is nobody to tell.
	_, _ = io.WriteString(w, text) //nolint:gosec // as text/plain
	return Arrival{Status: status}
}

// answerStatus answers without a body.
func answerStatus(w http.ResponseWriter, status int) Arrival {
	w.WriteHeader(status)
	return Arrival{Status: status}
}

// answerLast answers and gives the connection up, because what is left of the
// request on it was not read.
func answerLast(w http.ResponseWriter, status int, text string) Arrival {
	w.Header()["Connection"] = closing
	return answerText(w, status, text)
}

// answerBusy asks the sender to come back. Meta does, for 36 hours.
func (r *Receiver) answerBusy(w http.ResponseWriter, why string) Arrival {
	r.counts.busy.Add(1)
	r.log.Warn("too busy for a request, answered 503", "err", why)
	w.Header()["Retry-After"] = soon
	return answerLast(w, http.StatusServiceUnavailable, "busy\n")
}

// clip keeps a stranger's text short.
func clip(text string) string {
	if len(text) <= 100 {
		return text
	}
	return text[:100] + "…"
}

// throttle lets one thing through a minute, so that a stranger who knocks all day
// does not fill the log.
type throttle struct{ last atomic.Int64 }

func (t *throttle) pass(now time.Time) bool {
	last := t.last.Load()
	return now.Unix()-last >= 60 && t.last.CompareAndSwap(last, now.Unix())
}
