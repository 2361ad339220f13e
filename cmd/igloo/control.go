package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// The control socket is how other igloo commands reach a session: HTTP over a Unix
// socket that only the user can open. It is no port, so neither a web page nor a
// tunnel can reach it.

// sessionInfo describes a running session to other commands.
type sessionInfo struct {
	Type        string `json:"type"` // "session"
	PID         int    `json:"pid"`
	Project     string `json:"project"`
	Ingress     string `json:"ingress"`      // local callback URL
	CallbackURL string `json:"callback_url"` // public, "" while there is none
	Target      string `json:"target"`
	DataDir     string `json:"data_dir"`
	Started     string `json:"started"`

	socket string
}

// socketPath is where a project's session listens.
func socketPath(p project, env func(string) string) (string, error) {
	dir, err := runtimeDir(env)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, p.key()+".sock")
	if len(path) > maxSocketPath {
		// A socket's name has little room; a long home must not keep a session from
		// starting, and the place is still the user's own.
		dir = filepath.Join(os.TempDir(), "igloo-"+shortHash(dir))
		path = filepath.Join(dir, p.key()+".sock")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("open the control socket: %w", err)
	}
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x bit
			return "", fmt.Errorf("open the control socket: %w", err)
		}
	}
	return path, nil
}

// maxSocketPath is the room for a Unix socket's name on the systems igloo runs on.
const maxSocketPath = 100

func (s *session) info() sessionInfo {
	f := s.status.Facts()
	return sessionInfo{
		Type: "session", PID: os.Getpid(), Project: s.cfg.project.Dir, Ingress: s.localURL(), CallbackURL: f.CallbackURL,
		Target: f.TargetURL, DataDir: s.cfg.project.DataDir, Started: stampText(s.started),
	}
}

// serveControl answers other igloo commands until ctx ends.
func (s *session) serveControl(ctx context.Context) error {
	path, err := socketPath(s.cfg.project, s.cfg.getenv)
	if err != nil {
		return err
	}
	// The project's lock is ours, so a socket in its place is left over.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open the control socket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("open the control socket: %w", plainNetError(err))
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return fmt.Errorf("open the control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /session", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(s.info())
	})
	mux.HandleFunc("POST /selfcheck", s.serveSelfCheck)
	mux.HandleFunc("POST /fire", func(w http.ResponseWriter, r *http.Request) {
		var order fireOrder
		s.obey(w, r, &order, func(report func(outcome)) error { return s.fire(r.Context(), order, report) })
	})
	mux.HandleFunc("POST /keep", func(w http.ResponseWriter, r *http.Request) {
		var order keepOrder
		s.obey(w, r, &order, func(report func(outcome)) error { return s.keep(r.Context(), order, report) })
	})
	mux.HandleFunc("POST /replay", func(w http.ResponseWriter, r *http.Request) {
		var order replayOrder
		s.obey(w, r, &order, func(report func(outcome)) error { return s.replay(r.Context(), order, report) })
	})
	mux.HandleFunc("POST /prune", func(w http.ResponseWriter, r *http.Request) {
		var order pruneOrder
		s.obey(w, r, &order, func(func(outcome)) error { return s.journal.Prune(r.Context(), order.UpTo, true) })
	})
	srv := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn), // stderr is the terminal's
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	return serveUntil(ctx, srv, l)
}

// failure is the last line of an order that could not be carried out.
type failure struct {
	Type  string `json:"type"` // "error"
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	Exit  int    `json:"exit"`
}

// maxOrder bounds what another igloo may send: fixtures are 8 MiB at most each.
const maxOrder = 256 << 20

// obey reads an order, carries it out and streams an outcome a line.
func (s *session) obey(w http.ResponseWriter, r *http.Request, order any, work func(report func(outcome)) error) {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var mu sync.Mutex
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	err := work(func(o outcome) {
		mu.Lock()
		defer mu.Unlock()
		// Nobody to tell when the command that asked is gone: that ends the order too.
		_ = out.Encode(o)
		_ = flush.Flush()
	})
	// Who asks for the journal next should find what was just reported.
	settle, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	_ = s.journal.Settle(settle) // under load the journal is a moment behind
	if err != nil {
		_ = out.Encode(newFailure(err))
	}
}

