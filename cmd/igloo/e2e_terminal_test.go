//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// terminal is a real one, drawn by tmux, in which igloo runs. It runs without the race
// detector, which knows a harmless race of Bubble Tea's: it closes its input while a
// goroutine of its own still begins to read. The packages' own tests watch the rest.
type terminal struct {
	sandbox *sandbox
	tmux    string // path of the program
	socket  string
	dir     string // of the session, with the state of the terminal before and after
}

// open starts igloo in a terminal of a size and waits until its session is there.
func (s *sandbox) open(t *testing.T, width, height int, args ...string) (*terminal, holder) {
	t.Helper()
	v := &terminal{sandbox: s, tmux: program(t, "tmux"), dir: filepath.Dir(s.dir)}
	for _, pair := range s.env {
		if dir, ok := strings.CutPrefix(pair, "XDG_RUNTIME_DIR="); ok {
			v.socket = filepath.Join(dir, "tmux")
		}
	}
	binary, err := exec.LookPath("igloo")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("stty -g >'%[1]s/before'\n'%[2]s' --listen 127.0.0.1:0 %[3]s 2>'%[1]s/stderr'\ncode=$?\nstty -g >'%[1]s/after'\necho exit code $code.\nexec cat\n",
		v.dir, binary, strings.Join(args, " "))
	path := filepath.Join(v.dir, "terminal.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	v.do(t, "-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), "-c", s.dir, "sh '"+path+"'")
	t.Cleanup(func() { v.do(t, "kill-server") })
	h := v.holder(t)
	t.Cleanup(func() {
		if !v.ended() {
			_ = syscall.Kill(h.PID, syscall.SIGKILL)
			v.await(t, "the killed igloo's end", func(string) bool { return v.ended() })
		}
		if text, err := os.ReadFile(filepath.Join(v.dir, "stderr")); err != nil || strings.Contains(string(text), "DATA RACE") {
			t.Errorf("stderr: %v\n%s", err, text)
		}
	})
	return v, h
}

// do runs tmux.
func (v *terminal) do(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(v.tmux, append([]string{"-S", v.socket}, args...)...)
	cmd.Env = v.sandbox.env
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %s: %v\n%s", args, err, text)
	}
	return string(text)
}

// holder waits until the session says where it listens.
func (v *terminal) holder(t *testing.T) holder {
	t.Helper()
	var h holder
	poll(t, "the session starts", func() bool {
		for _, file := range v.find(t, "session.json") {
			data, err := os.ReadFile(file)
			if err == nil && json.Unmarshal(data, &h) == nil && h.Ingress != "" {
				return true
			}
		}
		return v.ended()
	})
	if h.Ingress == "" {
		t.Fatalf("igloo ended at once\n%s", v.screen(t))
	}
	return h
}

// find returns the files of a name in the data directory.
func (v *terminal) find(t *testing.T, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(v.dir, "state", "igloo", "projects", "*", name))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ended reports whether igloo gave the terminal back.
func (v *terminal) ended() bool {
	info, err := os.Stat(filepath.Join(v.dir, "after"))
	return err == nil && info.Size() > 0
}

// screen is what the terminal shows.
func (v *terminal) screen(t *testing.T) string {
	t.Helper()
	return v.do(t, "capture-pane", "-p")
}

// await waits until ok accepts the screen and returns it.
func (v *terminal) await(t *testing.T, what string, ok func(screen string) bool) string {
	t.Helper()
	var screen string
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if screen = v.screen(t); ok(screen) {
			return screen
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s on the screen within %v:\n%s", what, patience, screen)
		}
	}
}

// see waits until the screen matches a pattern.
func (v *terminal) see(t *testing.T, pattern string) {
	t.Helper()
	v.await(t, fmt.Sprintf("%q", pattern), regexp.MustCompile(pattern).MatchString)
}

// press presses keys by tmux's names.
func (v *terminal) press(t *testing.T, keys ...string) {
	t.Helper()
	v.do(t, append([]string{"send-keys"}, keys...)...)
}

