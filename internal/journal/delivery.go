package journal

import (
	"net/http"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// Source says where a delivery came from.
type Source string

// The sources of a delivery.
const (
	Live  Source = "live"  // from outside: Meta, or anyone who found the URL
	Fired Source = "fired" // simulated by this session
)

// Delivery is one POST as it was received.
type Delivery struct {
	ID         int64 // assigned by Append, from 1, in journal order; printed d42
	ReceivedAt time.Time
	Source     Source
	Fixture    string // name of the fired fixture, "" for a live delivery

	Method string // as received, "POST"
	URI    string // request target as received: path and query
	Proto  string // "HTTP/1.1"
	Host   string
	Remote string // the sender's address
	Header http.Header
	Body   []byte // exactly as received; never written to

	Verdict webhook.Verdict
	Secret  string // name of the app secret that fits, "" when none does
	Reason  string // why the verdict is not verified, or a warning when it is
	Status  int    // the answer to the sender: 200, 401

	// Forward says that the delivery is to be sent to the target. Until an attempt
	// is recorded it counts as pending.
	Forward bool
}

// Conversations returns the conversations the delivery's events belong to, each once:
// what decides which deliveries are forwarded in order. A body that holds no events
// belongs to none.
func (d Delivery) Conversations() []string {
	return webhook.Conversations(d.Body)
}

// Credential reports whether a header carries somebody's credentials. Meta sends none; a
// proxy in between may. Such a header is kept and forwarded, and never shown.
func Credential(header string) bool {
	switch http.CanonicalHeaderKey(header) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie":
		return true
	}
	return false
}

// Attempt is one try at forwarding a delivery, with the app's answer.
type Attempt struct {
	ID        int64 // assigned by Record
	Delivery  int64
	N         int // 1 for the first attempt of the delivery; assigned by Record
	At        time.Time
	Took      time.Duration
	Target    string // URL it was sent to
	Replay    bool   // sent again by hand
	Resigned  bool   // with a new signature over the same body
	Status    int    // 0 when the app did not answer
	Header    http.Header
	Body      []byte // first 256 KiB of the app's answer
	Truncated bool   // the answer was longer
	Err       string // why there is no answer, "" when there is one
}

// OK reports whether the app accepted the delivery: any 2xx.
func (a Attempt) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Verification is one verification request (Meta's GET) and what was answered.
type Verification struct {
	ID         int64
	ReceivedAt time.Time
	URI        string
	Host       string
	Remote     string
	Header     http.Header
	Self       bool   // igloo's own check of the public URL, not Meta
	Status     int    // what was answered
	Reason     string // why it was refused, "" when it was accepted
}

// Event is an event as the journal lists it: derived from a delivery's body, in
// the journal's own table.
type Event struct {
	Delivery int64
	webhook.Event
}

// Row is what a list shows of one delivery: no header, no body.
type Row struct {
	ID         int64
	ReceivedAt time.Time
	Source     Source
	Fixture    string
	Verdict    webhook.Verdict
	Secret     string
	Reason     string
	Answered   int // the answer to the sender
	Size       int // bytes of the body
	Forward    bool

	// From the events. Indexed is false until they are derived, which happens a
	// moment after the arrival; until then the fields below are empty.
	Indexed  bool
	Events   int
	Field    string // of the first event
	Kind     string
	Flags    webhook.Flag // of all events together
	Account  string
	Party    string
	Username string
	Summary  string // of the first event

	// From the last attempt.
	Attempts int
	Status   int
	Took     time.Duration
	Err      string
	Replayed bool // the last attempt was a replay

	Marks Mark // what was noticed
}

// Pending reports whether the delivery waits for its first attempt.
func (r Row) Pending() bool { return r.Forward && r.Attempts == 0 }

// Failed reports whether the last attempt was not accepted by the app.
func (r Row) Failed() bool { return r.Attempts > 0 && (r.Status < 200 || r.Status > 299) }
