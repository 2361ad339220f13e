package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// reporter prints outcomes as they come and the sum at the end.
type reporter struct {
	*command
	lines    *lineWriter
	expected int
	noTarget bool
	order    fireOrder // what is fired; the zero order for replays
	client   clientFlags
	kept     bool // a session keeps retries that are interrupted
	started  time.Time

	progress bool // how far it is has to be shown, since the deliveries are not

	mu       sync.Mutex
	line     progressLine
	last     time.Time // when the last outcome came
	done     int
	recorded int
	tally    simulator.Tally // of those that were sent
	firstErr string
	cause    error // of firstErr, where it is known
	faults   faultTally
	retries  retryTally
	signed   signedTally
}

// newReporter reports on so many deliveries. noTarget: nothing forwards them.
func (c *command) newReporter(expected int, noTarget bool) *reporter {
	now := time.Now()
	return &reporter{
		command: c, lines: &lineWriter{out: c.stdout}, expected: expected, noTarget: noTarget,
		progress: expected > quietAbove, line: newProgressLine(c.stderr), started: now, last: now,
	}
}

// quietAbove is the number of deliveries above which people get only the summary.
const quietAbove = 20

func (r *reporter) report(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if r.JSON || !r.progress {
		r.line.clear() // lines of results follow
	}
	if o.Try <= 1 || r.order.Resume && !o.again() {
		r.done++
	}
	if o.ID != "" {
		r.recorded++
	}
	switch {
	case r.retries.add(o): // the last try of a delivery counts
	case o.Err != "":
		r.tally.Add(0, errors.New(o.Err), o.took)
		if r.firstErr == "" {
			r.firstErr, r.cause = o.Err, o.cause
		}
	case o.Sent && !r.faults.add(o):
		r.tally.Add(o.Status, nil, o.took)
	}
	if warning := r.signed.add(o); warning != "" {
		r.line.clear()
		fmt.Fprintf(r.stderr, "igloo: warning: %s\n", oneLine(warning))
	}
	switch {
	case r.JSON:
		_ = r.lines.write(o) // a closed stdout is nobody to tell
	case r.expected <= quietAbove:
		fmt.Fprintln(r.stdout, outcomeLine(o))
	}
	if r.retries.first() {
		r.showPlan(o.Try)
	}
	if r.progress && r.line.columns > 0 && time.Since(r.line.drawn) > progressPause {
		sum := r.tally.Summary()
		r.line.draw(progressText(r.done, r.expected, sum.Sent-sum.OK, time.Since(r.started), r.line.columns))
	}
}

// progressPause is the time between two drawings of the progress line.
const progressPause = 100 * time.Millisecond

// outcomeLine is one outcome for people.
func outcomeLine(o outcome) string {
	words := []string{o.Type}
	if o.Try > 1 {
		words[0] = fmt.Sprintf("try %d %s:", o.Try, triesText([]simulator.Try{{N: o.Try, After: o.after()}}))
	}
	if o.Name != "" {
		words = append(words, o.Name)
	}
	if o.Fault != "" {
		words = append(words, "("+string(o.Fault)+")")
	}
	if o.ID != "" {
		words = append(words, "as "+o.ID)
	}
	if o.Verdict != "" {
		words = append(words, string(o.Verdict))
	}
	line := strings.Join(words, " ")
	switch {
	case o.Err != "":
		line += ": " + oneLine(o.Err)
	case o.Sent && o.Fault != "":
		line += ": " + faultAnswer(o)
	case o.Sent:
		line += fmt.Sprintf(": %d in %s from %s", o.Status, tookText(o.took), o.Target)
	case o.Reason != "":
		line += ": recorded, not forwarded (" + oneLine(o.Reason) + ")"
	default:
		line += ": recorded"
	}
	return line
}