// write types a text.
func (v *terminal) write(t *testing.T, text string) {
	t.Helper()
	v.do(t, "send-keys", "-l", text)
}

// checkRestored waits until igloo has ended with a code and wants the terminal to be
// as it was.
func (v *terminal) checkRestored(t *testing.T, code int) {
	t.Helper()
	v.see(t, fmt.Sprintf(`(?m)^exit code %d\.$`, code))
	before, err := os.ReadFile(filepath.Join(v.dir, "before"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(v.dir, "after"))
	if err != nil || string(after) != string(before) {
		t.Errorf("terminal settings %q after igloo, %v, want %q", after, err, before)
	}
	state := v.do(t, "display-message", "-p", "screen #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag} keypad #{keypad_flag}")
	if want := "screen 0 cursor 1 mouse 0 keypad 0\n"; state != want {
		t.Errorf("terminal state %q after igloo, want %q", state, want)
	}
	v.write(t, "echoed")
	v.see(t, "(?m)^echoed$")
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	if !atFullSpeed(t) {
		return
	}
	v, _ := newSandbox(t).open(t, 120, 36, "--demo")
	v.see(t, "Waiting for the first event")
	v.press(t, "f")
	v.see(t, "Fire a fixture")
	v.write(t, "comments")
	v.see(t, `▌comments `)
	v.press(t, "Enter")
	v.see(t, `✓◆ comments .* 200`)

	v.press(t, "Enter")
	for _, tab := range []struct{ key, pattern string }{
		{"2", `││▌.*(?i)X-Hub-Signature-256`},
		{"3", `EVENT_RECEIVED`},
		{"4", `\{"entry": `},
		{"1", `"object": "instagram"`},
	} {
		v.press(t, tab.key)
		v.see(t, tab.pattern)
	}
	// The next key waits until this one is done: after an escape it would be alt.
	v.press(t, "Escape")
	v.await(t, "focus on the list", func(screen string) bool { return !strings.Contains(screen, "││▌") })

	v.press(t, "/")
	v.write(t, "field:messages")
	v.see(t, `nothing matches the filter`)
	v.press(t, "Enter")
	v.press(t, "Escape")
	v.await(t, "the whole list", func(screen string) bool {
		return strings.Contains(screen, "✓◆ comments") && !strings.Contains(screen, " of 1")
	})

	v.press(t, "r")
	v.see(t, `✓↻ comments .* 200`)
	v.press(t, "q")
	v.checkRestored(t, exitDone)
}

// A signal gives the terminal back too.
func TestTerminalSignal(t *testing.T) {
	t.Parallel()
	if !atFullSpeed(t) {
		return
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			v, h := newSandbox(t).open(t, 80, 24, "--demo")
			v.see(t, "Waiting for the first event")
			if err := syscall.Kill(h.PID, sig); err != nil {
				t.Fatal(err)
			}
			v.checkRestored(t, exitDone)
		})
	}
}

// A burst with the terminal UI attached loses nothing either, and the UI follows it
// to the end.
func TestBurstInTerminal(t *testing.T) {
	if !atFullSpeed(t) {
		return
	}
	app := newDevelopersApp(t, nil)
	v, h := withSecret(t).open(t, 120, 36, "--tunnel", "none", "--forward-to", app.URL())
	n := burstSize()
	b := fireBurst(t, h.Ingress, n, 23)
	after := awaitForwarded(t, app, n)
	count := fmt.Sprintf("%d,%03d", n/1000, n%1000)
	shown := v.await(t, "all "+count+" deliveries", func(screen string) bool {
		return strings.Contains(screen, "Deliveries "+count) && strings.Contains(screen, count+" events")
	})
	if strings.Contains(shown, appSecret) {
		t.Errorf("the app secret is on the screen:\n%s", shown)
	}
	v.press(t, "q")
	v.checkRestored(t, exitDone)
	checkBurst(t, b, filepath.Dir(v.find(t, "journal.db")[0]), app)
	t.Logf("%d deliveries in %v, forwarded %v later", n, b.took, after)
}
