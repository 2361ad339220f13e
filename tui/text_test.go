package tui_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/tui"
)

func TestStable(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "what camera is that?", "what camera is that?"},
		{"other scripts", "日本語 Привет नमस्ते", "日本語 Привет नमस्ते"},
		{"escape sequence", "\x1b[31mred\x1b[0m", "·[31mred·[0m"},
		{"window title", "\x1b]0;pwned\x07", "·]0;pwned·"},
		{"C1 control", "a\u009b31mb", "a·31mb"},
		{"NUL and DEL", "a\x00b\x7f", "a·b·"},
		{"not UTF-8", "a\xffb", "a·b"},
		{"right to left override", "\u202egnp.exe", "gnp.exe"},
		{"zero width", "a\u200bb\ufeffc\u00add", "abcd"},
		{"variation selector", "❤\ufe0f", "❤"},
		{"skin tone", "👍🏽", "👍"},
		{"family", "👨\u200d👩\u200d👧", "👨"},
		{"joiner between letters", "क\u200dष", "कष"},
		{"keycap", "1\ufe0f\u20e3", "1"},
		{"flag", "🇧🇷", "BR"},
		{"marks", "e" + strings.Repeat("\u0301", 50), "e\u0301\u0301\u0301"},
		{"leading mark", "\u0301a", "a"},
		{"odd spaces", "a\u00a0b\u3000c", "a b c"},
		{"line separator", "a\u2028b", "a·b"},
		{"hangul filler", "a\u3164b", "ab"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := tui.Stable(test.in); got != test.want {
				t.Errorf("Stable(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func FuzzStable(f *testing.F) {
	for _, text := range nasty() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := tui.Stable(s)
		if !utf8.ValidString(got) {
			t.Errorf("Stable(%q) = %q is not UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				t.Errorf("Stable(%q) = %q holds %U", s, got, r)
			}
		}
		if again := tui.Stable(got); again != got {
			t.Errorf("Stable(%q) = %q, want it unchanged", got, again)
		}
	})
}
