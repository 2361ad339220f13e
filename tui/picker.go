package tui

import (
	"context"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/fixtures"
)

// maxFire bounds what one order from the picker fires.
const maxFire = 1000

// picker is the overlay that fires a fixture: a box to type in, and what fits.
// "x10" at the end of the box fires ten.
type picker struct {
	input
	set   *fixtures.Set // nil until the first look
	all   []fixtures.Fixture
	fits  []fixtures.Fixture
	fresh map[string]bool // changed since the overlay was opened last
	at    int
	top   int
	rows  int // visible rows
}

type fixturesMsg struct {
	set    *fixtures.Set
	waited bool // a file changed; false for the first look
}

func newPicker() picker { return picker{input: newInput()} }

// open empties the box and shows everything.
func (p *picker) open() {
	p.SetValue("")
	p.Focus()
	p.match()
}

// order splits the box into what to look for and how often to fire it.
func (p *picker) order() (words []string, count int) {
	words = strings.Fields(strings.ToLower(p.Value()))
	if n := len(words); n > 0 {
		if digits, ok := strings.CutPrefix(words[n-1], "x"); ok {
			if count, err := strconv.Atoi(digits); err == nil && count > 0 {
				return words[:n-1], min(count, maxFire)
			}
		}
	}
	return words, 1
}

// match finds the fixtures whose name or field holds every word of the box, the one
// that is called so on top, then the names that start with it. Descriptions count when nothing else does.
func (p *picker) match() {
	words, _ := p.order()
	p.at, p.top = 0, 0
	var first, then, last []fixtures.Fixture
	for _, f := range p.all {
		name := strings.ToLower(f.Name)
		switch {
		case len(words) > 0 && strings.HasPrefix(name, words[0]) && holds(name+" "+f.Field, words):
			first = append(first, f)
		case holds(name+" "+f.Field, words):
			then = append(then, f)
		case holds(name+" "+f.Field+" "+strings.ToLower(f.Description), words):
			last = append(last, f)
		}
	}
	p.fits = append(first, then...)
	if len(p.fits) == 0 {
		p.fits = last
	}
	p.preferExact(words)
}

// preferExact puts the fixture that `igloo fire` would take for what is typed on top:
// "messages" is messages/text here as there.
func (p *picker) preferExact(words []string) {
	if len(words) != 1 || p.set == nil {
		return
	}
	exact, err := p.set.Get(words[0])
	if err != nil {
		return
	}
	i := slices.IndexFunc(p.fits, func(f fixtures.Fixture) bool { return f.Name == exact.Name })
	if i > 0 {
		p.fits = slices.Insert(slices.Delete(p.fits, i, i+1), 0, exact)
	}
}

func holds(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (p *picker) move(n int) {
	p.at = max(min(p.at+n, len(p.fits)-1), 0)
	p.show()
}

func (p *picker) show() {
	rows := max(p.rows, 1)
	p.top = max(min(p.top, p.at), p.at-rows+1, 0)
}

// take takes in the fixtures as they are now and notes which changed.
func (p *picker) take(set *fixtures.Set) {
	all := set.All()
	p.set = set
	if p.all != nil {
		old := map[string]string{}
		for _, f := range p.all {
			old[f.Name] = string(f.File)
		}
		p.fresh = map[string]bool{}
		for _, f := range all {
			if before, ok := old[f.Name]; !ok || before != string(f.File) {
				p.fresh[f.Name] = true
			}
		}
	}
	p.all = all
	at := p.at
	p.match()
	p.move(at)
}

// loadFixtures reads the fixtures as they are now.
func (m *Model) loadFixtures() tea.Cmd {
	return m.command(func(context.Context) tea.Msg {
		return fixturesMsg{set: m.cfg.Fixtures.Set()}
	})
}

// waitFixtures waits until a fixture file changed.
func (m *Model) waitFixtures() tea.Cmd {
	changed := m.history.fixtures
	return m.command(func(ctx context.Context) tea.Msg {
		if !wait(ctx, changed) {
			return nil
		}
		return fixturesMsg{set: m.cfg.Fixtures.Set(), waited: true}
	})
}

func (m *Model) fixturesChanged(msg fixturesMsg) tea.Cmd {
	m.picker.take(msg.set)
	if !msg.waited {
		return nil
	}
	return m.waitFixtures()
}

// openPicker shows the overlay.
func (m *Model) openPicker() {
	m.overlay = pickerOverlay
	m.picker.open()
}

// pick fires the chosen fixture.
func (m *Model) pick() tea.Cmd {
	if m.picker.at >= len(m.picker.fits) {
		return m.say(plainToast, "no fixture fits: esc, or other words")
	}
	f := m.picker.fits[m.picker.at]
	if f.Err != nil {
		return m.say(badToast, f.Name+" is broken: "+f.Err.Error())
	}
	_, count := m.picker.order()
	m.overlay = noOverlay
	return m.fire(fireOrder{name: f.Name, count: count})
}
