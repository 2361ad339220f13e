package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// checkLine is one line of doctor. Code is stable within a major version.
type checkLine struct {
	Type string `json:"type"` // "check"
	Code string `json:"code"`
	Mark string `json:"result"` // "ok", "warning", "failure" or "unknown"
	Text string `json:"text"`
	Next string `json:"next,omitempty"` // what to type
}

const (
	markOK      = "ok"
	markWarning = "warning" // it works, and not as well as it could
	markFailure = "failure" // something that is needed does not work
	markUnknown = "unknown" // nobody can tell from here
)

func ok(code, format string, args ...any) checkLine {
	return checkLine{Code: code, Mark: markOK, Text: fmt.Sprintf(format, args...)}
}

func warning(code, next, format string, args ...any) checkLine {
	return checkLine{Code: code, Mark: markWarning, Next: next, Text: fmt.Sprintf(format, args...)}
}

func broken(code, next, format string, args ...any) checkLine {
	return checkLine{Code: code, Mark: markFailure, Next: next, Text: fmt.Sprintf(format, args...)}
}

func unknown(code, next, format string, args ...any) checkLine {
	return checkLine{Code: code, Mark: markUnknown, Next: next, Text: fmt.Sprintf(format, args...)}
}

func (b builder) doctor() *cobra.Command {
	var env bool
	var flags listenFlags
	var graph graphFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is set up, what is missing, and what to type next",
		Long: `Say what is set up, what is missing, and what to type next. Exit code 3 when something
that igloo needs does not work.

The public URL of a running session is asked as Meta would ask it, the app is asked with
a verification request, and Meta is asked for the subscriptions when IGLOO_ACCESS_TOKEN,
or --app-id and its secret, are known. Nothing is changed anywhere.

With --env, print the lines your app needs to accept fired deliveries.`,
		Example: `  igloo doctor
  igloo doctor --forward-to 3000 --json
  igloo doctor --env >> .env`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&env, "env", false, "print the app's environment: app secret and verify token igloo made")
	flags.register(c.Flags())
	graph.register(c.Flags())
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = f.Name != "env" })
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		if env {
			return c.printEnv()
		}
		return c.doctor(cmd.Context(), flags, graph)
	})
	return c
}

// printEnv prints what igloo made; what the user gave stays hidden.
func (c *command) printEnv() error {
	s, err := c.loadSecrets()
	if err != nil {
		return err
	}
	if err := c.project.create(); err != nil {
		return err
	}
	if len(s.App) == 0 {
		own, err := c.project.developmentSecret()
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "APP_SECRET=%s\n", own.Reveal())
	} else {
		fmt.Fprintf(c.stdout, "# APP_SECRET is yours, from %s\n", s.AppFrom)
	}
	if s.VerifyToken.Empty() {
		token, err := c.project.verifyToken()
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "VERIFY_TOKEN=%s\n", token.Reveal())
	} else {
		fmt.Fprintf(c.stdout, "# VERIFY_TOKEN is yours, from %s\n", s.VerifyTokenFrom)
	}
	return nil
}

// examination is what doctor works with.
type examination struct {
	*command
	flags   listenFlags
	graph   graphFlags
	secrets secrets

	session    *remote // nil without one; it may be another project's
	sessionErr error
}

// own is the session of this project, nil without one.
func (e *examination) own() *remote {
	if e.session == nil || e.session.foreign {
		return nil
	}
	return e.session
}

// maxExamination bounds each part of an examination.
const maxExamination = 30 * time.Second

func (c *command) doctor(ctx context.Context, flags listenFlags, graph graphFlags) error {
	s, err := c.loadSecrets()
	if err != nil {
		return err
	}
	e := &examination{command: c, flags: flags, graph: graph, secrets: s}
	e.session, e.sessionErr = c.findSession(ctx)
	failed := 0
	out := &lineWriter{out: c.stdout}
	for _, part := range []func(context.Context) []checkLine{
		e.checkProject, e.checkNames, e.checkSecrets, e.checkSession, e.checkTarget, e.checkTunnels, e.checkPublicURL,
		e.checkSubscriptions, e.checkJournal, e.checkTerminal,
	} {
		bounded, cancel := context.WithTimeout(ctx, maxExamination)
		lines := part(bounded)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, line := range lines {
			if line.Mark == markFailure {
				failed++
			}
			if err := c.tellCheck(out, line); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return &answerNoError{fmt.Sprintf("%s to be mended", plural(failed, "thing needs", "things need"))}
	}
	return nil
}

// tellCheck prints a line as soon as it is known.
func (c *command) tellCheck(out *lineWriter, line checkLine) error {
	line.Type = "check"
	if c.JSON {
		return out.write(line)
	}
	marks := map[string]string{markOK: "✓", markWarning: "!", markFailure: "✗", markUnknown: "?"}
	text := marks[line.Mark] + " " + oneLine(line.Text) + "\n"
	if line.Next != "" {
		text += "    " + oneLine(line.Next) + "\n"
	}
	_, err := fmt.Fprint(c.stdout, text)
	return err
}
