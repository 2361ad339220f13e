package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
)

const (
	// gather is the time between two reads of changes: 30 screens a second, whatever
	// arrives. After a quiet time the first is read once it had time to be indexed.
	gather  = 33 * time.Millisecond
	indexed = 8 * time.Millisecond
	// changesAtOnce bounds one batch, firstRows and olderRows what is loaded when
	// the program starts and when the user scrolls beyond it.
	changesAtOnce = 2000
	firstRows     = 1000
	olderRows     = 1000
	// recount is the shortest time between two looks at the totals.
	recount = time.Second
)

type (
	tickMsg  struct{}
	firstMsg struct {
		cursor journal.Cursor
		rows   []journal.Row // oldest first
		err    error
	}
	changesMsg struct {
		journal.Changes
		err error
		at  time.Time // when they were read
	}
	olderMsg struct {
		rows []journal.Row
		err  error
	}
	countsMsg struct {
		stats journal.Stats
		err   error
	}
	statusMsg struct{ facts Facts }
)

// counts are the totals of the status line.
type counts struct {
	journal.Stats
	known    bool
	asking   bool // a count is on its way
	again    bool // something changed since it was asked for
	ticking  bool
	verified time.Time // last accepted verification request
	recent   rate
}

// rate counts arrivals by the second.
type rate struct {
	second int64
	n      [10]int
}

// add counts n arrivals.
func (r *rate) add(now time.Time, n int) {
	r.pass(now)
	r.n[0] += n
}

// pass moves the window on to now.
func (r *rate) pass(now time.Time) {
	steps := min(now.Unix()-r.second, int64(len(r.n)))
	for range steps {
		copy(r.n[1:], r.n[:])
		r.n[0] = 0
	}
	r.second = max(r.second, now.Unix())
}

// perSecond is the rate over the window up to now, rounded up, so that one arrival
// shows. It works on a copy: drawing changes nothing.
func (r rate) perSecond(now time.Time) int {
	r.pass(now)
	sum := 0
	for _, n := range r.n {
		sum += n
	}
	return (sum + len(r.n) - 1) / len(r.n)
}

// loadFirst reads the newest rows. The cursor is taken before them: what arrives in
// between is read twice, which merging does not mind.
func (m *Model) loadFirst() tea.Cmd {
	return m.command(func(ctx context.Context) tea.Msg {
		cursor, err := m.cfg.Journal.Now(ctx)
		if err != nil {
			return firstMsg{err: err}
		}
		rows, err := m.cfg.Journal.Rows(ctx, journal.Query{}, journal.Page{Limit: firstRows})
		slices.Reverse(rows)
		return firstMsg{cursor: cursor, rows: rows, err: err}
	})
}

func (m *Model) begin(msg firstMsg) tea.Cmd {
	m.history.loaded, m.history.err = true, msg.err
	if msg.err != nil {
		again := m.loadFirst()
		return tea.Tick(recount, func(time.Time) tea.Msg { return again() })
	}
	m.history.cursor = msg.cursor
	m.history.older = len(msg.rows) == firstRows
	m.list.replace(msg.rows)
	return tea.Batch(m.waitChanges(false), m.count(0))
}

// waitChanges waits until the journal says that something changed and reads it.
// With more set there is more to read already.
func (m *Model) waitChanges(more bool) tea.Cmd {
	changed, cursor, last := m.history.changed, m.history.cursor, m.history.read
	return m.command(func(ctx context.Context) tea.Msg {
		if !more && !wait(ctx, changed) {
			return nil
		}
		if !more && !sleep(ctx, min(max(gather-m.cfg.Now().Sub(last), indexed), gather)) {
			return nil
		}
		changes, err := m.cfg.Journal.Changes(ctx, cursor, changesAtOnce)
		if err != nil && !sleep(ctx, recount) { // a journal in trouble is not asked in a loop
			return nil
		}
		return changesMsg{Changes: changes, err: err, at: m.cfg.Now()}
	})
}

func wait(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow takes in one batch of changes.
func (m *Model) follow(msg changesMsg) tea.Cmd {
	m.history.read = msg.at
	m.history.err = msg.err
	if msg.err != nil {
		return m.waitChanges(true)
	}
	last := m.lastSeen()
	m.history.cursor = msg.Next
	for _, v := range msg.Verifications {
		if v.Status == 200 && !v.Self {
			m.counts.verified = v.ReceivedAt
		}
	}
	arrived := 0
	for _, r := range msg.Rows {
		if r.ID > last {
			arrived++
		}
	}
	m.counts.recent.add(m.cfg.Now(), arrived)
	cmds := []tea.Cmd{m.waitChanges(msg.More), m.count(recount)}
	if m.filter.active() {
		cmds = append(cmds, m.match(msg.Rows))
	} else {
		m.list.merge(msg.Rows)
	}
	if slices.ContainsFunc(msg.Rows, func(r journal.Row) bool { return r.ID == m.detail.id }) {
		cmds = append(cmds, m.reload())
	}
	return tea.Batch(cmds...)
}

// lastSeen is the newest delivery the model knows of.
func (m *Model) lastSeen() int64 { return m.history.cursor.Delivery }

// count asks for the totals, at most once in the given time; a journal with a
// million rows is not counted thirty times a second.
func (m *Model) count(pause time.Duration) tea.Cmd {
	if m.counts.asking {
		m.counts.again = true
		return nil
	}
	m.counts.asking, m.counts.again = true, false
	return m.command(func(ctx context.Context) tea.Msg {
		stats, err := m.cfg.Journal.Stats(ctx)
		if pause > 0 && !sleep(ctx, pause) {
			return nil
		}
		return countsMsg{stats, err}
	})
}

func (m *Model) counted(msg countsMsg) tea.Cmd {
	m.counts.asking = false
	if msg.err == nil {
		m.counts.Stats, m.counts.known = msg.stats, true
	}
	if m.counts.again {
		return m.count(recount)
	}
	return nil
}

// loadOlder reads the rows before the first one, once the selection is near it.
func (m *Model) loadOlder() tea.Cmd {
	if m.history.loading || !m.history.older || m.filter.active() || m.list.top > m.list.height || len(m.list.rows) == 0 || len(m.list.rows) >= maxRows {
		return nil
	}
	m.history.loading = true
	before := m.list.rows[0].ID
	return m.command(func(ctx context.Context) tea.Msg {
		rows, err := m.cfg.Journal.Rows(ctx, journal.Query{}, journal.Page{Before: before, Limit: olderRows})
		slices.Reverse(rows)
		return olderMsg{rows, err}
	})
}

func (m *Model) prepend(msg olderMsg) {
	m.history.loading = false
	if msg.err != nil || m.filter.active() {
		return
	}
	m.history.older = len(msg.rows) == olderRows
	m.list.prepend(msg.rows)
}

// waitStatus waits for new facts.
func (m *Model) waitStatus() tea.Cmd {
	status := m.cfg.Status
	return m.command(func(ctx context.Context) tea.Msg {
		if !wait(ctx, status.changed) {
			return nil
		}
		return statusMsg{status.Facts()}
	})
}
