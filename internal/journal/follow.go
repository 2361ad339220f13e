package journal

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
)

// followEvery is how often a reader looks whether another process has committed. The
// look is one read of shared memory.
const followEvery = 50 * time.Millisecond

// follow pokes the watchers whenever the session that writes has committed.
func (j *Journal) follow(ctx context.Context) error {
	c, err := j.conns.get(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer j.conns.put(c)
	t := time.NewTicker(followEvery)
	defer t.Stop()
	seen := int64(-1)
	for {
		var version int64
		if err := readInt(c, "pragma data_version", &version); err != nil {
			return fmt.Errorf("follow the journal: %w", sqliteError(err))
		}
		if version != seen {
			seen = version
			if err := j.loadLast(c); err != nil {
				return fmt.Errorf("follow the journal: %w", sqliteError(err))
			}
			j.watch.poke()
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (j *Journal) loadLast(c *sqlite.Conn) error {
	var last int64
	if err := readInt(c, selectLast, &last); err != nil {
		return err
	}
	j.last.Store(last)
	return nil
}
