package check_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
)

// What to look for is what was sent, and what a program makes of it that reads numbers.
func TestIDPrecision(t *testing.T) {
	t.Parallel()
	a := newApp()
	var got memory
	a.accept = func(_ http.ResponseWriter, _ *http.Request, body []byte) {
		for _, m := range regexp.MustCompile(`"id": ?"([0-9]+)"`).FindAllStringSubmatch(string(body), -1) {
			got.add(m[1])
		}
	}
	cfg := config(t, serve(t, a).URL+"/webhook")
	cfg.Choice.Only = []string{"id-precision"}
	report, err := check.Run(t.Context(), cfg)
	if err != nil || len(report.Findings) != 1 {
		t.Fatalf("Run() = %+v, %v, want one finding", report, err)
	}
	f := report.Findings[0]
	m := regexp.MustCompile(`^look for ([0-9]{17}) in the app; ([0-9]{17}) means`).FindStringSubmatch(f.Fix)
	if m == nil || f.Status != check.Sent || !got.has(m[1]) {
		t.Fatalf("finding = %s, %q, want sent, with an id that was sent", f.Status, f.Fix)
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if rounded := strconv.FormatInt(int64(float64(id)), 10); m[2] != rounded || m[2] == m[1] {
		t.Errorf("of %s it says %s, want %s, another number", m[1], m[2], rounded)
	}
}

// An app that a good delivery ends is said to end at that, whichever check came first.
func TestAppThatDiesAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, at string }{{"comments", `"changes"`}, {"messages", `"messaging"`}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp()
			server := httptest.NewServer(a)
			defer server.Close()
			server.Config.SetKeepAlivesEnabled(false) // an app that has ended answers nothing more
			a.accept = func(w http.ResponseWriter, _ *http.Request, body []byte) {
				if strings.Contains(string(body), tt.at) {
					_ = server.Listener.Close()
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(http.StatusOK)
			}
			cfg := config(t, server.URL+"/webhook")
			cfg.Choice.Only = []string{"user-agent", "delivery", "unsigned", "speed"}
			cfg.Choice.Skip = []string{"status-200", "reuse"}
			cfg.Limits.Return = 1
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"error user-agent <- delivery", "fail delivery app-stopped", "error unsigned <- delivery", "error speed <- delivery"}
			if diff := cmp.Diff(want, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if got := report.Findings[1].Got; !strings.HasPrefix(got, "no answer") {
				t.Errorf("got %q, want no answer", got)
			}
		})
	}
}

// Some findings say more than their code.
func TestWhy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, check, want string
		change            func(*app)
	}{
		{"SHA-1 alone", "sha1-only", "X-Hub-Signature-256 is not looked at, even where it is wrong; ", func(a *app) {
			a.verify = func(r *http.Request, body []byte) bool { return signedSHA1(r, body, appSecret) }
		}},
		{"SHA-1 for want of better", "sha1-only", "X-Hub-Signature is looked at where X-Hub-Signature-256 is missing; ", func(a *app) {
			a.verify = func(r *http.Request, body []byte) bool {
				if r.Header.Get("X-Hub-Signature-256") == "" {
					return signedSHA1(r, body, appSecret)
				}
				return signed(r, body, appSecret)
			}
		}},
		{"refused in words", "unsigned", "it is answered otherwise than a good delivery: maybe refused, but with a status that says accepted; ", func(a *app) {
			a.refuse = func(w http.ResponseWriter) { _, _ = io.WriteString(w, "no rule fits") }
		}},
		{"unsigned and accepted", "unsigned", "the check is left out when the header is missing", also(func(r *http.Request, _ []byte) bool {
			return r.Header.Get("X-Hub-Signature-256") == ""
		})},
		{"breaks on comments", "text-changes", "the app breaks on them; ", breaking(http.StatusInternalServerError, holding(`"changes"`))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp()
			tt.change(a)
			cfg := config(t, serve(t, a).URL+"/webhook")
			cfg.Choice.Only = []string{tt.check}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if f := report.Findings[0]; f.Status != check.Fail || !strings.HasPrefix(f.Why, tt.want) {
				t.Errorf("%s: %s, why %q, want it to begin with %q", f.Check, f.Status, f.Why, tt.want)
			}
		})
	}
}
