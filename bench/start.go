package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// measureStart measures what every use of igloo pays: its size, `igloo version`, and
// the time until a session listens.
func measureStart(ctx context.Context, l *lab, r *report) error {
	info, err := os.Stat(l.igloo)
	if err != nil {
		return err
	}
	home, err := l.folder("start")
	if err != nil {
		return err
	}
	runs := pick(l, 21, 7)
	version, err := repeat(runs, func() (time.Duration, error) {
		took, _, err := runCommand(l.command(ctx, home, "version"))
		return took, err
	})
	if err != nil {
		return err
	}
	listening, err := repeat(runs, func() (time.Duration, error) { return l.timeToListening(ctx, home) })
	if err != nil {
		return err
	}
	r.atMost("binary, stripped", "MB", float64(info.Size())/1e6, 18, 15)
	r.atMost("igloo version", "ms", median(version), 20, 8)
	r.atMost("start to listening", "ms", median(listening), 100, 50)
	return nil
}

// runCommand runs a whole command and returns how long it took and what it printed.
func runCommand(cmd *exec.Cmd) (time.Duration, []byte, error) {
	words := &tail{}
	cmd.Stderr = words
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, words)
	}
	return took, out, nil
}

// timeToListening starts a session and returns how long it took until it said that
// it listens. It does listen then: a connection is accepted, or this fails.
func (l *lab) timeToListening(ctx context.Context, home string) (time.Duration, error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	cmd := l.command(ctx, home, append(listenArgs(address, nil, home), "--json")...)
	read, write, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer read.Close()
	cmd.Stdout = write
	began := time.Now()
	p, err := spawn("igloo", cmd)
	write.Close() // igloo holds the other end
	if err != nil {
		return 0, err
	}
	defer p.kill()
	out := bufio.NewScanner(read)
	for out.Scan() {
		if !strings.Contains(out.Text(), `"type":"session"`) {
			continue
		}
		took := time.Since(began)
		if err := awaitListener(ctx, address, p); err != nil {
			return 0, err
		}
		go io.Copy(io.Discard, read) //nolint:errcheck // it ends with the pipe
		return took, p.stop(ctx)
	}
	return 0, fmt.Errorf("igloo said nothing of a session: %s", p.lastWords())
}
