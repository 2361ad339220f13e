package tui_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tui"
)

func TestMain(m *testing.M) {
	// The first Notify starts a goroutine of the runtime, which must not belong to a
	// bubble of synctest.
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
	os.Exit(m.Run())
}

// screen runs a model without a program: it executes the commands in goroutines and
// feeds what they return back, in a bubble of synctest.
type screen struct {
	t       testing.TB
	model   *tui.Model
	msgs    chan tea.Msg
	journal *fakeJournal
	session *fakeSession
	files   *fakeFixtures
	status  *tui.Status
	copied  []string
	quit    bool
	cancel  context.CancelFunc
}

// options of a screen; the zero value is the sample session in the dark theme.
type options struct {
	journal func() *fakeJournal // made inside the bubble, for its channel
	facts   *tui.Facts
	explain func(journal.Delivery) []webhook.Explanation
	theme   tui.Theme
	ascii   bool
	width   int
	height  int
}

// onScreen runs test on a screen of the given size.
func onScreen(t *testing.T, o options, test func(s *screen)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t, o)
		test(s)
		s.end()
	})
}

func newScreen(t testing.TB, o options) *screen {
	t.Helper()
	s := &screen{t: t, msgs: make(chan tea.Msg, 1000), session: &fakeSession{}}
	if o.journal == nil {
		o.journal = sampleJournal
	}
	s.journal = o.journal()
	facts := sampleFacts()
	if o.facts != nil {
		facts = *o.facts
	}
	s.status = tui.NewStatus(facts)
	s.files = &fakeFixtures{set: fixtures.Builtin(), changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	began := time.Now()
	theme := o.theme
	if theme == tui.Auto {
		theme = tui.Dark
	}
	model, err := tui.New(ctx, tui.Config{
		Journal: s.journal, Session: s.session, Fixtures: s.files, Status: s.status, Theme: theme, ASCII: o.ascii, Zone: time.UTC, Explain: o.explain,
		Now: func() time.Time { return noon.Add(37 * time.Second).Add(time.Since(began)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.model = model
	s.run(model.Init())
	s.send(tea.WindowSizeMsg{Width: max(o.width, 1), Height: max(o.height, 1)})
	return s
}

// end stops what still waits, and lets the timers run out: in a bubble no time
// passes after the test.
func (s *screen) end() {
	s.cancel()
	time.Sleep(time.Minute)
}

// run executes a command in the background.
func (s *screen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		s.msgs <- cmd()
	}()
}

// settle lets everything happen that happens without time passing.
func (s *screen) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-s.msgs:
			s.take(msg)
		default:
			return
		}
	}
}

func (s *screen) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, cmd := range msg {
			s.run(cmd)
		}
	case tea.QuitMsg:
		s.quit = true
	default:
		if fmt.Sprintf("%T", msg) == "tea.setClipboardMsg" {
			s.copied = append(s.copied, fmt.Sprint(msg))
			return
		}
		_, cmd := s.model.Update(msg)
		s.run(cmd)
	}
}

// send gives messages to the model and settles.
func (s *screen) send(msgs ...tea.Msg) {
	for _, msg := range msgs {
		s.take(msg)
		s.settle()
	}
}

// pass lets time pass, a little at a time, as the program would see it.
func (s *screen) pass(d time.Duration) {
	const step = 10 * time.Millisecond
	for ; d > 0; d -= step {
		time.Sleep(step)
		s.settle()
	}
}

// press presses keys: "j", "ctrl+d", "enter", "j*3"; "'text" types a text.
func (s *screen) press(keys ...string) {
	for _, k := range keys {
		if text, ok := strings.CutPrefix(k, "'"); ok {
			for _, r := range text {
				s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
			continue
		}
		name, count, repeated := strings.Cut(k, "*")
		n, _ := strconv.Atoi(count)
		if !repeated {
			name, n = k, 1
		}
		for range n {
			s.send(keyPress(name))
		}
	}
}

func keyPress(name string) tea.KeyPressMsg {
	var mod tea.KeyMod
	base := name
	if rest, ok := strings.CutPrefix(base, "ctrl+"); ok {
		mod, base = mod|tea.ModCtrl, rest
	}
	if rest, ok := strings.CutPrefix(base, "shift+"); ok {
		mod, base = mod|tea.ModShift, rest
	}
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
		"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace,
	}
	if code, ok := special[base]; ok {
		return tea.KeyPressMsg{Code: code, Mod: mod}
	}
	k := tea.KeyPressMsg{Code: []rune(base)[0], Mod: mod}
	if mod == 0 {
		k.Text = base
	}
	return k
}

// styled is the screen as drawn, text without its styles.
func (s *screen) styled() string { return s.model.View().Content }

func (s *screen) text() string { return ansi.Strip(s.styled()) }

// line is the row of the screen that holds text.
func (s *screen) line(text string) string {
	for line := range strings.SplitSeq(s.text(), "\n") {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

func (s *screen) expect(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.text(), text) {
			s.t.Errorf("%q is not on the screen:\n%s", text, s.text())
		}
	}
}

func (s *screen) refute(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(s.text(), text) {
			s.t.Errorf("%q is on the screen:\n%s", text, s.text())
		}
	}
}

// selection is the row of the list that is selected.
func (s *screen) selection() string { return strings.TrimSpace(s.line("▌")) }
