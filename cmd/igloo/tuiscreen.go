package main

import (
	"context"
	"time"

	"github.com/igloo-dev/igloo/tui"
)

// tuiScreen shows a session in the terminal UI.
type tuiScreen struct {
	command *command
	session *session
}

// Run shows the UI until the user quits or ctx ends.
func (t *tuiScreen) Run(ctx, _ context.Context) error {
	s := t.session
	if len(s.secrets.App) == 0 && !s.flags.Demo {
		s.status.Update(func(f *tui.Facts) {
			if f.Notice == "" {
				f.Notice = "no app secret known: set IGLOO_APP_SECRET to check Meta's deliveries; igloo doctor --env prints the development secret"
			}
		})
	}
	theme, err := tui.ParseTheme(s.flags.Theme)
	if err != nil {
		return usagef("one of: auto, dark, light, ansi, none", "--theme: %s", err)
	}
	if t.command.getenv("NO_COLOR") != "" {
		theme = tui.None
	}
	return tui.Run(ctx, tui.Config{
		Journal:  s.news(),
		Session:  s,
		Fixtures: s.fixtures,
		Status:   s.status,
		Explain:  s.explain,
		Theme:    theme,
		ASCII:    s.flags.ASCII || !utf8Locale(t.command.getenv),
	})
}

// Tunnel does nothing: the UI reads the session's status.
func (t *tuiScreen) Tunnel(tunnelNews) {}

// Notice puts what works badly into the one line that stays.
func (t *tuiScreen) Notice(text string) {
	stamp := time.Now().Format(time.TimeOnly)
	t.session.status.Update(func(f *tui.Facts) { f.Notice = stamp + " " + text })
}

// Drain says, once the terminal is given back, why igloo does not end at once.
func (t *tuiScreen) Drain() { newPlainScreen(t.command.stdout, t.command.stderr, t.session).Drain() }
