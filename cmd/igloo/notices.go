package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// noticedLine is one thing that was noticed of a delivery.
type noticedLine struct {
	Type     string   `json:"type,omitempty"` // "noticed", when it is a line of its own
	Delivery string   `json:"delivery,omitempty"`
	Event    string   `json:"event,omitempty"` // d42.3, when it is about one
	Marks    []string `json:"marks"`
	Text     string   `json:"text"`
}

func newNoticedLine(n journal.Notice) noticedLine {
	line := noticedLine{Marks: n.Mark.Names(), Text: n.Text}
	if n.Event > 0 {
		line.Event = journal.FormatID(n.Delivery, n.Event)
	}
	return line
}

// notice adds to a delivery's line what was noticed of it.
func (l *deliveryLine) notice(ctx context.Context, j *journal.Journal, id int64) error {
	notices, err := j.Notices(ctx, id)
	for _, n := range notices {
		l.Notices = append(l.Notices, newNoticedLine(n))
	}
	return err
}

// printNotices shows what was noticed. What the events' own notes and differences say
// is not said again.
func printNotices(w io.Writer, d deliveryLine, width int) {
	for _, n := range d.Notices {
		if len(d.Events) <= maxExplained && slices.Equal(n.Marks, journal.Differs.Names()) {
			continue
		}
		if n.Event != "" {
			n.Text = fmt.Sprintf("%s: %s", n.Event, n.Text)
		}
		writeWrapped(w, "! ", n.Text, width)
	}
}

// resigned is a delivery with signatures made anew, of the kinds it came with and the
// one that counts.
func resigned(d journal.Delivery, keys *webhook.Keyring) journal.Delivery {
	key, ok := keys.For(loginOf(d.Secret, d.Header, d.Body))
	if !ok {
		return d
	}
	d.Header = d.Header.Clone()
	d.Header.Set(webhook.SignatureHeader, webhook.Sign(key.Value, d.Body))
	if d.Header.Get(webhook.SHA1SignatureHeader) != "" {
		d.Header.Set(webhook.SHA1SignatureHeader, webhook.SignSHA1(key.Value, d.Body))
	}
	return d
}
