package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// checkJournal looks whether the journal is well, and what it tells of the deliveries.
func (e *examination) checkJournal(ctx context.Context) []checkLine {
	const code = "journal"
	if _, err := os.Stat(e.project.journalPath()); err != nil {
		if err := e.project.create(); err != nil {
			return []checkLine{broken(code, "choose a folder you can write to: --data-dir DIR", "journal: %s", err)}
		}
		return []checkLine{ok(code, "journal: nothing recorded yet")}
	}
	j, err := journal.OpenReader(ctx, journal.Config{Path: e.project.journalPath()})
	if err != nil {
		return []checkLine{broken(code, "start a new one with --data-dir DIR", "journal: %s", err)}
	}
	defer func() { _ = j.Close() }() // it was read only
	stats, err := j.Stats(ctx)
	if err != nil {
		return []checkLine{broken(code, "start a new one with --data-dir DIR", "journal: %s", err)}
	}
	lines := []checkLine{ok(code, "journal: %s, %s", plural(int(stats.Deliveries), "delivery", "deliveries"), bytesText(stats.Size))}
	if stats.Failed > 0 {
		lines = append(lines, warning("failed", "igloo replay --failed", "%s not accepted by the app", plural(int(stats.Failed), "delivery was", "deliveries were")))
	}
	if stats.Pending > 0 && e.own() == nil {
		lines = append(lines, warning("pending", "igloo replay --pending", "%s never forwarded", plural(int(stats.Pending), "delivery was", "deliveries were")))
	}
	if n := stats.Verdicts[webhook.Invalid]; n > 0 {
		lines = append(lines, warning("invalid", "igloo events search verdict:invalid, then igloo verify ID says why",
			"%s", plural(int(n), "delivery has a signature that does not hold", "deliveries have a signature that does not hold")))
	}
	refused, err := lastRefusal(ctx, j, stats.Verifications)
	if err == nil && refused.Reason != "" {
		lines = append(lines, warning("verification", "save the same verify token at Meta and here", "the last verification request was refused: %s", refused.Reason))
	}
	signs := newSigns()
	if err := signs.read(ctx, j); err != nil {
		return append(lines, unknown("deliveries", "", "what the deliveries tell: %s", err))
	}
	return append(lines, signs.lines()...)
}

// lastRefusal is the last verification request of Meta's, when it was refused.
func lastRefusal(ctx context.Context, j *journal.Journal, last int64) (journal.Verification, error) {
	recent, err := j.Verifications(ctx, max(last-100, 0), 100)
	for i := len(recent) - 1; err == nil && i >= 0; i-- {
		if !recent[i].Self {
			return recent[i], nil
		}
	}
	return journal.Verification{}, err
}

// signs are what recent deliveries tell about the setup at Meta.
type signs struct {
	events, tests, messages, hollow, standby, without, again int

	seen map[[sha256.Size]byte]int64 // deliveries, by event
}

// The deliveries that are looked at: the latest, a few at a time, none that are huge.
const (
	signDeliveries = 500
	signChunk      = 20
	signBody       = 1 << 20
)

func newSigns() *signs { return &signs{seen: map[[sha256.Size]byte]int64{}} }

func (s *signs) read(ctx context.Context, j *journal.Journal) error {
	last := j.LastID()
	for after := max(last-signDeliveries, 0); after < last; {
		some, err := j.Since(ctx, after, signChunk)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, d := range some {
			after = d.ID
			// What nobody vouches for is not Meta's.
			meant := d.Verdict == webhook.Verified || d.Verdict == webhook.Unchecked
			if d.Source == journal.Live && meant && len(d.Body) <= signBody {
				s.note(d)
			}
		}
	}
	return nil
}

func (s *signs) note(d journal.Delivery) {
	payload, err := webhook.Parse(d.Body)
	if err != nil {
		return
	}
	for _, e := range payload.Events {
		s.events++
		if e.Flags&webhook.Test != 0 {
			s.tests++ // its values are the same each time
			continue
		}
		if e.Field == "messages" {
			s.messages++
		}
		if e.Flags&webhook.HollowEdit != 0 {
			s.hollow++
		}
		if e.Flags&webhook.OnStandby != 0 {
			s.standby++
		}
		if e.Flags&webhook.WithoutValue != 0 {
			s.without++
			continue
		}
		key := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", e.Account, e.Section, e.Raw))
		if first, known := s.seen[key]; known && first != d.ID {
			s.again++
		} else if !known {
			s.seen[key] = d.ID
		}
	}
}

// lines say what is odd.
func (s *signs) lines() []checkLine {
	var lines []checkLine
	if s.events > 0 && s.tests == s.events {
		lines = append(lines, warning("only-tests", "igloo subscribe list; and look whether the app is live, and the account has a role in it",
			"only Tests of the dashboard have arrived, and no real event"))
	}
	if s.hollow > 0 && s.messages == 0 {
		lines = append(lines, warning("hollow-edits", "igloo subscribe app --fields messages,message_edit and those you have",
			"%s arrived with num_edit 0 and no messages at all: the messages field is not on at the app", plural(s.hollow, "message_edit", "message_edits")))
	}
	if s.standby > 0 {
		lines = append(lines, warning("standby", "look which app owns the conversations, and whether the account allows access to messages",
			"%s on standby: another app owns the conversation, and this one only listens", plural(s.standby, "event came", "events came")))
	}
	if s.without > 0 {
		lines = append(lines, warning("without-values", "igloo subscribe app, which asks for the values",
			"%s only the name of the field: the subscription does not include values", plural(s.without, "event has", "events have")))
	}
	if s.again > 0 {
		lines = append(lines, warning("duplicates", "let the app answer 200 at once and remember what it has had: igloo fire comments --duplicates 2",
			"%s again: Meta repeats what is answered late, or not with 200", plural(s.again, "event arrived", "events arrived")))
	}
	if len(lines) == 0 && s.events > 0 {
		lines = append(lines, ok("deliveries", "the last deliveries: %s, nothing odd", plural(s.events, "event", "events")))
	}
	return lines
}
