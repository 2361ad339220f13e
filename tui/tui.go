package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Config is what a [Model] is made of.
type Config struct {
	Journal  Journal
	Session  Session
	Fixtures Fixtures
	Status   *Status
	// Explain says why a signature fails, the likeliest cause first; nil: only the
	// recorded reason is shown. It may take its time and is called from a command.
	Explain func(journal.Delivery) []webhook.Explanation

	Theme Theme // [None] when NO_COLOR is set
	ASCII bool  // only ASCII symbols and frames

	Now  func() time.Time // nil: time.Now
	Zone *time.Location   // of the times shown; nil: local
}

// New checks the configuration and returns a model. It starts nothing. ctx bounds
// what the model's commands do: reading the journal, firing, opening a tunnel.
func New(ctx context.Context, cfg Config) (*Model, error) {
	if cfg.Journal == nil || cfg.Session == nil || cfg.Fixtures == nil || cfg.Status == nil {
		return nil, errors.New("tui: journal, session, fixtures and status are needed")
	}
	if _, err := ParseTheme(string(cfg.Theme)); err != nil {
		return nil, fmt.Errorf("tui: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	return newModel(ctx, cfg), nil
}

// Run shows the session on the terminal until the user quits or ctx ends; both
// return nil. While it runs nothing else may write to the terminal. Signals are
// the caller's: it ends ctx.
func Run(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the commands that still wait
	m, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	defer m.unwatch()
	_, err = tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler()).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("show the session: %w", err)
	}
	return nil
}
