package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tunnel"
)

// subscribeListFlags are the flags of subscribe list.
type subscribeListFlags struct {
	graphFlags
	loginFlags
	Fields []string
	DryRun bool
	Force  bool
}

func (b builder) subscribeList() *cobra.Command {
	var flags subscribeListFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "Say what Meta would send, what not, and why",
		Long: `Say what the app and the account are subscribed to, and of each field whether its events
would arrive. With --fields only those, and exit code 3 when one would not arrive.

The app's part needs --app-id and its secret, the account's part IGLOO_ACCESS_TOKEN;
what is not given is said to be unknown.`,
		Example: `  igloo subscribe list
  igloo subscribe list --fields comments,messages
  igloo subscribe list --login messenger --json`,
		Args: cobra.NoArgs,
	}
	flags.graphFlags.register(c.Flags())
	flags.loginFlags.register(c.Flags())
	c.Flags().StringSliceVar(&flags.Fields, "fields", nil, "only `FIELD,…`; exit code 3 when one would not arrive")
	c.Flags().BoolVar(&flags.DryRun, "dry-run", false, "print the calls without secrets, send nothing")
	c.Flags().BoolVar(&flags.Force, "force", false, "send also a token that igloo thinks is of another login")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		g, err := c.openGraph(flags.graphFlags, flags.DryRun)
		if err != nil {
			return err
		}
		defer g.close()
		return g.list(cmd.Context(), flags)
	})
	return c
}

func (g *graphCalls) list(ctx context.Context, flags subscribeListFlags) error {
	fields := fieldList(flags.Fields)
	if err := checkFields(fields, appFields(), "of Instagram"); err != nil {
		return err
	}
	app, appErr := g.app()
	account, login, accErr := g.account(flags.loginFlags, flags.Force)
	if _, wrong := errors.AsType[*usageError](accErr); wrong || accErr != nil && !g.secrets.AccessToken.Empty() {
		return accErr // a token that cannot work is for the user to change
	}
	if appErr != nil && accErr != nil {
		return withHint(errors.New("neither the app nor the account is known"), "set IGLOO_ACCESS_TOKEN for the account; --app-id and IGLOO_APP_SECRET=meta=… for the app")
	}
	if flags.DryRun {
		return g.showList(app, appErr, account, accErr)
	}
	h := &held{login: login, appErr: appErr, accErr: accErr, here: g.here(ctx)}
	lines := append(g.readApp(ctx, app, h), g.readAccount(ctx, account, h)...)
	switch _, notGiven := errors.AsType[*usageError](h.appErr); {
	case ctx.Err() != nil:
		return ctx.Err()
	case h.accErr != nil && notGiven:
		return h.accErr
	case h.accErr != nil && h.appErr != nil:
		return h.appErr
	}
	for _, line := range lines {
		if err := g.tell(line); err != nil {
			return err
		}
	}
	g.sayUnknown("app", h.appErr)
	g.sayUnknown("account", h.accErr)
	return g.listArrivals(h, fields)
}

func (g *graphCalls) showList(app graph.App, appErr error, account graph.Account, accErr error) error {
	var calls []graph.Call
	if appErr == nil {
		calls = append(calls, app.Read())
	}
	if accErr == nil {
		calls = append(calls, account.Read())
		if account.Host == graph.Instagram {
			calls = append(calls, account.Profile())
		}
	}
	return g.show(calls...)
}

// here is the callback URL of this project's session, to compare Meta's with.
func (g *graphCalls) here(ctx context.Context) string {
	session, err := g.findSession(ctx)
	if err != nil || session.foreign {
		return ""
	}
	return session.info.CallbackURL
}

// readApp asks for the app's subscriptions; when they are not to be had, h says why.
func (g *graphCalls) readApp(ctx context.Context, app graph.App, h *held) (lines []*subscriptionLine) {
	if h.appErr != nil {
		return nil
	}
	subs, err := g.client.AppSubscriptions(ctx, app)
	h.appErr = appSecretHint(err)
	for _, s := range subs {
		slices.Sort(s.Fields)
		if s.Object == onInstagram {
			h.app = s
		}
		lines = append(lines, newAppLine(app, s))
	}
	return lines
}

