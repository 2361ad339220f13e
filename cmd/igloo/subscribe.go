package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// graphFlags say which app is meant and where the Graph API is. The environment and
// the user's configuration can set them too.
type graphFlags struct {
	AppID        string
	FacebookURL  string
	InstagramURL string
	Version      string
}

func (f *graphFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.AppID, "app-id", "", "`ID` of the app in the App Dashboard")
	flags.StringVar(&f.FacebookURL, "graph-facebook-url", "", "base `URL` instead of https://graph.facebook.com")
	flags.StringVar(&f.InstagramURL, "graph-instagram-url", "", "base `URL` instead of https://graph.instagram.com")
	flags.StringVar(&f.Version, "graph-version", graph.DefaultVersion, "`VERSION` of the Graph API")
}

// loginFlags say whose subscription is meant.
type loginFlags struct {
	Login   string
	Account string
}

func (f *loginFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.Login, "login", "", "`PRODUCT`: instagram, facebook or messenger; else told by the token")
	flags.StringVar(&f.Account, "account", "me", "`ID` of the account, of its Page with facebook and messenger")
}

func (b builder) subscribe() *cobra.Command {
	return b.group("subscribe", "Subscribe the app and the account through the Graph API", b.subscribeApp(), b.subscribeAccount(), b.subscribeList())
}

// graphCalls is what the subscribe commands work with.
type graphCalls struct {
	*command
	client  *graph.Client
	secrets secrets
	flags   graphFlags
	dryRun  bool
}

func (c *command) openGraph(flags graphFlags, dryRun bool) (*graphCalls, error) {
	s, err := c.loadSecrets()
	if err != nil {
		return nil, err
	}
	client, err := graph.New(graph.Config{FacebookURL: flags.FacebookURL, InstagramURL: flags.InstagramURL, Version: flags.Version})
	if err != nil {
		return nil, usagef("leave --graph-facebook-url, --graph-instagram-url and --graph-version away to speak to Meta", "%s", err)
	}
	if flags.AppID != "" && !digits.MatchString(flags.AppID) {
		return nil, usagef("the App Dashboard shows it at the top: a number of 15 or 16 digits", "the app id %s is no number", quoteValue(flags.AppID))
	}
	return &graphCalls{command: c, client: client, secrets: s, flags: flags, dryRun: dryRun}, nil
}

var digits = regexp.MustCompile(`^[0-9]{1,30}$`)

// close ends the connections, and says when Meta is about to refuse more calls.
func (g *graphCalls) close() {
	g.client.Close()
	if used := g.client.Usage().Highest(); used >= 75 {
		fmt.Fprintf(g.stderr, "igloo: warning: the app has used up %d %% of the calls Meta allows it, see x-app-usage in Meta's documentation\n", used)
	}
}

// app is the app that is meant, with its Meta app secret.
func (g *graphCalls) app() (graph.App, error) {
	if g.flags.AppID == "" {
		return graph.App{}, usagef("give --app-id, IGLOO_APP_ID or app_id: in "+configFile+"; the App Dashboard shows it at the top", "no app id is known")
	}
	key, ok := g.appSecret(webhook.FacebookLogin)
	if !ok {
		return graph.App{}, usagef("set IGLOO_APP_SECRET=meta=…: App Dashboard, App settings, Basic", "no Meta app secret is known, and the app's calls need it")
	}
	return graph.App{ID: g.flags.AppID, Secret: key}, nil
}

// appSecret is the app secret of a product: the one named after it, else the only one
// when it has no name.
func (g *graphCalls) appSecret(login webhook.Login) (secret.Value, bool) {
	for _, key := range g.secrets.App {
		if key.Name == login.SecretName() {
			return key.Value, true
		}
	}
	if len(g.secrets.App) == 1 && strings.HasPrefix(g.secrets.App[0].Name, "#") {
		return g.secrets.App[0].Value, true
	}
	return secret.Value{}, false
}

// loginNames are the products by the words of --login.
var loginNames = []struct {
	login webhook.Login
	name  string
}{
	{webhook.InstagramLogin, "Instagram Login"},
	{webhook.FacebookLogin, "Facebook Login"},
	{webhook.Messenger, "Messenger Platform"},
}

func loginName(login webhook.Login) string {
	for _, l := range loginNames {
		if l.login == login {
			return l.name
		}
	}
	return ""
}

