package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
	"github.com/igloo-dev/igloo/tui"
)

// drainTimeout bounds how long a session that ends waits for answers and attempts.
const drainTimeout = 10 * time.Second

// session is one running `igloo listen`: every room of the house, wired together.
//
// A delivery's way: listener → receiver → journal → forwarder → target. Screens and
// other igloo commands stand beside that way and read the journal.
type session struct {
	cfg     *config
	flags   listenFlags
	log     *slog.Logger
	started time.Time

	lock        *projectLock
	keyring     *webhook.Keyring
	verifyToken secret.Value
	madeToken   bool // igloo made the verify token, so it may be shown
	secrets     secrets
	candidates  []webhook.Candidate // what a bad signature may have been made with

	journal   *journal.Journal
	receiver  *receiver.Receiver
	forwarder *forward.Forwarder // nil without a target
	target    *url.URL           // nil without a target
	ingress   net.Listener
	client    *simulator.Client
	people    *people     // who writes to whom in fired deliveries, throughout the session
	kept      keptRetries // retries that were interrupted
	fixtures  *fixtures.Watcher
	status    *tui.Status
	tunnels   *tunnels
	demo      *demoApp // nil unless --demo

	retention      journal.Retention
	began          journal.Cursor // where the journal was
	pendingAtStart int            // left over from an earlier session
	interactive    bool           // the screen is the TUI
	board          noticeBoard
	noticed        *slog.Logger // as log, and the screen tells what goes wrong

	closeLog func() error
	once     sync.Once
}

// openSession opens everything a session needs and starts nothing. Call close after.
func openSession(ctx context.Context, cfg *config, flags listenFlags) (*session, error) {
	s := &session{cfg: cfg, flags: flags, started: time.Now(), closeLog: func() error { return nil }}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) open(ctx context.Context) error {
	cfg, flags := s.cfg, s.flags
	if err := cfg.project.create(); err != nil {
		return err
	}
	var err error
	if s.lock, err = lockProject(cfg.project); err != nil {
		return err
	}
	if err := s.openLog(); err != nil {
		return err
	}
	if err := s.loadKeys(); err != nil {
		return err
	}
	s.journal, err = journal.Open(ctx, journal.Config{Path: cfg.project.journalPath(), Logger: s.noticed})
	if err != nil {
		return err
	}
	if s.retention, err = checkedRetention(flags.Retention, cmp.Or(cfg.origin["retention"], "--retention")); err != nil {
		return err
	}
	pending, err := s.journal.Pending(ctx)
	if err != nil {
		return err
	}
	s.pendingAtStart = len(pending)
	if s.began, err = s.journal.Now(ctx); err != nil {
		return err
	}
	if err := s.openTarget(ctx); err != nil {
		return err
	}
	if s.ingress, err = listenIngress(ctx, flags.Listen, cfg.origin["listen"] != ""); err != nil {
		return err
	}
	if err := s.refuseLoop(); err != nil {
		return err
	}
	s.fixtures = fixtures.NewWatcher(cfg.project.fixturesDir(), s.log)
	if err := s.openClient(); err != nil {
		return err
	}
	s.people = newPeople(0)
	s.status = tui.NewStatus(s.facts())
	if s.tunnels, err = newTunnels(s); err != nil {
		return err
	}
	return s.openReceiver()
}