// newFailure keeps of an error what the other command's report needs.
func newFailure(err error) failure {
	f := failure{Type: "error", Error: err.Error(), Exit: exitFailed}
	if errors.Is(err, context.Canceled) {
		f.Error = "the session stopped before all was done"
	} else if usage, ok := errors.AsType[*usageError](err); ok {
		f.Hint, f.Exit = usage.hint, exitUsage
	} else if hinted, ok := errors.AsType[*hintedError](err); ok {
		f.Hint = hinted.hint
	}
	return f
}

// err is the reverse of newFailure.
func (f failure) err() error {
	if f.Exit == exitUsage {
		return usagef(f.Hint, "%s", f.Error)
	}
	return withHint(errors.New(f.Error), f.Hint)
}

// remote is a running session as another command sees it.
type remote struct {
	info    sessionInfo
	client  *http.Client
	foreign bool // another project's, taken because it is the only one
}

// useSession is findSession for commands that act: they say whose session it is when
// it is not this project's.
func (c *command) useSession(ctx context.Context) (*remote, error) {
	r, err := c.findSession(ctx)
	if err == nil && r.foreign {
		fmt.Fprintf(c.stderr, "igloo: this project has no session, using the one of %s (process %d)\n", clean(r.info.Project), r.info.PID)
	}
	return r, err
}

// dialSession asks the session behind a socket who it is. A missing or dead one is
// an error.
func dialSession(ctx context.Context, socket string) (*remote, error) {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	r := &remote{client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://session/session", nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&r.info); err != nil {
		return nil, fmt.Errorf("ask the session: %w", err)
	}
	r.info.socket = socket
	return r, nil
}

// order sends an order and reports the outcomes as they come.
func (r *remote) order(ctx context.Context, path string, order any, report func(outcome)) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://session"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("reach the session (process %d): %w", r.info.PID, plainNetError(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("the session (process %d) refused: %s", r.info.PID, strings.TrimSpace(string(text)))
	}
	for lines := json.NewDecoder(resp.Body); ; {
		var line struct {
			outcome
			Error string `json:"error"`
			Hint  string `json:"hint"`
			Exit  int    `json:"exit"`
		}
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the session (process %d) went away: %w", r.info.PID, err)
		}
		if line.Exit != 0 {
			return failure{Error: line.Error, Hint: line.Hint, Exit: line.Exit}.err()
		}
		o := line.outcome
		o.Err, o.took = line.Error, time.Duration(o.TookMS*float64(time.Millisecond))
		o.delivery, _, _ = journal.ParseID(o.ID)
		report(o)
	}
}

// errNoSession says that there is no session to work with.
var errNoSession = errors.New("no igloo session is running")

// findSession finds the project's session, else the only live one, else the one
// named by --session.
func (c *command) findSession(ctx context.Context) (*remote, error) {
	own, err := socketPath(c.project, c.getenv)
	if err != nil {
		return nil, err
	}
	if c.Session == "" {
		if r, err := dialSession(ctx, own); err == nil {
			return r, nil
		}
	}
	live := liveSessions(ctx, filepath.Dir(own))
	if c.Session == "" {
		switch len(live) {
		case 0:
			return nil, errNoSession
		case 1:
			if c.origin["data-dir"] != "" {
				return nil, errNoSession
			}
			live[0].foreign = true
			return live[0], nil
		}
		return nil, usagef("name one: --session PROJECT", "several sessions are running, none of them for this project:%s", listSessions(live))
	}
	var found []*remote
	for _, r := range live {
		if c.Session == r.info.Project || c.Session == filepath.Base(r.info.Project) || c.Session == fmt.Sprint(r.info.PID) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, usagef("", "no running session is called %q; there are:%s", c.Session, listSessions(live))
	}
	return nil, usagef("name one by its process id", "several sessions are called %q:%s", c.Session, listSessions(found))
}

func liveSessions(ctx context.Context, dir string) []*remote {
	sockets, err := filepath.Glob(filepath.Join(dir, "*.sock"))
	if err != nil {
		return nil
	}
	var live []*remote
	for _, socket := range sockets {
		if r, err := dialSession(ctx, socket); err == nil {
			live = append(live, r)
		}
	}
	return live
}

func listSessions(live []*remote) string {
	if len(live) == 0 {
		return " none"
	}
	var b strings.Builder
	for _, r := range live {
		fmt.Fprintf(&b, " %s (process %d, %s)", r.info.Project, r.info.PID, r.info.Ingress)
	}
	return b.String()
}
