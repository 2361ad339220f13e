package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// plainScreen shows a session as lines: deliveries on stdout, talk on stderr.
type plainScreen struct {
	session *session
	mu      sync.Mutex // guards both writers
	out     io.Writer
	talk    io.Writer
	shown   map[int64]bool // deliveries whose first outcome was printed

	tunnel   string // the last line about it
	callback string // the last public URL
}

func newPlainScreen(out, talk io.Writer, s *session) *plainScreen {
	return &plainScreen{session: s, out: out, talk: talk, shown: map[int64]bool{}}
}

func (p *plainScreen) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.talk, "igloo: "+format+"\n", args...)
}

// Tunnel says what changed about the public URL.
func (p *plainScreen) Tunnel(news tunnelNews) {
	url := p.session.publicURL(news.URL)
	line := describeTunnel(news, url)
	p.mu.Lock()
	known := p.tunnel == line // only the latency changed
	p.tunnel = line
	told := url == "" || p.callback == url
	if !told {
		p.callback = url
	}
	p.mu.Unlock()
	if !known {
		p.say("%s", line)
	}
	if !told && news.Was != "" {
		for _, text := range moved(news.Was, url) {
			p.say("%s", text)
		}
	}
}

// Notice says what works badly.
func (p *plainScreen) Notice(text string) { p.say("warning: %s", text) }

// Drain says why igloo does not end at once.
func (p *plainScreen) Drain() {
	if n := p.session.waiting(); n > 0 {
		p.say("forwarding %s, then stopping; press Ctrl-C again to stop at once", plural(n, "answered delivery", "answered deliveries"))
	}
}

// Run prints what happens until everything is recorded.
func (p *plainScreen) Run(_, drained context.Context) error {
	p.start()
	return followJournal(drained, p.session.news(), func(_ journal.Cursor, news journal.Changes) error {
		for _, v := range news.Verifications {
			if err := p.verification(v); err != nil {
				return err
			}
		}
		for _, r := range news.Rows {
			if err := p.row(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// start says where everything is.
func (p *plainScreen) start() {
	s := p.session
	p.say("callback URL on this machine: %s", s.localURL())
	switch {
	case s.target == nil:
		p.say("no target: deliveries are recorded; forward them with --forward-to 3000")
	case s.demo != nil:
		p.say("forwarding to the sample app, which shows what it received at http://%s/", s.demo.listener.Addr())
	default:
		p.say("forwarding to %s", s.target)
	}
	if s.madeToken {
		p.say("verify token: %s", s.verifyToken.Reveal())
	} else {
		p.say("verify token: from %s", s.secrets.VerifyTokenFrom)
	}
	for _, text := range s.notices() {
		p.say("%s", text)
	}
	p.say("fire a signed sample from another terminal: igloo fire comments")
}

// notices are the sentences a user should see at start.
func (s *session) notices() []string {
	out := s.cfg.misnamed()
	if len(s.tunnels.wanted) == 0 && s.flags.Tunnel == tunnelAuto && !s.flags.Demo {
		out = append(out, hintWithoutTunnel)
	}
	if len(s.secrets.App) == 0 && !s.flags.Demo {
		out = append(out, "no app secret known: Meta's deliveries are recorded unchecked and not forwarded; set IGLOO_APP_SECRET. Fired ones are signed with a development secret, igloo doctor --env prints it")
	}
	for _, text := range []string{s.openToOthers(), s.leftOver()} {
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}

func (p *plainScreen) verification(v journal.Verification) error {
	if v.Self {
		return nil // the line about the public URL says what came of it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	mark, what := "✓", "verification request answered"
	if v.Reason != "" {
		mark, what = "✗", "verification request refused: "+v.Reason
	}
	_, err := fmt.Fprintf(p.out, "%s %s  %-*s %s\n", v.ReceivedAt.Local().Format(time.TimeOnly), mark, fieldWidth, "verification", clean(what))
	return err
}

// row prints a delivery once its outcome is known: when it was attempted, or when
// it is indexed and is not to be forwarded. Each replay is a line of its own.
func (p *plainScreen) row(r journal.Row) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !r.Indexed || r.Pending():
		return nil
	case r.Attempts == 0:
	case p.shown[r.ID] && !r.Replayed:
		return nil
	}
	if r.Attempts > 0 {
		p.shown[r.ID] = true
		if len(p.shown) > maxShown {
			clear(p.shown)
		}
	}
	_, err := fmt.Fprintln(p.out, rowLine(r))
	return err
}

// maxShown bounds what the plain screen remembers.
const maxShown = 100_000
