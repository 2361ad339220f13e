package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
)

// checkLine is one line of doctor.
type checkLine struct {
	Type string `json:"type"` // "check"
	Code string `json:"code"`
	Mark string `json:"result"` // "ok", "warning" or "failure"
	Text string `json:"text"`
	Next string `json:"next,omitempty"` // what to type
}

const (
	markOK      = "ok"
	markWarning = "warning"
	markFailure = "failure"
)

func (b builder) doctor() *cobra.Command {
	var env bool
	var flags listenFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is set up, what is missing, and what to type next",
		Long: `Say what is set up, what is missing, and what to type next. Exit code 3 when something
that igloo needs does not work.

With --env, print the lines your app needs to accept fired deliveries.`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&env, "env", false, "print the app's environment: app secret and verify token igloo made")
	flags.register(c.Flags())
	c.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = f.Name != "env" })
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		if env {
			return c.printEnv()
		}
		return c.doctor(cmd.Context(), flags)
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

func (c *command) doctor(ctx context.Context, flags listenFlags) error {
	s, err := c.loadSecrets()
	if err != nil {
		return err
	}
	checks := []checkLine{c.checkProject()}
	checks = append(checks, checkSecrets(s)...)
	checks = append(checks, c.checkJournal(ctx), c.checkSession(ctx), c.checkTarget(ctx, flags), checkTunnel(s, flags), c.checkTerminal())
	failed := 0
	out := &lineWriter{out: c.stdout}
	for _, line := range checks {
		line.Type = "check"
		if line.Mark == markFailure {
			failed++
		}
		if c.JSON {
			if err := out.write(line); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(c.stdout, "%s %s\n", map[string]string{markOK: "✓", markWarning: "!", markFailure: "✗"}[line.Mark], line.Text)
		if line.Next != "" {
			fmt.Fprintf(c.stdout, "    %s\n", line.Next)
		}
	}
	if failed > 0 {
		return &answerNoError{fmt.Sprintf("%s to be mended", plural(failed, "thing needs", "things need"))}
	}
	return nil
}

func (c *command) checkProject() checkLine {
	text := "project " + c.project.Dir
	if c.project.Config != "" {
		return checkLine{Code: "project", Mark: markOK, Text: text + ", configured by " + configFile}
	}
	return checkLine{Code: "project", Mark: markOK, Text: text + ", without " + configFile + ": the defaults apply"}
}

func checkSecrets(s secrets) []checkLine {
	app := checkLine{Code: "app-secret", Mark: markWarning, Text: "no app secret: Meta's deliveries are recorded unchecked and not forwarded", Next: "set IGLOO_APP_SECRET to the app secret of the App Dashboard, in the environment or .env"}
	if len(s.App) > 0 {
		var names, odd []string
		for _, key := range s.App {
			names = append(names, key.Name)
			if text := key.Value.Reveal(); len(text) != 32 || strings.Trim(text, "0123456789abcdef") != "" {
				odd = append(odd, key.Name)
			}
		}
		app = checkLine{Code: "app-secret", Mark: markOK, Text: fmt.Sprintf("app secret (%s) from %s", strings.Join(names, ", "), s.AppFrom)}
		if len(odd) > 0 {
			app.Mark, app.Next = markWarning, "Meta's app secrets are 32 hexadecimal characters; look for quotes, spaces or a missing end in: "+strings.Join(odd, ", ")
		}
	}
	token := checkLine{Code: "verify-token", Mark: markOK, Text: "verify token made by igloo", Next: "igloo doctor --env prints it"}
	if !s.VerifyToken.Empty() {
		token = checkLine{Code: "verify-token", Mark: markOK, Text: "verify token from " + s.VerifyTokenFrom}
	}
	return []checkLine{app, token}
}

func (c *command) checkJournal(ctx context.Context) checkLine {
	line := checkLine{Code: "journal", Mark: markOK, Text: "journal: nothing recorded yet"}
	if _, err := os.Stat(c.project.journalPath()); err != nil {
		if err := c.project.create(); err != nil {
			return checkLine{Code: "journal", Mark: markFailure, Text: "journal: " + oneLine(err.Error()), Next: "choose a folder you can write to: --data-dir DIR"}
		}
		return line
	}
	j, err := journal.OpenReader(ctx, journal.Config{Path: c.project.journalPath()})
	if err != nil {
		return checkLine{Code: "journal", Mark: markFailure, Text: "journal: " + oneLine(err.Error()), Next: "start a new one with --data-dir DIR"}
	}
	defer func() { _ = j.Close() }()
	stats, err := j.Stats(ctx)
	if err != nil {
		return checkLine{Code: "journal", Mark: markFailure, Text: "journal: " + oneLine(err.Error())}
	}
	line.Text = fmt.Sprintf("journal: %s, %s", plural(int(stats.Deliveries), "delivery", "deliveries"), bytesText(stats.Size))
	return line
}

func (c *command) checkSession(ctx context.Context) checkLine {
	session, err := c.findSession(ctx)
	switch {
	case errors.Is(err, errNoSession):
		return checkLine{Code: "session", Mark: markOK, Text: "no session is running", Next: "igloo --forward-to 3000, or igloo --demo for a look"}
	case err != nil:
		return checkLine{Code: "session", Mark: markWarning, Text: oneLine(err.Error())}
	}
	text := fmt.Sprintf("session: process %d at %s", session.info.PID, session.info.Ingress)
	if session.foreign {
		return checkLine{Code: "session", Mark: markOK, Text: fmt.Sprintf("no session of this project; the one of %s is process %d", clean(session.info.Project), session.info.PID), Next: "igloo --forward-to 3000"}
	}
	if session.info.CallbackURL != "" {
		text += ", public " + session.info.CallbackURL
	}
	return checkLine{Code: "session", Mark: markOK, Text: text}
}

// checkTarget connects to the app, without a request.
func (c *command) checkTarget(ctx context.Context, flags listenFlags) checkLine {
	if session, err := c.findSession(ctx); err == nil && !session.foreign && session.info.Target != "" {
		flags.ForwardTo = session.info.Target
	}
	if flags.ForwardTo == "" {
		return checkLine{Code: "target", Mark: markWarning, Text: "no target: deliveries are recorded and not forwarded", Next: "igloo --forward-to 3000, or forward_to: in " + configFile}
	}
	target, err := forward.TargetURL(flags.ForwardTo, flags.Path)
	if err != nil {
		return checkLine{Code: "target", Mark: markFailure, Text: "target: " + oneLine(err.Error())}
	}
	address := hostPort(target)
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return checkLine{Code: "target", Mark: markFailure, Text: fmt.Sprintf("target %s: %s", target.Redacted(), plainNetError(err)), Next: "start your app"}
	}
	_ = conn.Close()
	return checkLine{Code: "target", Mark: markOK, Text: "target " + target.Redacted() + " accepts connections"}
}

