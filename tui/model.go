package tui

import (
	"cmp"
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/igloo-dev/igloo/internal/journal"
)

// pane is one of the two panes.
type pane int

const (
	listPane pane = iota
	detailPane
)

// overlay is what lies over the panes.
type overlay int

const (
	noOverlay overlay = iota
	pickerOverlay
	tunnelOverlay
	infoOverlay
	helpOverlay
)

// Model is the whole UI. State changes only in Update, which does no IO: work that
// can wait runs in a command and comes back as a message.
type Model struct {
	cfg     Config
	command func(work func(context.Context) tea.Msg) tea.Cmd
	look    look
	keys    keymap

	width, height int
	layout        layout
	dark, blurred bool
	mouseOff      bool
	zoomed        bool
	focus         pane
	overlay       overlay
	copying       bool // the next key says what to copy

	facts    Facts
	callback string // the last callback URL there was
	counts   counts
	history  history
	list     list
	filter   filter
	search   search
	detail   detail
	picker   picker
	tunnels  tunnels
	help     scroller
	info     scroller
	token    bool // the verify token is shown
	lastFire fireOrder
	toast    toast
	clicked  click

	cached string // of View, "" after a change
	cursor *tea.Cursor
}

// history is where the model stands in the journal.
type history struct {
	changed   <-chan struct{}
	stop      func()
	cursor    journal.Cursor
	read      time.Time // when changes were read last
	loaded    bool      // the first rows are there
	older     bool      // more rows exist before the first one
	loading   bool      // older rows are on their way
	err       error
	fixtures  <-chan struct{}
	stopFiles func()
}

func newModel(ctx context.Context, cfg Config) *Model {
	m := &Model{
		cfg:  cfg,
		dark: true,
		keys: newKeymap(),
		command: func(work func(context.Context) tea.Msg) tea.Cmd {
			return func() tea.Msg { return work(ctx) }
		},
		facts: cfg.Status.Facts(),
	}
	m.callback = m.facts.CallbackURL
	m.look.symbols = newSymbols(cfg.ASCII)
	m.look.styles = newStyles(cfg.Theme, m.dark)
	m.list.follow = true
	m.filter = newFilter()
	m.search = newSearch()
	m.picker = newPicker()
	m.detail = newDetail()
	return m
}

// Init watches the journal and the fixtures, and reads what is there.
func (m *Model) Init() tea.Cmd {
	m.history.changed, m.history.stop = m.cfg.Journal.Watch()
	m.history.fixtures, m.history.stopFiles = m.cfg.Fixtures.Watch()
	return tea.Batch(m.loadFirst(), m.waitStatus(), m.waitFixtures(), m.loadFixtures(), m.tick(), tea.RequestBackgroundColor)
}

// unwatch ends what Init began.
func (m *Model) unwatch() {
	if m.history.stop != nil {
		m.history.stop()
	}
	if m.history.stopFiles != nil {
		m.history.stopFiles()
	}
}

// Update takes one message, works out the layout again, and loads what came into
// view.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.cached = ""
	cmd := m.update(msg)
	m.arrange()
	return m, tea.Batch(cmd, m.selected())
}

func (m *Model) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		return nil
	case tea.KeyPressMsg:
		return m.press(msg)
	case tea.PasteMsg:
		return m.typed(msg)
	case tea.MouseMsg:
		return m.mouse(msg)
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.look.styles = newStyles(m.cfg.Theme, m.dark)
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value.IsSet() || msg.Value.IsReset() || msg.Value.IsPermanentlySet()) {
			m.look.method = ansi.GraphemeWidth
			m.detail.measure(m.look.cells)
		}
	case tea.FocusMsg:
		m.blurred = false
		return m.tick()
	case tea.BlurMsg:
		m.blurred = true
	case tickMsg:
		return m.ticked()
	case toastGone:
		if msg.n == m.toast.n {
			m.toast.text = ""
		}
	case statusMsg:
		return m.learn(msg.facts)
	default:
		return m.answer(msg)
	}
	return nil
}

// answer takes the messages of the model's own commands.
func (m *Model) answer(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case firstMsg:
		return m.begin(msg)
	case changesMsg:
		return m.follow(msg)
	case olderMsg:
		m.prepend(msg)
	case countsMsg:
		return m.counted(msg)
	case filterDue:
		return m.applyFilter(msg)
	case foundMsg:
		return m.found(msg)
	case matchedMsg:
		return m.matched(msg)
	case detailMsg:
		return m.loaded(msg)
	case layoutMsg:
		m.laidOut(msg)
	case explainMsg:
		return m.explained(msg)
	case fixturesMsg:
		return m.fixturesChanged(msg)
	case outcomeMsg:
		return m.sent(msg)
	case choicesMsg:
		m.tunnels.set(msg)
	case tunnelMsg:
		return m.tunnelDone(msg)
	case savedMsg:
		return m.saved(msg)
	case partMsg:
		return m.part(msg)
	}
	return nil
}

// learn takes in new facts. A callback URL that changed is said loudly, because
// Meta still has the old one.
func (m *Model) learn(facts Facts) tea.Cmd {
	old := m.callback
	m.facts = facts
	m.callback = cmp.Or(facts.CallbackURL, old)
	wait := m.waitStatus()
	switch {
	case m.callback == old:
		return wait
	case old == "" && facts.CallbackWas == "":
		return tea.Batch(wait, m.say(goodToast, "the callback URL is there: u copies it"))
	}
	return tea.Batch(wait, m.say(badToast, "the callback URL changed: update it at Meta, u copies it"))
}

// tick asks for the next second, as long as elapsed time is shown and someone may
// look at it.
func (m *Model) tick() tea.Cmd {
	if m.counts.ticking || m.blurred {
		return nil
	}
	m.counts.ticking = true
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return tickMsg{} })
}

func (m *Model) ticked() tea.Cmd {
	m.counts.ticking = false
	return m.tick()
}

// where returns the scope of the next key.
func (m *Model) where() scope {
	switch m.overlay {
	case pickerOverlay:
		return inPicker
	case tunnelOverlay:
		return inTunnels
	case infoOverlay:
		return inInfo
	case helpOverlay:
		return inHelp
	case noOverlay:
	}
	switch {
	case m.filter.editing:
		return inFilter
	case m.search.editing:
		return inSearch
	case m.copying:
		return inCopy
	case m.focus == detailPane:
		return inDetail
	}
	return inList
}
