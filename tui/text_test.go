package tui_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

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

func TestWordRows(t *testing.T) {
	for _, test := range []struct {
		in    string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"one two", 7, []string{"one two"}},
		{"one two", 6, []string{"one ", "two"}},
		{"one two three", 8, []string{"one two ", "three"}},
		{"one two ", 7, []string{"one two "}}, // the space may stand outside
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a bcdefgh i", 4, []string{"a ", "bcde", "fgh ", "i"}},
		{"日本 語文", 4, []string{"日本 ", "語文"}},
		{"日本語", 1, []string{"日", "本", "語"}},
		{"one two", 0, []string{"one two"}},
	} {
		if diff := cmp.Diff(test.want, tui.WordRows(test.in, test.width)); diff != "" {
			t.Errorf("WordRows(%q, %d) (-want +got):\n%s", test.in, test.width, diff)
		}
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
