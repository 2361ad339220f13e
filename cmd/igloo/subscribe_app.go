package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// appFlags are the flags of subscribe app.
type appFlags struct {
	graphFlags
	CallbackURL   string
	Fields        []string
	IncludeValues bool
	Remove        bool
	DryRun        bool
	Force         bool
}

func (b builder) subscribeApp() *cobra.Command {
	var flags appFlags
	c := &cobra.Command{
		Use:   "app",
		Short: "Give Meta the callback URL and the fields of the app",
		Long: `Register the callback URL, the verify token and the fields of the app, as the App Dashboard
does. The callback URL is the public one of the running session. Meta sends its
verification request at once; its arrival and igloo's answer are shown as they happen.
The subscription is read back, and what the change did is shown.

An app has one callback URL for Instagram: registering here takes it from wherever it
was. Without --fields the app keeps the fields it has, a new one gets the usual ones.

It takes the id of the Meta app (--app-id) and its secret (IGLOO_APP_SECRET=meta=…).`,
		Example: `  igloo subscribe app --app-id 1209876543210987
  igloo subscribe app --fields comments,messages --dry-run
  igloo subscribe app --callback-url https://bakery.example/webhook
  igloo subscribe app --remove --fields messages`,
		Args: cobra.NoArgs,
	}
	flags.register(c.Flags())
	c.Flags().StringVar(&flags.CallbackURL, "callback-url", "", "register this `URL`; else the public one of the session")
	c.Flags().StringSliceVar(&flags.Fields, "fields", nil, "subscribe to `FIELD,…`; else what is on already")
	c.Flags().BoolVar(&flags.IncludeValues, "include-values", true, "ask for the changed values, not only their names")
	c.Flags().BoolVar(&flags.Remove, "remove", false, "turn --fields off, without them end the subscription")
	c.Flags().BoolVar(&flags.DryRun, "dry-run", false, "print the calls without secrets, send nothing")
	c.Flags().BoolVar(&flags.Force, "force", false, "send also fields that igloo does not know")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		g, err := c.openGraph(flags.graphFlags, flags.DryRun)
		if err != nil {
			return err
		}
		defer g.close()
		return g.subscribeApp(cmd.Context(), flags)
	})
	return c
}

func (g *graphCalls) subscribeApp(ctx context.Context, flags appFlags) error {
	a, err := g.app()
	if err != nil {
		return err
	}
	fields := fieldList(flags.Fields)
	if !flags.Force {
		if err := checkFields(fields, appFields(), "of Instagram that an app can subscribe to"); err != nil {
			return err
		}
	}
	if flags.Remove {
		return g.removeApp(ctx, a, fields)
	}
	to, err := g.destination(ctx, flags)
	if err != nil {
		return err
	}
	register := graph.Registration{
		Object: onInstagram, CallbackURL: to.url, VerifyToken: to.token, Fields: fields, IncludeValues: flags.IncludeValues,
	}
	if flags.DryRun {
		if len(fields) == 0 {
			register.Fields = defaultFields(webhook.InstagramLogin)
			fmt.Fprintln(g.stderr, "igloo: the fields are those of a new app; an app that has fields keeps them")
		}
		return g.show(a.Read(), a.Register(register), a.Read())
	}
	before, err := g.appSubscription(ctx, a)
	if err != nil {
		return appSecretHint(err)
	}
	if len(fields) == 0 {
		if register.Fields = before.Fields; len(before.Fields) == 0 {
			register.Fields = defaultFields(webhook.InstagramLogin)
		}
	}
	g.sayMove(before.CallbackURL, to.url)
	if err := g.register(ctx, a, register, to); err != nil {
		return err
	}
	return g.readBackApp(ctx, a, before, register)
}

// sayMove tells where deliveries came until now, as they stop coming there.
func (g *graphCalls) sayMove(from, to string) {
	if from != "" && from != to {
		fmt.Fprintf(g.stderr, "igloo: the callback URL was %s until now\n", oneLine(from))
	}
}

// readBackApp shows what Meta holds after a registration.
func (g *graphCalls) readBackApp(ctx context.Context, a graph.App, before graph.AppSubscription, asked graph.Registration) error {
	after, err := g.appSubscription(ctx, a)
	if err != nil {
		return fmt.Errorf("the change is made, but: %w", err)
	}
	line := newAppLine(a, after)
	line.compare(before.Fields, asked.Fields)
	if err := g.tell(line); err != nil {
		return err
	}
	switch {
	case after.CallbackURL != asked.CallbackURL:
		return &answerNoError{fmt.Sprintf("Meta says that it is done, and lists the callback URL %s", quoteValue(after.CallbackURL))}
	case !after.Active:
		return &answerNoError{"Meta says that it is done, and lists the subscription as not active"}
	}
	return g.sayDifference(line, false)
}

