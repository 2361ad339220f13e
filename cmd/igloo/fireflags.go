package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// maxRemote is how many deliveries go to a host that is not this machine without
// --allow-remote.
const maxRemote = 10

// maxCount and maxDuplicates bound how often one fixture and one event are delivered,
// so that their product stays a number.
const (
	maxCount      = 1_000_000_000
	maxDuplicates = 1000
)

type fireFlags struct {
	To      string
	toGiven bool                   // even as "", which is a variable that was not set
	changed func(flag string) bool // whether the user gave it, even as it is by default

	Set     []string
	Unset   []string
	SetJSON []string
	Add     bool
	Var     []string
	Edit    bool
	Seed    uint64
	Shape   string
	Login   string
	Raw     bool
	Fresh   bool
	Escapes bool

	Batch       int
	Count       int
	Rate        float64
	Concurrency int
	Duplicates  int
	Shuffle     bool
	Fault       string
	Retry       bool
	TimeScale   string
	RetryTime   string

	Print       string
	AllowRemote bool
	clientFlags
}

// register adds the flags to a command, as product.md groups them.
func (f *fireFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.To, "to", "", "deliver straight to `URL` instead of the session")
	flags.StringArrayVar(&f.Set, "set", nil, "set a value of the event: `PATH=VALUE`; $.PATH starts at the payload's top (repeatable)")
	flags.StringArrayVar(&f.Unset, "unset", nil, "take a value out: `PATH` (repeatable)")
	flags.StringArrayVar(&f.SetJSON, "set-json", nil, "set a value of any type: `PATH=JSON` (repeatable)")
	flags.BoolVar(&f.Add, "add", false, "let --set add paths the payload does not have")
	flags.StringArrayVar(&f.Var, "var", nil, "value of a placeholder {{var:NAME}}: `NAME=VALUE` (repeatable)")
	flags.BoolVar(&f.Edit, "edit", false, "change the payload in $EDITOR first")
	flags.Uint64Var(&f.Seed, "seed", 0, "same ids, times and bytes every run for the same `N`")
	flags.StringVar(&f.Shape, "shape", "real", "`FORM`: real, or test as the dashboard's Test button sends")
	flags.StringVar(&f.Login, "login", "", "imitate `PRODUCT`: instagram, facebook or messenger; decides which app secret signs")
	flags.BoolVar(&f.Raw, "raw", false, "send the file's bytes untouched")
	flags.BoolVar(&f.Fresh, "fresh", false, "give a captured body new ids and times")
	flags.BoolVar(&f.Escapes, "messenger-escapes", false, "also escape <, @ and %, as reported for Facebook Pages")
	flags.IntVar(&f.Batch, "batch", 1, "put `N` events into each delivery, up to Meta's 1000")
	flags.IntVar(&f.Count, "count", 1, "deliver each fixture `N` times")
	flags.Float64Var(&f.Rate, "rate", 0, "deliver `N` a second at most")
	flags.IntVar(&f.Concurrency, "concurrency", 1, "deliver `N` at once")
	flags.IntVar(&f.Duplicates, "duplicates", 0, "deliver each event `N` more times, sent later")
	flags.BoolVar(&f.Shuffle, "shuffle", false, "deliver out of order")
	flags.BoolVar(&f.Retry, "retry", false, "on an answer other than 200 try again for 36 h, as Meta does")
	flags.StringVar(&f.TimeScale, "time-scale", "1x", "let Meta's clock go `N` times faster for --retry: 1000x")
	flags.StringVar(&f.RetryTime, "retry-time", retryFresh, "entry[].time of a retry: `WHICH` is fresh, or same for the same bytes")
	flags.Var((*onlyFault)(&f.Fault), "fault", "break each delivery in one way: `KIND` (igloo fire --fault list)")
	f.clientFlags.register(flags)
	flags.StringVar(&f.Print, "print", "", "print what would be sent as `FORMAT` (http, curl, json) and send nothing")
	flags.BoolVar(&f.AllowRemote, "allow-remote", false, "allow faults, and more than 10 deliveries, to another machine")
}

// onlyFault is a fault that can be given once: a delivery is broken in one way.
type onlyFault string

func (f *onlyFault) String() string { return string(*f) }

