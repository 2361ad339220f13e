package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	// settleTime is how long typing has to pause before a filter is asked.
	settleTime = 80 * time.Millisecond
	// problems is what "!" adds to the filter.
	problems = "is:problem"
)

type (
	filterDue struct{ n int }
	foundMsg  struct {
		n     int // of the filter that was asked
		rows  []journal.Row
		total int
		blame string // when nothing was found: the word that removed the most
		err   error
	}
	matchedMsg struct {
		n    int
		rows []journal.Row // that changed
		ids  []int64       // of those that match, sorted
		err  error
	}
)

// filter is the filter of the list: a box, and the last good query made from it.
// The journal evaluates it; this side only asks.
type filter struct {
	input
	editing  bool
	problems bool // only problems

	query    journal.Query
	text     string // that query was made from, "" for none
	err      error  // of what stands in the box now
	n        int    // counts the queries, so that a late answer to an old one is dropped
	total    int
	matching bool          // changed rows are being looked at
	queue    []journal.Row // that changed meanwhile
	blame    string
	before   string // the text when editing began
	past     []string
	place    int // in past, while looking through it
}

func newFilter() filter { return filter{input: newInput()} }

// active reports whether the list shows only what matches.
func (f *filter) active() bool { return f.text != "" }

// want is the text of the filter the user asked for.
func (f *filter) want() string {
	text := strings.TrimSpace(f.Value())
	if f.problems {
		text = strings.TrimSpace(text + " " + problems)
	}
	return text
}

// edit opens the box.
func (f *filter) edit() {
	f.editing, f.before, f.place = true, f.Value(), len(f.past)
	f.CursorEnd()
	f.Focus()
}

// keep closes the box and keeps what stands in it.
func (f *filter) keep() {
	f.editing = false
	f.Blur()
	if text := strings.TrimSpace(f.Value()); text != "" {
		f.past = append(slices.DeleteFunc(f.past, func(old string) bool { return old == text }), text)
	}
}

// recall goes through what was typed before.
func (f *filter) recall(step int) {
	f.place = min(max(f.place+step, 0), len(f.past))
	if f.place == len(f.past) {
		f.SetValue("")
		return
	}
	f.SetValue(f.past[f.place])
	f.CursorEnd()
}

// refilter runs the filter once typing pauses.
func (m *Model) refilter() tea.Cmd {
	m.filter.n++
	n := m.filter.n
	return tea.Tick(settleTime, func(time.Time) tea.Msg { return filterDue{n} })
}

// applyFilter reads the box. A filter that does not parse leaves the last good one.
func (m *Model) applyFilter(msg filterDue) tea.Cmd {
	f := &m.filter
	if msg.n != f.n {
		return nil
	}
	text := f.want()
	query, err := journal.ParseQuery(text, m.cfg.Now().In(m.cfg.Zone))
	if f.err = err; err != nil {
		return nil
	}
	f.query, f.text = query, text
	return m.find()
}

// find asks the journal for what matches.
func (m *Model) find() tea.Cmd {
	n, query := m.filter.n, m.filter.query
	return m.command(func(ctx context.Context) tea.Msg {
		rows, err := m.cfg.Journal.Rows(ctx, query, journal.Page{Limit: firstRows})
		if err != nil {
			return foundMsg{n: n, err: err}
		}
		slices.Reverse(rows)
		msg := foundMsg{n: n, rows: rows, total: len(rows)}
		switch {
		case len(rows) == firstRows:
			msg.total, msg.err = m.cfg.Journal.Count(ctx, query)
		case len(rows) == 0:
			msg.blame = m.blame(ctx, query)
		}
		return msg
	})
}

// blame returns the word of a filter without which the most would be found.
func (m *Model) blame(ctx context.Context, query journal.Query) string {
	words := query.Terms()
	if len(words) < 2 {
		return ""
	}
	most, blamed := 0, ""
	for i, word := range words {
		if n, err := m.cfg.Journal.Count(ctx, query.Without(i)); err == nil && n > most {
			most, blamed = n, word
		}
	}
	return blamed
}

