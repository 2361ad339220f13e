package tui_test

import (
	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tui"
)

// What the program gives to the UI.
var (
	_ tui.Journal  = (*journal.Journal)(nil)
	_ tui.Fixtures = (*fixtures.Watcher)(nil)
	_ tui.Token    = secret.Value{}
)
