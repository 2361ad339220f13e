package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"zombiezen.com/go/sqlite"
)

// The errors a caller can act on. Tell them apart with [errors.Is].
var (
	ErrNewer    = errors.New("the journal was written by a newer igloo")
	ErrOlder    = errors.New("the journal was written by an older igloo and is not migrated yet")
	ErrDamaged  = errors.New("the file is damaged or not a journal")
	ErrReadOnly = errors.New("the journal is read-only")
	ErrBusy     = errors.New("the journal is locked by another process")
	ErrFull     = errors.New("no space left for the journal")
	ErrClosed   = errors.New("the journal is closed")
	ErrNotFound = errors.New("no such delivery")
)

// sqliteError adds the sentinel that stands for SQLite's result code, so that
// callers need not know SQLite.
func sqliteError(err error) error {
	if err == nil {
		return nil
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultAuth, sqlite.ResultCantOpen:
		// A journal that is there cannot be opened where no file may be made beside it.
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultFormat:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	default:
		return err
	}
}

// fileError does the same for errors of the operating system.
func fileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", ErrFull, err)
	default:
		return err
	}
}

// readError is sqliteError for a read under ctx, whose end interrupts SQLite.
func readError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && sqlite.ErrCode(err).ToPrimary() == sqlite.ResultInterrupt {
		return context.Cause(ctx)
	}
	return sqliteError(err)
}
