package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tunnel"
)

// The exit codes, as the README lists them.
const (
	exitDone        = 0
	exitFailed      = 1   // could not be done: unreachable, refused, broken
	exitUsage       = 2   // wrong usage
	exitNo          = 3   // done, and the answer is no
	exitInterrupted = 130 // interrupted by a signal
)

// hintOffline is for servers that cannot be reached.
const hintOffline = "look whether this machine is online; a proxy is taken from HTTPS_PROXY"

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = fmt.Errorf("interrupted: %w", context.Canceled)

// usageError is the user's command line at fault.
type usageError struct {
	text string
	hint string
}

func (e *usageError) Error() string { return e.text }

func usagef(hint, format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...), hint: hint}
}

// hintedError carries the next command to type.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, hint}
}

// answerNoError is a command that did its work and found the answer to be no. What it
// found is on stdout already; text is the closing sentence.
type answerNoError struct{ text string }

func (e *answerNoError) Error() string { return e.text }

// hints maps errors from below to what to type next. First match wins.
var hints = []struct {
	is   error
	hint string
}{
	{journal.ErrNewer, "a newer igloo wrote this journal: update igloo, or start a new one with --data-dir DIR"},
	{journal.ErrDamaged, "keep the file for a look with sqlite3, and start a new journal with --data-dir DIR"},
	{journal.ErrReadOnly, "choose a folder you can write to: --data-dir DIR"},
	{journal.ErrBusy, "another program has the journal open: close it and try again"},
	{journal.ErrFull, "free some disk space; igloo goes on recording once there is room"},
	{journal.ErrNotFound, "list what is recorded: igloo events list"},
	{webhook.ErrEmptySecret, "set IGLOO_APP_SECRET to the app secret of the App Dashboard"},
	{syscall.EROFS, "choose a folder you can write to: --data-dir DIR"},
	{fs.ErrPermission, "choose a folder you can write to: --data-dir DIR"},
}

// report prints an error with its hint and returns the exit code.
func (a *app) report(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(context.Cause(ctx), errInterrupted) && errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	text, hint, code := err.Error(), "", exitFailed
	if usage, ok := errors.AsType[*usageError](err); ok {
		hint, code = usage.hint, exitUsage
	} else if no, ok := errors.AsType[*answerNoError](err); ok {
		text, code = no.text, exitNo
	} else if fatal, ok := errors.AsType[*tunnel.FatalError](err); ok {
		hint = fatal.Hint
	} else if token, ok := errors.AsType[*graph.TokenError](err); ok {
		hint, code = token.Fix, exitUsage
	} else if refused, ok := errors.AsType[*graph.Error](err); ok {
		hint = refused.Fix
	} else if _, ok := errors.AsType[*graph.UnreachableError](err); ok {
		hint = hintOffline
	} else if bad, ok := errors.AsType[*journal.QueryError](err); ok {
		hint, code = bad.Hint, exitUsage
	} else if _, ok := errors.AsType[*fixtures.NotFoundError](err); ok {
		hint = "see what there is: igloo fixtures list"
	} else if broken, ok := errors.AsType[*fixtures.Error](err); ok && broken.File != "" {
		hint = "check it with: igloo fixtures check " + broken.File
	}
	for _, h := range hints {
		if hint == "" && errors.Is(err, h.is) {
			hint = h.hint
		}
	}
	if hinted, ok := errors.AsType[*hintedError](err); ok {
		hint = hinted.hint
	}
	if code == exitNo {
		if text != "" {
			fmt.Fprintf(a.stderr, "igloo: %s\n", text)
		}
		return code
	}
	fmt.Fprintf(a.stderr, "igloo: error: %s\n", oneLine(text))
	if hint != "" {
		fmt.Fprintf(a.stderr, "igloo: hint: %s\n", hint)
	}
	return code
}

// oneLine keeps an error on one line and free of control characters, whatever a
// service or a file put into it.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(clean(text), func(r rune) bool { return r == '\n' }), " ")
}
