package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The size of the lab's terminal.
const (
	columns = 120
	lines   = 36
)

// screen is a session with a terminal of its own, and what it has written to it.
type screen struct {
	*process
	address  string
	terminal *os.File

	mu      sync.Mutex
	written []byte        // since forget
	more    chan struct{} // poked when something was written
	read    chan struct{} // closed when the reader has ended
}

// startScreen starts a session in front of the app, on a terminal.
func (l *lab) startScreen(ctx context.Context, home string, a *app) (*screen, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	terminal, child, err := openTerminal()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer child.Close()
	cmd := l.command(ctx, home, listenArgs(address, a, home)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = child, child, child
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p, err := spawn("igloo", cmd)
	if err != nil {
		terminal.Close()
		return nil, err
	}
	s := &screen{process: p, address: address, terminal: terminal, more: make(chan struct{}, 1), read: make(chan struct{})}
	go s.follow()
	if err := awaitListener(ctx, address, p); err != nil {
		s.close()
		return nil, fmt.Errorf("%w\n%s", err, s.written)
	}
	return s, nil
}

// openTerminal returns the two ends of a new pseudo-terminal.
func openTerminal() (ours, child *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	conn, err := ours.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var number int
	var failed error
	err = conn.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed != nil {
			return
		}
		if number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); failed != nil {
			return
		}
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns})
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		child, err = os.OpenFile(filepath.Join("/dev/pts", strconv.Itoa(number)), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		ours.Close()
		return nil, nil, err
	}
	return ours, child, nil
}

// keep bounds what a screen remembers of what was written to it.
const keep = 256 << 10

// follow reads what igloo writes until it ends.
func (s *screen) follow() {
	defer close(s.read)
	buffer := make([]byte, 32<<10)
	for {
		n, err := s.terminal.Read(buffer)
		s.mu.Lock()
		if len(s.written)+n > keep {
			s.written = s.written[:0]
		}
		s.written = append(s.written, buffer[:n]...)
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// forget drops what was written so far.
func (s *screen) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = s.written[:0]
}

// await returns once the text was written to the terminal.
func (s *screen) await(ctx context.Context, text string, within time.Duration) error {
	late := time.After(within)
	for {
		s.mu.Lock()
		seen := bytes.Contains(s.written, []byte(text))
		s.mu.Unlock()
		if seen {
			return nil
		}
		select {
		case <-s.more:
		case <-s.read:
			return fmt.Errorf("igloo ended: %s", s.lastWords())
		case <-late:
			return fmt.Errorf("%q was not on the screen within %s", text, within)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close ends the session at once, and its terminal.
func (s *screen) close() {
	s.kill()
	s.terminal.Close()
	<-s.read
}
