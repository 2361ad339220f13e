package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// maxReaders is how many reads run at once. The TUI, a control command and the
	// forwarder falling behind are three.
	maxReaders = 4

	// busyTimeout is how long a connection waits for another process, for example
	// someone's sqlite3 shell inside a transaction.
	busyTimeout = 3 * time.Second
)

// createFile makes an empty file only the user can read, unless there is one. An
// existing file is looked at, but not opened for writing: closing it would drop the
// locks that another connection of this process holds.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return fileError(f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return fileError(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fileError(err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrDamaged)
	}
	if info.Mode().Perm()&0o077 != 0 {
		// Recorded bodies are people's messages.
		if err := os.Chmod(path, 0o600); err != nil {
			return fileError(err)
		}
	}
	return nil
}

// checkReadable tells a missing or foreign file from a journal without SQLite.
func checkReadable(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	} else if err != nil {
		return fileError(err)
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic {
		return fmt.Errorf("%w: it does not start like an SQLite database", ErrDamaged)
	}
	return nil
}

// openWritable opens the writer's connection: ours, migrated, in WAL mode.
func openWritable(path string) (_ *sqlite.Conn, err error) {
	flags := sqlite.OpenReadWrite
	if path == "" {
		path, flags = ":memory:", flags|sqlite.OpenMemory
	}
	c, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, sqliteError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(sqliteError(err), c.Close())
		}
	}()
	c.SetBusyTimeout(busyTimeout)
	// Look before anything is changed: the mode is a write, too.
	if err := checkOurs(c); err != nil {
		return nil, err
	}
	if version, err := pragmaInt(c, "user_version"); err != nil {
		return nil, err
	} else if version > len(migrations) {
		return nil, fmt.Errorf("%w: version %d, this igloo knows %d", ErrNewer, version, len(migrations))
	}
	for _, pragma := range []string{
		// Counts for a file that is made now: pruning can give its space back.
		"pragma auto_vacuum = incremental",
		"pragma journal_mode = wal",
		// NORMAL keeps every commit across a kill; only a power cut can take the last.
		"pragma synchronous = normal",
		// Checkpoints are the checkpointer's, off the path of arrivals.
		"pragma wal_autocheckpoint = 0",
		fmt.Sprintf("pragma journal_size_limit = %d", maxLogPages*pageSize),
		"pragma cache_size = -8000",
		"pragma temp_store = memory",
		// What is deleted is overwritten: it was people's messages.
		"pragma secure_delete = fast",
	} {
		if err := sqlitex.ExecuteTransient(c, pragma, nil); err != nil {
			return nil, err
		}
	}
	if err := migrate(c, migrations); err != nil {
		return nil, err
	}
	return c, checkWritable(c)
}

// checkWritable finds a read-only file at once, not with the first delivery.
func checkWritable(c *sqlite.Conn) error {
	if err := sqlitex.ExecuteTransient(c, "begin immediate", nil); err != nil {
		return err
	}
	return sqlitex.ExecuteTransient(c, "rollback", nil)
}

// pool lends read connections, opened when they are first needed.
type pool struct {
	path  string
	still bool              // nobody writes the file, nor can a reader write beside it
	conns chan *sqlite.Conn // nil stands for one not opened yet
}

// newPool returns a pool of readers of the file. A journal in memory has one
// connection for everything: the pool lends that one.
func newPool(path string, writer *sqlite.Conn, memory bool) *pool {
	if memory {
		p := &pool{conns: make(chan *sqlite.Conn, 1)}
		p.conns <- writer
		return p
	}
	p := &pool{path: path, conns: make(chan *sqlite.Conn, maxReaders)}
	for range maxReaders {
		p.conns <- nil
	}
	return p
}

func (p *pool) get(ctx context.Context) (*sqlite.Conn, error) {
	select {
	case c, ok := <-p.conns:
		if !ok {
			return nil, ErrClosed
		}
		if c == nil {
			var err error
			if c, err = openRead(p.path, p.still); err != nil {
				p.conns <- nil
				return nil, err
			}
		}
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *pool) put(c *sqlite.Conn) { p.conns <- c }

// close waits for the connections that are lent, and closes all.
func (p *pool) close() error {
	if p == nil {
		return nil
	}
	var errs []error
	for range cap(p.conns) {
		if c := <-p.conns; c != nil {
			errs = append(errs, c.Close())
		}
	}
	close(p.conns)
	return errors.Join(errs...)
}

func openRead(path string, still bool) (*sqlite.Conn, error) {
	flags := sqlite.OpenReadOnly
	if still {
		path, flags = stillURI(path), flags|sqlite.OpenURI
	}
	c, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, sqliteError(err)
	}
	c.SetBusyTimeout(busyTimeout)
	for _, pragma := range []string{"pragma query_only = on", "pragma temp_store = memory"} {
		if err := sqlitex.ExecuteTransient(c, pragma, nil); err != nil {
			return nil, errors.Join(sqliteError(err), c.Close())
		}
	}
	return c, nil
}

// stillURI names a file that does not change: SQLite then needs no lock and no shared
// memory beside it.
func stillURI(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "immutable=1"}).String()
}

// read lends f a connection, inside one transaction, so that everything f reads
// belongs to one moment. The end of ctx interrupts it.
func (j *Journal) read(ctx context.Context, f func(*sqlite.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	c, err := j.conns.get(ctx)
	if err != nil {
		return err
	}
	defer j.conns.put(c)
	if ctx.Done() != nil {
		c.SetInterrupt(ctx.Done())
		defer c.SetInterrupt(nil)
	}
	return readError(ctx, snapshot(c, f))
}

func snapshot(c *sqlite.Conn, f func(*sqlite.Conn) error) error {
	if _, err := c.Prep("begin").Step(); err != nil {
		return err
	}
	err := f(c)
	// The transaction read only, so a rollback loses nothing; it also ends when an
	// interrupt has left statements open.
	c.SetInterrupt(nil)
	if _, rerr := c.Prep("rollback").Step(); err == nil {
		err = rerr
	}
	return err
}