func checkTunnel(s secrets, flags listenFlags) checkLine {
	switch {
	case flags.PublicURL != "":
		return checkLine{Code: "tunnel", Mark: markOK, Text: "public URL of your own: " + flags.PublicURL}
	case !s.Authtoken.Empty():
		return checkLine{Code: "tunnel", Mark: markOK, Text: "ngrok authtoken from " + s.AuthtokenFrom}
	}
	return checkLine{Code: "tunnel", Mark: markWarning, Text: "no tunnel: Meta cannot reach this machine", Next: "set NGROK_AUTHTOKEN (free account), or --public-url https://… of a proxy of your own"}
}

func (c *command) checkTerminal() checkLine {
	out, ok := c.stdout.(*os.File)
	if !ok || !term.IsTerminal(out.Fd()) {
		return checkLine{Code: "terminal", Mark: markOK, Text: "no terminal: igloo listen prints plain lines"}
	}
	width, height, err := term.GetSize(out.Fd())
	if err != nil || width < 40 || height < 10 {
		return checkLine{Code: "terminal", Mark: markWarning, Text: "the terminal is too small for the UI", Next: "make it 80x24 or larger, or: igloo --ui plain"}
	}
	text := fmt.Sprintf("terminal %dx%d", width, height)
	if !utf8Locale(c.getenv) {
		text += ", no UTF-8 locale: the UI draws with ASCII"
	}
	return checkLine{Code: "terminal", Mark: markOK, Text: text}
}

// utf8Locale reports whether the environment promises a UTF-8 terminal.
func utf8Locale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(env(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	// Without a word, macOS and Windows terminals are UTF-8, a bare Linux is not.
	return runtime.GOOS == "darwin" || runtime.GOOS == "windows"
}
