package tui_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/tui"
)

// wide is the screen most tests look at.
func wide() options { return options{width: 120, height: 36} }

func TestKeysDo(t *testing.T) {
	answered := []tui.Outcome{{Delivery: 15, Sent: true, Status: 200, Took: 44 * time.Millisecond}}
	for _, test := range []struct {
		name     string
		outcomes []tui.Outcome
		err      error
		keys     []string
		calls    []string
		copied   []string
		shows    []string
		hides    []string
	}{
		{name: "replay", outcomes: answered, keys: []string{"r"}, calls: []string{"replay [15]"}, shows: []string{"replayed d15, 200 in 44ms"}},
		{name: "replay of another", outcomes: answered, keys: []string{"k*3", "r"}, calls: []string{"replay [12]"}},
		{name: "replay fails", err: errors.New("the journal is closed"), keys: []string{"r"}, calls: []string{"replay [15]"}, shows: []string{"not replayed d15: the journal is closed"}},
		{name: "app says no", outcomes: []tui.Outcome{{Sent: true, Status: 500, Took: time.Second}}, keys: []string{"r"}, calls: []string{"replay [15]"}, shows: []string{"replayed d15, 500 in 1.0s"}},
		{name: "fire", outcomes: answered, keys: []string{"f", "'messages/image", "enter"}, calls: []string{"fire messages/image 1"}, shows: []string{"fired messages/image, 200 in 44ms"}},
		{name: "fire many", outcomes: append(answered, answered...), keys: []string{"f", "'comments/reply x20", "enter"}, calls: []string{"fire comments/reply 20"}, shows: []string{"fired comments/reply ×20, all 2 answered 2xx"}},
		{name: "fire again", outcomes: answered, keys: []string{"f", "'mentions", "enter", ".", "."}, calls: []string{"fire mentions 1", "fire mentions 1", "fire mentions 1"}},
		{name: "fire without a target", outcomes: []tui.Outcome{{Delivery: 16}}, keys: []string{"f", "'mentions", "enter"}, calls: []string{"fire mentions 1"}, shows: []string{"recorded, not sent to the app"}},
		{name: "nothing to fire again", keys: []string{"."}, shows: []string{"nothing fired yet"}},
		{name: "no such fixture", keys: []string{"f", "'nonesuch", "enter"}, shows: []string{"no fixture fits"}},
		{name: "copy body", keys: []string{"k", "y", "y"}, copied: []string{sampleBody("comments", "eve", "\x1b[31mred\x1b[0m \u202egnp.exe", 1)}, shows: []string{"copied body, 386 B"}},
		{name: "copy response", keys: []string{"k", "y", "r"}, copied: []string{"HTTP/1.1 200 OK\nContent-Type: application/json\nServer: uvicorn\nSet-Cookie: (26 B, not shown)\n\n{\"ok\":true,\"queued\":1}"}},
		{name: "copy no response", keys: []string{"y", "r"}, shows: []string{"no response yet"}},
		{name: "copy path", keys: []string{"k", "tab", "j*9", "y", "p"}, copied: []string{"$.entry[0].changes[0].value.from.id"}},
		{name: "copy nothing", keys: []string{"y", "esc"}, hides: []string{"copy  y"}},
		{name: "copy URL", keys: []string{"u"}, copied: []string{"https://a1b2c3.ngrok.app/webhooks/instagram"}},
		{name: "verify token", keys: []string{"t", "i"}, copied: []string{"vt_8f2c91d0"}, shows: []string{"copied the verify token vt_8f2c91d0", "verify token  vt_8f2c91d0"}},
		{name: "token hidden", keys: []string{"i"}, shows: []string{"verify token  made by igloo, hidden"}, hides: []string{"vt_8f2c91d0"}},
		{name: "tunnels", keys: []string{"p"}, calls: []string{"choices"}, shows: []string{"ssh:localhost.run", "cloudflared is not installed"}},
		{name: "open a tunnel", keys: []string{"p", "j", "enter"}, calls: []string{"choices", "open ssh:localhost.run"}, shows: []string{"opening ssh:localhost.run"}},
		{name: "a tunnel that is missing", keys: []string{"p", "j*5", "enter"}, calls: []string{"choices"}, shows: []string{"cloudflared: cloudflared is not installed"}},
		{name: "the open tunnel", keys: []string{"p", "enter"}, calls: []string{"choices"}, shows: []string{"ngrok is open already"}},
		{name: "close the tunnel", keys: []string{"p", "x"}, calls: []string{"choices", "close"}, shows: []string{"closed the tunnel"}},
		{name: "wrap", keys: []string{"w"}, shows: []string{"wrapped"}},
		{name: "sideways", keys: []string{"L*2"}, shows: []string{"+16"}},
		{name: "tabs", keys: []string{"]"}, shows: []string{"X-Hub-Signature-256: sha256=5f1c3bd5"}},
		{name: "tabs around", keys: []string{"["}, shows: []string{"d15.1 · messages", "mid, account: 17841499100200301"}},
		{name: "zoom", keys: []string{"tab", "z"}, hides: []string{"Deliveries"}},
		{name: "zoom and back", keys: []string{"z", "z"}, shows: []string{"Deliveries", "1 Body"}},
		{name: "events of a batch", keys: []string{"k*6", "}", "}", "}"}, shows: []string{"event 3/37"}},
		{name: "event before", keys: []string{"k*6", "}*5", "{*2"}, shows: []string{"event 3/37"}},
		{name: "fold", keys: []string{"k", "tab", "j", "h"}, shows: []string{`"entry": [ … 25 lines ]`}},
		{name: "fold and unfold", keys: []string{"k", "tab", "j", "h", "l"}, hides: []string{"lines ]"}},
		{name: "search", keys: []string{"k", "tab", "/", "'field", "enter", "y", "p"}, copied: []string{"$.entry[0].changes[0].field"}},
		{name: "search fails", keys: []string{"tab", "/", "'nonesuch", "enter", "n"}, shows: []string{"not found: nonesuch"}},
		{name: "masked headers", keys: []string{"2"}, shows: []string{"Authorization: (25 B, not shown)"}, hides: []string{"not-for-the-screen"}},
		{name: "masked answer", keys: []string{"k", "3"}, shows: []string{"Set-Cookie: (26 B, not shown)"}, hides: []string{"not-for-the-screen"}},
		{name: "why not valid", keys: []string{"k*10"}, shows: []string{"✗ no known app secret makes this signature", "another app secret, or the body changed on its way"}},
		{name: "unknown key", keys: []string{"%"}, shows: []string{"Deliveries"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			onScreen(t, wide(), func(s *screen) {
				s.session.outcomes, s.session.err, s.session.choices = test.outcomes, test.err, sampleChoices()
				s.press(test.keys...)
				s.expect(test.shows...)
				s.refute(test.hides...)
				if diff := cmp.Diff(test.calls, s.session.calls); diff != "" {
					t.Errorf("calls: -want +got\n%s", diff)
				}
				if diff := cmp.Diff(test.copied, s.copied); diff != "" {
					t.Errorf("copied: -want +got\n%s", diff)
				}
			})
		})
	}
}

