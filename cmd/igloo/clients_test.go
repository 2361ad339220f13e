//go:build clients && unix

package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/simulator"
)

// client is webhook code that nobody here wrote, with the smallest app around it that
// its documentation shows. testdata/clients has the apps, and `make clients` gets what
// they need.
type client struct {
	name  string
	start func(*testing.T, *sandbox) (url string)

	// wrong says why good deliveries are refused, so that they are not fired: igloo
	// check must say the same.
	wrong string
	// refuses are good deliveries that the app does not take: patterns of fixtures,
	// and why.
	refuses map[string]string
	// silent are fixtures that the app never answers.
	silent []string
	// faulty are the fixtures that are fired with faults: those it takes without.
	faulty []string
	// takes are the faults it takes though they should be refused, and why.
	takes map[string]string

	// findings are those of igloo check that do not hold or are odd: status, check,
	// code.
	findings []string
	// whys are what some of the findings must say, by check.
	whys map[string]string
}

// fewEvents are fixtures of which a delivery can have several events.
var fewEvents = []string{"comments", "mentions", "story_insights", "messages/text", "messages/image", "message_reactions"}

// TestClients holds igloo against other people's webhook code: what Meta would send is
// taken, what it would not is refused by those that check, and igloo check says what
// is wrong with the others.
func TestClients(t *testing.T) {
	modules := os.Getenv("IGLOO_CLIENTS")
	if modules == "" {
		t.Fatal("IGLOO_CLIENTS is not set; run this test as: make clients")
	}
	tests := map[string]func(*testing.T){}
	var starting sync.Mutex // one after the other: some load modules for seconds
	for _, c := range clients() {
		tests[c.name] = func(t *testing.T) {
			s := clientSandbox(t, modules)
			starting.Lock()
			url := func() string {
				defer starting.Unlock() // also when it does not start
				return c.start(t, s)
			}()
			if c.wrong == "" {
				c.testDeliveries(t, s, url)
			}
			if len(c.faulty) > 0 {
				c.testFaults(t, s, url)
			}
			c.testCheck(t, s, url)
		}
	}
	together(t, tests)
}

