package check_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
)

// mortal is an app that ends at some requests, as a program does at an exception that
// nobody catches: with the port, and with every connection.
type mortal struct {
	app    *app
	dies   func(*http.Request) bool
	revive bool // something starts it anew

	mu     sync.Mutex
	server *httptest.Server
}

func (m *mortal) start(l net.Listener) {
	m.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: m}}
	m.server.Start()
}

func (m *mortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !m.dies(r) {
		m.app.ServeHTTP(w, r)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	address := m.server.Listener.Addr().String()
	_ = m.server.Config.Close()
	if m.revive {
		time.AfterFunc(100*time.Millisecond, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if l, err := net.Listen("tcp", address); err == nil {
				m.start(l)
			}
		})
	}
	panic(http.ErrAbortHandler)
}

func serveMortal(t *testing.T, m *mortal) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.app = newApp()
	m.start(l)
	t.Cleanup(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		_ = m.server.Config.Close()
	})
	return "http://" + l.Addr().String() + "/webhook"
}

func TestAppStops(t *testing.T) {
	t.Parallel()
	unsigned := func(r *http.Request) bool {
		return r.Method == http.MethodPost && r.Header.Get("X-Hub-Signature-256") == ""
	}
	tests := []struct {
		name   string
		dies   func(*http.Request) bool
		revive bool
		only   []string
		want   []string
		why    string // of the finding app-stopped
	}{
		{"in the last check", unsigned, false, []string{"unsigned"}, []string{"fail unsigned app-stopped"}, "comments without X-Hub-Signature-256"},
		{"in the midst", unsigned, false, []string{"reuse", "fields", "speed"}, []string{
			"fail reuse app-stopped", "error fields <- reuse", "error speed <- reuse",
		}, "comments without X-Hub-Signature-256"},
		{"and is started again", unsigned, true, []string{"unsigned", "batch"}, []string{"fail unsigned app-stopped"}, "it was started again"},
		{"at a verification request", func(r *http.Request) bool {
			return r.Method == http.MethodGet && !strings.Contains(r.URL.RawQuery, "verify_token")
		}, false, []string{"handshake"}, []string{"fail token-missing app-stopped", "error token-case <- token-missing", "error mode-missing <- token-missing", "error token-characters <- token-missing"}, "a verification request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, serveMortal(t, &mortal{dies: tt.dies, revive: tt.revive}))
			cfg.Choice.Only = tt.only
			cfg.Limits.Return = 1
			if tt.revive {
				cfg.Limits.Return = 10 * time.Second
			}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			for _, f := range report.Findings {
				if f.Code == "app-stopped" && (!strings.HasPrefix(f.Why, "your app stopped at this: ") || !strings.Contains(f.Why, tt.why)) {
					t.Errorf("%s: why %q, want %q in it", f.Check, f.Why, tt.why)
				}
			}
			if !report.Failed() {
				t.Error("Failed() = false of an app that stopped")
			}
		})
	}
}

// An app that takes its time gets several deliveries at once, but for those whose
// order matters.
func TestSlowApp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		alone bool // the app takes one at a time
	}{{"many at once", false}, {"one at a time", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var at, most atomic.Int64
			var turn sync.Mutex
			a := newApp()
			a.accept = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				if n := at.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer at.Add(-1)
				if tt.alone {
					turn.Lock()
					defer turn.Unlock()
				}
				<-time.After(150 * time.Millisecond)
				w.WriteHeader(http.StatusOK)
			}
			cfg := config(t, serve(t, a).URL+"/webhook")
			cfg.Choice.Only = []string{"reuse", "no-sender", "duplicates", "test-shape", "speed"}
			cfg.Choice.Heavy = false
			var found []string
			cfg.Report = func(f check.Finding) {
				found = append(found, f.Check)
				if sequential := f.Check == "reuse" || f.Check == "duplicates"; sequential && most.Load() != 1 {
					t.Errorf("%d at once in %s", most.Load(), f.Check)
				}
				most.Store(0)
			}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got := odd(report); len(got) > 0 {
				t.Errorf("findings: %v, want none", got)
			}
			want := []string{"reuse", "no-sender", "test-shape", "duplicates", "speed"}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
			if !tt.alone && report.Took > 4*time.Second {
				t.Errorf("it took %v", report.Took)
			}
		})
	}
}
