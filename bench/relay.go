package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// turn is one load on one contender.
type turn struct {
	contender   string
	connections int
	delay       time.Duration // of the app
	perSecond   float64
	p50, p99    float64 // microseconds
	cpu         float64 // microseconds of the relay for each delivery, until the last was forwarded
	rss         float64 // MB, after the turn
	drain       float64 // milliseconds from the last answer until the app had everything
}

// plan is one setting of the relay benchmark.
type plan struct {
	delay       time.Duration
	connections []int
	rounds      int
	contenders  []starter
}

// measureRelay loads every contender in turn, A B C A B C …, so that what else the
// machine does hits them alike; ratios are taken within a round.
func measureRelay(ctx context.Context, l *lab, r *report) error {
	seconds := pick(l, 2*time.Second, time.Second)
	fast, slow := yardsticks(), []starter{{proxy, startProxy}}
	if !l.yardsticks {
		fast, slow = append(fast, igloos()...), append(slow, igloos()...)
	}
	plans := []plan{
		{0, []int{1, 4, 16}, pick(l, 5, 2), fast},
		{2 * time.Millisecond, []int{1, 16}, pick(l, 5, 2), slow},
	}
	script, deliveries, err := l.wrkFiles()
	if err != nil {
		return err
	}
	var rounds [][]turn
	for _, p := range plans {
		done, playErr := l.play(ctx, p, func(ctx context.Context, c *contender, connections int) (turn, error) {
			return l.turn(ctx, c, script, deliveries, connections, seconds)
		})
		rounds = append(rounds, done...)
		if err = playErr; err != nil {
			break // what was measured is reported all the same
		}
	}
	r.relay(rounds)
	if !l.yardsticks {
		r.relayTargets(rounds)
	}
	return err
}

