package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// demoApp is the sample app of --demo. It does what Meta's own sample does: answer
// the verification request, check the signature, answer 200, and show the updates it
// received as JSON on its page. It is written as an app of the user's would be, with
// nothing of igloo but the keys.
type demoApp struct {
	listener net.Listener
	keys     []webhook.AppSecret
	token    secret.Value
	log      *slog.Logger

	mu      sync.Mutex
	updates []json.RawMessage // newest first
}

// maxDemoUpdates is how many updates the page keeps.
const maxDemoUpdates = 100

func newDemoApp(ctx context.Context, keys *webhook.Keyring, token secret.Value, log *slog.Logger) (*demoApp, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the sample app: %w", plainNetError(err))
	}
	return &demoApp{listener: l, keys: keys.Secrets(), token: token, log: log, updates: []json.RawMessage{}}, nil
}

// URL is the app's webhook URL.
func (a *demoApp) URL(path string) string { return "http://" + a.listener.Addr().String() + path }

// Close stops an app that was never run.
func (a *demoApp) Close() { _ = a.listener.Close() }

// run serves until ctx ends.
func (a *demoApp) run(ctx context.Context) error {
	return serveUntil(ctx, &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn), // stderr is the terminal's
	}, a.listener)
}

func (a *demoApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/":
		a.showUpdates(w)
	case r.Method == http.MethodGet:
		a.verify(w, r)
	case r.Method == http.MethodPost && r.URL.Path != "/":
		a.receive(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *demoApp) showUpdates(w http.ResponseWriter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(a.updates)
}

func (a *demoApp) verify(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("hub.mode") != "subscribe" || !a.token.Equal(q.Get("hub.verify_token")) {
		http.Error(w, "wrong verify token", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, q.Get("hub.challenge")) //nolint:gosec // plain text, and only to who knows the token
}

func (a *demoApp) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 5<<20))
	if err != nil {
		http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !a.signed(r.Header.Get("X-Hub-Signature-256"), body) {
		http.Error(w, "signature does not match", http.StatusUnauthorized)
		return
	}
	if json.Valid(body) {
		a.mu.Lock()
		a.updates = append([]json.RawMessage{body}, a.updates[:min(len(a.updates), maxDemoUpdates-1)]...)
		a.mu.Unlock()
	}
	_, _ = io.WriteString(w, "EVENT_RECEIVED")
}

// signed checks the signature the way every app should: over the raw body, before
// parsing, compared in constant time.
func (a *demoApp) signed(signature string, body []byte) bool {
	for _, key := range a.keys {
		mac := hmac.New(sha256.New, []byte(key.Value.Reveal()))
		mac.Write(body)
		if hmac.Equal([]byte(signature), []byte("sha256="+hex.EncodeToString(mac.Sum(nil)))) {
			return true
		}
	}
	return false
}
