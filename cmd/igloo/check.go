package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

type checkFlags struct {
	clientFlags

	Only        []string
	Skip        []string
	List        bool
	JUnit       string
	Keep        bool
	AllowRemote bool
	Timeout     time.Duration
	Seed        uint64
}

func (b builder) check() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check URL",
		Short: "Play Meta against an app and report what Meta would not accept",
		Long: `Play Meta against an app and report what Meta would not accept: verification requests,
signatures, encodings, payloads, sizes, timing, right ones and wrong ones.

URL is the app's own address, as for --forward-to. The app needs the app secret and the
verify token igloo signs with: igloo doctor --env prints them. Exit code 0 when all holds
(warnings allowed), 3 when not, 1 when there is no app. docs/checks.md explains every code.`,
		Example: `  igloo check 3000
  igloo check http://localhost:3000/webhook --only handshake
  igloo check https://staging.example.com/webhook --skip events --junit report.xml
  igloo check --list`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case f.List && len(args) == 0, !f.List && len(args) == 1:
				return nil
			case f.List:
				return usagef("igloo check --list", "--list takes no URL")
			}
			return usagef("igloo check http://localhost:3000/webhook", "check needs the URL of your app")
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.Only, "only", nil, "do only the `CHECKS` of these codes or groups, as 'token-*,signature' (--list)")
	flags.StringSliceVar(&f.Skip, "skip", nil, "leave out the `CHECKS` of these codes or groups")
	flags.BoolVar(&f.List, "list", false, "list groups and codes, and check nothing")
	flags.StringVar(&f.JUnit, "junit", "", "write a JUnit report to `FILE`, too")
	flags.BoolVar(&f.Keep, "keep", false, "record in the journal what is sent, with the app's answers")
	flags.BoolVar(&f.AllowRemote, "allow-remote", false, "send more than a few right deliveries to another machine, too: faults, batches, odd events")
	flags.DurationVar(&f.Timeout, "timeout", 5*time.Minute, "begin no check after this `TIME`: what is left is not judged")
	flags.Uint64Var(&f.Seed, "seed", 0, "same ids, times and bytes every run for the same `N`")
	f.register(flags)
	for _, name := range []string{"client-cert", "mtls", "cacert"} {
		about := flags.Lookup(name)
		about.Usage = strings.TrimPrefix(about.Usage, "with --to, ")
	}
	for _, name := range []string{"only", "skip"} {
		// Its error is about a flag that is not there.
		_ = c.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return checkWords(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		if f.List {
			return c.listChecks()
		}
		return c.check(cmd.Context(), f, args[0])
	})
	return c
}

func (c *command) check(ctx context.Context, f checkFlags, arg string) (err error) {
	if f.Timeout <= 0 {
		return usagef("--timeout 5m", "--timeout must be above 0")
	}
	target, err := forward.TargetURL(arg, "/webhook")
	if err != nil {
		return usagef("a whole URL: igloo check http://localhost:3000/webhook", "%s", err)
	}
	cfg, err := c.checkConfig(f, target)
	if err != nil {
		return err
	}
	if session, err := c.findSession(ctx); err == nil && session.at(target) {
		fmt.Fprintf(c.stderr, "igloo: this is the callback URL of igloo itself (process %d); what follows is about igloo, not about your app\n", session.info.PID)
	}
	if f.Keep {
		keeper, err := c.openKeeper(ctx, cfg.Secrets.App)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, keeper.Close()) }()
		cfg.Recorder = keeper
	}
	out := c.newCheckPrinter()
	cfg.Begin, cfg.Report = out.begin, out.finding
	report, err := check.Run(ctx, cfg)
	if wrong, ok := errors.AsType[*check.ChoiceError](err); ok {
		return usagef("see what there is: igloo check --list", "%s", wrong)
	}
	if errors.Is(err, check.ErrEmptyChoice) {
		return usagef("choose others, or leave --skip out: igloo check --list", "%s", err)
	}
	unreachable := errors.Is(err, check.ErrUnreachable)
	if err != nil && !unreachable {
		// Half a report has no verdict.
		fmt.Fprintf(c.stderr, "igloo: ended after %s\n", plural(len(report.Findings), "check", "checks"))
		return err
	}
	out.end(report)
	if f.JUnit != "" {
		if err := writeJUnit(f.JUnit, report); err != nil {
			return err
		}
	}
	switch {
	case unreachable:
		return withHint(err, "start your app, or look at host and port")
	case out.err != nil:
		return out.err
	case report.Failed():
		return &answerNoError{}
	case !report.Judged():
		return withHint(errors.New("every chosen check was skipped, so nothing is known about the app"), "choose others: igloo check --list")
	case report.Count(check.Error) > 0:
		return fmt.Errorf("%s could not be judged", plural(report.Count(check.Error), "check", "checks"))
	}
	return nil
}

