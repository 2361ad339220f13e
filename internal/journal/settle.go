package journal

import "context"

// Settle waits until every attempt that was recorded is committed and every delivery
// indexed, or ctx ends, with its error. Those who were told the outcome of an
// attempt call it before they look for it in the file. Under endless load there is
// always something outstanding: bound ctx.
func (j *Journal) Settle(ctx context.Context) error {
	changed, stop := j.Watch()
	defer stop()
	for {
		attempts, _ := j.attempts.load()
		deliveries, _ := j.backlog.load()
		if attempts == 0 && deliveries == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
