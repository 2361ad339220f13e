package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/script run igloo as users do. The binary is this test
// binary.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"igloo": func() { os.Exit(tapped(Main)) },
	})
}

func TestScripts(t *testing.T) {
	tap := t.TempDir()
	t.Cleanup(func() { checkTapped(t, tap) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, dir := range []string{"home", "state", "run", "config"} {
				if err := os.MkdirAll(filepath.Join(env.WorkDir, ".igloo-test", dir), 0o700); err != nil {
					return err
				}
			}
			set := func(name, dir string) { env.Setenv(name, filepath.Join(env.WorkDir, ".igloo-test", dir)) }
			set("HOME", "home")
			set("USERPROFILE", "home")
			set("XDG_STATE_HOME", "state")
			set("XDG_RUNTIME_DIR", "run")
			set("XDG_CONFIG_HOME", "config")
			env.Setenv("LANG", "C.UTF-8")
			env.Setenv("TZ", "UTC")
			env.Setenv("CI", "true")
			env.Setenv(tapVariable, tap)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each igloo takes a second longer
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"app":      startApp,
			"received": received,
			"session":  awaitSession,
			"graph":    scriptGraph,
			"edge":     scriptEdge,
			"shows":    shows,
			"taken":    takePort,
			"post":     post,
			"large":    writeLarge,
			"utf16":    writeUTF16,
		},
	})
}

// scriptApp is a developer's app in a script.
type scriptApp struct {
	mu     sync.Mutex
	bodies []string
}

// startApp is `app NAME [STATUS]`: an app that answers STATUS, at $NAME_URL.
func startApp(ts *testscript.TestScript, _ bool, args []string) {
	status := http.StatusOK
	if len(args) == 2 {
		status, _ = strconv.Atoi(args[1])
	}
	app := &scriptApp{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		app.mu.Lock()
		app.bodies = append(app.bodies, string(body))
		app.mu.Unlock()
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "app says %d", status)
	})}
	go func() { _ = srv.Serve(l) }()
	ts.Defer(func() { _ = srv.Close() })
	ts.Setenv(args[0]+"_URL", "http://"+l.Addr().String()+"/webhook")
	ts.Setenv(args[0]+"_PORT", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	apps.Store(ts.Getenv("WORK")+args[0], app)
}

var apps sync.Map // of the scripts, by work dir and name

// received is `received NAME N [TEXT]`: the app got N bodies (within 10 s), and the
// last one contains TEXT.
func received(ts *testscript.TestScript, neg bool, args []string) {
	value, ok := apps.Load(ts.Getenv("WORK") + args[0])
	if !ok {
		ts.Fatalf("no app %q", args[0])
	}
	app := value.(*scriptApp)
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	var got []string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		app.mu.Lock()
		got = app.bodies
		app.mu.Unlock()
		if len(got) >= want || time.Now().After(deadline) {
			break
		}
	}
	if (len(got) == want) == neg {
		ts.Fatalf("the app received %d deliveries, want %d", len(got), want)
	}
	if len(args) > 2 && !strings.Contains(got[len(got)-1], args[2]) {
		ts.Fatalf("the last delivery is %s, want %q in it", got[len(got)-1], args[2])
	}
}

// awaitSession is `session [NAME]`: waits until the project's session answers and
// sets $NAME_INGRESS ($INGRESS without a name).
func awaitSession(ts *testscript.TestScript, _ bool, args []string) {
	prefix := ""
	if len(args) > 0 {
		prefix = args[0] + "_"
	}
	dir := filepath.Join(ts.Getenv("XDG_RUNTIME_DIR"), "igloo")
	if len(dir)+16 > maxSocketPath {
		dir = filepath.Join(os.TempDir(), "igloo-"+shortHash(dir))
	}
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, r := range liveSessions(context.Background(), dir) {
			if r.info.Project == ts.MkAbs(".") || strings.HasPrefix(r.info.Project, ts.MkAbs(".")) {
				ts.Setenv(prefix+"INGRESS", r.info.Ingress)
				return
			}
		}
	}
	ts.Fatalf("no session came up")
}

// shows is `shows FILE TEXT…`: waits until a file that is being written holds the texts.
func shows(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	for _, want := range args[1:] {
		var text []byte
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(string(text), want); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				ts.Fatalf("%s does not show %q:\n%s", args[0], want, text)
			}
			text, _ = os.ReadFile(path) // not there yet
		}
	}
}

// takePort is `taken NAME`: keeps a port busy and puts it into $NAME.
func takePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// post is `post URL FILE STATUS [SIGNATURE]`: posts a file and wants a status.
func post(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	if len(args) > 3 {
		req.Header.Set("X-Hub-Signature-256", args[3])
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	if got := strconv.Itoa(resp.StatusCode); got != args[2] {
		ts.Fatalf("POST %s = %s, want %s", args[0], got, args[2])
	}
}

// writeUTF16 is `utf16 TO FROM`: a text as > of Windows PowerShell writes it.
func writeUTF16(ts *testscript.TestScript, _ bool, args []string) {
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(ts.ReadFile(args[1]))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), wide, 0o600))
}

// writeLarge is `large FILE BYTES`: a payload of that size.
func writeLarge(ts *testscript.TestScript, _ bool, args []string) {
	const begin, end = `{"object": "instagram", "entry": [{"id": "0", "time": 1790000123, "changes": [{"field": "comments", "value": {"text": "`, `"}}]}]}`
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(begin+strings.Repeat("x", size-len(begin)-len(end))+end), 0o600))
}