// Set takes the flag's value.
func (f *onlyFault) Set(value string) error {
	if *f != "" {
		return fmt.Errorf("a delivery is broken in one way, and %q is given, too", string(*f))
	}
	*f = onlyFault(value)
	return nil
}

// Type names the value in the help.
func (f *onlyFault) Type() string { return "string" }

// The values of --retry-time.
const (
	retryFresh = "fresh"
	retrySame  = "same"
)

// order reads the flags and fixtures of a fire.
func (c *command) order(f fireFlags, args []string) (fireOrder, error) {
	order := fireOrder{
		Count: f.Count, Rate: f.Rate, Concurrency: f.Concurrency, Seed: f.Seed,
		Duplicates: f.Duplicates, Shuffle: f.Shuffle, Retry: f.Retry, SameTime: f.RetryTime == retrySame,
	}
	switch {
	case f.Count < 1 || f.Count > maxCount:
		return order, usagef("", "--count: %d is not between 1 and %d", f.Count, maxCount)
	case f.Concurrency < 1 || f.Concurrency > 512:
		return order, usagef("", "--concurrency: %d is not between 1 and 512", f.Concurrency)
	case f.Seed == 0 && f.changed("seed"):
		return order, usagef("--seed 1", "--seed: 0 is no seed, take 1 or more")
	case math.IsNaN(f.Rate) || f.Rate < 0:
		return order, usagef("", "--rate: %g is no number of deliveries a second", f.Rate)
	case f.Duplicates < 0 || f.Duplicates > maxDuplicates:
		return order, usagef("", "--duplicates: %d is not between 0 and %d", f.Duplicates, maxDuplicates)
	case f.RetryTime != retryFresh && f.RetryTime != retrySame:
		return order, usagef("one of: same, fresh", "--retry-time: no such time %s", quoteValue(f.RetryTime))
	case !f.Retry && (f.changed("time-scale") || f.changed("retry-time")):
		return order, usagef("add --retry", "--time-scale and --retry-time are about retries")
	}
	var err error
	if order.Scale, err = parseScale(f.TimeScale); err != nil {
		return order, err
	}
	if order.Fault, err = f.fault(); err != nil {
		return order, err
	}
	if order.Options, err = f.options(); err != nil {
		return order, err
	}
	set := c.fixtures()
	for _, arg := range args {
		found, err := set.Resolve(arg)
		if err != nil {
			return order, err
		}
		for _, one := range found {
			if one.Err != nil && (!f.Raw || one.File == nil) { // --raw sends what is broken, not what can't be read
				return order, one.Err
			}
			order.Fixtures = append(order.Fixtures, one)
		}
	}
	for _, warning := range strangeLogins(webhook.Login(f.Login), order.Fixtures) {
		fmt.Fprintf(c.stderr, "igloo: warning: %s\n", warning)
	}
	return order, f.checkUse(order.Fixtures)
}

