package journal

import (
	"cmp"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	// remembered is how many of the newest events a later one is compared with, at
	// least. Meta tries again for 36 hours, so this is a bound for bursts only.
	remembered = 1 << 15

	// reloaded is how many of them are read at start: the first delivery waits for it
	// to be listed.
	reloaded = 1 << 13

	// maxThreads bounds the conversations in which a loop is looked for, and the edits
	// that wait for their message.
	maxThreads = 4096

	// An echo within loopPause after Meta told of the last one may be the answer to it.
	// People are not that quick so many times in a row, and the parts of one answer are
	// written before the first has come back.
	loopPause = 5 * time.Second
	loopLinks = 3
)

// notice is a row of the notice table.
type notice struct {
	event int64 // or the delivery's id as an event's, n 0
	mark  Mark
	other int64 // Duplicate: the event before; Loop: how many in a row
}

// noticer finds what is worth saying of events, in journal order. What it knows of
// those before is bounded, and but for the identities lost with the session.
type noticer struct {
	shapes webhook.Shapes

	now, before map[uint64]int64 // events by identity: the newest, and those before them
	loaded      bool

	threads map[string]thread
	hollow  map[uint64]int64 // edits without a text, by the identity of their message
	said    int              // notices of events of the delivery in hand
}

// thread is the end of a conversation, as far as loops go.
type thread struct {
	told  time.Time // when Meta sent the last echo
	links int       // echoes that may have been answers to the one before, in a row
}

// load remembers the newest events of the journal.
func (n *noticer) load(c *sqlite.Conn) error {
	n.now = make(map[uint64]int64)
	stmt := c.Prep("select identity, id from (select identity, id from event order by id desc limit ?) where identity <> 0")
	stmt.BindInt64(1, reloaded)
	err := each(stmt, func() bool {
		id := uint64(stmt.ColumnInt64(0)) //nolint:gosec // all 64 bits count
		if _, newer := n.now[id]; !newer {
			n.now[id] = stmt.ColumnInt64(1)
		}
		return true
	})
	n.loaded = err == nil
	return err
}

// delivery notices what a delivery is as a whole. payload is what its body holds.
func (n *noticer) delivery(c *chunk, d *Delivery, payload webhook.Payload) {
	n.said = 0
	differs, valueless := n.shapes.EnvelopeDiffers(d.Body), false
	for i := range payload.Events {
		e := &payload.Events[i]
		valueless = valueless || e.Flags&webhook.WithoutValue != 0
		differs = differs || n.shapes.Differ(*e)
	}
	if differs {
		c.notices = append(c.notices, notice{event: eventID(d.ID, 0), mark: Differs})
	}
	if valueless {
		c.notices = append(c.notices, notice{event: eventID(d.ID, 0), mark: Unsubscribed})
	}
}

// event notices what an event is among the others.
func (n *noticer) event(c *chunk, d *Delivery, row *eventRow) {
	e := row.event
	if row.identity != 0 {
		if earlier := n.recall(row.identity, row.id); earlier != 0 {
			n.say(c, notice{row.id, Duplicate, earlier})
			return // whatever else it is, its first time said
		}
		if edit, ok := n.hollow[row.identity]; ok {
			delete(n.hollow, row.identity)
			c.resolved = append(c.resolved, edit)
		}
	}
	if e.Flags&webhook.HollowEdit != 0 && e.Flags&webhook.Test == 0 {
		n.edit(c, row)
	}
	if links := n.link(d, e); links >= loopLinks {
		n.say(c, notice{row.id, Loop, int64(links)})
	}
}

// say adds a notice of an event, unless the delivery has as many as are ever shown.
func (n *noticer) say(c *chunk, said notice) {
	if n.said < maxNotices {
		c.notices = append(c.notices, said)
	}
	n.said++
}

// recall returns the first event of an identity, 0 when it is this one, which is
// remembered then.
func (n *noticer) recall(identity uint64, id int64) (earlier int64) {
	if earlier = n.now[identity]; earlier == 0 {
		earlier = n.before[identity]
	}
	if earlier == id {
		earlier = 0 // derived a second time, after a kill
	}
	if len(n.now) >= remembered || n.now == nil {
		n.before, n.now = n.now, make(map[uint64]int64, len(n.now))
	}
	n.now[identity] = cmp.Or(earlier, id)
	return earlier
}

// edit notices an edit that came in place of its message, until the message comes.
func (n *noticer) edit(c *chunk, row *eventRow) {
	message := row.event.MessageIdentity()
	if message == 0 || n.now[message] != 0 || n.before[message] != 0 {
		return
	}
	if len(n.hollow) >= maxThreads || n.hollow == nil {
		n.hollow = make(map[uint64]int64)
	}
	n.hollow[message] = row.id
	c.notices = append(c.notices, notice{event: row.id, mark: Unsubscribed})
}

// link returns how many echoes in a row, this one included, were written right after
// Meta had told of the one before, with nobody else saying anything. All times are
// Meta's own.
func (n *noticer) link(d *Delivery, e *webhook.Event) int {
	name := e.Thread()
	last, known := n.threads[name]
	switch {
	case name == "" || e.Flags&webhook.Test != 0:
		return 0
	case e.Flags&(webhook.Echo|webhook.Own) == 0:
		if known && !slices.Contains(wordless, e.Field) {
			delete(n.threads, name)
		}
		return 0
	case !d.Forward: // the app never saw it
		delete(n.threads, name)
		return 0
	}
	at, next := e.Time, thread{told: e.Sent}
	if at.IsZero() {
		at = e.Sent // comments do not say when they were written
	}
	if pause := at.Sub(last.told); known && pause >= 0 && pause <= loopPause {
		next.links = last.links + 1
	}
	if len(n.threads) >= maxThreads || n.threads == nil {
		n.threads = make(map[string]thread)
	}
	n.threads[name] = next
	return next.links
}

// wordless are the fields in which people say nothing, and which come by themselves.
var wordless = []string{"messaging_seen", "message_reads", "message_deliveries"}
