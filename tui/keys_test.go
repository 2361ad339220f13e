package tui_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/tui"
)

// TestKeys guards the one table: no key does two things in one place, and every
// line can be read in the help.
func TestKeys(t *testing.T) {
	taken := map[string]tui.Key{}
	for _, k := range tui.Keys() {
		if len(k.Keys) == 0 || k.Shown == "" || k.Does == "" || len(k.In) == 0 || k.Group == "" {
			t.Errorf("incomplete line: %+v", k)
		}
		for _, key := range k.Keys {
			if strings.Contains(key, "alt+") || strings.HasPrefix(key, "ctrl+enter") || strings.HasPrefix(key, "shift+enter") {
				t.Errorf("%q needs more than a plain terminal", key)
			}
			for _, in := range k.In {
				if other, ok := taken[in+" "+key]; ok {
					t.Errorf("in %s, %q means %q and %q", in, key, other.Does, k.Does)
				}
				taken[in+" "+key] = k
			}
		}
	}
}

func TestHelpShowsEveryKey(t *testing.T) {
	onScreen(t, options{width: 124, height: 60}, func(s *screen) {
		s.press("?")
		for _, k := range tui.Keys() {
			line := k.Shown + strings.Repeat(" ", max(10-len([]rune(k.Shown)), 0)) + " " + k.Does
			if !strings.Contains(s.text(), line) {
				t.Errorf("the help does not show %q", line)
			}
		}
	})
}

// TestLaterKeys makes sure that keys of later work do nothing yet.
func TestLaterKeys(t *testing.T) {
	bound := map[string]bool{}
	for _, k := range tui.Keys() {
		if slices.Contains(k.In, "list") || slices.Contains(k.In, "detail") {
			for _, key := range k.Keys {
				bound[key] = true
			}
		}
	}
	for key := range strings.FieldsSeq("space D e s R E T S C") {
		if bound[key] {
			t.Errorf("%q is bound", key)
		}
	}
}
