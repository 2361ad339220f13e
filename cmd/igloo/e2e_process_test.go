//go:build unix

package main

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a running program, igloo most of the time.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{}
}

// startProgram runs a program in the sandbox. It ends with the test.
func (s *sandbox) startProgram(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = s.dir, s.env
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.WaitDelay = patience
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state holds what there is to know
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if text := p.stderr.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
			t.Errorf("%s says\n%s", cmd.Args, text)
		}
	})
	return p
}

// kill ends the process without a warning, if it has not ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// signal sends a signal.
func (p *process) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// wait returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // Go prints every goroutine's stack
		<-p.exited
		t.Fatalf("%s does not end within %v\nstdout %s\nstderr %s", p.cmd.Args, patience, tail(p.stdout.String()), p.stderr.String())
		return 0
	}
}

// end asks igloo to stop and wants it to end well.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.signal(t, os.Interrupt)
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d after SIGINT, want %d\nstderr %s", code, exitDone, p.stderr.String())
	}
}

// awaitOutput waits until ok accepts what the process has written.
func (p *process) awaitOutput(t *testing.T, o *output, what string, ok func(text string) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		changed := o.watch()
		if ok(o.String()) {
			return
		}
		select {
		case <-changed:
			continue
		case <-p.exited:
			if ok(o.String()) {
				return
			}
			t.Fatalf("%s ended with %d before %s\nstdout %s\nstderr %s", p.cmd.Args, p.cmd.ProcessState.ExitCode(), what, tail(p.stdout.String()), p.stderr.String())
		case <-deadline:
			t.Fatalf("no %s within %v\nstdout %s\nstderr %s", what, patience, tail(p.stdout.String()), p.stderr.String())
		}
	}
}

// output is what a process has written until now.
type output struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed at the next write; nil while nobody watches
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) watch() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.changed
}

// tail is the end of a long text.
func tail(text string) string {
	const limit = 4000
	if len(text) > limit {
		return "…" + text[len(text)-limit:]
	}
	return text
}
