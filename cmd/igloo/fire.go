package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// maxRemote is how many deliveries go to a host that is not this machine without
// --allow-remote.
const maxRemote = 10

type fireFlags struct {
	To          string
	toGiven     bool // even as "", which is a variable that was not set
	Set         []string
	Unset       []string
	SetJSON     []string
	Add         bool
	Var         []string
	Seed        uint64
	Shape       string
	Login       string
	Raw         bool
	Fresh       bool
	Messenger   bool
	Count       int
	Rate        float64
	Concurrency int
	Print       string
	AllowRemote bool
}

func (b builder) fire() *cobra.Command {
	var f fireFlags
	c := &cobra.Command{
		Use:     "fire FIXTURE…",
		Aliases: []string{"trigger"},
		Short:   "Deliver signed fixtures, as Meta would, to the session or a URL",
		Long: `Deliver signed fixtures, as Meta would, to the running session or to a URL.

A FIXTURE is a name (igloo fixtures list), a pattern such as 'messages/*', or a file:
an argument with an extension or starting with ./ is a file. The session signs it and
sends it through its own callback URL; the command waits for your app's answer.`,
		Example: `  igloo fire comments
  igloo fire messages/image --to http://localhost:3000/webhook
  igloo fire comments --set text='is it vegan?' --set from.username=ada
  igloo fire 'messages/*' --count 100 --rate 50`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("see what there is: igloo fixtures list", "fire needs the name of a fixture")
			}
			return nil
		},
		ValidArgsFunction: b.completeFixtures,
	}
	flags := c.Flags()
	flags.StringVar(&f.To, "to", "", "deliver straight to `URL` instead of the session")
	flags.StringArrayVar(&f.Set, "set", nil, "set a value of the payload: `PATH=VALUE` (repeatable)")
	flags.StringArrayVar(&f.Unset, "unset", nil, "take a value out: `PATH` (repeatable)")
	flags.StringArrayVar(&f.SetJSON, "set-json", nil, "set a value of any type: `PATH=JSON` (repeatable)")
	flags.BoolVar(&f.Add, "add", false, "let --set add paths the payload does not have")
	flags.StringArrayVar(&f.Var, "var", nil, "value of a placeholder {{var:NAME}}: `NAME=VALUE` (repeatable)")
	flags.Uint64Var(&f.Seed, "seed", 0, "same ids, times and bytes every run for the same `N`")
	flags.StringVar(&f.Shape, "shape", "real", "`FORM`: real, or test as the dashboard's Test button sends")
	flags.StringVar(&f.Login, "login", "", "imitate `PRODUCT`: instagram, facebook or messenger")
	flags.BoolVar(&f.Raw, "raw", false, "send the file's bytes untouched")
	flags.BoolVar(&f.Fresh, "fresh", false, "give a captured body new ids and times")
	flags.BoolVar(&f.Messenger, "messenger-escapes", false, "also escape <, @ and %, as reported for Facebook Pages")
	flags.IntVar(&f.Count, "count", 1, "deliver each fixture `N` times")
	flags.Float64Var(&f.Rate, "rate", 0, "deliver `N` a second at most")
	flags.IntVar(&f.Concurrency, "concurrency", 1, "deliver `N` at once")
	flags.StringVar(&f.Print, "print", "", "print what would be sent as `FORMAT` (http, curl, json) and send nothing")
	flags.BoolVar(&f.AllowRemote, "allow-remote", false, "allow more than 10 deliveries to another machine")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		f.toGiven = cmd.Flags().Changed("to")
		return c.fire(cmd.Context(), f, args)
	})
	return c
}

// order reads the flags and fixtures of a fire.
func (c *command) order(f fireFlags, args []string) (fireOrder, error) {
	order := fireOrder{Count: f.Count, Rate: f.Rate, Concurrency: f.Concurrency, Seed: f.Seed}
	switch {
	case f.Count < 1:
		return order, usagef("", "--count: %d is less than 1", f.Count)
	case f.Concurrency < 1 || f.Concurrency > 512:
		return order, usagef("", "--concurrency: %d is not between 1 and 512", f.Concurrency)
	case f.Rate < 0:
		return order, usagef("", "--rate: %g is less than 0", f.Rate)
	}
	var err error
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
			if one.Err != nil && !f.Raw {
				return order, one.Err
			}
			order.Fixtures = append(order.Fixtures, one)
		}
	}
	return order, nil
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
		Vars: map[string]string{}, Raw: f.Raw, Fresh: f.Fresh, Seed: f.Seed,
		Shape: simulator.Shape(f.Shape), Login: webhook.Login(f.Login), MessengerEscapes: f.Messenger,
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

