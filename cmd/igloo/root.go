package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sharedFlags are the flags every command takes.
type sharedFlags struct {
	DataDir string
	Session string
	JSON    bool
}

func (f *sharedFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.DataDir, "data-dir", "", "keep the project's journal and keys in `DIR`")
	flags.StringVar(&f.Session, "session", "", "use the running session of project `NAME`")
	flags.BoolVar(&f.JSON, "json", false, "print one JSON object a line")
}

// command is what a command works with once its flags are read.
type command struct {
	*app
	*config
	sharedFlags
}

// newRoot builds the command tree. Everything cobra finds wrong before a command
// runs is wrong usage.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "igloo",
		Short: "A callback URL for Instagram webhooks, and Meta on your laptop",
		Long: `igloo gives your local app a public callback URL for Instagram webhooks, verifies and
records every delivery, shows them live and forwards them. It also plays Meta: signed,
byte-faithful deliveries of every kind, fired at your app whenever you want them.

Without a command it listens: igloo --forward-to 3000
To see the whole loop with no account and no app: igloo --demo`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
	}
	var shared sharedFlags
	shared.register(root.PersistentFlags())
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { printHelp(c) })
	root.SetUsageFunc(func(c *cobra.Command) error { printHelp(c); return nil })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("see all flags: "+c.CommandPath()+" --help", "%s", flagText(err.Error()))
	})

	b := builder{app: a, shared: &shared}
	listen := b.listen()
	// igloo alone is igloo listen: the same flags, the same run.
	root.RunE = listen.RunE
	listen.Flags().VisitAll(func(f *pflag.Flag) { root.Flags().AddFlag(f) })
	root.AddCommand(listen, b.fire(), b.replay(), b.fixtures(), b.fields(), b.events(), b.verify(), b.check(), b.mtls(), b.subscribe(), b.doctor(), b.init(), b.version())
	root.InitDefaultCompletionCmd()
	for _, child := range root.Commands() {
		if child.Name() == "completion" {
			child.Args = func(c *cobra.Command, args []string) error {
				return usagef("one of: bash, zsh, fish, powershell", "%s needs the name of a shell", c.CommandPath())
			}
			child.RunE = func(*cobra.Command, []string) error { return nil }
		}
	}
	root.SetHelpCommand(&cobra.Command{Use: "help [COMMAND]", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
		c, rest, err := root.Find(args)
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			return fmt.Errorf("unknown command %q for %q", rest[0], c.CommandPath())
		}
		printHelp(c)
		return nil
	}})
	return root
}

// flagText puts a value that a flag does not take into words: the flags' library says
// which function of Go's could not read it.
func flagText(text string) string {
	before, reason, found := strings.Cut(text, ": strconv.")
	if !found {
		return text
	}
	function, _, _ := strings.Cut(reason, ":")
	what := map[string]string{"ParseInt": "a whole number", "ParseUint": "a whole number from 0 on", "ParseFloat": "a number", "ParseBool": "true or false"}[function]
	switch {
	case strings.HasSuffix(reason, "value out of range"):
		return before + ": it is too large, or too small"
	case what != "":
		return before + ": it is not " + what
	}
	return before
}

// builder makes commands that share the app and the shared flags.
type builder struct {
	app    *app
	shared *sharedFlags
}

// run wraps a command's work: it loads the configuration first.
func (b builder) run(work func(c *command, cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := b.command(cmd)
		if err == nil {
			err = work(c, cmd, args)
		}
		if err != nil {
			return &startedError{err}
		}
		return nil
	}
}

// command prepares what every command needs.
func (b builder) command(cmd *cobra.Command) (*command, error) {
	cfg, err := loadConfig(b.app.environ, cmd.Flags())
	if err != nil {
		return nil, err
	}
	for _, warn := range cfg.warns {
		fmt.Fprintf(b.app.stderr, "igloo: warning: %s\n", warn)
	}
	return &command{app: b.app, config: cfg, sharedFlags: *b.shared}, nil
}

// startedError marks an error of a command that ran; any other is cobra's, about the
// command line.
type startedError struct{ error }

func (e *startedError) Unwrap() error { return e.error }

// asUsage turns cobra's own complaints into usage errors.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	if started, ok := errors.AsType[*startedError](err); ok {
		return started.error
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	text, suggestions, found := strings.Cut(err.Error(), "\n\nDid you mean this?\n\t")
	if found {
		return usagef("did you mean igloo "+strings.Join(strings.Fields(suggestions), ", ")+"?", "%s", text)
	}
	return usagef("see what there is: igloo --help", "%s", text)
}

// group is a command that only holds others.
func (b builder) group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		Args: func(c *cobra.Command, args []string) error {
			var names []string
			for _, child := range c.Commands() {
				names = append(names, child.Name())
			}
			if len(args) == 0 {
				return usagef("one of: "+strings.Join(names, ", "), "%s needs a command", c.CommandPath())
			}
			return usagef(nearestHint(args[0], names, "one of: "+strings.Join(names, ", ")), "unknown command %q for %q", args[0], c.CommandPath())
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	c.AddCommand(children...)
	return c
}
