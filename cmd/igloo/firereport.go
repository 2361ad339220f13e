package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// faultTally counts what the app made of deliveries that were broken on purpose.
type faultTally struct {
	fault                       simulator.Fault
	refused, accepted, hungUpOn int
}

// add counts an outcome and reports whether it left no answer, as some faults do.
func (t *faultTally) add(o outcome) (silent bool) {
	if o.Fault == "" {
		return false
	}
	t.fault = o.Fault
	switch {
	case o.Status == 0:
		t.hungUpOn++
	case o.Status/100 == 2:
		t.accepted++
	default:
		t.refused++
	}
	return o.Status == 0
}

// faultAnswer says what the app answered to a faulty delivery, and whether it should.
func faultAnswer(o outcome) string {
	accepted := o.Status/100 == 2
	switch {
	case o.Fault == simulator.CloseEarly:
		return "sent to " + o.Target + "; igloo hung up before the answer"
	case o.Status == 0:
		return "refused: the app hung up, as it may"
	case o.Early && o.Fault == simulator.SlowBody:
		return fmt.Sprintf("%d in %s from %s: answered before the body was complete, so the fault was not played", o.Status, tookText(o.took), o.Target)
	}
	judgement := map[[2]bool]string{
		{true, true}: "accepted, and should be refused", {true, false}: "refused, as it should be",
		{false, true}: "accepted, as it should be", {false, false}: "refused, though all it says is right",
	}[[2]bool{o.Fault.ToRefuse(), accepted}]
	return fmt.Sprintf("%d in %s from %s: %s", o.Status, tookText(o.took), o.Target, judgement)
}

// endFaults says in words what the answers to faulty deliveries mean. The exit code
// follows the answers, as without a fault.
func (r *reporter) endFaults() error {
	t := r.faults
	if t.accepted > 0 && t.fault.ToRefuse() {
		fmt.Fprintf(r.stderr, "igloo: warning: the app accepted %s (%s): %s\n",
			plural(t.accepted, "faulty delivery", "faulty deliveries"), t.fault, t.fault.Description())
	}
	refused := t.refused
	if t.fault == simulator.Truncated {
		refused += t.hungUpOn
	}
	switch {
	case refused == 0:
		return nil
	case t.fault.ToRefuse():
		return &answerNoError{fmt.Sprintf("the app refused %s (%s), as it should", plural(refused, "faulty delivery", "faulty deliveries"), t.fault)}
	}
	return &answerNoError{fmt.Sprintf("the app did not accept %s (%s)", plural(refused, "delivery", "deliveries"), t.fault)}
}

// retryTally follows deliveries that are tried again.
type retryTally struct {
	open              map[int]outcome // by number: the last try of those that are not done
	accepted, dropped int             // after the first try
	failing           time.Duration   // the longest, by Meta's clock
	shown             bool
}

// add follows an outcome and reports whether a further try follows.
func (t *retryTally) add(o outcome) (again bool) {
	if o.Try == 0 {
		return false
	}
	if t.open == nil {
		t.open = map[int]outcome{}
	}
	delete(t.open, o.Number)
	switch {
	case o.again():
		t.open[o.Number] = o
	case o.Dropped:
		t.dropped++
	case o.Try > 1:
		t.accepted++
	}
	if o.again() || o.Dropped {
		t.failing = max(t.failing, o.after())
	}
	return o.again()
}

// first reports whether the plan is to be shown: once, when a delivery failed.
func (t *retryTally) first() bool {
	show := !t.shown && len(t.open) > 0
	t.shown = t.shown || show
	return show
}

// showPlan says when the further tries come after those that were made.
func (r *reporter) showPlan(made int) {
	retry := simulator.Retry{Scale: r.order.Scale, Made: made}
	fmt.Fprintf(r.stderr, "igloo: not answered 200, so again as Meta does: %s; the whole plan takes %s here\n", triesText(retry.Left()), spanText(retry.Takes()))
	if r.order.Scale == 1 {
		fmt.Fprintln(r.stderr, "igloo: let a day pass in a minute and a half: --time-scale 1000x")
	}
}

// triesText lists when tries come: at once, after 19s, 5m, 16m.
func triesText(tries []simulator.Try) string {
	var words []string
	after := "after "
	for _, try := range tries {
		if try.After == 0 {
			words = append(words, "at once")
			continue
		}
		words = append(words, after+spanText(try.After))
		after = ""
	}
	return strings.Join(words, ", ")
}

// maxLeftLines bounds the list of deliveries whose retries were interrupted.
const maxLeftLines = 5

// sayLeft says what would have come, when retries were interrupted.
func (r *reporter) sayLeft() {
	open := slices.SortedFunc(maps.Values(r.retries.open), func(a, b outcome) int { return cmp.Compare(a.Number, b.Number) })
	for i, o := range open {
		if i == maxLeftLines {
			fmt.Fprintf(r.stderr, "igloo: and %s more\n", plural(len(open)-i, "delivery", "deliveries"))
			break
		}
		name := strings.TrimSpace(o.Name + " " + o.ID)
		fmt.Fprintf(r.stderr, "igloo: %s would have been tried again %s\n", name, triesText(simulator.Retry{Made: o.Try}.Left()))
	}
	if len(open) > 0 && r.kept {
		fmt.Fprintln(r.stderr, "igloo: the session keeps that while it runs; to go on: igloo fire --retry")
	}
}

// retriesLine sums retries up.
type retriesLine struct {
	Type      string `json:"type"`       // "retries"
	Accepted  int    `json:"accepted"`   // deliveries that a further try delivered
	Dropped   int    `json:"dropped"`    // deliveries that no try delivered
	FailingMS int64  `json:"failing_ms"` // the longest, by Meta's clock
	Alert     bool   `json:"alert"`      // developers report an alert by then
	Disabled  bool   `json:"disabled"`   // developers report a subscription switched off by then
}

// endRetries says what the retries came to, and what Meta would have made of it.
func (r *reporter) endRetries() {
	t := r.retries
	if t.accepted+t.dropped == 0 {
		return
	}
	line := retriesLine{
		Type: "retries", Accepted: t.accepted, Dropped: t.dropped, FailingMS: t.failing.Milliseconds(),
		Alert: t.failing >= simulator.AlertAfter, Disabled: t.failing >= simulator.DisableAfter,
	}
	if r.JSON {
		_ = r.lines.write(line) // a closed stdout is nobody to tell
		return
	}
	if t.accepted > 0 {
		fmt.Fprintf(r.stdout, "%s accepted at a later try\n", plural(t.accepted, "delivery was", "deliveries were"))
	}
	if t.dropped > 0 {
		fmt.Fprintf(r.stdout, "%s dropped after %d tries in %s: Meta keeps no copy\n", plural(t.dropped, "delivery was", "deliveries were"), len(simulator.Tries()), spanText(t.failing))
	}
	if line.Alert {
		fmt.Fprintf(r.stderr, "igloo: an alert after %s of failures is reported of Meta\n", spanText(simulator.AlertAfter))
	}
	if line.Disabled {
		fmt.Fprintf(r.stderr, "igloo: the subscription would have been disabled after %s of failures, as developers report\n", spanText(simulator.DisableAfter))
	}
}

// spanText is a time the way people write it: 36h, 5m, 2m10s.
func spanText(d time.Duration) string {
	if d >= 10*time.Second {
		d = d.Round(time.Second)
	}
	text := d.Round(time.Millisecond).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
