package journal

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	pageSize = 4096

	// checkpointPages is how much of the write-ahead log may be unsaved in the file
	// before the checkpointer copies it there. It does so beside the writer.
	checkpointPages = 4 << 20 / pageSize

	// maxLogPages is when the writer itself resets the log. Under endless writing
	// there is always something new in it, so that it never starts over by itself.
	maxLogPages = 64 << 20 / pageSize

	// commitsPerLook is how many commits pass between two looks at the log.
	commitsPerLook = 32
)

// checkpointer keeps the write-ahead log small.
type checkpointer struct {
	due     chan struct{} // size 1: some commits were made
	reset   atomic.Bool   // the log is too long: the writer is asked to reset it
	commits int           // since the last look; the writer's
	resetAt time.Time     // when the writer last tried; the writer's
}

// count is called by the writer after each commit.
func (k *checkpointer) count(c *sqlite.Conn, memory bool) {
	if memory {
		return
	}
	if k.commits++; k.commits%commitsPerLook == 0 {
		poke(k.due)
	}
	if k.reset.Load() && time.Since(k.resetAt) > retryAfter {
		// The checkpointer has just copied nearly all of it, and waits, so this is
		// short. A reader that stays longer than the timeout gets another try later.
		c.SetBusyTimeout(50 * time.Millisecond)
		_, _, _ = checkpoint(c, "restart")
		c.SetBusyTimeout(busyTimeout)
		k.resetAt = time.Now()
		k.reset.Store(false)
	}
}

// run copies the log into the file whenever it has grown enough, until ctx ends.
func (k *checkpointer) run(ctx context.Context, cfg Config) {
	var c *sqlite.Conn
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for {
		select {
		case <-k.due:
		case <-ctx.Done():
			return
		}
		if c == nil {
			var err error
			if c, err = openCheckpoints(cfg.Path); err != nil {
				cfg.Logger.Warn("cannot open the journal for checkpoints", "err", err)
				continue
			}
		}
		if err := k.look(c); err != nil {
			cfg.Logger.Warn("cannot checkpoint the journal", "err", err)
			pause(ctx, nil, retryAfter)
		}
	}
}

func (k *checkpointer) look(c *sqlite.Conn) error {
	if k.reset.Load() {
		return nil // it is the writer's turn; two checkpoints at once fail
	}
	length, saved, err := checkpoint(c, "noop")
	if err != nil || length-saved < checkpointPages {
		return err
	}
	if _, _, err := checkpoint(c, "passive"); err != nil {
		return err
	}
	if length > maxLogPages {
		k.reset.Store(true)
	}
	return nil
}

// checkpoint returns the pages in the log and how many of them are in the file.
func checkpoint(c *sqlite.Conn, mode string) (length, saved int, err error) {
	stmt, err := c.Prepare("pragma wal_checkpoint(" + mode + ")")
	if err != nil {
		return 0, 0, err
	}
	err = each(stmt, func() bool {
		length, saved = stmt.ColumnInt(1), stmt.ColumnInt(2)
		return true
	})
	return length, saved, err
}

func openCheckpoints(path string) (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(busyTimeout)
	for _, pragma := range []string{"pragma synchronous = normal", "pragma wal_autocheckpoint = 0", "pragma cache_size = -64"} {
		if err := sqlitex.ExecuteTransient(c, pragma, nil); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}
