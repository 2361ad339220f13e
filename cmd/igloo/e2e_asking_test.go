//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ask runs a command that asks, in a terminal that shows what it answers.
func (s *sandbox) ask(t *testing.T, args string) *terminal {
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
	script := filepath.Join(v.dir, "ask.sh")
	if err := os.WriteFile(script, fmt.Appendf(nil, "trap : INT\n'%s' %s\necho exit code $?.\nexec cat\n", binary, args), 0o600); err != nil {
		t.Fatal(err)
	}
	v.do(t, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", "-c", s.dir, "sh '"+script+"'")
	t.Cleanup(func() { v.do(t, "kill-server") })
	return v
}

// answer waits for a question and types an answer.
func (v *terminal) answer(t *testing.T, question, text string) {
	t.Helper()
	v.see(t, `(?m)^`+question+`: *$`)
	v.write(t, text)
	v.press(t, "Enter")
}

func TestFixturesNewAsks(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	v := s.ask(t, "fixtures new")
	v.see(t, `Fields:\n  comments, live_comments, `)
	v.answer(t, `Field \[comments\]`, "mesages")
	v.see(t, `no field is called "mesages"; did you mean "messages"\?`)
	v.answer(t, `Field \[comments\]`, "follow")
	v.see(t, `nobody has published what a delivery of "follow" looks like`)
	v.answer(t, `Field \[comments\]`, "messages")
	v.see(t, `messages/image +A photo`)
	v.answer(t, `Copy \[messages/text\]`, "messages/imge")
	v.see(t, `did you mean "messages/image"\?`)
	v.answer(t, `Copy \[messages/text\]`, "")
	v.answer(t, `Text \[Olá! .*\]`, "Do you ship?")
	v.answer(t, `Description \[A text message.*\]`, "About shipping")
	v.answer(t, `Name \[messages-1\]`, "../up")
	v.see(t, `is no name of a fixture`)
	v.answer(t, `Name \[messages-1\]`, "shop/shipping")
	v.see(t, `(?m)^\./fixtures/shop/shipping\.json$`)
	v.see(t, `igloo: fire it: igloo fire shop/shipping`)
	v.see(t, `exit code 0\.`)
	file, err := os.ReadFile(filepath.Join(s.dir, "fixtures", "shop", "shipping.json"))
	if err != nil || !strings.Contains(string(file), `"text": "Do you ship?"`) || !strings.Contains(string(file), `"description": "About shipping"`) {
		t.Errorf("%s, %v", file, err)
	}
}

// Ctrl-C in the middle of the questions leaves nothing behind.
func TestFixturesNewInterrupted(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	v := s.ask(t, "fixtures new comments")
	v.answer(t, `Copy \[comments\]`, "")
	v.see(t, `Text \[`)
	v.press(t, "C-c")
	v.see(t, `exit code 130\.`)
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
