package main

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// fireOrder asks a session to fire fixtures. The session renders and signs them, so
// no secret crosses.
type fireOrder struct {
	Fixtures    []fixtures.Fixture
	Options     simulator.Options
	Seed        uint64
	Count       int     // deliveries of each fixture
	Rate        float64 // deliveries a second, 0 = as fast as they go
	Concurrency int
	Duplicates  int  // further deliveries of each event
	Shuffle     bool // out of order
	Fault       simulator.Fault

	Retry    bool    // on an answer other than 200 try again, as Meta does
	Scale    float64 // how many times faster than Meta's the clock goes
	SameTime bool    // retries are the same bytes, else their entry[].time is later
	Resume   bool    // go on with retries that were interrupted; there are no Fixtures then
}

// total is how many deliveries there are, retries not counted.
func (o fireOrder) total() int { return len(o.Fixtures) * o.Count * (1 + o.Duplicates) }

// fireWork is what carries out an order.
type fireWork struct {
	who  *people          // who write; nil for new ones
	keys *webhook.Keyring // signs
	send func(context.Context, *simulator.Request) outcome
	kept *keptRetries // keeps what was interrupted; nil forgets it

	signers map[string]*webhook.Signer // by the name of the app secret
}

// prepare makes the signers.
func (w *fireWork) prepare() {
	w.signers = map[string]*webhook.Signer{}
	for _, s := range w.keys.Secrets() {
		w.signers[s.Name] = webhook.NewSigner(s.Value)
	}
}

// carryOut renders, signs, breaks and sends what the order asks for, and reports each
// outcome. What is wrong with a fixture or a change is said before the first one.
func (o fireOrder) carryOut(ctx context.Context, w fireWork, report func(outcome)) error {
	w.prepare()
	r := &retrying{order: o, work: w, report: report, slots: make(chan struct{}, maxRetrying)}
	if o.Resume {
		for _, kept := range w.kept.take() {
			r.goOn(ctx, kept)
		}
		r.running.Wait()
		return ctx.Err()
	}
	var number atomic.Int64
	err := o.each(ctx, w.who, func(ctx context.Context, request *simulator.Request) {
		it := retry{request: request, number: int(number.Add(1)), made: 1}
		out := o.try(ctx, w, it, simulator.Try{N: 1})
		if ctx.Err() != nil && out.Status == 0 {
			it.made = 0 // broken off by us, not by the app
		} else {
			report(out)
		}
		if out.again() {
			r.goOn(ctx, it)
		}
	})
	r.running.Wait()
	return cmp.Or(err, ctx.Err())
}

// try signs a request and sends it once.
func (o fireOrder) try(ctx context.Context, w fireWork, it retry, try simulator.Try) outcome {
	request := it.request
	if try.N > 1 && !o.SameTime {
		request = request.Later(try.After)
	}
	key, _ := w.keys.For(request.Login)
	request.SignWith(w.signers[key.Name])
	if err := request.Break(o.Fault); err != nil {
		return outcome{Type: "fired", Name: request.Fixture, Err: err.Error()} // another igloo's fault
	}
	out := w.send(ctx, request)
	if out.Fault = o.Fault; out.Fault == "" {
		out.SignedWith, out.Warning = key.Name, otherProductWarning(key.Name, request.Login)
	}
	if o.Retry {
		out.retried = newRetried(it.number, try, out.Status)
	}
	return out
}

// each renders the order's requests, unsigned, and calls work with each of them. A seed
// makes people of its own; without one the given ones write, nil for new ones.
//
// Deliveries that are under way at once come from as many people: those of one are
// forwarded in order, one after the other.
func (o fireOrder) each(ctx context.Context, who *people, work func(context.Context, *simulator.Request)) error {
	if who == nil || o.Seed != 0 {
		who = newPeople(o.Seed)
	}
	var all [][]*simulator.Template
	for i := range max(min(o.Concurrency, o.Count, maxPeople), 1) {
		templates, err := o.compile(who, i)
		if err != nil {
			return err
		}
		all = append(all, templates)
	}
	next, stop := o.requests(all)
	defer stop()
	var mu sync.Mutex // the same requests in the same order, whoever sends
	burst := simulator.Burst{Count: o.total(), Rate: o.Rate, Concurrency: o.Concurrency}
	return burst.Run(ctx, new(simulator.Tally), func(ctx context.Context, _ int) (int, error) {
		mu.Lock()
		render := next()
		mu.Unlock()
		work(ctx, render())
		return 0, nil
	})
}

// requests returns what gives the next request to send, as often as the order has
// deliveries, and what ends it. Rendering is left to the caller, who can do it beside
// others; only what is repeated or shuffled is rendered here.
func (o fireOrder) requests(all [][]*simulator.Template) (next func() (render func() *simulator.Request), stop func()) {
	n := 0
	draft := func() simulator.Draft {
		round, which := n/len(o.Fixtures), n%len(o.Fixtures)
		n++
		return all[round%len(all)][which].Draft()
	}
	if o.Duplicates == 0 && !o.Shuffle {
		return func() func() *simulator.Request { return draft().Render }, func() {}
	}
	var requests iter.Seq[*simulator.Request] = func(yield func(*simulator.Request) bool) {
		for range o.Count * len(o.Fixtures) {
			if !yield(draft().Render()) {
				return
			}
		}
	}
	if o.Duplicates > 0 {
		requests = simulator.Duplicate(requests, o.Duplicates)
	}
	if o.Shuffle {
		requests = simulator.Shuffle(requests, o.Seed)
	}
	pull, stop := iter.Pull(requests)
	return func() func() *simulator.Request {
		request, _ := pull()
		return func() *simulator.Request { return request }
	}, stop
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
