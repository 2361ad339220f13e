package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/igloo-dev/igloo/internal/journal"
)

// toastTime is how long a toast stays.
const toastTime = 4 * time.Second

// toastKind colours a toast.
type toastKind int

const (
	plainToast toastKind = iota
	goodToast
	badToast
)

// toast is the line that says what became of an action.
type toast struct {
	text string
	kind toastKind
	n    int // counts the toasts, so that an old one's end does not end a new one
}

type toastGone struct{ n int }

// say shows a toast. Its text may hold anything.
func (m *Model) say(kind toastKind, text string) tea.Cmd {
	m.toast = toast{text: m.look.clean(text), kind: kind, n: m.toast.n + 1}
	n := m.toast.n
	return tea.Tick(toastTime, func(time.Time) tea.Msg { return toastGone{n} })
}

// fireOrder is what was fired last.
type fireOrder struct {
	name  string
	count int
}

type outcomeMsg struct {
	verb     string // "fired comments", "replayed d42"
	outcomes []Outcome
	err      error
}

// fire fires a fixture count times.
func (m *Model) fire(order fireOrder) tea.Cmd {
	m.lastFire = order
	verb := "fired " + order.name
	if order.count > 1 {
		verb += " " + m.look.times + grouped(order.count)
	}
	send := m.command(func(ctx context.Context) tea.Msg {
		outcomes, err := m.cfg.Session.Fire(ctx, []string{order.name}, order.count)
		return outcomeMsg{verb, outcomes, err}
	})
	// What was fired is what the user wants to see arrive.
	m.list.end()
	return tea.Batch(send, m.say(plainToast, "firing "+strings.TrimPrefix(verb, "fired ")))
}

// fireAgain fires the last fixture again.
func (m *Model) fireAgain() tea.Cmd {
	if m.lastFire.name == "" {
		return m.say(plainToast, "nothing fired yet: f chooses a fixture")
	}
	return m.fire(m.lastFire)
}

// replay sends the selected delivery to the target again.
func (m *Model) replay() tea.Cmd {
	row, ok := m.list.current()
	switch {
	case !ok:
		return m.say(plainToast, "nothing to replay yet")
	case m.facts.Target == Absent:
		return m.say(badToast, "no target to replay to: start with --forward-to")
	}
	verb := "replayed " + journal.FormatID(row.ID, 0)
	send := m.command(func(ctx context.Context) tea.Msg {
		outcomes, err := m.cfg.Session.Replay(ctx, []int64{row.ID})
		return outcomeMsg{verb, outcomes, err}
	})
	return tea.Batch(send, m.say(plainToast, "replaying "+journal.FormatID(row.ID, 0)))
}

// sent says what became of what was fired or replayed.
func (m *Model) sent(msg outcomeMsg) tea.Cmd {
	if msg.err != nil {
		verb, what, _ := strings.Cut(msg.verb, " ")
		return m.say(badToast, "not "+verb+" "+what+": "+msg.err.Error())
	}
	kind, text := outcomeText(msg.outcomes)
	return m.say(kind, msg.verb+", "+text)
}

// outcomeText puts the outcomes into words.
func outcomeText(outcomes []Outcome) (toastKind, string) {
	if len(outcomes) == 0 {
		return plainToast, "nothing was sent"
	}
	good, sent := 0, 0
	for _, o := range outcomes {
		if o.Sent {
			sent++
		}
		if o.Status >= 200 && o.Status < 300 {
			good++
		}
	}
	first := outcomes[0]
	switch {
	case len(outcomes) > 1 && good == len(outcomes):
		return goodToast, fmt.Sprintf("all %s answered 2xx", grouped(good))
	case len(outcomes) > 1 && sent > 0:
		return badToast, fmt.Sprintf("%s of %s answered 2xx", grouped(good), grouped(len(outcomes)))
	case !first.Sent:
		return plainToast, "recorded, not sent to the app"
	case first.Err != "":
		return badToast, first.Err
	case good == 1:
		return goodToast, fmt.Sprintf("%d in %s", first.Status, took(first.Took))
	}
	return badToast, fmt.Sprintf("%d in %s", first.Status, took(first.Took))
}

// revealToken shows the verify token, when igloo made it, and copies it.
func (m *Model) revealToken() tea.Cmd {
	if m.facts.VerifyToken == nil {
		return m.say(plainToast, "the verify token is your own ("+m.facts.TokenName+"); it is not shown")
	}
	m.token = true
	token := m.facts.VerifyToken.Reveal()
	return tea.Batch(tea.SetClipboard(token), m.say(goodToast, "copied the verify token "+token))
}

// tunnels is the overlay that opens and closes public URLs.
type tunnels struct {
	choices []Choice
	err     error
	loading bool
	at      int
}

type (
	choicesMsg struct {
		choices []Choice
		err     error
	}
	tunnelMsg struct {
		verb string // "opening ngrok", "closed the tunnel"
		err  error
	}
)

func (t *tunnels) set(msg choicesMsg) {
	t.choices, t.err, t.loading = msg.choices, msg.err, false
	t.at = 0
	for i, c := range t.choices {
		if c.Open {
			t.at = i
		}
	}
}

func (t *tunnels) move(n int) { t.at = max(min(t.at+n, len(t.choices)-1), 0) }

// openTunnels shows the overlay.
func (m *Model) openTunnels() tea.Cmd {
	m.overlay = tunnelOverlay
	m.tunnels = tunnels{loading: true}
	return m.command(func(ctx context.Context) tea.Msg {
		choices, err := m.cfg.Session.Choices(ctx)
		return choicesMsg{choices, err}
	})
}

// openTunnel opens the chosen tunnel.
func (m *Model) openTunnel() tea.Cmd {
	if m.tunnels.at >= len(m.tunnels.choices) {
		return nil
	}
	choice := m.tunnels.choices[m.tunnels.at]
	switch {
	case choice.Missing != "":
		return m.say(badToast, choice.Name+": "+choice.Missing)
	case choice.Open:
		m.overlay = noOverlay
		return m.say(plainToast, choice.Name+" is open already")
	}
	m.overlay = noOverlay
	open := m.command(func(ctx context.Context) tea.Msg {
		return tunnelMsg{"opening " + choice.Name, m.cfg.Session.Open(ctx, choice.Name)}
	})
	return tea.Batch(open, m.say(plainToast, "opening "+choice.Name))
}

// closeTunnel closes the open tunnel.
func (m *Model) closeTunnel() tea.Cmd {
	m.overlay = noOverlay
	if m.facts.Tunnel == Absent {
		return m.say(plainToast, "no tunnel is open")
	}
	return m.command(func(ctx context.Context) tea.Msg {
		return tunnelMsg{"closed the tunnel", m.cfg.Session.Close(ctx)}
	})
}

func (m *Model) tunnelDone(msg tunnelMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(badToast, msg.verb+": "+msg.err.Error())
	}
	return m.say(plainToast, msg.verb)
}