// checkConfig gathers what a check needs. The keys are those that fire --to signs
// with.
func (c *command) checkConfig(f checkFlags, target *url.URL) (check.Config, error) {
	allowed := f.AllowRemote || loopback(target.Hostname())
	cfg := check.Config{
		Target: target.String(), Seed: f.Seed, Limits: check.Limits{Run: f.Timeout},
		Choice: check.Choice{Only: f.Only, Skip: f.Skip, Heavy: allowed, Remote: !allowed},
	}
	s, err := c.loadSecrets()
	if err != nil {
		return cfg, err
	}
	if cfg.Secrets.App, err = c.keyring(); err != nil {
		return cfg, err
	}
	if cfg.Secrets.App.Real() {
		cfg.Secrets.Others = c.otherKeys()
	}
	if cfg.Secrets.VerifyToken = s.VerifyToken; s.VerifyToken.Empty() {
		if err := c.project.create(); err != nil {
			return cfg, err
		}
		if cfg.Secrets.VerifyToken, err = c.project.verifyToken(); err != nil {
			return cfg, err
		}
	}
	if f.given() && target.Scheme == "http" {
		secure := *target
		secure.Scheme = "https"
		return cfg, usagef("igloo check "+clean(secure.Redacted()), "%s is about TLS, and the target is http://", f.first())
	}
	client, err := c.clientConfig(f.clientFlags, target)
	cfg.TLS = check.TLS{ExtraCAs: client.ExtraCAs, Certificates: client.Certificates}
	return cfg, err
}

// otherKeys is the project's development secret, when there is one and the user has a
// real one: an app may still use it.
func (c *command) otherKeys() []webhook.AppSecret {
	data, err := os.ReadFile(filepath.Join(c.project.DataDir, "development-secret"))
	text := strings.TrimSpace(string(data))
	if err != nil || text == "" {
		return nil
	}
	return []webhook.AppSecret{{Name: webhook.DevelopmentSecret, Value: secret.New(text)}}
}

// at reports whether a URL is the session's own callback URL.
func (r *remote) at(target *url.URL) bool {
	for _, own := range []string{r.info.Ingress, r.info.CallbackURL} {
		if u, err := url.Parse(own); err == nil && own != "" && u.Host == target.Host {
			return true
		}
	}
	return false
}

// checkWords are the groups and codes, for completion.
func checkWords() []string {
	var words []string
	for _, one := range check.All() {
		if !slices.Contains(words, one.Group) {
			words = append(words, one.Group)
		}
		words = append(words, one.Code+"\t"+one.Title)
	}
	return words
}

// checkInfo is a line of --list.
type checkInfo struct {
	Type   string   `json:"type"` // "check"
	Code   string   `json:"code"`
	Group  string   `json:"group"`
	Title  string   `json:"title"`
	Heavy  bool     `json:"heavy,omitempty"`
	Modest bool     `json:"modest,omitempty"` // goes to another machine without --allow-remote
	Causes []string `json:"causes,omitempty"`
}

func (c *command) listChecks() error {
	out := &lineWriter{out: c.stdout}
	group := ""
	for _, one := range check.All() {
		if c.JSON {
			err := out.write(checkInfo{"check", one.Code, one.Group, one.Title, one.Heavy, one.Modest(), one.Codes()[1:]})
			if err != nil {
				return err
			}
			continue
		}
		if one.Group != group {
			group = one.Group
			fmt.Fprintln(c.stdout, group)
		}
		title := one.Title
		if !one.Modest() {
			title += " *"
		}
		fmt.Fprintf(c.stdout, "  %-*s %s\n", checkWidth, one.Code, title)
	}
	if !c.JSON {
		fmt.Fprintln(c.stdout, "\n* to another machine only with --allow-remote")
	}
	return nil
}