// interrupted says how far it came, when a signal ended it.
func (r *reporter) interrupted(ctx context.Context) {
	if ctx.Err() == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line.clear()
	if r.order.Resume {
		fmt.Fprintln(r.stderr, "igloo: interrupted; the session keeps what is left, if any: igloo fire --retry")
		return
	}
	if r.done == r.expected && len(r.retries.open) > 0 {
		fmt.Fprintln(r.stderr, "igloo: interrupted between two tries")
	} else {
		fmt.Fprintf(r.stderr, "igloo: interrupted after %d of %d\n", r.done, r.expected)
	}
	r.sayLeft()
}

// end prints the summary and turns the answers into the exit code.
func (r *reporter) end() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line.clear()
	sum := r.tally.Summary()
	if r.done > 1 {
		r.summary(sum)
	}
	if r.noTarget && r.done > 0 {
		fmt.Fprintln(r.stderr, "igloo: the session has no target, so nothing was forwarded: start it with --forward-to")
	}
	r.endRetries()
	answered := 0
	for _, n := range sum.Statuses {
		answered += n
	}
	if unusual := sum.OK - sum.Statuses[http.StatusOK]; unusual > 0 {
		fmt.Fprintf(r.stderr, "igloo: warning: %s answered with a 2xx other than 200; Meta documents only 200\n", plural(unusual, "delivery was", "deliveries were"))
	}
	if n := sum.Sent - answered; n > 0 {
		return withHint(fmt.Errorf("%s got no answer: %s", plural(n, "delivery", "deliveries"), r.firstErr), r.noAnswerHint())
	}
	if err := r.endFaults(); err != nil {
		return err
	}
	if r.signed.denied {
		fmt.Fprintln(r.stderr, "igloo: igloo's development secret signed, and your app must know it: igloo doctor --env prints it")
	}
	if refused := answered - sum.OK; refused > 0 {
		return &answerNoError{fmt.Sprintf("the app did not accept %s", plural(refused, "delivery", "deliveries"))}
	}
	return nil
}

// noAnswerHint says what helps when the app gave no answer: what was recorded can be
// replayed, the rest is fired again.
func (r *reporter) noAnswerHint() string {
	switch {
	case strings.Contains(r.firstErr, unrecorded):
		return "the session's screen says why"
	case r.recorded > 0:
		return "once your app answers: igloo replay --failed"
	}
	return cmp.Or(r.client.hint(r.cause), "is your app running there?")
}

type summaryLine struct {
	Type     string         `json:"type"` // "summary"
	Count    int            `json:"count"`
	Seconds  float64        `json:"seconds"`
	Statuses map[string]int `json:"statuses"` // "error" for no answer
	P50MS    float64        `json:"p50_ms"`
	P95MS    float64        `json:"p95_ms"`
	P99MS    float64        `json:"p99_ms"`
}

func (r *reporter) summary(sum simulator.Summary) {
	line := summaryLine{
		Type: "summary", Count: r.done, Seconds: time.Since(r.started).Seconds(), Statuses: map[string]int{},
		P50MS: millis(sum.P50), P95MS: millis(sum.P95), P99MS: millis(sum.P99),
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(sum.Statuses)) {
		line.Statuses[strconv.Itoa(status)] = sum.Statuses[status]
		parts = append(parts, fmt.Sprintf("%d ×%d", status, sum.Statuses[status]))
	}
	for _, n := range sum.Errors {
		line.Statuses["error"] += n
	}
	if n := line.Statuses["error"]; n > 0 {
		parts = append(parts, fmt.Sprintf("no answer ×%d", n))
	}
	if r.JSON {
		_ = r.lines.write(line) // as above
		return
	}
	fmt.Fprintf(r.stdout, "%d deliveries in %.1fs (%.0f/s): %s; p50 %.1fms p95 %.1fms p99 %.1fms\n",
		line.Count, line.Seconds, float64(line.Count)/max(line.Seconds, 0.001), cmp.Or(strings.Join(parts, ", "), r.unanswered()), line.P50MS, line.P95MS, line.P99MS)
}

// unanswered is what deliveries are that nobody answered.
func (r *reporter) unanswered() string {
	if r.recorded == 0 && r.faults.fault != "" {
		return "no answer awaited"
	}
	return "recorded"
}