func (c *command) fire(ctx context.Context, f fireFlags, args []string) error {
	order, err := c.order(f, args)
	if err != nil {
		return err
	}
	switch {
	case f.Print != "":
		return c.printRequests(f, order)
	case f.toGiven:
		return c.fireTo(ctx, f, order)
	}
	session, err := c.useSession(ctx)
	if errors.Is(err, errNoSession) {
		return withHint(err, "start one in another terminal (igloo --forward-to 3000), or name your app: igloo fire "+args[0]+" --to http://localhost:3000/webhook")
	}
	if err != nil {
		return err
	}
	r := c.newReporter(len(order.Fixtures)*order.Count, session.info.Target == "")
	if err := session.order(ctx, "/fire", order, r.report); err != nil {
		r.interrupted(ctx)
		return err
	}
	return r.end()
}

// changeError makes wrong usage of a path that the fixture does not have.
func changeError(err error) error {
	if _, ok := errors.AsType[*simulator.ChangeError](err); ok {
		return usagef("see its payload: igloo fixtures show NAME; --add adds new paths", "%s", err)
	}
	return err
}

// fireTo delivers straight to a URL, without a session.
func (c *command) fireTo(ctx context.Context, f fireFlags, order fireOrder) error {
	target, err := simulator.ParseURL(f.To)
	if err != nil {
		return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
	}
	total := len(order.Fixtures) * order.Count
	if total > maxRemote && !loopback(target.Hostname()) && !f.AllowRemote {
		return usagef("add --allow-remote if that machine is yours", "%d deliveries to %s, which is another machine", total, target.Host)
	}
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	client, err := simulator.NewClient(simulator.ClientConfig{})
	if err != nil {
		return err
	}
	defer client.Close()
	r := c.newReporter(total, false)
	err = order.each(ctx, nil, func(ctx context.Context, request *simulator.Request) {
		key, _ := keys.For(request.Login)
		request.Sign(key.Value)
		r.report(fireStraight(ctx, client, target, request))
	})
	if err != nil {
		r.interrupted(ctx)
		return changeError(err)
	}
	return r.end()
}

func fireStraight(ctx context.Context, client *simulator.Client, target *url.URL, request *simulator.Request) outcome {
	out := outcome{Type: "fired", Name: request.Fixture, Sent: true, Target: target.Redacted()}
	response, err := client.Send(ctx, target, request)
	if err != nil {
		out.Err = err.Error()
		return out
	}
	out.Status, out.took, out.TookMS = response.Status, response.Took, millis(response.Took)
	return out
}

// keyring is what signs without a session: the user's secrets, else the project's
// development secret.
func (c *command) keyring() (*webhook.Keyring, error) {
	s, err := c.loadSecrets()
	if err != nil {
		return nil, err
	}
	if len(s.App) > 0 {
		return webhook.NewKeyring(s.App...)
	}
	if err := c.project.create(); err != nil {
		return nil, err
	}
	own, err := c.project.developmentSecret()
	if err != nil {
		return nil, err
	}
	return webhook.NewKeyring(webhook.AppSecret{Name: webhook.DevelopmentSecret, Value: own})
}

// printRequests prints what would be sent.
func (c *command) printRequests(f fireFlags, order fireOrder) error {
	target, err := simulator.ParseURL(cmp.Or(f.To, "http://127.0.0.1:4456/webhook"))
	if err != nil {
		return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
	}
	if !slices.Contains([]string{"http", "curl", "json"}, f.Print) {
		return usagef("one of: http, curl, json", "--print: no such format %s", quoteValue(f.Print))
	}
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	var failed error
	order.Concurrency = 1
	err = order.each(context.Background(), nil, func(_ context.Context, request *simulator.Request) {
		key, _ := keys.For(request.Login)
		request.Sign(key.Value)
		if failed == nil {
			failed = printRequest(c.stdout, f.Print, target, request)
		}
	})
	return errors.Join(changeError(err), failed)
}

// printRequest writes a request in a form for people, a shell or a program.
func printRequest(w io.Writer, format string, target *url.URL, request *simulator.Request) error {
	var text []byte
	var err error
	switch format {
	case "http":
		text, err = request.AppendHTTP(nil, target)
	case "curl":
		var command string
		command, err = request.Curl(target)
		text = []byte(command)
	default:
		text, err = request.MarshalRequest(target)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