// readAccount asks for the account's subscription; when it is not to be had, h says why.
func (g *graphCalls) readAccount(ctx context.Context, account graph.Account, h *held) []*subscriptionLine {
	if h.accErr != nil {
		return nil
	}
	subs, err := g.client.AccountSubscriptions(ctx, account)
	if h.accErr = err; err != nil {
		return nil
	}
	line := &subscriptionLine{Level: levelAccount, Login: h.login, Account: account.Node, App: g.flags.AppID, Fields: g.ownFields(subs)}
	h.account = line.Fields
	if who, err := g.profile(ctx, account); err == nil {
		line.Username = who.Username
		line.Account = cmp.Or(who.UserID, line.Account)
	} // else it stays "me": that nobody says its name takes nothing away
	return []*subscriptionLine{line}
}

// sayUnknown says why a part of the picture is missing.
func (g *graphCalls) sayUnknown(what string, err error) {
	if err == nil {
		return
	}
	text := oneLine(err.Error())
	if hint := hintOf(err); hint != "" {
		text += "; " + hint
	}
	fmt.Fprintf(g.stderr, "igloo: warning: the %s's subscription is not known: %s\n", what, text)
}

// hintOf is what to do about an error, "" when nobody knows.
func hintOf(err error) string {
	if hinted, ok := errors.AsType[*hintedError](err); ok {
		return hinted.hint
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage.hint
	}
	if fatal, ok := errors.AsType[*tunnel.FatalError](err); ok {
		return fatal.Hint
	}
	if token, ok := errors.AsType[*graph.TokenError](err); ok {
		return token.Fix
	}
	if refused, ok := graphRefusal(err); ok {
		return refused.Fix
	}
	if _, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return hintOffline
	}
	return ""
}

// graphRefusal is the refusal by Meta in an error.
func graphRefusal(err error) (*graph.Error, bool) { return errors.AsType[*graph.Error](err) }

// listArrivals prints a line a field.
func (g *graphCalls) listArrivals(h *held, fields []string) error {
	shown := h.worthListing()
	if len(fields) > 0 {
		shown = nil
		for _, name := range fields {
			f, _ := webhook.LookupField(name)
			shown = append(shown, f)
		}
	}
	var arrivals []arrival
	missing := 0
	for _, f := range shown {
		a := h.judge(f)
		if a.Arrives != arrivesYes {
			missing++
		}
		arrivals = append(arrivals, a)
	}
	if err := g.printArrivals(arrivals, h); err != nil {
		return err
	}
	if len(fields) > 0 && missing > 0 {
		return &answerNoError{plural(missing, "field", "fields") + " would not arrive, or nobody knows"}
	}
	return nil
}

func (g *graphCalls) printArrivals(arrivals []arrival, h *held) error {
	if g.JSON {
		for _, a := range arrivals {
			if err := g.print(a); err != nil {
				return err
			}
		}
		return nil
	}
	width := 0
	for _, a := range arrivals {
		width = max(width, len(a.Field))
	}
	marks := map[string]string{arrivesYes: "✓", arrivesNo: "✗", arrivesUnknown: "?"}
	var b strings.Builder
	for _, a := range arrivals {
		fmt.Fprintf(&b, "%s %-*s  %s\n", marks[a.Arrives], width, a.Field, clean(a.Text))
	}
	if _, err := fmt.Fprint(g.stdout, b.String()); err != nil {
		return err
	}
	for _, hint := range nextSteps(arrivals, h.app.Fields) {
		fmt.Fprintf(g.stderr, "igloo: hint: %s\n", clean(hint))
	}
	fmt.Fprintln(g.stderr, "igloo: what nobody can ask from here: whether the app is live, has Advanced Access, and the account allows access to messages")
	return nil
}

// nextSteps are the commands that would turn on what is off, each once.
func nextSteps(arrivals []arrival, on []string) []string {
	var steps []string
	for _, a := range arrivals {
		next := a.Next
		if a.Code == "app_field_off" {
			next = appHint(arrivals, on)
		}
		if next != "" && a.Code != "not_for_login" && !slices.Contains(steps, next) {
			steps = append(steps, next)
		}
	}
	return steps
}
