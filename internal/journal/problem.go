package journal

import (
	"zombiezen.com/go/sqlite"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// isProblem is the condition of "is:problem": what somebody has to look at. The
// language has no "or", and this one is asked for all the time.
const isProblem = `d.verdict in ('invalid', 'unsigned') or exists (
	select 1 from attempt where delivery = d.id and last and (status < 200 or status > 299))`

// problemSource lists the deliveries with a problem: by the status of their last
// attempt, and by verdict. One that has both comes twice, side by side.
func problemSource(c *sqlite.Conn, r idRange) (source, error) {
	statuses, err := distinct(c, "select status from attempt indexed by attempt_status where last and status > ? order by status limit 1", -1)
	if err != nil || len(statuses) == maxParts {
		return source{}, err
	}
	var parts []string
	for _, status := range statuses {
		if status < 200 || status > 299 {
			parts = append(parts, statusPart(status))
		}
	}
	for _, verdict := range []webhook.Verdict{webhook.Invalid, webhook.Unsigned} {
		for _, src := range []Source{Live, Fired} {
			parts = append(parts, verdictParts(string(verdict), src)...)
		}
	}
	s := union(parts, r)
	s.counts = "select count(distinct id) from (" + s.query + ")"
	return s, nil
}
