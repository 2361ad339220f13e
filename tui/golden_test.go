package tui_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/charmbracelet/x/exp/golden"

	"github.com/igloo-dev/igloo/tui"
)

func sizes() [][2]int { return [][2]int{{120, 36}, {100, 34}, {80, 24}, {60, 16}, {50, 12}, {39, 9}} }

// unready is a session before anything is set up.
func unready() *tui.Facts {
	f := sampleFacts()
	f.Tunnel, f.Provider, f.CallbackURL = tui.Absent, "", ""
	f.Target, f.TargetNote = tui.Down, "connection refused"
	f.Verified = time.Time{}
	f.Secrets = nil
	f.Notice = "no app secret: deliveries are not checked and not forwarded; set IGLOO_APP_SECRET"
	return &f
}

// TestScreens compares every screen at every size with its golden file.
func TestScreens(t *testing.T) {
	screens := []struct {
		name string
		options
		keys []string
	}{
		{name: "list", keys: []string{"k*6"}},
		{name: "body", keys: []string{"k*6", "enter", "}", "j*3"}},
		{name: "invalid", keys: []string{"k*10", "enter"}},
		{name: "headers", keys: []string{"k*10", "enter", "2"}},
		{name: "response", keys: []string{"k*7", "enter", "3"}},
		{name: "raw", keys: []string{"k*2", "enter", "4", "w"}},
		{name: "folded", keys: []string{"k*6", "enter", "j*5", "h", "j*2"}},
		{name: "filter", keys: []string{"/", "'field:comments"}},
		{name: "nothing", keys: []string{"/", "'field:none comments", "enter"}},
		{name: "search", keys: []string{"enter", "/", "'user"}},
		{name: "fixtures", keys: []string{"f", "'comm x3", "down"}},
		{name: "tunnels", keys: []string{"p"}},
		{name: "info", keys: []string{"i"}},
		{name: "help", keys: []string{"?"}},
		{name: "copy", keys: []string{"y"}},
		{name: "event", keys: []string{"k*6", "enter", "5"}},
		{name: "odd", options: options{journal: oddJournal}},
		{name: "oddbody", options: options{journal: oddJournal}, keys: []string{"k*6", "enter"}},
		{name: "oddevent", options: options{journal: oddJournal}, keys: []string{"k*6", "enter", "5"}},
		{name: "explained", options: options{journal: oddJournal, explain: sampleExplain}, keys: []string{"k", "enter"}},
		{name: "explanation", options: options{journal: oddJournal, explain: sampleExplain}, keys: []string{"k", "enter", "5"}},
		{name: "empty", options: options{journal: newFakeJournal, facts: unready()}},
		{name: "ascii", options: options{ascii: true}, keys: []string{"k*6"}},
	}
	for _, sc := range screens {
		t.Run(sc.name, func(t *testing.T) {
			for _, size := range sizes() {
				t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
					o := sc.options
					o.width, o.height = size[0], size[1]
					onScreen(t, o, func(s *screen) {
						s.session.choices = sampleChoices()
						s.press(sc.keys...)
						s.pass(settleTime)
						golden.RequireEqual(t, s.text())
						checkScreen(t, s, size[0], size[1])
					})
				})
			}
		})
	}
}

// TestThemes compares the bytes of one screen in every theme.
func TestThemes(t *testing.T) {
	for _, theme := range []tui.Theme{tui.Dark, tui.Light, tui.ANSI, tui.None} {
		t.Run(string(theme), func(t *testing.T) {
			onScreen(t, options{theme: theme, width: 120, height: 36}, func(s *screen) {
				s.press("k*6")
				golden.RequireEqual(t, s.styled())
			})
		})
	}
}

func sampleChoices() []tui.Choice {
	return []tui.Choice{
		{Name: "ngrok", Summary: "through ngrok, with your authtoken", Open: true},
		{Name: "ssh:localhost.run", Summary: "no account; the URL changes"},
		{Name: "cloudflared", Missing: "cloudflared is not installed"},
	}
}