// openLog sends the log to a file in the data directory: while the UI owns the
// terminal nothing else writes there.
func (s *session) openLog() error {
	path := s.cfg.project.logPath()
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogFile {
		if err := os.Rename(path, path+".old"); err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	s.closeLog = file.Close
	level := slog.LevelInfo
	if s.flags.Debug {
		level = slog.LevelDebug
	}
	handler := slog.NewTextHandler(file, &slog.HandlerOptions{Level: level})
	s.log, s.noticed = slog.New(handler), slog.New(noticeHandler{handler, &s.board})
	return nil
}

// maxLogFile is the size above which the log file is put aside at start.
const maxLogFile = 8 << 20

// loadKeys reads the user's secrets and makes what the user did not give.
func (s *session) loadKeys() error {
	var err error
	if s.secrets, err = s.cfg.loadSecrets(); err != nil {
		return err
	}
	keys := s.secrets.App
	if len(keys) == 0 {
		own, err := s.cfg.project.developmentSecret()
		if err != nil {
			return err
		}
		keys = []webhook.AppSecret{{Name: webhook.DevelopmentSecret, Value: own}}
	}
	if s.keyring, err = webhook.NewKeyring(keys...); err != nil {
		return err
	}
	if s.verifyToken = s.secrets.VerifyToken; s.verifyToken.Empty() {
		s.madeToken = true
		s.verifyToken, err = s.cfg.project.verifyToken()
	}
	s.candidates = s.secrets.candidates(s.keyring, &s.cfg.project)
	return err
}

// openTarget makes the forwarder, when there is a target.
func (s *session) openTarget(ctx context.Context) error {
	to := s.flags.ForwardTo
	if s.flags.Demo {
		if to != "" {
			return usagef("leave one of them out", "--demo brings its own target, --forward-to names another")
		}
		var err error
		if s.demo, err = newDemoApp(ctx, s.keyring, s.verifyToken, s.log); err != nil {
			return err
		}
		to = s.demo.URL(s.flags.Path)
	}
	if to == "" {
		if s.flags.Answer == answerApp {
			return usagef("add --forward-to 3000", "--answer app needs a target")
		}
		return nil
	}
	target, err := forward.TargetURL(to, s.flags.Path)
	if err != nil {
		return usagef("a port, a host and port, or a URL: --forward-to localhost:3000/webhook", "--forward-to: %s", err)
	}
	tlsConfig, err := s.flags.forwardTLS(target)
	if err != nil {
		return err
	}
	s.target = target
	s.forwarder, err = forward.New(forward.Config{
		Target:       target,
		Concurrency:  s.flags.ForwardConcurrency,
		PreserveHost: s.flags.HostHeader == hostPreserve,
		TLS:          tlsConfig,
		DrainTimeout: drainTimeout,
		Logger:       s.noticed,
	}, s.journal)
	return err
}

// refuseLoop refuses a target that is igloo itself: each delivery would be forwarded
// to the callback URL, recorded and forwarded again.
func (s *session) refuseLoop() error {
	if s.target == nil {
		return nil
	}
	_, own, _ := net.SplitHostPort(s.ingress.Addr().String())
	name, port, _ := net.SplitHostPort(hostPort(s.target))
	public, err := url.Parse(s.flags.PublicURL)
	switch {
	case port == own && (loopback(name) || name == s.ingress.Addr().(*net.TCPAddr).IP.String()),
		err == nil && s.flags.PublicURL != "" && public.Hostname() == s.target.Hostname() && hostPort(public) == hostPort(s.target):
		return usagef("--forward-to is your app's address, --listen is igloo's", "the target %s is igloo's own callback URL", s.target.Redacted())
	}
	return nil
}

func (s *session) openReceiver() error {
	cfg := receiver.Config{
		Path:              s.flags.Path,
		Keyring:           s.keyring,
		VerifyToken:       s.verifyToken,
		AllowHost:         s.allowHost,
		HasTarget:         s.forwarder != nil,
		ForwardUnverified: s.flags.ForwardUnverified,
		Explain:           s.reasonFor,
		Logger:            s.noticed,
	}
	if s.flags.Answer == answerApp {
		cfg.App = s.forwarder
	}
	var err error
	s.receiver, err = receiver.New(cfg, s.journal)
	if err != nil {
		return usagef("a path starts with a slash: --path /webhook", "--path: %s", err)
	}
	return nil
}

// localURL is the callback URL on this machine.
func (s *session) localURL() string { return "http://" + s.ingress.Addr().String() + s.flags.Path }

// server makes the http.Server of one ingress listener.
func (s *session) server() *http.Server { return s.receiver.Server() }

// run serves until ctx ends or something breaks for good, with ui in front. It
// drains what was answered before it returns.
func (s *session) run(ctx context.Context, ui screen) error {
	// The journal outlives the servers and the forwarder, which write to it. The
	// forwarder outlives the servers: what was answered is forwarded. The sample app
	// outlives the forwarder, which waits for its answers. When one of them breaks the
	// doors close: a session that answers and forwards no more is worse than none.
	ctx, closeDoors := context.WithCancel(ctx)
	defer closeDoors()
	recorder := outlive(ctx, closeDoors, s.journal.Run)
	nothing := func() error { return nil }
	sender, sample := nothing, nothing
	if s.forwarder != nil && s.flags.Answer == answerIgloo { // else the receiver asks the app itself
		sender = outlive(ctx, closeDoors, s.forwarder.Run)
	}
	if s.demo != nil {
		sample = outlive(ctx, closeDoors, s.demo.run)
	}

	doors, ctx := errgroup.WithContext(ctx)
	doors.Go(func() error { return s.serveIngress(ctx) })
	doors.Go(func() error { return s.serveControl(ctx) })
	doors.Go(func() error { return s.tunnels.run(ctx, ui.Tunnel) })
	doors.Go(func() error { return s.fixtures.Run(ctx) })
	doors.Go(func() error { return s.prune(ctx) })
	if s.target != nil {
		doors.Go(func() error { return s.watchTarget(ctx) })
	}
	// A screen that prints goes on until the last attempt is recorded.
	drained, endScreen := context.WithCancel(context.WithoutCancel(ctx))
	defer endScreen()
	s.board.open(ui.Notice)
	shown := make(chan error, 1)
	go func() { shown <- ui.Run(ctx, drained) }()
	var uiErr error
	doors.Go(func() error {
		select {
		case uiErr = <-shown:
			shown <- nil // for the wait below
			return cmp.Or(uiErr, errUIEnded)
		case <-ctx.Done():
			return nil
		}
	})
	err := doors.Wait()
	ui.Drain()
	sendErr, sampleErr, recordErr := sender(), sample(), recorder() // in this order
	endScreen()
	if uiErr = <-shown; err == nil {
		err = uiErr
	}
	if errors.Is(err, errUIEnded) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, sendErr, sampleErr, recordErr)
}

// outlive starts work that goes on after ctx, and calls broken if it ends before it is
// told to. stop tells it, waits, and returns its error.
func outlive(ctx context.Context, broken func(), work func(context.Context) error) (stop func() error) {
	workCtx, end := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		defer broken()
		done <- work(workCtx)
	}()
	return func() error {
		end()
		return <-done
	}
}

// errUIEnded ends the session because the user quit.
var errUIEnded = errors.New("quit")

// waiting counts the deliveries of this session that were not sent yet.
func (s *session) waiting() int {
	ids, err := s.journal.Pending(context.Background())
	if err != nil {
		return 0
	}
	return len(ids) - s.pendingAtStart
}

// serveIngress serves the loopback listener until ctx ends, then answers what it
// has accepted.
func (s *session) serveIngress(ctx context.Context) error {
	return serveUntil(ctx, s.server(), s.ingress)
}

// close releases what openSession took.
func (s *session) close() {
	s.once.Do(func() {
		if s.ingress != nil {
			_ = s.ingress.Close()
		}
		if s.demo != nil {
			s.demo.Close()
		}
		if s.journal != nil {
			_ = s.journal.Close()
		}
		if s.lock != nil {
			s.lock.Release()
		}
		_ = s.closeLog()
	})
}
