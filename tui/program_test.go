package tui_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/tui"
)

// output is what a program writes to its terminal.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// frame is long enough for the program to draw what changed.
const frame = 20 * time.Millisecond

// runProgram runs the whole program in a bubble, with a fake clock.
func runProgram(t *testing.T, drive func(p *tea.Program, j *fakeJournal, out *output)) string {
	t.Helper()
	out := &output{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer time.Sleep(time.Minute) // what waits runs out
		defer cancel()
		j := sampleJournal()
		m, err := tui.New(ctx, tui.Config{
			Journal: j, Session: &fakeSession{outcomes: []tui.Outcome{{Sent: true, Status: 200, Took: time.Millisecond}}},
			Fixtures: &fakeFixtures{set: fixtures.Builtin(), changed: make(chan struct{})}, Status: tui.NewStatus(sampleFacts()),
			Theme: tui.Dark, Now: func() time.Time { return noon }, Zone: time.UTC,
		})
		if err != nil {
			t.Fatal(err)
		}
		p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(nil), tea.WithOutput(out), tea.WithoutSignals(), tea.WithWindowSize(120, 36),
			tea.WithColorProfile(colorprofile.ANSI256), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
		done := make(chan error, 1)
		go func() {
			_, err := p.Run()
			done <- err
		}()
		time.Sleep(5 * frame)
		drive(p, j, out)
		time.Sleep(5 * frame)
		p.Send(keyPress("q"))
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
	return out.String()
}

// TestProgram runs the program twice and wants the same bytes: nothing on the
// screen depends on chance or on the real clock.
func TestProgram(t *testing.T) {
	session := func(p *tea.Program, j *fakeJournal, _ *output) {
		for _, key := range []string{"k", "k", "tab", "}", "esc", "f", "esc", "r"} {
			p.Send(keyPress(key))
			time.Sleep(2 * frame)
		}
		row := j.rows[0]
		row.ID = 16
		j.put(row, "{}")
		time.Sleep(10 * frame)
	}
	first := runProgram(t, session)
	for _, want := range []string{"\x1b[?1049h", "Deliveries", "Fire a fixture", "replayed", "\x1b[?1049l"} {
		if !strings.Contains(first, want) {
			t.Errorf("the program did not write %q", want)
		}
	}
	for range 5 {
		if again := runProgram(t, session); again != first {
			t.Fatalf("another run wrote %d bytes, the first %d", len(again), len(first))
		}
	}
}

// A program nobody looks at writes nothing.
func TestIdleIsQuiet(t *testing.T) {
	runProgram(t, func(p *tea.Program, _ *fakeJournal, out *output) {
		p.Send(tea.BlurMsg{})
		time.Sleep(2 * time.Second)
		before := len(out.String())
		time.Sleep(time.Hour)
		if after := len(out.String()); after != before {
			t.Errorf("an idle hour wrote %d bytes", after-before)
		}
	})
}

// BenchmarkView draws a screen with a full list; the budget is 1 ms.
func BenchmarkView(b *testing.B) {
	j := newFakeJournal()
	rows := sampleJournal().rows
	for id := range int64(tui.MaxRows) {
		row := rows[id%int64(len(rows))]
		row.ID = id + 1
		j.rows = append(j.rows, row)
		j.bodies[row.ID] = []byte(sampleBody(row.Field, row.Username, row.Summary, row.Events))
	}
	m := loadedModel(b, j)
	keys := []tea.Msg{keyPress("k"), keyPress("j")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Update(keys[i%2])
		if len(m.View().Content) == 0 {
			b.Fatal("nothing drawn")
		}
	}
}

// BenchmarkChanges takes in batches as a burst of 2,000 deliveries a second makes
// them.
func BenchmarkChanges(b *testing.B) {
	m := loadedModel(b, sampleJournal())
	template := sampleJournal().rows[0]
	id := int64(16)
	next := func() tea.Msg {
		batch := journal.Changes{}
		for range 66 {
			row := template
			row.ID = id
			id++
			batch.Rows = append(batch.Rows, row)
		}
		batch.Next.Delivery = id - 1
		return tui.ChangesMsg(batch)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Update(next())
		m.View()
	}
}

// loadedModel is a model that has read its first rows, without a program.
func loadedModel(tb testing.TB, j *fakeJournal) *tui.Model {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	m, err := tui.New(ctx, tui.Config{
		Journal: j, Session: &fakeSession{}, Fixtures: &fakeFixtures{set: fixtures.Builtin()}, Status: tui.NewStatus(sampleFacts()),
		Theme: tui.Dark, Now: func() time.Time { return noon }, Zone: time.UTC,
	})
	if err != nil {
		tb.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 36})
	m.Update(tui.FirstMsg(j.rows))
	d, _ := j.Delivery(ctx, j.rows[len(j.rows)-1].ID)
	m.Update(tui.DetailMsg(d))
	return m
}

// The renderer agrees about every width: what it makes of a screen is as large as
// the screen, and the frames stand where they should.
func TestRendererAgrees(t *testing.T) {
	onScreen(t, wide(), func(s *screen) {
		buffer := uv.NewScreenBuffer(120, 36)
		uv.NewStyledString(s.styled()).Draw(buffer, buffer.Bounds())
		for y := 3; y < 34; y++ {
			for _, x := range []int{0, 62, 63, 119} {
				if cell := buffer.CellAt(x, y); cell == nil || cell.Content != "│" {
					t.Errorf("cell %d,%d = %v, want a frame", x, y, cell)
				}
			}
		}
	})
}
