package tui

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// The columns of a row, in cells.
const (
	timeCells   = 8
	fieldCells  = 11
	statusCells = 3
	tookCells   = 6
	// narrow is the width below which a row is time, verdict, field and status.
	narrow = 58
)

// row draws one delivery. since is the start of the session: what came before is
// dimmed.
func (l *look) row(p *pen, r *journal.Row, selected bool, zone *time.Location, since time.Time) {
	p.selected = selected
	if selected {
		p.put(l.key, l.cursor)
	} else {
		p.gap(1)
	}
	clock := l.text
	if r.ReceivedAt.Before(since) {
		clock = l.dim
	}
	p.put(clock, r.ReceivedAt.In(zone).Format(time.TimeOnly))
	p.gap(1)
	l.verdict(p, r)
	p.gap(1)
	if p.left < narrow-timeCells-5 {
		end := statusCells + 1
		p.left -= end
		p.put(l.fieldStyle(r), l.field(r))
		if label := r.Flags.Label(); label != "" {
			p.gap(1)
			p.put(l.warn, "["+label+"]")
		}
		p.to(0)
		p.left = end
		p.gap(1)
		l.status(p, r)
		p.to(0)
		return
	}
	p.column(l.fieldStyle(r), l.field(r), fieldCells, false)
	p.gap(1)
	l.summary(p, r, p.left-statusCells-tookCells-1)
	p.gap(1)
	l.status(p, r)
	l.took(p, r)
	p.to(0)
}

// verdict draws the mark of the signature and the mark of the source: two cells.
func (l *look) verdict(p *pen, r *journal.Row) {
	switch r.Verdict {
	case webhook.Verified:
		p.put(l.ok, l.yes)
	case webhook.Invalid, webhook.Unsigned:
		p.put(l.bad, l.no)
	case webhook.Unchecked:
		p.put(l.warn, l.unchecked)
	default:
		p.gap(1)
	}
	switch {
	case r.Replayed:
		p.put(l.replay, l.again)
	case r.Source == journal.Fired:
		p.put(l.key, l.fixture)
	default:
		p.gap(1)
	}
}

func (l *look) field(r *journal.Row) string {
	switch {
	case r.Field != "":
		return l.clean(shortField(r.Field))
	case !r.Indexed:
		return l.dots
	case r.Events == 0:
		return "not JSON"
	}
	return "unknown"
}

// shortField leaves out the start that many fields of the messaging dialect share,
// which would fill the column.
func shortField(field string) string {
	for _, start := range []string{"messaging_", "message_"} {
		if rest, ok := strings.CutPrefix(field, start); ok && rest != "" {
			return rest
		}
	}
	return field
}

func (l *look) fieldStyle(r *journal.Row) style {
	if r.Field == "" {
		return l.dim
	}
	return l.key
}

// summary draws who did what into n cells, what is odd about it in front, or that
// the signature does not hold; the detail says why.
func (l *look) summary(p *pen, r *journal.Row, n int) {
	end := p.left - n
	who, what := splitWho(r.Summary, r.Username)
	if r.Events > 1 {
		what = l.times + strconv.Itoa(r.Events) + " events in one delivery"
	}
	what = l.clean(what)
	st := l.text
	switch {
	case what == "":
		what, st = size(r.Size), l.dim
	case r.Flags&webhook.Unknown != 0:
		st = l.dim
	}
	p.left -= end // so that the texts end where the column ends
	if r.Verdict == webhook.Invalid || r.Verdict == webhook.Unsigned {
		// Whoever sent it says nothing that can be believed: that stands behind.
		p.put(l.bad, l.clean(shortReason(r)))
		p.put(l.dim, " "+l.dot+" ")
		what = strings.TrimSpace(l.clean(who) + " " + what)
		who, st = "", l.dim
	} else if label := r.Flags.Label(); label != "" {
		p.put(l.warn, "["+label+"]")
		p.gap(1)
	}
	if who != "" {
		p.put(l.strong, l.clean(who))
		p.gap(1)
	}
	p.put(st, what)
	p.to(0)
	p.left = end
}

// shortReason is why the signature does not hold: the code of the explanation, where the
// recorded reason begins with one.
func shortReason(r *journal.Row) string {
	code, _, found := strings.Cut(r.Reason, ": ")
	if found && !strings.Contains(code, " ") {
		return code
	}
	return cmp.Or(r.Reason, verdictWords(r.Verdict))
}

// splitWho takes the username off the start of a summary.
func splitWho(summary, username string) (who, what string) {
	if username != "" {
		if rest, ok := strings.CutPrefix(summary, "@"+username); ok {
			return "@" + username, strings.TrimSpace(rest)
		}
	}
	return "", summary
}

// status draws what the app answered: three cells.
func (l *look) status(p *pen, r *journal.Row) {
	st, text := l.statusOf(r)
	p.column(st, text, statusCells, true)
}

func (l *look) statusOf(r *journal.Row) (style, string) {
	switch {
	case r.Pending():
		return l.dim, l.pending
	case r.Attempts == 0:
		return l.dim, l.none
	case r.Status == 0:
		return l.bad, "ERR"
	case r.Status == 200:
		return l.ok, "200"
	case r.Status < 300:
		return l.warn, strconv.Itoa(r.Status)
	}
	return l.bad, strconv.Itoa(r.Status)
}

// slow is the time from which an answer is marked.
const slow = 3 * time.Second

func (l *look) took(p *pen, r *journal.Row) {
	switch {
	case r.Pending():
		p.gap(tookCells)
	case r.Attempts == 0 || r.Status == 0:
		p.column(l.dim, l.none, tookCells, true)
	case r.Took >= slow:
		p.column(l.warn, took(r.Took), tookCells, true)
	default:
		p.column(l.dim, took(r.Took), tookCells, true)
	}
}
