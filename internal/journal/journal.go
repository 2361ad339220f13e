// Package journal is the record of deliveries and attempts.
//
// [Open] opens one SQLite file, [Journal.Run] writes it. [Journal.Append] returns
// once a delivery is committed; from then on it survives a kill. Readers go by
// cursor, [Journal.Since] and [Journal.Changes], and are poked by [Journal.Watch], so
// that none of them holds up the writer. Lists and searches ask with a [Query].
//
// One goroutine writes, and commits in groups: deliveries and verification requests
// first, attempts next, then the rows derived from the bodies (events, full text,
// figures) in small chunks. Queues are bounded by count and bytes: when the app or
// the index falls behind, Append waits, and nothing is dropped.
//
// The file can be read with sqlite3 3.40 or newer while igloo runs. It holds people's
// messages, and only the user may read it.
//
// The package makes no API promise before v1.
package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"
)

// Defaults and bounds of the journal's queues.
const (
	defaultMaxPending      = 2000
	defaultMaxPendingBytes = 32 << 20

	// Deliveries committed but not yet indexed. One delivery may hold a thousand
	// events, so the bytes are what bounds the lag.
	maxBacklog      = 16_384
	maxBacklogBytes = 64 << 20

	// Attempts queued for the writer.
	maxAttempts      = 1024
	maxAttemptsBytes = 16 << 20

	// Recent deliveries kept in memory for Since.
	maxRecent      = 2048
	maxRecentBytes = 8 << 20
)

// Config says where a journal is and how much may wait in it.
type Config struct {
	// Path is the database file; "" keeps the journal in memory.
	Path string
	// Logger gets what the writer cannot return to anyone. Nil discards it.
	Logger *slog.Logger
	// MaxPending and MaxPendingBytes bound the deliveries that wait for their first
	// attempt; beyond them Append blocks. 0 means 2000 and 32 MiB.
	MaxPending      int
	MaxPendingBytes int64
}

func (c Config) withDefaults() Config {
	c.MaxPending = cmp.Or(c.MaxPending, defaultMaxPending)
	c.MaxPendingBytes = cmp.Or(c.MaxPendingBytes, defaultMaxPendingBytes)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Journal is an open journal. Its methods are safe for concurrent use.
type Journal struct {
	cfg      Config
	readOnly bool
	memory   bool // one connection serves the writer and every reader
	conns    *pool
	writer   *writer // nil when readOnly

	last   atomic.Int64 // newest committed delivery
	recent ring
	watch  watchers

	pending  gate // deliveries without an attempt
	backlog  gate // deliveries without derived rows
	attempts gate // attempts not yet committed
	queue    queue
	pruning  pruneOrders

	closeOnce sync.Once
	closeErr  error
}

// Open opens the journal of cfg.Path for writing, and makes it when there is none. It
// migrates a journal of an older igloo and derives the rows a killed session left
// underived. It starts nothing: see [Journal.Run].
//
// The error wraps [ErrNewer], [ErrDamaged], [ErrReadOnly], [ErrBusy] or [ErrFull]
// where one of them is the cause; the file is then as it was.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	j := newJournal(cfg)
	if err := j.open(ctx); err != nil {
		return nil, fmt.Errorf("open journal %q: %w", cfg.Path, err)
	}
	return j, nil
}

// OpenReader opens an existing journal for reading beside a session that writes it.
// Append and Record return [ErrReadOnly]; Run follows the file for [Journal.Watch].
// A journal that needs a migration gives [ErrOlder]: open it with [Open] once.
func OpenReader(ctx context.Context, cfg Config) (*Journal, error) {
	j := newJournal(cfg)
	j.readOnly = true
	if err := j.openReader(ctx); err != nil {
		return nil, fmt.Errorf("open journal %q: %w", cfg.Path, err)
	}
	return j, nil
}

func newJournal(cfg Config) *Journal {
	cfg = cfg.withDefaults()
	return &Journal{
		cfg:      cfg,
		memory:   cfg.Path == "",
		recent:   ring{maxCount: maxRecent, maxBytes: maxRecentBytes},
		pending:  gate{maxCount: cfg.MaxPending, maxBytes: cfg.MaxPendingBytes},
		backlog:  gate{maxCount: maxBacklog, maxBytes: maxBacklogBytes},
		attempts: gate{maxCount: maxAttempts, maxBytes: maxAttemptsBytes},
		queue:    queue{wake: make(chan struct{}, 1), held: map[int64]int64{}},
	}
}

func (j *Journal) open(ctx context.Context) (err error) {
	if !j.memory {
		if err := createFile(j.cfg.Path); err != nil {
			return err
		}
	}
	conn, err := openWritable(j.cfg.Path)
	if err != nil {
		return err
	}
	j.conns = newPool(j.cfg.Path, conn, j.memory)
	j.writer = &writer{journal: j, conn: conn}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.Close())
		}
	}()
	if err := j.writer.load(); err != nil {
		return sqliteError(err)
	}
	if err := j.writer.catchUp(ctx); err != nil {
		return fmt.Errorf("derive missing rows: %w", err)
	}
	return nil
}

func (j *Journal) openReader(ctx context.Context) error {
	if j.memory {
		return errors.New("a journal in memory has no reader")
	}
	if err := checkReadable(j.cfg.Path); err != nil {
		return err
	}
	err := j.openPool(ctx, false)
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultCantOpen && j.atRest() {
		err = j.openPool(ctx, true)
	}
	return err
}

// openPool opens the readers' connections and looks whether they understand the file.
func (j *Journal) openPool(ctx context.Context, still bool) error {
	j.conns = newPool(j.cfg.Path, nil, false)
	j.conns.still = still
	err := j.read(ctx, func(c *sqlite.Conn) error {
		if err := checkVersion(c); err != nil {
			return err
		}
		return j.loadLast(c)
	})
	if err != nil {
		return errors.Join(err, j.conns.close())
	}
	return nil
}

// atRest reports whether a journal that cannot be opened is whole and lies where
// nothing can be written: a reader needs files beside it otherwise.
func (j *Journal) atRest() bool {
	if _, err := os.Lstat(j.cfg.Path + "-wal"); err == nil {
		return false // what is in the log is not in the file yet
	}
	probe, err := os.CreateTemp(filepath.Dir(j.cfg.Path), "probe")
	if err == nil {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
	}
	return err != nil
}

// Close closes the file. Call it after Run has returned.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() {
		j.stopAccepting()
		j.closeErr = j.conns.close()
		if j.writer != nil && !j.memory {
			j.closeErr = errors.Join(j.closeErr, j.writer.conn.Close())
		}
	})
	return j.closeErr
}

// LastID returns the id of the newest delivery, 0 when there is none.
func (j *Journal) LastID() int64 { return j.last.Load() }

// stopAccepting makes Append and Record return ErrClosed, those that wait included.
func (j *Journal) stopAccepting() {
	j.queue.close()
	j.pending.close()
	j.backlog.close()
	j.attempts.close()
}
