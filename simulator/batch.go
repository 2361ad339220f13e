package simulator

import (
	"errors"
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// MaxBatch is how many updates Meta puts into one delivery at most.
const MaxBatch = 1000

// batchAccounts is how many accounts a batch is about at most.
const batchAccounts = 3

var errEmptyBatch = errors.New("a batch repeats events, and the payload has none")

// batch repeats the payload's events in turn until there are n. They are spread over
// a few accounts, unless the payload names its own. Changes share their account's
// entry; messaging items get one each, as Meta documents it.
func (c *compiler) batch(n int) error {
	c.listEvents()
	have := len(c.events)
	switch {
	case n <= max(have, 1):
		return nil
	case have == 0:
		return errEmptyBatch
	}
	rounds := (n + have - 1) / have
	accounts := min(batchAccounts, (rounds+1)/2) // an account's second event comes before another account
	type owned struct {
		entry *fixtures.Node
		party int
	}
	lists := map[owned]*fixtures.Node{} // of changes
	c.parties = map[*fixtures.Node]int{}
	for i := have; i < n; i++ {
		e, party := c.events[i%have], 0
		if id := e.entry.Member("id"); id != nil && (strings.Contains(id.Text, "{{account.id") || strings.Contains(id.Text, "{{page.id")) {
			party = i / have % accounts
		}
		if e.section != string(webhook.InChanges) {
			if list := c.addEntry(e, party); list != nil {
				list.Items = []*fixtures.Node{e.item.Clone()}
			}
			continue
		}
		list := lists[owned{e.entry, party}]
		switch {
		case list == nil && party == 0:
			list = e.entry.Member(e.section)
		case list == nil:
			list = c.addEntry(e, party)
		}
		list.Items = append(list.Items, e.item.Clone())
		lists[owned{e.entry, party}] = list
	}
	c.listEvents()
	return nil
}

// addEntry adds an entry like an event's to the payload and returns its list, which
// is empty, or nil when the entry is the event itself.
func (c *compiler) addEntry(e event, party int) *fixtures.Node {
	entry := e.entry.Clone()
	e.entries.Items = append(e.entries.Items, entry)
	c.parties[entry] = party
	list := entry.Member(e.section)
	if list != nil {
		list.Items = nil
	}
	return list
}