func TestQuit(t *testing.T) {
	for _, test := range []struct {
		name string
		options
		keys []string
		want bool
	}{
		{name: "from the list", options: wide(), keys: []string{"q"}, want: true},
		{name: "at once", options: wide(), keys: []string{"f", "'x", "ctrl+c"}, want: true},
		{name: "out of an overlay", options: wide(), keys: []string{"?", "q"}},
		{name: "as text", options: wide(), keys: []string{"/", "'q"}},
		{name: "out of the only pane", options: options{width: 80, height: 24}, keys: []string{"enter", "q"}},
		{name: "on a tiny screen", options: options{width: 20, height: 5}, keys: []string{"q"}, want: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			onScreen(t, test.options, func(s *screen) {
				s.press(test.keys...)
				if s.quit != test.want {
					t.Errorf("quit = %v, want %v", s.quit, test.want)
				}
			})
		})
	}
}

func TestLongCopyIsSaved(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		row := s.journal.rows[14]
		row.ID = 16
		s.journal.put(row, `"`+strings.Repeat("x", 100_000)+`"`)
		s.pass(settleTime)
		s.press("y", "y")
		s.expect("body is too long for the clipboard, saved to /state/d16-body.txt")
		if diff := cmp.Diff([]string{"save d16-body.txt 100002"}, s.session.calls); diff != "" || s.copied != nil {
			t.Errorf("calls: -want +got\n%s, copied %q", diff, s.copied)
		}
	})
}

func TestNoTargetNoToken(t *testing.T) {
	facts := sampleFacts()
	facts.Target, facts.TargetURL = tui.Absent, ""
	facts.VerifyToken, facts.TokenName = nil, "IGLOO_VERIFY_TOKEN"
	facts.CallbackURL, facts.Tunnel = "", tui.Absent
	onScreen(t, options{facts: &facts, width: 120, height: 36}, func(s *screen) {
		s.expect("no target, recording only", "local only", "p opens a public URL")
		s.press("r")
		s.expect("no target to replay to")
		s.press("t")
		s.expect("your own (IGLOO_VERIFY_TOKEN); it is not shown")
		s.press("u")
		s.expect("copied the local URL")
		if diff := cmp.Diff([]string{"http://127.0.0.1:4456/webhooks/instagram"}, s.copied); diff != "" {
			t.Errorf("copied: -want +got\n%s", diff)
		}
	})
}

func TestMouse(t *testing.T) {
	click := func(x, y int) tea.MouseClickMsg { return tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft} }
	for _, test := range []struct {
		name  string
		msgs  []tea.Msg
		shows string
	}{
		{"click selects", []tea.Msg{click(10, 4)}, "│▌14:02:05 ✓  messages"},
		{"click on a tab", []tea.Msg{click(75, 2)}, "X-Hub-Signature-256"},
		{"click on the bar", []tea.Msg{click(24, 35)}, "Fire a fixture"},
		{"wheel over the detail", []tea.Msg{tea.MouseWheelMsg{X: 100, Y: 10, Button: tea.MouseWheelDown}}, "│       \"id\""},
		{"drag", []tea.Msg{tea.MouseMotionMsg{X: 3, Y: 3, Button: tea.MouseLeft}}, "hold shift to select text"},
		{"off", []tea.Msg{keyPress("M")}, "mouse off"},
	} {
		t.Run(test.name, func(t *testing.T) {
			onScreen(t, wide(), func(s *screen) {
				s.send(test.msgs...)
				s.expect(test.shows)
			})
		})
	}
	t.Run("double click opens", func(t *testing.T) {
		onScreen(t, options{width: 80, height: 24}, func(s *screen) {
			s.send(click(10, 4))
			s.expect("Deliveries")
			s.send(click(10, 4))
			s.expect("d2 · messages")
		})
	})
	t.Run("two slow clicks do not", func(t *testing.T) {
		onScreen(t, options{width: 80, height: 24}, func(s *screen) {
			s.send(click(10, 4))
			s.pass(time.Second)
			s.send(click(10, 4))
			s.expect("Deliveries")
		})
	})
}
