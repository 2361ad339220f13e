package simulator

import (
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// freshen gives a captured body new ids and times: the mids of messages and
// postbacks, the ids of comments, timestamps and the times of entries. Accounts,
// people and media stay who they are, since the app may know them. A reference to
// something that is new here follows it; one to something earlier stays.
func (c *compiler) freshen() {
	renewed := map[string]string{} // old id → mark of the new one
	for i, e := range c.events {
		if id := ownMID(e.root); id != nil {
			c.renewMID(renewed, id.Text, i)
		}
		if id := e.root.Member("id"); id != nil && id.Kind == fixtures.String && isComment(e.item) {
			if _, ok := renewed[id.Text]; !ok {
				renewed[id.Text] = c.sharedMark(slot{kind: commentID, scope: i, serial: len(renewed)})
			}
		}
		if at := e.root.Member("timestamp"); at != nil {
			c.renewTime(at, i, false)
		}
	}
	for at := range c.sent {
		c.renewTime(at, delivery, true)
	}
	for _, e := range c.events {
		replaceAll(e.root, renewed)
	}
}

// ownMID returns the mid an event brings, nil when it only refers to one.
func ownMID(item *fixtures.Node) *fixtures.Node {
	message := item.Member("message")
	if message == nil {
		message = item.Member("postback")
	}
	if deleted := message.Member("is_deleted"); deleted != nil {
		return nil
	}
	if id := message.Member("mid"); id != nil && id.Kind == fixtures.String {
		return id
	}
	return nil
}

func isComment(item *fixtures.Node) bool {
	field := item.Member("field")
	return field != nil && strings.HasSuffix(field.Text, "comments")
}

// renewMID makes a mid of the same account and conversation, or one of a Page.
func (c *compiler) renewMID(renewed map[string]string, old string, scope int) {
	if _, ok := renewed[old]; ok {
		return
	}
	s := slot{kind: mid, scope: scope, serial: len(renewed)}
	if strings.HasPrefix(old, pageMIDPrefix) {
		s.kind = pageMID
	} else if id, err := webhook.ParseMID(old); err == nil {
		s.thread = id.Thread
	}
	renewed[old] = c.sharedMark(s)
}

// millisDigits is from how many digits on a time counts milliseconds: today's have 13,
// and seconds 10.
const millisDigits = 12

// renewTime replaces a time, in the unit and type it has.
func (c *compiler) renewTime(n *fixtures.Node, scope int, sent bool) {
	s := slot{kind: nowS, scope: scope, sent: sent}
	if len(n.Text) >= millisDigits {
		s.kind = nowMS
	}
	if n.Kind == fixtures.Number || n.Kind == fixtures.String {
		n.Text, n.Spelled = c.sharedMark(s), ""
	}
}

// replaceAll replaces every string that is a renewed id.
func replaceAll(n *fixtures.Node, renewed map[string]string) {
	if mark, ok := renewed[n.Text]; ok && n.Kind == fixtures.String {
		n.Text, n.Spelled = mark, ""
	}
	for _, item := range n.Items {
		replaceAll(item, renewed)
	}
	for _, m := range n.Members {
		replaceAll(m.Value, renewed)
	}
}
