// Package tunnel gives a local HTTP handler a public HTTPS URL.
//
// A [Provider] keeps one kind of tunnel open; [New] makes one by name. A
// [Supervisor] runs it, starts it again when it fails for a while, stops when
// the service says no for good, and keeps secrets out of everything it reports:
//
//	provider, err := tunnel.New("ngrok", tunnel.Config{…})
//	…
//	s := tunnel.Supervisor{Provider: provider, Ingress: ingress, Logger: logger}
//	err = s.Run(ctx, func(st tunnel.Status) { show(st.State, st.URL) })
//
// Everything the provider needs of the program behind it is an [Ingress], which
// [HTTPIngress] makes of an [http.Server].
//
// The package makes no API promise before v1.
package tunnel

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"
)

// Provider is one way to get a public URL. The rules below are what a
// [Supervisor] relies on, and package tunneltest checks them for each provider.
//
// A Provider is made ready to run and starts nothing itself. Run may be called
// again after it returned, but never twice at once: what belongs to one run
// lives in Run, not in the Provider.
type Provider interface {
	// Info describes the provider. It is constant, does no work and may be
	// called at any time from any goroutine.
	Info() Info

	// Run opens the tunnel and blocks while it is wanted. The provider
	// reconnects on its own when the service lets it.
	//
	// Run returns nil soon after ctx has ended, having taken the tunnel down:
	// no new requests first, then the answers to those under way, then the
	// connection itself. It returns a [FatalError] when trying again cannot
	// help, and any other error when the caller should wait and call it again.
	// When Run returns, so have its goroutines, in.Serve and its last emit.
	//
	// The provider calls in.Serve with each listener it opens, from a goroutine
	// of its own, or points its service at in.LoopbackURL.
	//
	// emit reports every change: Connecting or Reconnecting for each failed
	// try, Online for each public URL and each new latency of it, Degraded for
	// one that is up without working as it should. Failed and Closed follow
	// from what Run returns, so the provider does not emit them, nor Checking,
	// which the supervisor puts before an Online it has to prove. emit may be
	// called from any goroutine, never blocks and keeps nothing waiting.
	Run(ctx context.Context, in Ingress, emit func(Status)) error
}

// Info is what can be said about a provider before it runs.
type Info struct {
	Name       string        // as in [New] and in --tunnel
	StableURL  bool          // the next run gets the same URL
	Account    bool          // it needs an account with the service
	TLS        TLSEnd        // who decrypts the public traffic
	ClientCert bool          // the handler can see the client's certificate
	MaxLife    time.Duration // the service ends a tunnel after this long, 0 = never
}

// TLSEnd says where the public TLS connection ends.
type TLSEnd int

// The places where TLS ends.
const (
	TLSNowhere TLSEnd = iota // there is no public URL
	TLSAtEdge                // at a server that is not ours
	TLSHere                  // in this process
)

// String returns the place in one word.
func (e TLSEnd) String() string {
	switch e {
	case TLSNowhere:
		return "nowhere"
	case TLSAtEdge:
		return "edge"
	case TLSHere:
		return "here"
	}
	return "unknown"
}

// State says how a tunnel is doing.
type State int

// The states of a tunnel. Failed and Closed are final.
const (
	Connecting   State = iota // not up yet
	Checking                  // there is a public URL, not proved to reach us yet
	Online                    // the public URL reaches us
	Degraded                  // up, but the public URL does not do what it should
	Reconnecting              // was up, and is being brought back
	Failed                    // given up: see Status.Err and Status.Hint
	Closed                    // taken down because the program wanted it
)

// String returns the state in one lower-case word.
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Checking:
		return "checking"
	case Online:
		return "online"
	case Degraded:
		return "degraded"
	case Reconnecting:
		return "reconnecting"
	case Failed:
		return "failed"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// Status is one report about a tunnel. Texts in it may come from the service:
// they are free of secrets, but not safe to print on a terminal as they are.
type Status struct {
	At      time.Time     // when it was so
	State   State         //
	URL     *url.URL      // the public URL, without a path, when Checking, Online or Degraded
	Account Account       // whose tunnel it is, when Online and the service says so
	Err     error         // what went wrong last, when not Online
	Code    string        // the service's or the self-check's code for Err, such as ERR_NGROK_107
	Hint    string        // what to do about Err, in a sentence
	Attempt int           // how many tries in a row have failed
	RetryIn time.Duration // from At to the next try
	Latency time.Duration // the last round trip to the service, 0 = not measured
}

// Account is what a service tells about the account a tunnel belongs to.
type Account struct {
	Name, Plan, Region string
	Banner             string // the service's message of the day
}

// Ingress is the program behind a tunnel, as a provider sees it.
type Ingress struct {
	// Serve answers the connections of l. It returns when l has been closed,
	// and only after what it accepted has been answered, or a time of the
	// caller's choosing has passed. It ends without l being closed only when it
	// cannot go on. A provider may call it many times, one after the other.
	//
	// Behind it there should be no http.Server.WriteTimeout: over a multiplexed
	// session an expired write deadline can damage the other requests.
	Serve func(l net.Listener) error

	// LoopbackURL is the address at which the same handler listens on this
	// machine, for providers whose other half is a program of its own.
	LoopbackURL string
}

// FatalError is the error of a Provider that will fail again in the same way
// until somebody changes something.
type FatalError struct {
	Code string // the service's code, if it gave one
	Hint string // what to change, in a sentence
	Err  error  // what happened
}

// Error returns what happened and the service's code.
func (e *FatalError) Error() string {
	if e.Err == nil {
		return withCode("refused", e.Code)
	}
	return withCode(e.Err.Error(), e.Code)
}

// Unwrap returns what happened.
func (e *FatalError) Unwrap() error { return e.Err }

// retryError is an error that may pass, with what is known about it.
type retryError struct {
	code, hint string
	wait       time.Duration // at least, before the next try; 0 leaves it to the caller
	outage     bool          // the network or the service is gone: look often whether it is back
	attempt    int           // tries in a row that failed, where the provider counts them
	err        error
}

func (e *retryError) Error() string { return withCode(e.err.Error(), e.code) }
func (e *retryError) Unwrap() error { return e.err }

func withCode(text, code string) string {
	if code == "" || strings.Contains(text, code) {
		return text
	}
	return text + " (" + code + ")"
}