// strangeLogins says of each field that it is not what a product delivers.
func strangeLogins(login webhook.Login, all []fixtures.Fixture) []string {
	var out []string
	for _, one := range all {
		field, known := webhook.LookupField(one.Field)
		if login == "" || !known || !field.Permissions.Listed() || field.Permissions.Of(login).Available() {
			continue
		}
		if text := fmt.Sprintf("--login %s: that product does not deliver %s (igloo fields %[2]s)", login, one.Field); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// checkUse refuses flags that would change nothing about any of the fixtures.
func (f *fireFlags) checkUse(all []fixtures.Fixture) error {
	if len(all) == 0 {
		return nil
	}
	if bare := func(one fixtures.Fixture) bool { return !one.Wrapped }; f.Fresh && !slices.ContainsFunc(all, bare) {
		return usagef("leave it out", "--fresh is for captured bodies; the placeholders of %s give new ids and times anyway", all[0].Name)
	}
	for _, pair := range f.Var {
		name, _, _ := strings.Cut(pair, "=")
		uses := func(one fixtures.Fixture) bool {
			return one.Wrapped && (usesVar(one.Payload, name) || usesVar(one.File, name))
		}
		if !slices.ContainsFunc(all, uses) {
			return usagef("see its placeholders: igloo fixtures show "+all[0].Name, "--var: %s has no placeholder {{var:%s}}", all[0].Name, name)
		}
	}
	return nil
}

// usesVar reports whether a text has the placeholder of a variable, with or without
// a value of its own for it.
func usesVar(text []byte, name string) bool {
	for _, end := range []string{"}}", "|"} {
		if bytes.Contains(text, []byte("{{var:"+name+end)) {
			return true
		}
	}
	return false
}

// parseScale reads "1000x" or "1000".
func parseScale(text string) (float64, error) {
	scale, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || math.IsNaN(scale) || scale < 1 || scale > 1e6 {
		return 0, usagef("1000x lets a day pass in a minute and a half", "--time-scale: %s is not between 1x and 1000000x", quoteValue(text))
	}
	return scale, nil
}

func (f *fireFlags) fault() (simulator.Fault, error) {
	if f.Fault == "" {
		return "", nil
	}
	fault, err := simulator.ParseFault(f.Fault)
	if unknown, ok := errors.AsType[*simulator.FaultError](err); ok {
		hint := "see what there is: igloo fire --fault list"
		if unknown.Near != "" {
			hint = fmt.Sprintf("did you mean %q?", unknown.Near)
		}
		return "", usagef(hint, "--fault: no such fault %s", quoteValue(f.Fault))
	}
	if f.Retry {
		return "", usagef("leave one of them out", "--retry tries again what the app did not take; a --fault is for it to refuse")
	}
	return fault, err
}

// fixtures loads the built-in fixtures and the project's own. A folder that cannot
// be read whole gives what it could.
func (c *command) fixtures() *fixtures.Set {
	set, err := fixtures.Load(c.project.fixturesDir())
	if err != nil {
		fmt.Fprintf(c.stderr, "igloo: warning: %s\n", oneLine(err.Error()))
	}
	return set
}

// options turns the flags that change a payload into what the simulator takes.
func (f *fireFlags) options() (simulator.Options, error) {
	o := simulator.Options{
		Vars: map[string]string{}, Raw: f.Raw, Fresh: f.Fresh, Seed: f.Seed, Batch: f.Batch,
		Shape: simulator.Shape(f.Shape), Login: webhook.Login(f.Login), MessengerEscapes: f.Escapes,
	}
	if f.Batch < 1 || f.Batch > simulator.MaxBatch {
		return o, usagef("", "--batch: %d is not between 1 and %d", f.Batch, simulator.MaxBatch)
	}
	if f.Shape != string(simulator.Real) && f.Shape != string(simulator.Test) {
		return o, usagef("one of: real, test", "--shape: no such form %s", quoteValue(f.Shape))
	}
	logins := []string{"", string(webhook.InstagramLogin), string(webhook.FacebookLogin), string(webhook.Messenger)}
	if !slices.Contains(logins, f.Login) {
		return o, usagef("one of: instagram, facebook, messenger", "--login: no such product %s", quoteValue(f.Login))
	}
	for _, pair := range f.Var {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return o, usagef("write it as NAME=VALUE", "--var: %s has no =", quoteValue(pair))
		}
		o.Vars[name] = value
	}
	for _, kind := range []struct {
		flag  string
		op    simulator.Op
		items []string
	}{
		{"set", simulator.Set, f.Set},
		{"set-json", simulator.SetJSON, f.SetJSON},
		{"unset", simulator.Unset, f.Unset},
	} {
		for _, item := range kind.items {
			change, err := simulator.ParseChange(kind.op, item, f.Add)
			if err != nil {
				return o, usagef("write it as PATH=VALUE: --set text='is it vegan?'", "--%s: %s", kind.flag, err)
			}
			o.Changes = append(o.Changes, change)
		}
	}
	return o, nil
}

// checkRemote keeps a slip from reaching somebody else's machine.
func (f *fireFlags) checkRemote(order fireOrder, target *url.URL) error {
	if f.AllowRemote || loopback(target.Hostname()) {
		return nil
	}
	const hint = "add --allow-remote if that machine is yours"
	total := order.total()
	if order.Retry {
		total *= len(simulator.Tries())
	}
	switch {
	case order.Fault != "":
		return usagef(hint, "a faulty delivery to %s, which is another machine", target.Host)
	case total > maxRemote:
		return usagef(hint, "%d deliveries to %s, which is another machine", total, target.Host)
	}
	return nil
}
