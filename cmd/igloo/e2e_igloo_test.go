//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests in the e2e files run igloo as its users do: as a process of its own,
// with sockets, signals and files. The binary is this test binary, so that the race
// detector watches it too; where speed matters it is one without.

// patience bounds every wait for something that takes far less.
const patience = 30 * time.Second

// The app secret and the verify token of the tests.
const (
	appSecret   = "4f1c77d0e2a94b6e8b7f3a5d9c0e1b2a"
	verifyToken = "vt-of-the-end-to-end-tests"
)

// sandbox is a project folder with a user around it. Nothing outside is read or
// written.
type sandbox struct {
	dir string // the project
	env []string
}

// newSandbox makes a sandbox whose environment also has the given NAME=VALUE pairs.
func newSandbox(t *testing.T, env ...string) *sandbox {
	t.Helper()
	root := t.TempDir()
	run, err := os.MkdirTemp("", "igloo") //nolint:usetesting // a socket's name has little room, and a test's folder a long one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	s := &sandbox{dir: filepath.Join(root, "project"), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + root, "XDG_RUNTIME_DIR=" + run,
		"XDG_STATE_HOME=" + filepath.Join(root, "state"), "XDG_CONFIG_HOME=" + filepath.Join(root, "config"),
		"LANG=C.UTF-8", "TZ=UTC", "TMPDIR=" + os.TempDir(),
		"GORACE=atexit_sleep_ms=0", // the race detector keeps every process a second longer
	}}
	s.env = append(s.env, env...)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// withSecret is newSandbox of a user who gave igloo the app secret.
func withSecret(t *testing.T, env ...string) *sandbox {
	t.Helper()
	return newSandbox(t, append(env, "IGLOO_APP_SECRET="+appSecret)...)
}

// atFullSpeed reports whether to go on here. Under the race detector, which makes
// SQLite ten times slower, it runs the test in a binary without it instead.
func atFullSpeed(t *testing.T) bool {
	t.Helper()
	if !raced {
		return true
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.v", "-test.timeout=5m", "-test.run=^" + t.Name() + "$", fmt.Sprintf("-test.short=%t", testing.Short())}
	text, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	t.Logf("without the race detector:\n%s", text)
	switch {
	case err != nil:
		t.Error(err)
	case bytes.Contains(text, []byte("--- SKIP")):
		t.SkipNow()
	}
	return false
}

// build returns the path of a test binary without the race detector. It is built
// once, into the folder that testscript.Main removes at the end.
var build = sync.OnceValues(func() (string, error) {
	self, err := exec.LookPath("igloo")
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "igloo-norace.test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build without the race detector: %w\n%s", err, text)
	}
	return path, nil
})

// start runs igloo. It ends with the test.
func (s *sandbox) start(t *testing.T, args ...string) *process {
	t.Helper()
	binary, err := exec.LookPath("igloo") // testscript.Main put this binary there
	if err != nil {
		t.Fatal(err)
	}
	return s.startProgram(t, exec.Command(binary, args...))
}

// run runs igloo to its end.
func (s *sandbox) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := s.start(t, args...)
	code = p.wait(t)
	return code, p.stdout.String(), p.stderr.String()
}

// listening is a running `igloo listen --json`.
type listening struct {
	*process
	info sessionInfo
}

// listen starts a session on a free port and waits until it is ready.
func (s *sandbox) listen(t *testing.T, args ...string) *listening {
	t.Helper()
	args = append([]string{"listen", "--json", "--listen", "127.0.0.1:0"}, args...)
	if !slices.Contains(args, "--tunnel") {
		args = append(args, "--tunnel", "none")
	}
	l := &listening{process: s.start(t, args...)}
	first := l.await(t, "session", func(jsonLine) bool { return true })
	if err := json.Unmarshal(first.raw, &l.info); err != nil {
		t.Fatal(err)
	}
	return l
}

// jsonLine is what the tests look at in a line of --json.
type jsonLine struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Delivery string `json:"delivery"`
	Verdict  string `json:"verdict"`
	State    string `json:"state"`
	URL      string `json:"url"`
	Status   int    `json:"status"`
	Answered int    `json:"answered"`
	Error    string `json:"error"`

	raw []byte
}

// await returns the first line of a type that ok accepts.
func (p *process) await(t *testing.T, kind string, ok func(jsonLine) bool) jsonLine {
	t.Helper()
	var found jsonLine
	seen := 0
	p.awaitOutput(t, &p.stdout, "a line of type "+kind, func(text string) bool {
		for found.Type == "" {
			line, _, whole := strings.Cut(text[seen:], "\n")
			if !whole {
				return false
			}
			seen += len(line) + 1
			var l jsonLine
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("stdout line %q: %v", line, err)
			}
			if l.Type == kind && ok(l) {
				l.raw = []byte(line)
				found = l
			}
		}
		return true
	})
	return found
}

// poll waits until ok holds, for what nobody can be asked to tell of.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// together runs subtests at the same time, however few processors there are: they
// mostly wait.
func together(t *testing.T, tests map[string]func(t *testing.T)) {
	t.Helper()
	var wg sync.WaitGroup
	for name, test := range tests {
		wg.Go(func() { t.Run(name, test) })
	}
	wg.Wait()
}

// program returns the path of a program that other people's machines may lack.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("IGLOO_REQUIRE_ALL") == "1":
		t.Fatalf("%s is missing, and IGLOO_REQUIRE_ALL=1 wants every test: %v", name, err)
	default:
		t.Skipf("SKIPPED, THIS IS NOT TESTED HERE: %s is missing: %v", name, err)
	}
	return ""
}