// account is the account that is meant, with the product it is connected by. Its token
// is looked at before anything is sent, unless force says not to mind.
func (g *graphCalls) account(flags loginFlags, force bool) (graph.Account, webhook.Login, error) {
	login := webhook.Login(flags.Login)
	token := g.secrets.AccessToken
	if login == "" {
		login = webhook.InstagramLogin
		if host, ok := graph.HostOf(token); ok && host == graph.Facebook {
			login = webhook.FacebookLogin
		}
	}
	if loginName(login) == "" {
		return graph.Account{}, "", usagef("one of: instagram, facebook, messenger", "--login: no such choice %s", quoteValue(flags.Login))
	}
	if flags.Account != "me" && !digits.MatchString(flags.Account) {
		return graph.Account{}, "", usagef("the account of the token: --account me", "--account: %s is neither me nor an id", quoteValue(flags.Account))
	}
	a := graph.Account{Host: graph.Facebook, Node: flags.Account, Token: token}
	if login == webhook.InstagramLogin {
		a.Host = graph.Instagram
	}
	a.Secret, _ = g.appSecret(login)
	err := graph.CheckToken(token, a.Host)
	if force && !token.Empty() {
		err = nil
	}
	return a, login, err
}

// callLine is a call of a dry run.
type callLine struct {
	Type   string   `json:"type"` // "call"
	Method string   `json:"method"`
	URL    string   `json:"url"`
	Header []string `json:"header"`
	Body   string   `json:"body,omitempty"`
}

// show prints calls instead of sending them.
func (g *graphCalls) show(calls ...graph.Call) error {
	for i, call := range calls {
		s := g.client.Show(call)
		if g.JSON {
			if err := g.print(callLine{"call", s.Method, s.URL, s.Header, s.Body}); err != nil {
				return err
			}
			continue
		}
		text := s.String()
		if i > 0 {
			text = "\n" + text
		}
		if _, err := fmt.Fprint(g.stdout, text); err != nil {
			return err
		}
	}
	return nil
}

func (g *graphCalls) print(line any) error { return (&lineWriter{out: g.stdout}).write(line) }

// subscriptionLine is a subscription as Meta holds it, read back after a change.
type subscriptionLine struct {
	Type        string        `json:"type"`  // "subscription"
	Level       string        `json:"level"` // "app" or "account"
	App         string        `json:"app,omitempty"`
	Login       webhook.Login `json:"login,omitempty"`
	Account     string        `json:"account,omitempty"`
	Username    string        `json:"username,omitempty"`
	Object      string        `json:"object,omitempty"`
	CallbackURL string        `json:"callback_url,omitempty"`
	Active      *bool         `json:"active,omitempty"`
	Fields      []string      `json:"fields"`
	Added       []string      `json:"added,omitempty"`   // there now, not before
	Gone        []string      `json:"gone,omitempty"`    // there before, not now
	Missing     []string      `json:"missing,omitempty"` // asked for, and not there
}

const (
	levelApp     = "app"
	levelAccount = "account"
)

// compare fills in what a change did.
func (l *subscriptionLine) compare(before, asked []string) {
	l.Added, l.Gone, l.Missing = without(l.Fields, before), without(before, l.Fields), without(asked, l.Fields)
}

// text is the line for people.
func (l *subscriptionLine) text() string {
	var b strings.Builder
	if l.Level == levelApp {
		fmt.Fprintf(&b, "app %s, object %s", l.App, l.Object)
	} else {
		fmt.Fprintf(&b, "account %s", l.Account)
		if l.Username != "" {
			fmt.Fprintf(&b, " (%s)", l.Username)
		}
		fmt.Fprintf(&b, ", %s", loginName(l.Login))
	}
	if l.CallbackURL != "" {
		fmt.Fprintf(&b, ", to %s", l.CallbackURL)
	}
	if l.Active != nil && !*l.Active {
		b.WriteString(", not active")
	}
	b.WriteString(": ")
	if len(l.Fields) == 0 {
		b.WriteString("no fields")
	}
	b.WriteString(strings.Join(l.Fields, ", "))
	if len(l.Added) > 0 {
		fmt.Fprintf(&b, "\n  new:  %s", strings.Join(l.Added, ", "))
	}
	if len(l.Gone) > 0 {
		fmt.Fprintf(&b, "\n  gone: %s", strings.Join(l.Gone, ", "))
	}
	return clean(b.String())
}

// tell prints a subscription.
func (g *graphCalls) tell(line *subscriptionLine) error {
	line.Type = "subscription"
	if line.Fields == nil {
		line.Fields = []string{}
	}
	if g.JSON {
		return g.print(line)
	}
	_, err := fmt.Fprintln(g.stdout, line.text())
	return err
}

// without returns the texts of a that are not in b.
func without(a, b []string) []string {
	var out []string
	for _, text := range a {
		if !slices.Contains(b, text) {
			out = append(out, text)
		}
	}
	return out
}

// profile returns who the account is, as far as one can ask.
func (g *graphCalls) profile(ctx context.Context, a graph.Account) (graph.Profile, error) {
	if a.Host != graph.Instagram {
		return graph.Profile{}, nil // graph.facebook.com is not documented to say
	}
	return g.client.Profile(ctx, a)
}
