package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
	"github.com/igloo-dev/igloo/tui"
)

// answerTimeout is how long a fire or a replay waits for the app's answer.
const answerTimeout = 30 * time.Second

// outcome is what became of one fired or replayed delivery. It is the result line
// of --json and crosses the control socket.
type outcome struct {
	Type     string          `json:"type"` // "fired" or "replayed"
	Name     string          `json:"name,omitempty"`
	ID       string          `json:"id,omitempty"` // d42; empty when igloo did not record it
	Verdict  webhook.Verdict `json:"verdict,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Answered int             `json:"answered,omitempty"` // igloo's answer to the simulated sender
	Sent     bool            `json:"sent"`               // to the target
	Target   string          `json:"target,omitempty"`
	Status   int             `json:"status,omitempty"` // the app's answer
	TookMS   float64         `json:"took_ms,omitempty"`
	Err      string          `json:"error,omitempty"`

	SignedWith string          `json:"signed_with,omitempty"` // name of the app secret
	Warning    string          `json:"warning,omitempty"`     // what is odd about that
	Fault      simulator.Fault `json:"fault,omitempty"`       // what is wrong with the delivery
	Early      bool            `json:"early,omitempty"`       // the answer came before the body was written to its end
	retried

	delivery int64
	took     time.Duration
	cause    error // of Err, where it is known
}

func (o *outcome) answer(a journal.Attempt) {
	o.Sent, o.Target, o.Status, o.Err = true, a.Target, a.Status, a.Err
	o.took = a.Took
	o.TookMS = millis(a.Took)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// openClient makes what sends fired deliveries: to the ingress, and some faults to the
// app itself, whose authority it trusts as the forwarder does.
func (s *session) openClient() error {
	config := simulator.ClientConfig{Timeout: answerTimeout + 15*time.Second}
	var err error
	if s.flags.ForwardCA != "" {
		if config.ExtraCAs, err = readPEM(s.flags.ForwardCA); err != nil {
			return fmt.Errorf("--forward-ca: %w", err)
		}
	}
	s.client, err = simulator.NewClient(config)
	return err
}

// fire renders, signs and delivers through the session's own ingress, so that
// simulated and real deliveries share one path. A fault that lies in the writing would
// end at the ingress, which reads a delivery whole before it is one: that goes straight
// to the app.
func (s *session) fire(ctx context.Context, order fireOrder, report func(outcome)) error {
	target, err := simulator.ParseURL(s.localURL())
	if err != nil {
		return err
	}
	work := fireWork{who: s.people, keys: s.keyring, kept: &s.kept, send: func(ctx context.Context, request *simulator.Request) outcome {
		return s.deliver(ctx, target, request)
	}}
	if order.Fault.OnWire() {
		if s.target == nil {
			return usagef("start it with --forward-to, or name your app: igloo fire --to http://localhost:3000/webhook …",
				"%s is played straight to the app, and this session has no target", order.Fault)
		}
		work.send = func(ctx context.Context, request *simulator.Request) outcome {
			return fireStraight(ctx, s.client, s.target, request)
		}
	}
	return changeError(order.carryOut(ctx, work, report))
}

// deliver sends one signed request to the ingress and waits for the app's answer.
func (s *session) deliver(ctx context.Context, target *url.URL, request *simulator.Request) outcome {
	out := outcome{Type: "fired", Name: request.Fixture}
	arrived := make(chan receiver.Arrival, 1)
	simulation := receiver.Simulation{Fixture: request.Fixture, Done: arrived}
	if request.Fault != "" {
		simulation.Fixture += " (" + string(request.Fault) + ")"
		simulation.Faulty = true
	}
	ticket := s.receiver.Expect(simulation)
	defer s.receiver.Cancel(ticket)
	response, err := s.client.Send(ctx, target, request, fixtures.HeaderField{Name: receiver.TicketHeader, Value: ticket})
	if err != nil {
		out.Err = err.Error()
		return out
	}
	out.Answered = response.Status
	select {
	case arrival := <-arrived:
		out.delivery, out.Verdict, out.Reason = arrival.ID, arrival.Verdict, arrival.Reason
		if arrival.ID != 0 {
			out.ID = journal.FormatID(arrival.ID, 0)
		}
		switch {
		case arrival.Attempt != nil:
			out.answer(*arrival.Attempt)
		case arrival.Forward:
			wait, cancel := context.WithTimeout(ctx, answerTimeout)
			defer cancel()
			attempt, err := s.attempt(wait, arrival.ID)
			if err != nil {
				out.Sent, out.Err = true, err.Error()
				return out
			}
			out.answer(attempt)
		case arrival.ID == 0:
			out.Err = fmt.Sprintf("the session answered %d %s", response.Status, unrecorded)
		}
	case <-ctx.Done():
		out.Err = errStopped.Error()
	}
	return out
}

// attempt waits for the first attempt of a delivery.
func (s *session) attempt(ctx context.Context, delivery int64) (journal.Attempt, error) {
	attempt, err := s.forwarder.Wait(ctx, delivery)
	switch {
	case errors.Is(err, forward.ErrForgotten): // it is long done, so the journal has it
		attempts, err := s.journal.Attempts(ctx, delivery)
		if err == nil && len(attempts) > 0 {
			return attempts[0], nil
		}
		return journal.Attempt{}, cmp.Or(err, errNoAnswer)
	case errors.Is(err, context.DeadlineExceeded):
		return journal.Attempt{}, errNoAnswer
	case errors.Is(err, forward.ErrStopped), errors.Is(err, context.Canceled):
		return journal.Attempt{}, errStopped
	}
	return attempt, err
}

// unrecorded is how a session's refusal ends.
const unrecorded = "and recorded nothing"

var errStopped = errors.New("igloo stopped before the app answered; igloo replay --pending sends it later")

var errNoAnswer = fmt.Errorf("no answer from the app within %s; it stays in the queue", answerTimeout)

// replay sends recorded deliveries to the target again, in the given order.
func (s *session) replay(ctx context.Context, order replayOrder, report func(outcome)) error {
	switch {
	case order.To != "":
		return replayTo(ctx, s.journal, s.keyring, order, report)
	case s.forwarder == nil:
		return withHint(errors.New("this session has no target to replay to"), "start it with --forward-to, or name your app: igloo replay --to http://localhost:3000/webhook …")
	}
	return replayWith(ctx, s.journal, s.forwarder, s.keyring, order, report)
}

// Fire is what the TUI calls.
func (s *session) Fire(ctx context.Context, names []string, count int) ([]tui.Outcome, error) {
	order := fireOrder{Count: count, Concurrency: min(count, 16)}
	for _, name := range names {
		f, err := s.fixtures.Set().Get(name)
		if err != nil {
			return nil, err
		}
		if f.Err != nil {
			return nil, f.Err
		}
		order.Fixtures = append(order.Fixtures, f)
	}
	var out gathered
	err := s.fire(ctx, order, out.add)
	return out.forTUI(), err
}

// Replay is what the TUI calls.
func (s *session) Replay(ctx context.Context, deliveries []int64) ([]tui.Outcome, error) {
	var out gathered
	err := s.replay(ctx, replayOrder{Deliveries: deliveries}, out.add)
	return out.forTUI(), err
}

// Save keeps data in a file of the session's own folder.
func (s *session) Save(_ context.Context, name string, data []byte) (string, error) {
	dir := filepath.Join(s.cfg.project.DataDir, "saved")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("save %s: %w", name, err)
	}
	path := filepath.Join(dir, safeName(name))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("save %s: %w", name, err)
	}
	return path, nil
}

// Choices, Open and Close are what the TUI calls to change the public URL.
func (s *session) Choices(ctx context.Context) ([]tui.Choice, error) { return s.tunnels.Choices(ctx) }

// Open opens the named tunnel.
func (s *session) Open(ctx context.Context, name string) error { return s.tunnels.Open(ctx, name) }

// Close closes the tunnel that is open.
func (s *session) Close(ctx context.Context) error { return s.tunnels.Close(ctx) }

// gathered collects outcomes that come in from several goroutines.
type gathered struct {
	mu  sync.Mutex
	all []outcome
}

func (g *gathered) add(o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = append(g.all, o)
}

func (g *gathered) forTUI() []tui.Outcome {
	var out []tui.Outcome
	for _, o := range g.all {
		out = append(out, tui.Outcome{
			Delivery: o.delivery, Fixture: o.Name, Verdict: o.Verdict, Sent: o.Sent, Status: o.Status, Took: o.took, Err: o.Err,
		})
	}
	return out
}
