// Command igloo gives an Instagram webhook developer a public callback URL, records
// and verifies every delivery, shows them live, forwards them to the local app and
// plays Meta with signed fixtures.
//
// This is the only package that reads flags, the environment and configuration files,
// and the one place that turns errors into hints and exit codes.
//
// The package makes no API promise before v1.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

func main() {
	os.Exit(Main())
}

// Main runs igloo with the process's arguments and returns its exit code.
func Main() int {
	ctx, stop := withSignals(context.Background())
	defer stop()
	app := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		environ: os.Environ(),
	}
	return app.run(ctx, os.Args[1:])
}

// app is igloo with its surroundings, so that nothing below reads globals.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// run executes one command line.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	return a.report(ctx, asUsage(root.ExecuteContext(ctx)))
}

// withSignals returns a context that ends at the first SIGINT, SIGTERM or SIGHUP.
// The second one ends the process at once: whoever presses Ctrl-C twice means it.
func withSignals(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	var stopped atomic.Bool
	go func() {
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-done:
			return
		}
		select {
		case <-signals:
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		if stopped.CompareAndSwap(false, true) {
			signal.Stop(signals)
			close(done)
			cancel(nil)
		}
	}
}
