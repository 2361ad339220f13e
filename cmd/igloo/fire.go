package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/simulator"
)

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
  igloo fire 'messages/*' --count 100 --rate 50
  igloo fire comments --fault wrong-signature
  igloo fire comments --retry --time-scale 1000x`,
		Args: func(_ *cobra.Command, args []string) error {
			if goOn := f.Retry && f.Print == "" && !f.Edit; len(args) == 0 && !goOn && f.Fault != listFaults {
				return usagef("see what there is: igloo fixtures list", "fire needs the name of a fixture")
			}
			return nil
		},
		ValidArgsFunction: b.completeFixtures,
	}
	f.register(c.Flags())
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		f.changed, f.toGiven = cmd.Flags().Changed, cmd.Flags().Changed("to")
		return c.fire(cmd.Context(), f, args)
	})
	return c
}

// listFaults is the word that is no fault: it lists them.
const listFaults = "list"

func (c *command) fire(ctx context.Context, f fireFlags, args []string) error {
	if f.Fault == listFaults {
		return c.listFaults()
	}
	order, err := c.order(f, args)
	if err != nil {
		return err
	}
	if f.Edit {
		if err := c.editOrder(ctx, &order); err != nil {
			return err
		}
	}
	switch {
	case f.Print != "":
		return c.printRequests(ctx, f, order)
	case f.toGiven:
		return c.fireTo(ctx, f, order)
	}
	return c.fireSession(ctx, f, order, args)
}

// fireSession has the session carry out an order. Without a fixture it goes on with the
// retries that were interrupted.
func (c *command) fireSession(ctx context.Context, f fireFlags, order fireOrder, args []string) error {
	if f.given() {
		return usagef("name your app: --to https://…", "%s is for --to: the session's callback URL on this machine speaks no TLS", f.first())
	}
	session, err := c.useSession(ctx)
	if errors.Is(err, errNoSession) && len(args) > 0 {
		return withHint(err, "start one in another terminal (igloo --forward-to 3000), or name your app: igloo fire "+args[0]+" --to http://localhost:3000/webhook")
	}
	if err != nil {
		return err
	}
	if target, err := simulator.ParseURL(session.info.Target); err == nil {
		if err := f.checkRemote(order, target); err != nil {
			return err
		}
	}
	order.Resume = len(args) == 0
	r := c.newReporter(order.total(), session.info.Target == "")
	r.order, r.kept = order, true
	stop := r.watch()
	err = session.order(ctx, "/fire", order, r.report)
	if stop(); err != nil {
		r.interrupted(ctx)
		return err
	}
	if order.Resume && r.done == 0 { // the session ended, or there was nothing
		fmt.Fprintln(c.stderr, "igloo: the session keeps no interrupted retries")
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

// faultLine is one fault of the list.
type faultLine struct {
	Type        string          `json:"type"` // "fault"
	Name        simulator.Fault `json:"name"`
	Description string          `json:"description"`
	Refuse      bool            `json:"refuse"` // whether a right app refuses it
}

func (c *command) listFaults() error {
	lines := &lineWriter{out: c.stdout}
	for _, fault := range simulator.Faults() {
		line := faultLine{"fault", fault, fault.Description(), fault.ToRefuse()}
		if c.JSON {
			if err := lines.write(line); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(c.stdout, "%-16s %s\n", fault, fault.Description()); err != nil {
			return err
		}
	}
	return nil
}
