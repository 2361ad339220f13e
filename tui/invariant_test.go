package tui_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// settleTime is long enough for typing to be answered.
const settleTime = 100 * time.Millisecond

// allowed are the only escape sequences of a screen: styles and links.
var allowed = regexp.MustCompile(`\x1b\[[0-9;]*m|\x1b\]8;;[^\x00-\x1f\x7f]*(?:\x07|\x1b\\)`)

// checkScreen checks what holds for every screen: h rows of w cells, and nothing
// that acts on a terminal.
func checkScreen(t testing.TB, s *screen, w, h int) {
	t.Helper()
	lines := strings.Split(s.styled(), "\n")
	if len(lines) != h {
		t.Errorf("%dx%d: %d rows", w, h, len(lines))
	}
	for i, line := range lines {
		if got := ansi.StringWidthWc(line); got != w {
			t.Errorf("%dx%d: row %d has %d cells: %q", w, h, i, got, line)
		}
		for _, r := range allowed.ReplaceAllString(line, "") {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
				t.Errorf("%dx%d: row %d holds %U: %q", w, h, i, r, line)
				break
			}
		}
	}
}

// nasty are texts that have broken terminal programs.
func nasty() []string {
	return []string{
		"plain", "", "日本語のコメント", "👍🏽👨‍👩‍👧‍👦🇧🇷1️⃣❤️", "\x1b[2J\x1b]0;title\x07", "a\x00b\u0085\u200b\u202egnp", "e\u0301\u0301\u0301\u0301\u0301", "\u0301leading",
		"नमस्ते क्षि", "สวัสดี", "مرحبا", "\xff\xfe\x80", "tab\tnew\nline\r", strings.Repeat("x", 5000), strings.Repeat("漢", 3000), "\u2028\u2029\ufeff",
		"한글", "각", "\U000E0001\U0001F3F4\U000E0067", "\u0600arabic number", "ൎmalayalam", "…", "a\u00adb", "\u3164", "｡ｶ", "²³¼",
	}
}

func randomRow(r *rand.Rand, id int64) journal.Row {
	texts := nasty()
	text := func() string { return texts[r.IntN(len(texts))] }
	verdicts := []webhook.Verdict{webhook.Verified, webhook.Unchecked, webhook.Invalid, webhook.Unsigned, "odd"}
	user := text()
	return journal.Row{
		ID: id, ReceivedAt: noon.Add(time.Duration(id) * time.Second), Source: []journal.Source{journal.Live, journal.Fired}[r.IntN(2)], Fixture: text(),
		Verdict: verdicts[r.IntN(len(verdicts))], Secret: text(), Reason: text(), Answered: 200, Size: r.IntN(1 << 22), Forward: r.IntN(2) == 0,
		Indexed: r.IntN(8) > 0, Events: r.IntN(3), Field: text(), Username: user, Summary: "@" + user + " " + text(),
		Attempts: r.IntN(3), Status: []int{0, 200, 204, 404, 500, 1234567}[r.IntN(6)], Took: time.Duration(r.IntN(1 << 40)), Err: text(), Replayed: r.IntN(4) == 0,
	}
}

func randomJournal(r *rand.Rand, n int) *fakeJournal {
	j := newFakeJournal()
	texts := nasty()
	for id := range int64(n) {
		row := randomRow(r, id+1)
		body := texts[r.IntN(len(texts))]
		if r.IntN(2) == 0 {
			body = sampleBody(row.Field, row.Username, row.Summary, 1+r.IntN(3))
		}
		a := sampleAttempt(&row, 1)
		a.Body = []byte(texts[r.IntN(len(texts))])
		j.put(row, body, a)
	}
	return j
}

// TestAnyScreen draws random sessions at random sizes, pressing random keys.
func TestAnyScreen(t *testing.T) {
	keys := strings.Fields("j k g G J K h l H L w { } 1 2 3 4 [ ] z tab enter esc / n N ! F f ? i p y . pgdown pgup ctrl+d ctrl+u 'a '漢 up down t u r b")
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			o := options{journal: func() *fakeJournal { return randomJournal(r, r.IntN(60)) }, width: 1 + r.IntN(170), height: 1 + r.IntN(50)}
			onScreen(t, o, func(s *screen) {
				for range 25 {
					s.press(keys[r.IntN(len(keys))])
					checkScreen(t, s, o.width, o.height)
					if t.Failed() {
						return
					}
				}
				s.pass(settleTime)
				checkScreen(t, s, o.width, o.height)
			})
		})
	}
}

// TestSelectionStaysVisible moves in every way and looks for the mark of the
// selection.
func TestSelectionStaysVisible(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	onScreen(t, options{journal: func() *fakeJournal { return randomJournal(r, 200) }, width: 80, height: 24}, func(s *screen) {
		for range 200 {
			s.press(strings.Fields("j k g G pgdown pgup ctrl+d ctrl+u J K")[r.IntN(10)])
			if r.IntN(10) == 0 {
				s.journal.put(randomRow(r, int64(len(s.journal.rows)+1)), "{}")
				s.pass(settleTime)
			}
			if s.selection() == "" {
				t.Errorf("no selection on the screen:\n%s", s.text())
				return
			}
		}
	})
}

// FuzzScreen draws one delivery that holds the fuzzed texts.
func FuzzScreen(f *testing.F) {
	for _, text := range nasty() {
		f.Add(text, []byte(text), uint8(80), uint8(24))
		f.Add(text, []byte(sampleBody("comments", text, text, 2)), uint8(120), uint8(36))
	}
	f.Fuzz(func(t *testing.T, text string, body []byte, w, h uint8) {
		synctest.Test(t, func(t *testing.T) {
			row := randomRow(rand.New(rand.NewPCG(1, 1)), 1)
			row.Summary, row.Username, row.Field, row.Reason, row.Indexed = text, text, text, text, true
			journal := func() *fakeJournal {
				j := newFakeJournal()
				j.put(row, string(body), sampleAttempt(&row, 1))
				return j
			}
			width, height := max(int(w), 1), max(int(h), 1)
			s := newScreen(t, options{journal: journal, width: width, height: height})
			for _, keys := range []string{"j", "enter", "2", "3", "4", "5", "w", "1", "j", "h", "L", "}", "esc", "/", "'" + prefixOf(text, 20)} {
				s.press(keys)
				checkScreen(t, s, width, height)
			}
			s.end()
		})
	})
}

func prefixOf(s string, n int) string { return s[:min(n, len(s))] }
