package check_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
)

func TestEmptyChoice(t *testing.T) {
	t.Parallel()
	cfg := config(t, serve(t, newApp()).URL+"/webhook")
	cfg.Choice.Only, cfg.Choice.Skip = []string{"handshake"}, []string{"handshake"}
	if _, err := check.Run(t.Context(), cfg); !errors.Is(err, check.ErrEmptyChoice) {
		t.Errorf("error = %v, want ErrEmptyChoice", err)
	}
}

// Whoever asks for one check hears of the one that it waits for.
func TestRoots(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*app)
		only   []string
		want   []string
	}{
		{"handshake", token(func(url.Values) bool { return false }), []string{"token-wrong"}, []string{"fail handshake handshake-token", "error token-wrong <- handshake"}},
		{"two deep", keepingOut("facebookexternalua", "Webhooks/1.0"), []string{"unsigned"}, []string{"fail user-agent", "error delivery <- user-agent", "error unsigned <- delivery"}},
		{"once", on("POST", status(500)), []string{"unsigned", "fields"}, []string{"fail delivery server-error", "error unsigned <- delivery", "error fields <- delivery"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp()
			tt.change(a)
			cfg := config(t, serve(t, a).URL+"/webhook")
			cfg.Choice.Only = tt.only
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// An app on another machine gets a handful of right deliveries, whatever it answers.
func TestRemote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*app)
	}{{"right", func(*app) {}}, {"refusing", having("ffffffffffffffffffffffffffffffff")}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var posts, faults atomic.Int64
			a := newApp()
			tt.change(a)
			right := a.verify
			a.verify = func(r *http.Request, body []byte) bool {
				posts.Add(1)
				if !signed(r, body, appSecret) {
					faults.Add(1)
				}
				return right(r, body)
			}
			cfg := config(t, serve(t, a).URL+"/webhook")
			cfg.Choice = check.Choice{Remote: true}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if posts.Load() != 4 || faults.Load() != 0 {
				t.Errorf("%d deliveries, %d of them faulty, want 4 and none", posts.Load(), faults.Load())
			}
			for _, f := range report.Findings {
				if f.Check == "unsigned" && f.Status != check.Skipped {
					t.Errorf("unsigned: %s, want skipped", f.Status)
				}
			}
		})
	}
}

func TestRunLimit(t *testing.T) {
	t.Parallel()
	cfg := config(t, serve(t, newApp()).URL+"/webhook")
	cfg.Choice.Only, cfg.Limits.Run = []string{"handshake-order", "batch"}, 1
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"error handshake-order", "error batch"}, odd(report)); diff != "" || report.Failed() {
		t.Errorf("Failed() = %v, findings (-want +got):\n%s", report.Failed(), diff)
	}
}

// What one mistake does to several checks is told once.
func TestOneMistake(t *testing.T) {
	t.Parallel()
	var seen memory
	ids := regexp.MustCompile(`"(?:mid|id)": ?"([^"]+)"`)
	tests := []struct {
		name   string
		change func(*app)
		only   []string
		want   []string
	}{
		{"one event at a time", breaking(http.StatusUnprocessableEntity, func(_ *http.Request, body string) bool {
			return strings.Count(body, `"value"`)+strings.Count(body, `"message"`) > 1
		}), []string{"batch", "batch-1000"}, []string{"fail batch", "error batch-1000 <- batch"}},
		{"409 to what it knows", breaking(http.StatusConflict, func(_ *http.Request, body string) bool {
			all := ids.FindAllStringSubmatch(body, -1)
			if len(all) == 0 {
				return false
			}
			id := all[len(all)-1][1]
			known := seen.has(id)
			seen.add(id)
			return known
		}), []string{"test-shape", "duplicates"}, []string{"fail duplicates"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp()
			tt.change(a)
			cfg := config(t, serve(t, a).URL+"/webhook")
			cfg.Choice.Only = tt.only
			cfg.Choice.Skip = []string{"huge-body"}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// A login is of no use to Meta: its URL is not to be registered.
func TestRedirectToLogin(t *testing.T) {
	t.Parallel()
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://sso.example.com/login", http.StatusFound)
	}))
	cfg := config(t, server.URL+"/webhook")
	cfg.Choice.Only = []string{"handshake", "delivery"}
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Status == check.Fail && f.Fix != "let this path through without a login" {
			t.Errorf("%s: fix %q", f.Code, f.Fix)
		}
	}
}
