package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// The authtoken that the tests give, and one that they never held.
const (
	authtoken  = "2abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJK"
	otherToken = "2zyxwvutsrqponmlkjihgfedcba_KJIHGFEDCBA9876543210"
)

// soon is how long something may take that should take no time.
const soon = 5 * time.Second

// lab is a supervised tunnel.
type lab struct {
	tunneltest.Recorder
	log    *logBuffer
	cancel context.CancelFunc
	ended  chan error
}

// openLab supervises p with in behind it.
func openLab(t *testing.T, p tunnel.Provider, in tunnel.Ingress, log *logBuffer) *lab {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &lab{log: log, cancel: cancel, ended: make(chan error, 1)}
	s := tunnel.Supervisor{Provider: p, Ingress: in, Logger: log.logger()}
	var run sync.WaitGroup
	run.Go(func() { l.ended <- s.Run(ctx, l.Emit) })
	t.Cleanup(func() {
		cancel()
		run.Wait()
	})
	return l
}

// openNgrok supervises ngrok at edge with handler behind it.
func openNgrok(t *testing.T, edge *tunneltest.Edge, cfg tunnel.NgrokConfig, handler http.Handler) *lab {
	t.Helper()
	log := &logBuffer{}
	return openLab(t, newNgrok(t, edge, cfg, log), ingress(handler), log)
}

func newNgrok(t *testing.T, edge *tunneltest.Edge, cfg tunnel.NgrokConfig, log *logBuffer) *tunnel.Ngrok {
	t.Helper()
	cfg.Authtoken = secret.New(authtoken)
	cfg.Server.ConnectURL = edge.ConnectURL()
	cfg.Server.CAs = edge.Pool()
	p, err := tunnel.NewNgrok(cfg, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ingress(handler http.Handler) tunnel.Ingress {
	return tunnel.HTTPIngress("http://127.0.0.1:4456", soon, func() *http.Server {
		return &http.Server{Handler: handler, ReadHeaderTimeout: soon}
	})
}

// wait returns what the supervisor returns.
func (l *lab) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-l.ended:
		return err
	case <-time.After(soon):
		t.Fatalf("Run does not return within %v", soon)
		return nil
	}
}

// stop ends the context and expects the supervisor to end well.
func (l *lab) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	if err := l.wait(t); err != nil {
		t.Errorf("Run = %v after the context ended, want nil", err)
	}
	if st := l.last(); st.State != tunnel.Closed {
		t.Errorf("last report %+v, want %v", st, tunnel.Closed)
	}
}

func (l *lab) last() tunnel.Status {
	all := l.All()
	if len(all) == 0 {
		return tunnel.Status{}
	}
	return all[len(all)-1]
}

// failed expects the supervisor to give up, and returns the last report.
func (l *lab) failed(t *testing.T) tunnel.Status {
	t.Helper()
	err := l.wait(t)
	fatal, ok := errors.AsType[*tunnel.FatalError](err)
	if !ok {
		t.Fatalf("Run = %v, want a FatalError", err)
	}
	st := l.last()
	if st.State != tunnel.Failed || st.Err == nil || st.Code != fatal.Code || st.Hint != fatal.Hint {
		t.Errorf("last report %+v, want %v with code %q and hint %q", st, tunnel.Failed, fatal.Code, fatal.Hint)
	}
	return st
}

// checkNoToken fails the test when a token shows anywhere.
func (l *lab) checkNoToken(t *testing.T, errs ...error) {
	t.Helper()
	var said strings.Builder
	said.WriteString(l.log.String())
	for _, st := range l.All() {
		fmt.Fprintf(&said, "%+v %v\n", st, st.Err)
	}
	for _, err := range errs {
		fmt.Fprintf(&said, "%+v %#v\n", err, err)
	}
	for _, token := range []string{authtoken, otherToken} {
		if strings.Contains(said.String(), token) {
			t.Errorf("a token shows in %s", &said)
		}
	}
}

// checkCycles opens and closes a tunnel ten times and wants no more goroutines and
// open files after than before, but for the few that end a moment later.
func checkCycles(t *testing.T, cycle func()) {
	t.Helper()
	const late = 3
	cycle()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for range 10 {
		cycle()
	}
	for end := time.Now().Add(soon); ; <-time.After(10 * time.Millisecond) {
		g, f := runtime.NumGoroutine(), openFiles()
		if g <= goroutines+late && f <= files+late {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("after 10 cycles %d goroutines and %d files, before %d and %d\n%s", g, f, goroutines, files,
				stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// openFiles counts the files and sockets of this process, where the system tells.
func openFiles() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// get asks for a URL and returns the answer's body.
func get(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	return post(t, client, http.MethodGet, url, http.NoBody)
}

func post(t *testing.T, client *http.Client, method, url string, body io.Reader) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}

// say returns a handler that answers with text.
func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// logBuffer is a debug log in memory.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