// found takes in what matches.
func (m *Model) found(msg foundMsg) tea.Cmd {
	f := &m.filter
	if msg.n != f.n {
		return nil
	}
	if msg.err != nil {
		f.err = msg.err
		return nil
	}
	f.matching, f.queue = false, nil // what changed before is in the answer
	f.total, f.blame = msg.total, msg.blame
	if !f.active() {
		m.history.older = len(msg.rows) == firstRows
	}
	m.list.replace(msg.rows)
	return nil
}

// match asks the journal which of the rows that changed match, one batch after the
// other, so that an old state never replaces a new one.
func (m *Model) match(rows []journal.Row) tea.Cmd {
	f := &m.filter
	f.queue = append(f.queue, rows...)
	if f.matching || len(f.queue) == 0 {
		return nil
	}
	rows, f.queue, f.matching = f.queue, nil, true
	n, query := f.n, f.query
	return m.command(func(ctx context.Context) tea.Msg {
		ids := make([]int64, len(rows))
		for i := range rows {
			ids[i] = rows[i].ID
		}
		ids, err := m.cfg.Journal.Match(ctx, query, ids)
		slices.Sort(ids)
		return matchedMsg{n, rows, ids, err}
	})
}

// matched puts the rows that match into the list, and takes out those that no
// longer do.
func (m *Model) matched(msg matchedMsg) tea.Cmd {
	f := &m.filter
	if msg.n != f.n || !f.active() {
		return nil // find reads them all
	}
	f.matching = false
	if msg.err != nil {
		f.err = msg.err
		return nil
	}
	before := len(m.list.rows)
	var in []journal.Row
	for _, r := range msg.rows {
		if _, ok := slices.BinarySearch(msg.ids, r.ID); ok {
			in = append(in, r)
		} else {
			m.list.remove(r.ID)
		}
	}
	m.list.merge(in)
	f.total += len(m.list.rows) - before
	return m.match(nil)
}

// candidates are the words a filter may hold: the names of the language, their
// values where those are always the same, and what was seen in the list.
func (m *Model) candidates() []string {
	words := []string{"since:10m", "since:1h", "since:24h", "took:>50ms", "took:>1s", "status:200", "status:ERR", "status:>=400"}
	for _, name := range journal.Keys() {
		words = append(words, name+":")
	}
	for _, state := range journal.States() {
		words = append(words, "is:"+state)
	}
	for _, v := range []webhook.Verdict{webhook.Verified, webhook.Unchecked, webhook.Invalid, webhook.Unsigned} {
		words = append(words, "verdict:"+string(v))
	}
	seen := map[string]bool{}
	for i := range m.list.rows {
		r := &m.list.rows[i]
		if r.Field != "" && !seen[r.Field] {
			seen[r.Field] = true
			words = append(words, "field:"+m.look.clean(r.Field))
		}
		if r.Username != "" && !seen["@"+r.Username] {
			seen["@"+r.Username] = true
			words = append(words, "from:@"+m.look.clean(r.Username))
		}
	}
	return words
}

// complete completes the word at the end of the box, as far as all that fit agree.
func (m *Model) complete() {
	f := &m.filter
	text := f.Value()
	word := strings.TrimPrefix(text[strings.LastIndexByte(text, ' ')+1:], "-")
	if word == "" {
		return
	}
	var fits []string
	for _, candidate := range m.candidates() {
		// A name comes before its values.
		if name, _, _ := strings.Cut(candidate, ":"); len(word) <= len(name) {
			candidate = name + ":"
		}
		if strings.HasPrefix(candidate, word) && !slices.Contains(fits, candidate) {
			fits = append(fits, candidate)
		}
	}
	if len(fits) > 0 {
		f.SetValue(strings.TrimSuffix(text, word) + common(fits))
		f.CursorEnd()
	}
}

// common returns the start that all words share.
func common(words []string) string {
	shared := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, shared) {
			shared = prefix(shared, len(shared)-1)
		}
	}
	return shared
}
