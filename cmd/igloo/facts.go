package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tui"
	"github.com/igloo-dev/igloo/tunnel"
)

// facts is what the session knows at its start.
func (s *session) facts() tui.Facts {
	f := tui.Facts{
		Name:      "igloo",
		Started:   s.started,
		LocalURL:  s.localURL(),
		TokenName: s.secrets.VerifyTokenFrom,
		More: []tui.Fact{
			{Name: "project", Value: s.cfg.project.Dir},
			{Name: "journal", Value: s.cfg.project.journalPath()},
			{Name: "log", Value: s.cfg.project.logPath()},
			{Name: "version", Value: buildVersion()},
		},
	}
	for _, key := range s.keyring.Secrets() {
		f.Secrets = append(f.Secrets, key.Name)
	}
	if s.madeToken {
		f.VerifyToken = s.verifyToken
	}
	if s.target != nil {
		f.TargetURL, f.Target = s.target.String(), tui.Waiting
	}
	f.Notice = cmp.Or(strings.Join(s.cfg.misnamed(), "; "), s.leftOver(), s.openToOthers())
	return f
}

// leftOver says what an earlier session did not forward, "" when there is nothing.
func (s *session) leftOver() string {
	if s.pendingAtStart == 0 {
		return ""
	}
	return plural(s.pendingAtStart, "delivery of an earlier session was", "deliveries of an earlier session were") + " never forwarded: igloo replay --pending"
}

// news is the journal as the session's screen follows it. What the screen reads, the
// session learns from, so that nothing is read twice.
type news struct {
	*journal.Journal
	began journal.Cursor
	learn func(journal.Changes)
}

// Now is the moment the session was opened: what arrived before the screen was there
// is news to it too.
func (n news) Now(context.Context) (journal.Cursor, error) { return n.began, nil }

// brief is the news without rows.
type brief struct{ news }

// Changes is the journal's Brief; the session hears it first.
func (b brief) Changes(ctx context.Context, since journal.Cursor, limit int) (journal.Changes, error) {
	changes, err := b.Brief(ctx, since, limit)
	if err == nil {
		b.learn(changes)
	}
	return changes, err
}

// Changes is the journal's own; the session hears it first.
func (n news) Changes(ctx context.Context, since journal.Cursor, limit int) (journal.Changes, error) {
	changes, err := n.Journal.Changes(ctx, since, limit)
	if err == nil {
		n.learn(changes)
	}
	return changes, err
}

func (s *session) news() news { return news{s.journal, s.began, s.learn} }

// learn takes from the journal's news what the status line says.
func (s *session) learn(changes journal.Changes) {
	for _, v := range changes.Verifications {
		if v.Reason == "" && !v.Self {
			moved := s.tunnels.verified(v.Host)
			s.status.Update(func(f *tui.Facts) {
				f.Verified = v.ReceivedAt
				if moved {
					f.CallbackWas = ""
				}
			})
		}
	}
	for _, r := range changes.Rows {
		if r.Verdict == webhook.Unchecked && r.Source == journal.Live {
			s.status.Update(func(f *tui.Facts) {
				f.Notice = "signed deliveries arrive and no app secret is known, so they are not forwarded: set IGLOO_APP_SECRET"
			})
			break
		}
	}
	if n := len(changes.Attempts); n > 0 {
		last := changes.Attempts[n-1]
		s.setTarget(last.Status != 0, last.Err)
	}
}

func (s *session) setTarget(up bool, note string) {
	phase := tui.Down
	if up {
		phase, note = tui.Up, ""
	}
	if now := s.status.Facts(); now.Target == phase && now.TargetNote == note {
		return
	}
	s.status.Update(func(f *tui.Facts) { f.Target, f.TargetNote = phase, note })
}

// watchTarget looks for the app until it is there, and again when it went away: a
// connection only, because a request could have effects.
func (s *session) watchTarget(ctx context.Context) error {
	address := hostPort(s.target)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		if s.status.Facts().Target != tui.Up {
			dialer := net.Dialer{Timeout: time.Second}
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err == nil {
				_ = conn.Close()
				s.setTarget(true, "")
			} else if ctx.Err() == nil {
				s.setTarget(false, fmt.Sprintf("%s: %s", address, plainNetError(err)))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// publicURL is the callback URL behind a tunnel's URL.
func (s *session) publicURL(base *url.URL) string {
	if base == nil {
		return ""
	}
	return strings.TrimSuffix(base.String(), "/") + s.flags.Path
}

// showTunnel puts a tunnel's report into the facts.
func (s *session) showTunnel(news tunnelNews) {
	s.status.Update(func(f *tui.Facts) {
		f.Provider, f.CallbackURL = news.Provider, s.publicURL(news.URL)
		f.TunnelNote = tunnelNote(news.Status)
		if news.URL != nil {
			f.CallbackWas = news.Was
		}
		if news.Next != "" {
			f.Notice = describeTunnel(news, "")
		}
		switch news.State {
		case tunnel.Online:
			f.Tunnel = tui.Up
		case tunnel.Connecting, tunnel.Reconnecting, tunnel.Checking:
			f.Tunnel = tui.Waiting
		case tunnel.Closed:
			f.Tunnel, f.Provider = tui.Absent, ""
		case tunnel.Failed, tunnel.Degraded:
			f.Tunnel = tui.Down
		}
	})
}

// tunnelNote says what a state alone does not.
func tunnelNote(st tunnel.Status) string {
	if st.Err == nil {
		return accountNote(st.Account)
	}
	note := oneLine(st.Err.Error())
	if st.Hint != "" {
		note += ": " + oneLine(st.Hint)
	}
	if st.RetryIn > 0 {
		note += fmt.Sprintf(" (next try in %s)", st.RetryIn.Round(100*time.Millisecond))
	}
	return note
}