func newAppLine(a graph.App, s graph.AppSubscription) *subscriptionLine {
	return &subscriptionLine{
		Level: levelApp, App: a.ID, Object: s.Object, CallbackURL: s.CallbackURL, Active: &s.Active, Fields: s.Fields,
	}
}

// removeApp turns fields off, or ends the subscription.
func (g *graphCalls) removeApp(ctx context.Context, a graph.App, fields []string) error {
	change := a.Remove(onInstagram, fields...)
	if g.dryRun {
		return g.show(a.Read(), change, a.Read())
	}
	before, err := g.appSubscription(ctx, a)
	if err != nil {
		return appSecretHint(err)
	}
	if err := g.client.Do(ctx, change); err != nil {
		return err
	}
	after, err := g.appSubscription(ctx, a)
	if err != nil {
		return fmt.Errorf("the change is made, but: %w", err)
	}
	line := newAppLine(a, after)
	line.compare(before.Fields, nil)
	if err := g.tell(line); err != nil {
		return err
	}
	if len(fields) == 0 {
		fields = before.Fields
	}
	if still := without(fields, without(fields, after.Fields)); len(still) > 0 {
		return &answerNoError{"Meta says that it is removed, and still lists " + strings.Join(still, ", ")}
	}
	return nil
}

// appSubscription is the app's subscription to Instagram; without one it has no
// callback URL and no fields.
func (g *graphCalls) appSubscription(ctx context.Context, a graph.App) (graph.AppSubscription, error) {
	subs, err := g.client.AppSubscriptions(ctx, a)
	if err != nil {
		return graph.AppSubscription{}, err
	}
	for _, s := range subs {
		if s.Object == onInstagram {
			slices.Sort(s.Fields)
			return s, nil
		}
	}
	return graph.AppSubscription{Object: onInstagram}, nil
}

// appSecretHint explains a refused token of an app: igloo makes it from id and secret.
func appSecretHint(err error) error {
	if refused, ok := errors.AsType[*graph.Error](err); ok && refused.BadToken() {
		return withHint(err, "the app's token is its id and the Meta app secret: check --app-id, and IGLOO_APP_SECRET=meta=… (App Dashboard, App settings, Basic; not the Instagram app secret)")
	}
	return err
}

// destination is where the app's deliveries shall go.
type destination struct {
	url     string
	token   secret.Value // verify token
	session *remote      // whose journal shows the verification request; nil without one
}

// destination asks the session for its callback URL, unless the user named one.
func (g *graphCalls) destination(ctx context.Context, flags appFlags) (destination, error) {
	to := destination{url: flags.CallbackURL}
	var err error
	if to.url == "" {
		to.session, err = g.useSession(ctx)
		if errors.Is(err, errNoSession) {
			return to, withHint(err, "start one with a public URL, or name another's: --callback-url https://…")
		}
	} else if to.session, err = g.findSession(ctx); err != nil || to.session.foreign {
		to.session, err = nil, nil // somebody else answers then
	}
	if err != nil {
		return to, err
	}
	if to.url == "" {
		if to.url = to.session.info.CallbackURL; to.url == "" {
			return to, withHint(errors.New("the session has no public URL"), "open one: press p in igloo's UI, or start igloo with --tunnel; or name one: --callback-url https://…")
		}
	}
	if err := checkCallbackURL(to.url, strings.HasPrefix(flags.FacebookURL, "http:")); err != nil {
		return to, err
	}
	to.token, err = g.sessionVerifyToken(to.session)
	return to, err
}

// checkCallbackURL refuses what Meta would refuse. A stand-in for Meta on this machine
// may take plain HTTP.
func checkCallbackURL(text string, plain bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return usagef("a whole URL: --callback-url https://bakery.example/webhook", "%s is not a callback URL", quoteValue(text))
	case u.Scheme != "https" && (u.Scheme != "http" || !plain):
		return usagef("a public URL: --callback-url https://bakery.example/webhook", "Meta sends to https only, not to %s", quoteValue(text))
	}
	return nil
}

// sessionVerifyToken is the user's verify token, else the one igloo made for the
// project of the session.
func (g *graphCalls) sessionVerifyToken(session *remote) (secret.Value, error) {
	if token := g.secrets.VerifyToken; !token.Empty() {
		return token, nil
	}
	if g.dryRun {
		return secret.New(secret.Redacted), nil // it would not be shown, and need not exist
	}
	p := g.project
	if session != nil {
		p.DataDir = session.info.DataDir
	}
	if err := p.create(); err != nil {
		return secret.Value{}, err
	}
	return p.verifyToken()
}
