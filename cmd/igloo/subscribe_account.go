package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// accountFlags are the flags of subscribe account.
type accountFlags struct {
	graphFlags
	loginFlags
	Fields []string
	Remove bool
	DryRun bool
	Force  bool
}

func (b builder) subscribeAccount() *cobra.Command {
	var flags accountFlags
	c := &cobra.Command{
		Use:   "account",
		Short: "Subscribe an account to the app, so that Meta sends its events",
		Long: `Subscribe the account that IGLOO_ACCESS_TOKEN belongs to, or one it may manage. Meta sends
an account's events only when the account is subscribed and the field is on at the app
(igloo subscribe app). The subscription is read back, and what the change did is shown.

With facebook and messenger it is the Facebook Page that is subscribed, with a field of
its own; the fields of Instagram are turned on at the app alone.`,
		Example: `  igloo subscribe account
  igloo subscribe account --fields comments,messages --dry-run
  igloo subscribe account --login facebook --account 108000000000001
  igloo subscribe account --remove`,
		Args: cobra.NoArgs,
	}
	flags.graphFlags.register(c.Flags())
	flags.loginFlags.register(c.Flags())
	c.Flags().StringSliceVar(&flags.Fields, "fields", nil, "subscribe to `FIELD,…`; else the usual ones")
	c.Flags().BoolVar(&flags.Remove, "remove", false, "end the subscription")
	c.Flags().BoolVar(&flags.DryRun, "dry-run", false, "print the calls without secrets, send nothing")
	c.Flags().BoolVar(&flags.Force, "force", false, "send also fields and tokens that igloo thinks are wrong")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		g, err := c.openGraph(flags.graphFlags, flags.DryRun)
		if err != nil {
			return err
		}
		defer g.close()
		return g.subscribeAccount(cmd.Context(), flags)
	})
	return c
}

func (g *graphCalls) subscribeAccount(ctx context.Context, flags accountFlags) error {
	a, login, err := g.account(flags.loginFlags, flags.Force)
	if err != nil {
		return err
	}
	fields := fieldList(flags.Fields)
	change := a.Unsubscribe()
	switch {
	case flags.Remove && len(fields) > 0:
		return usagef("leave --fields away, or subscribe again to the fields that shall stay", "an account's subscription ends as a whole")
	case !flags.Remove:
		if len(fields) == 0 {
			fields = defaultFields(login)
		}
		if !flags.Force {
			if err := checkAccountFields(fields, login); err != nil {
				return err
			}
		}
		change = a.Subscribe(fields)
	}
	if flags.DryRun {
		return g.show(a.Read(), change, a.Read())
	}
	before, err := g.client.AccountSubscriptions(ctx, a)
	if err != nil {
		return err
	}
	if err := g.client.Do(ctx, change); err != nil {
		return refusedField(err)
	}
	after, err := g.client.AccountSubscriptions(ctx, a)
	if err != nil {
		return fmt.Errorf("the change is made, but: %w", err)
	}
	line := &subscriptionLine{Level: levelAccount, Login: login, Account: a.Node, App: g.flags.AppID, Fields: g.ownFields(after)}
	line.compare(g.ownFields(before), fields)
	if err := g.tell(line); err != nil {
		return err
	}
	return g.sayDifference(line, flags.Remove)
}

// ownFields returns the fields an account is subscribed to for our app, or for any
// when nobody said which app is ours.
func (g *graphCalls) ownFields(subs []graph.AccountSubscription) []string {
	var out []string
	for _, s := range subs {
		if s.AppID == "" || g.flags.AppID == "" || s.AppID == g.flags.AppID {
			out = append(out, without(s.Fields, out)...)
		}
	}
	slices.Sort(out)
	return out
}

// sayDifference ends a command whose change is not what was asked for.
func (g *graphCalls) sayDifference(line *subscriptionLine, removed bool) error {
	switch {
	case removed && len(line.Fields) > 0 && (line.Login == webhook.InstagramLogin || line.App != ""): // else they may be other apps'
		return &answerNoError{"Meta says that it is removed, and still lists it"}
	case removed:
		return nil
	case len(line.Missing) > 0:
		return &answerNoError{"Meta says that it is done, and does not list " + strings.Join(line.Missing, ", ")}
	case len(line.Gone) > 0:
		fmt.Fprintf(g.stderr, "igloo: warning: the new list replaced the old one; to keep %s, name them in --fields too\n", strings.Join(line.Gone, ", "))
	}
	return nil
}

// refusedField adds what was probably meant to Meta's refusal of a field, from the
// names that Meta itself lists.
func refusedField(err error) error {
	refused, ok := errors.AsType[*graph.Error](err)
	if !ok || refused.Field == "" {
		return err
	}
	hint := fieldHint(refused.Field, refused.Accepted)
	if _, known := webhook.FindField(refused.Field); !known {
		hint = nearestHint(refused.Field, refused.Accepted, "Meta takes: "+strings.Join(refused.Accepted, ", "))
	}
	return withHint(err, hint)
}