// clientSandbox is a sandbox with the apps in its project and the packages beside them.
func clientSandbox(t *testing.T, modules string) *sandbox {
	t.Helper()
	s := withSecret(t, "IGLOO_VERIFY_TOKEN="+verifyToken, "APP_SECRET="+appSecret, "VERIFY_TOKEN="+verifyToken)
	if err := os.CopyFS(s.dir, os.DirFS(filepath.Join("testdata", "clients"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(s.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return s
}

// testDeliveries fires every fixture, and batches of a few.
func (c client) testDeliveries(t *testing.T, s *sandbox, url string) {
	var names []string
	_, stdout, _ := s.run(t, "fixtures", "list", "--json")
	for line := range strings.Lines(stdout) {
		var f struct{ Name string }
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(c.silent, f.Name) {
			names = append(names, f.Name)
		}
	}
	const some = 100 // or the list is not what it is taken for
	if len(names) < some {
		t.Fatalf("%d fixtures, want more than %d", len(names), some)
	}
	c.wantTaken(t, c.fire(t, s, url, names))
	c.wantTaken(t, c.fire(t, s, url, fewEvents, "--batch", "3"))
}

// wantTaken wants 200 for each fixture but those the client refuses.
func (c client) wantTaken(t *testing.T, answers map[string]string) {
	t.Helper()
	for name, answer := range answers {
		taken, reason := answer == "200", ""
		for pattern, why := range c.refuses {
			if ok, _ := path.Match(pattern, name); ok {
				reason = why
			}
		}
		switch {
		case !taken && reason == "":
			t.Errorf("%s: answered %s, want 200", name, answer)
		case taken && reason != "":
			t.Errorf("%s is taken, and should be refused: %s", name, reason)
		}
	}
}

// fire delivers fixtures and returns the answer to each: a status, or "-" for none.
func (c client) fire(t *testing.T, s *sandbox, url string, names []string, flags ...string) map[string]string {
	t.Helper()
	args := slices.Concat([]string{"fire"}, names, []string{"--to", url, "--seed", "7", "--concurrency", "2", "--json"}, flags)
	_, stdout, stderr := s.run(t, args...)
	answers := map[string]string{}
	for line := range strings.Lines(stdout) {
		var fired struct {
			Type, Name string
			Status     int
		}
		if err := json.Unmarshal([]byte(line), &fired); err != nil {
			t.Fatal(err)
		}
		switch {
		case fired.Type != "fired":
		case fired.Status == 0:
			answers[fired.Name] = "-"
		default:
			answers[fired.Name] = strconv.Itoa(fired.Status)
		}
	}
	if len(answers) != len(names) {
		t.Fatalf("%v: %d answers, want %d\n%s", flags, len(answers), len(names), stderr)
	}
	return answers
}

// testFaults fires every fault.
func (c client) testFaults(t *testing.T, s *sandbox, url string) {
	lines := slices.Collect(strings.Lines(strings.TrimSpace(faultTable)))
	column := slices.Index(strings.Fields(lines[0]), c.name)
	if column < 0 {
		t.Fatalf("the table of faults has no column %q", c.name)
	}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		fault, want := cells[0], cells[column]
		if why := c.takes[fault]; (want == "200") != (why != "") && fault != "slow-body" {
			t.Errorf("%s is answered %s for the reason %q", fault, want, why)
		}
		// Plain text, so that the fault is all that is wrong, whatever is hashed.
		for name, answer := range c.fire(t, s, url, c.faulty, "--fault", fault, "--set", "text=hello igloo") {
			if answer != want {
				t.Errorf("%s of %s: answered %s, want %s", fault, name, answer, want)
			}
		}
	}
	if len(lines)-1 != len(simulator.Faults()) {
		t.Errorf("the table has %d faults, and igloo %d", len(lines)-1, len(simulator.Faults()))
	}
}

// testCheck wants exactly the findings that the client deserves. Its speed is left out:
// that is the machine's.
func (c client) testCheck(t *testing.T, s *sandbox, url string) {
	code, stdout, stderr := s.run(t, "check", url, "--skip", "speed", "--seed", "7", "--json")
	var got, failed []string
	becauses := map[string]string{}
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, `{"type":"summary"`) {
			continue
		}
		var f findingLine
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.Status == check.Fail {
			failed = append(failed, f.Check)
		}
		if f.Status == check.Fail || f.Status == check.Warn {
			got = append(got, strings.Join([]string{string(f.Status), f.Check, f.Code}, " "))
		}
		if f.Status == check.Error {
			becauses[f.Check] = f.Because
		}
		if want, ok := c.whys[f.Check]; ok && !strings.Contains(f.Why, want) {
			t.Errorf("check %s: why is %q, want %q in it", f.Check, f.Why, want)
		}
	}
	if diff := cmp.Diff(c.findings, got); diff != "" {
		t.Errorf("findings of igloo check (-want +got):\n%s\n%s%s", diff, stdout, stderr)
	}
	for name, because := range becauses {
		if !slices.Contains(failed, because) {
			t.Errorf("check %s could not be judged because of %q, which did not fail", name, because)
		}
	}
	want := exitDone
	if len(failed) > 0 {
		want = exitNo
	}
	if code != want {
		t.Errorf("igloo check: exit code %d, want %d", code, want)
	}
}

// node starts an app of testdata/clients that Node runs.
func node(file string, args ...string) func(*testing.T, *sandbox) string {
	return func(t *testing.T, s *sandbox) string {
		t.Helper()
		at := *s
		at.dir = filepath.Join(s.dir, filepath.Dir(file))
		p := at.startProgram(t, exec.Command(program(t, "node"), append([]string{filepath.Base(file)}, args...)...))
		port := ""
		p.awaitOutput(t, &p.stdout, "a port", func(text string) bool {
			first, _, whole := strings.Cut(text, "\n")
			port = strings.TrimPrefix(first, "listening on ")
			return whole && port != first
		})
		return "http://127.0.0.1:" + port + "/webhook"
	}
}

// php starts PHP's own server with a script.
func php(file string) func(*testing.T, *sandbox) string {
	return func(t *testing.T, s *sandbox) string {
		t.Helper()
		address := freeAddress(t)
		s.startProgram(t, exec.Command(program(t, "php"), "-S", address, file))
		awaitListener(t, address)
		return "http://" + address + "/webhook"
	}
}

// adnanh starts https://github.com/adnanh/webhook with a file of hooks.
func adnanh(file string) func(*testing.T, *sandbox) string {
	return func(t *testing.T, s *sandbox) string {
		t.Helper()
		address := freeAddress(t)
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		s.startProgram(t, exec.Command(program(t, "webhook"), "-ip", host, "-port", port, "-hooks", file, "-template"))
		awaitListener(t, address)
		return "http://" + address + "/hooks/webhook"
	}
}

func awaitListener(t *testing.T, address string) {
	t.Helper()
	poll(t, "something listens", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// goGitHub serves with the ValidatePayload of google/go-github, which is made for
// GitHub's webhooks: the same headers over the same bytes.
func goGitHub(t *testing.T, _ *sandbox) string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			q := r.URL.Query()
			if q.Get("hub.mode") != "subscribe" || q.Get("hub.verify_token") != verifyToken {
				http.Error(w, "wrong verify token", http.StatusForbidden)
				return
			}
			_, _ = io.WriteString(w, q.Get("hub.challenge"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 5<<20)
		if _, err := github.ValidatePayload(r, []byte(appSecret)); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "EVENT_RECEIVED")
	}))
	t.Cleanup(app.Close)
	return app.URL + "/webhook"
}
