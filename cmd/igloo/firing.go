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

	delivery int64
	took     time.Duration
}

func (o *outcome) answer(a journal.Attempt) {
	o.Sent, o.Target, o.Status, o.Err = true, a.Target, a.Status, a.Err
	o.took = a.Took
	o.TookMS = millis(a.Took)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// fireOrder asks a session to fire fixtures. The session renders and signs them, so
// no secret crosses.
type fireOrder struct {
	Fixtures    []fixtures.Fixture
	Options     simulator.Options
	Seed        uint64
	Count       int     // deliveries of each fixture
	Rate        float64 // deliveries a second, 0 = as fast as they go
	Concurrency int
}

// each renders the order's requests, unsigned, and calls work with each of them. What
// is wrong with a fixture or a change is said before the first one. A seed makes
// people of its own; without one the given ones write, nil for new ones.
//
// Deliveries that are under way at once come from as many people: those of one are
// forwarded in order, one after the other.
func (o fireOrder) each(ctx context.Context, who *people, work func(context.Context, *simulator.Request)) error {
	if who == nil || o.Seed != 0 {
		who = newPeople(o.Seed)
	}
	templates, err := o.compile(who, 0)
	if err != nil {
		return err
	}
	all := [][]*simulator.Template{templates}
	for i := 1; i < min(o.Concurrency, o.Count, maxPeople); i++ {
		templates, err := o.compile(who, i)
		if err != nil {
			return err
		}
		all = append(all, templates)
	}
	burst := simulator.Burst{Count: o.total(), Rate: o.Rate, Concurrency: o.Concurrency}
	var mu sync.Mutex // the same order of rendering every time, whoever sends
	next := 0
	return burst.Run(ctx, new(simulator.Tally), func(ctx context.Context, _ int) (int, error) {
		mu.Lock()
		round, which := next/len(templates), next%len(templates)
		request := all[round%len(all)][which].Render()
		next++
		mu.Unlock()
		work(ctx, request)
		return 0, nil
	})
}

// compile prepares the fixtures for one of the people.
func (o fireOrder) compile(who *people, i int) ([]*simulator.Template, error) {
	var templates []*simulator.Template
	for _, f := range o.Fixtures {
		t, err := who.run(i).Compile(f, o.Options)
		if err != nil {
			return nil, err
		}
		templates = append(templates, t)
	}
	return templates, nil
}

// people are the customers that write in fired deliveries, each a run of their own:
// whoever comments writes the message and reacts to it.
type people struct {
	seed uint64
	mu   sync.Mutex
	runs []*simulator.Run
}

// maxPeople bounds them. More deliveries at once than that wait for each other.
const maxPeople = 64

func newPeople(seed uint64) *people { return &people{seed: seed} }

// run returns the run of the i-th customer.
func (p *people) run(i int) *simulator.Run {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.runs) <= i {
		seed := p.seed
		if seed != 0 {
			seed += uint64(len(p.runs))
		}
		p.runs = append(p.runs, simulator.NewRun(seed, nil))
	}
	return p.runs[i]
}

func (o fireOrder) total() int { return len(o.Fixtures) * o.Count }

// fire renders, signs and delivers through the session's own ingress, so that
// simulated and real deliveries share one path.
func (s *session) fire(ctx context.Context, order fireOrder, report func(outcome)) error {
	target, err := simulator.ParseURL(s.localURL())
	if err != nil {
		return err
	}
	err = order.each(ctx, s.people, func(ctx context.Context, request *simulator.Request) {
		key, _ := s.keyring.For(request.Login)
		request.Sign(key.Value)
		report(s.deliver(ctx, target, request))
	})
	return changeError(err)
}

// deliver sends one signed request to the ingress and waits for the app's answer.
func (s *session) deliver(ctx context.Context, target *url.URL, request *simulator.Request) outcome {
	out := outcome{Type: "fired", Name: request.Fixture}
	arrived := make(chan receiver.Arrival, 1)
	ticket := s.receiver.Expect(receiver.Simulation{Fixture: request.Fixture, Done: arrived})
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
		out.Err = ctx.Err().Error()
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
	case errors.Is(err, forward.ErrStopped):
		return journal.Attempt{}, errors.New("igloo stopped before the app answered; igloo replay --pending sends it later")
	}
	return attempt, err
}

// unrecorded is how a session's refusal ends.
const unrecorded = "and recorded nothing"

var errNoAnswer = fmt.Errorf("no answer from the app within %s; it stays in the queue", answerTimeout)

// replay sends recorded deliveries to the target again, in the given order.
func (s *session) replay(ctx context.Context, order replayOrder, report func(outcome)) error {
	switch {
	case order.To != "":
		return replayTo(ctx, s.journal, order, report)
	case s.forwarder == nil:
		return withHint(errors.New("this session has no target to replay to"), "start it with --forward-to, or name your app: igloo replay --to http://localhost:3000/webhook …")
	}
	return replayWith(ctx, s.journal, s.forwarder, order.Deliveries, report)
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