// play starts the contenders of a plan, loads them round after round, and stops them.
// It returns the turns of each setting of each round.
func (l *lab) play(ctx context.Context, p plan, loaded func(context.Context, *contender, int) (turn, error)) (rounds [][]turn, err error) {
	a, err := l.startApp(ctx, p.delay)
	if err != nil {
		return nil, err
	}
	defer a.kill()
	var contenders []*contender
	defer func() {
		for _, c := range contenders {
			if c.process != nil {
				c.process.kill()
			}
		}
	}()
	for _, s := range p.contenders {
		c, err := s.start(ctx, l, a)
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, c)
		if _, err := loaded(ctx, c, 1); err != nil { // warm up
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range p.rounds {
		l.say("relay: app %s, round %d of %d", p.delay, round+1, p.rounds)
		for _, connections := range p.connections {
			var turns []turn
			for _, c := range contenders {
				t, err := loaded(ctx, c, connections)
				if err != nil {
					return rounds, fmt.Errorf("%s, %d connections: %w", c.name, connections, err)
				}
				t.delay = p.delay
				turns = append(turns, t)
			}
			rounds = append(rounds, turns)
		}
	}
	return rounds, nil
}

// turn loads one contender, and waits until the app has all of it: work put off is
// work all the same.
func (l *lab) turn(ctx context.Context, c *contender, script, deliveries string, connections int, d time.Duration) (turn, error) {
	before, err := c.app.answered(ctx)
	if err != nil {
		return turn{}, err
	}
	used, err := c.cpu()
	if err != nil {
		return turn{}, err
	}
	w, err := wrk(ctx, c.url(), script, deliveries, connections, d)
	if err != nil {
		return turn{}, err
	}
	drained, err := c.app.awaitAnswered(ctx, before+w.Requests, drainLimit)
	if err != nil {
		return turn{}, err
	}
	// wrk gives up what is under way when its time is over; let that come to rest.
	if err := pause(ctx, 50*time.Millisecond); err != nil {
		return turn{}, err
	}
	t := turn{
		contender: c.name, connections: connections, perSecond: w.perSecond(),
		p50: float64(w.P50), p99: float64(w.P99),
		cpu: math.NaN(), rss: math.NaN(), drain: float64(drained.Microseconds()) / 1000,
	}
	if c.process == nil {
		return t, nil
	}
	now, err := c.cpu()
	if err != nil {
		return turn{}, err
	}
	t.cpu = float64((now - used).Microseconds()) / float64(w.Requests)
	t.rss, _, err = c.process.memory()
	return t, err
}

func (c *contender) cpu() (time.Duration, error) {
	if c.process == nil {
		return 0, nil
	}
	return c.process.cpu()
}

// relay adds the table of all contenders.
func (r *report) relay(rounds [][]turn) {
	t := table{
		title: "Relay: wrk, the contender, an app; medians, and in brackets the median ratio to ReverseProxy in the same round",
		head:  []string{"app", "connections", "contender", "deliveries/s", "p50 µs", "p99 µs", "CPU µs/delivery", "RSS MB", "drained ms"},
	}
	type key struct {
		delay       time.Duration
		connections int
		contender   string
	}
	var order []key
	groups := map[key]bool{}
	for _, turns := range rounds {
		for _, x := range turns {
			k := key{x.delay, x.connections, x.contender}
			if !groups[k] {
				groups[k] = true
				order = append(order, k)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b key) int {
		if a.delay != b.delay {
			return int(a.delay - b.delay)
		}
		return a.connections - b.connections
	})
	for _, k := range order {
		middle := func(value func(turn) float64) string {
			return number(median(values(rounds, k.contender, k.delay, k.connections, value)), 0)
		}
		ratio := func(value func(turn) float64) string {
			x := median(ratios(rounds, k.contender, proxy, k.delay, k.connections, value))
			if math.IsNaN(x) {
				return middle(value)
			}
			return middle(value) + " (" + number(x, 2) + ")"
		}
		t.rows = append(t.rows, []string{
			k.delay.String(), strconv.Itoa(k.connections), k.contender,
			ratio(perSecond), ratio(p50), ratio(p99), ratio(cpu), middle(rss), middle(drain),
		})
	}
	r.tables = append(r.tables, t)
}

func perSecond(t turn) float64 { return t.perSecond }
func p50(t turn) float64       { return t.p50 }
func p99(t turn) float64       { return t.p99 }
func cpu(t turn) float64       { return t.cpu }
func rss(t turn) float64       { return t.rss }
func drain(t turn) float64     { return t.drain }

// relayTargets holds igloo against its targets: latency with --answer app, where the
// sender waits for the app as it does with a proxy, the rest as igloo starts.
func (r *report) relayTargets(rounds [][]turn) {
	const ms = time.Millisecond
	ratio := func(who, to string, delay time.Duration, connections int, value func(turn) float64) float64 {
		return median(ratios(rounds, who, to, delay, connections, value))
	}
	r.atMost("p50 vs ReverseProxy, app 0 ms, 1 connection, --answer app", "×", ratio(iglooSlow, proxy, 0, 1, p50), 2.6, 2.0)
	r.atMost("p50 vs ReverseProxy, app 0 ms, 4 connections, --answer app", "×", ratio(iglooSlow, proxy, 0, 4, p50), 2.8, 2.4)
	r.atMost("p50 vs ReverseProxy, app 2 ms, 1 connection, --answer app", "×", ratio(iglooSlow, proxy, 2*ms, 1, p50), 1.15, 1.05)
	r.atMost("p50 vs ReverseProxy, app 2 ms, 16 connections, --answer app", "×", ratio(iglooSlow, proxy, 2*ms, 16, p50), 1.15, 1.05)
	r.atMost("p99 vs ReverseProxy, app 0 ms, 16 connections, --answer app", "×", ratio(iglooSlow, proxy, 0, 16, p99), 3.5, 2.5)
	r.atLeast("deliveries/s vs ReverseProxy, 16 connections", "×", ratio(igloo, proxy, 0, 16, perSecond), 0.50, 0.60)
	r.atLeast("deliveries/s vs mitmdump, 16 connections", "×", ratio(igloo, mitmdump, 0, 16, perSecond), 10, 13)
	r.atLeast("deliveries/s vs mitmdump, 1 connection", "×", ratio(igloo, mitmdump, 0, 1, perSecond), 4, 6)
	r.atMost("CPU for each delivery vs ReverseProxy, 16 connections", "×", ratio(igloo, proxy, 0, 16, cpu), 2.8, 2.2)
}

// values returns what every round measured of one contender in one setting.
func values(rounds [][]turn, who string, delay time.Duration, connections int, value func(turn) float64) []float64 {
	var out []float64
	for _, turns := range rounds {
		for _, t := range turns {
			if t.contender == who && t.delay == delay && t.connections == connections {
				out = append(out, value(t))
			}
		}
	}
	return out
}

// ratios returns, for every round, who's value over to's.
func ratios(rounds [][]turn, who, to string, delay time.Duration, connections int, value func(turn) float64) []float64 {
	var out []float64
	for _, turns := range rounds {
		a, b := values([][]turn{turns}, who, delay, connections, value), values([][]turn{turns}, to, delay, connections, value)
		if len(a) == 1 && len(b) == 1 && b[0] != 0 {
			out = append(out, a[0]/b[0])
		}
	}
	return out
}
