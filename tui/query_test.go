package tui_test

import (
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// wordOf is the first word of a query.
func wordOf(q journal.Query) string {
	if words := q.Terms(); len(words) > 0 {
		return words[0]
	}
	return ""
}

func statsOf(rows []journal.Row) journal.Stats {
	s := journal.Stats{Deliveries: int64(len(rows)), Fields: map[string]int64{}, Verdicts: map[webhook.Verdict]int64{}}
	for _, r := range rows {
		s.Events += int64(r.Events)
		s.Verdicts[r.Verdict]++
		s.Fields[r.Field]++
		if r.Failed() {
			s.Failed++
		}
		if r.Pending() {
			s.Pending++
		}
	}
	return s
}
