package check_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// config is how the tests check: with the keys of the reference app, heavy checks
// included, and the same bytes every time.
func config(t *testing.T, target string) check.Config {
	t.Helper()
	keys, err := webhook.NewKeyring(webhook.AppSecret{Name: "instagram", Value: secret.New(appSecret)})
	if err != nil {
		t.Fatal(err)
	}
	return check.Config{
		Target:  target,
		Secrets: check.Secrets{App: keys, VerifyToken: secret.New(verifyToken)},
		Choice:  check.Choice{Heavy: true},
		Seed:    7,
	}
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// odd lists the findings that are worth a word: those that failed, could not be
// judged, or warn.
func odd(report check.Report) []string {
	var out []string
	for _, f := range report.Findings {
		if f.Status == check.Fail || f.Status == check.Warn || f.Status == check.Error {
			line := string(f.Status) + " " + f.Check
			if f.Code != f.Check {
				line += " " + f.Code
			}
			if f.Because != "" {
				line += " <- " + f.Because
			}
			out = append(out, line)
		}
	}
	return out
}

// A right app fails nothing, and what can't be judged is not passed.
func TestRightApp(t *testing.T) {
	t.Parallel()
	server := serve(t, newApp())
	report, err := check.Run(t.Context(), config(t, server.URL+"/webhook"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		want := check.Pass
		switch f.Check {
		case "certificate":
			want = check.Skipped
		case "duplicates", "deletion", "order", "echoes", "id-precision":
			want = check.Sent
		case "never-sent":
			continue // as many as there are fixtures, maybe none
		}
		if f.Status != want || f.Code != f.Check {
			t.Errorf("%s: %s %s, want %s: got %s; %s", f.Check, f.Status, f.Code, want, f.Got, f.Why)
		}
		if f.Status == check.Pass && (f.Sent == "" || f.Got == "" || f.Took < 0) {
			t.Errorf("%s: sent %q, got %q", f.Check, f.Sent, f.Got)
		}
	}
	if report.Failed() || report.Count(check.Error, check.Fail, check.Warn) > 0 {
		t.Errorf("the report of a right app failed: %v", odd(report))
	}
	t.Logf("%d checks in %v", len(report.Findings), report.Took)
}

func TestWrongApps(t *testing.T) {
	t.Parallel()
	// TestUnreachable, TestCertificates, TestAppStops, TestPort, and what no app can fail alone.
	covered := map[string]bool{
		"reachable": true, "certificate": true, "id-precision": true, "app-stopped": true,
		"client-certificate": true, "port-tls": true, "not-http": true,
	}
	for code := range certificateCodes {
		covered[code] = true
	}
	for _, tt := range wrongApps() {
		for _, line := range tt.want {
			if strings.HasPrefix(line, "error ") {
				continue // that is another check's failure
			}
			for word := range strings.FieldsSeq(line) {
				covered[word] = true
			}
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp()
			tt.change(a)
			server := serve(t, a)
			cfg := config(t, server.URL+"/webhook")
			cfg.Limits = tt.limits
			cfg.Choice.Heavy = tt.heavy
			if tt.token != "" {
				cfg.Secrets.VerifyToken = secret.New(tt.token)
			}
			if tt.other != "" {
				cfg.Secrets.Others = []webhook.AppSecret{{Name: "development", Value: secret.New(tt.other)}}
			}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, odd(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
				for _, f := range report.Findings {
					if f.Status != check.Pass {
						t.Logf("%s %s: sent %s; got %s; why %s", f.Status, f.Code, f.Sent, f.Got, f.Why)
					}
				}
			}
			if failed := slices.ContainsFunc(tt.want, func(s string) bool { return !strings.HasPrefix(s, "warn ") }); report.Failed() != failed {
				t.Errorf("Failed() = %v, want %v", report.Failed(), failed)
			}
			for _, f := range report.Findings {
				if f.Status == check.Fail && (f.Why == "" || f.Fix == "" || f.Meta == "" || f.Sent == "" || f.Got == "") {
					t.Errorf("%s says too little: %+v", f.Code, f)
				}
			}
		})
	}
	for _, c := range check.All() {
		for _, code := range c.Codes() {
			if !covered[code] {
				t.Errorf("no app fails %s with %s", c.Code, code)
			}
		}
	}
}

// Every code has a section in the documentation, and every section a code.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	if twins := regexp.MustCompile(`(?m)^##? [a-z0-9-]+$`).FindAllString(string(text), -1); len(twins) > 0 {
		t.Errorf("docs/checks.md has other headings that look like codes: %q", twins)
	}
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(string(text), -1) {
		if sections[m[1]] {
			t.Errorf("docs/checks.md has two sections %q", m[1])
		}
		sections[m[1]] = true
	}
	codes := map[string]bool{}
	for _, c := range check.All() {
		for _, code := range c.Codes() {
			codes[code] = true
			if !sections[code] {
				t.Errorf("docs/checks.md has no section %q", code)
			}
		}
		if got := (check.Finding{Code: c.Code}).Doc(); got != "docs/checks.md#"+c.Code {
			t.Errorf("Doc() = %q", got)
		}
	}
	for name := range sections {
		if !codes[name] {
			t.Errorf("docs/checks.md has a section %q, and no finding has this code", name)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	for _, only := range [][]string{nil, {"handshake"}} { // nothing holds, whatever was chosen
		cfg := config(t, "http://"+l.Addr().String()+"/webhook")
		cfg.Choice.Only = only
		report, err := check.Run(t.Context(), cfg)
		if !errors.Is(err, check.ErrUnreachable) {
			t.Errorf("only %q: error = %v, want ErrUnreachable", only, err)
		}
		if diff := cmp.Diff([]string{"error reachable"}, odd(report)); diff != "" || len(report.Findings) != 1 {
			t.Errorf("only %q: findings (-want +got):\n%s", only, diff)
		}
	}
}

// An app that dies of a delivery is found out by the next one.
func TestAppThatDies(t *testing.T) {
	t.Parallel()
	a := newApp()
	server := httptest.NewServer(a)
	defer server.Close()
	a.accept = func(w http.ResponseWriter, _ *http.Request, body []byte) {
		if strings.Contains(string(body), `"read"`) && !strings.Contains(string(body), `"sender"`) {
			_ = server.Listener.Close()
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusOK)
	}
	cfg := config(t, server.URL+"/webhook")
	cfg.Choice.Only = []string{"delivery", "no-sender", "batch", "speed"}
	cfg.Limits.Return = 1
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	// Connections that were open go on, which is why the group delivery comes first.
	want := []string{"fail no-sender app-stopped", "error batch <- no-sender", "error speed <- no-sender"}
	if diff := cmp.Diff(want, odd(report)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// The app of a Facebook Login product checks with the Meta app secret.
func TestSecondAppSecret(t *testing.T) {
	t.Parallel()
	a := newApp()
	having("fedcba9876543210fedcba9876543210")(a)
	cfg := config(t, serve(t, a).URL+"/webhook")
	keys, err := webhook.NewKeyring(
		webhook.AppSecret{Name: "instagram", Value: secret.New(appSecret)},
		webhook.AppSecret{Name: "meta", Value: secret.New("fedcba9876543210fedcba9876543210")},
	)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Secrets.App = keys
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := odd(report); len(got) > 0 {
		t.Errorf("findings: %v, want none", got)
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	server := serve(t, newApp())
	for _, tt := range []struct {
		only, skip []string
		want       []string
	}{
		{only: []string{"token-wrong"}, want: []string{"token-wrong"}},
		{only: []string{"text"}, want: []string{"text-changes", "text-messaging"}},
		{only: []string{"token-*"}, skip: []string{"token-e*", "token-long"}, want: []string{"token-wrong", "token-missing", "token-case"}},
		{only: []string{"challenge-json"}, want: []string{"handshake"}},
	} {
		cfg := config(t, server.URL+"/webhook")
		cfg.Choice.Only, cfg.Choice.Skip = tt.only, tt.skip
		report, err := check.Run(t.Context(), cfg)
		var got []string
		for _, f := range report.Findings {
			got = append(got, f.Check)
			if f.Status != check.Pass {
				t.Errorf("%s: %s, want pass", f.Check, f.Status)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("only %v, skip %v: error %v (-want +got):\n%s", tt.only, tt.skip, err, diff)
		}
	}
	for name, near := range map[string]string{"unsignd": "unsigned", "zzzzzzzzzz": "", "[": ""} {
		cfg := config(t, server.URL+"/webhook")
		cfg.Choice.Only = []string{name}
		_, err := check.Run(t.Context(), cfg)
		if wrong, ok := errors.AsType[*check.ChoiceError](err); !ok || wrong.Near != near || wrong.Name != name {
			t.Errorf("only %q: error %v, want a ChoiceError near %q", name, err, near)
		}
	}
}

// What could harm is not sent unless it is allowed, and that is said.
func TestHeavy(t *testing.T) {
	t.Parallel()
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a request was sent")
		w.WriteHeader(http.StatusTeapot)
	}))
	cfg := config(t, server.URL+"/webhook")
	for _, tt := range []struct {
		only   []string
		status check.Status
	}{
		{[]string{"batch-*", "huge-*"}, check.Skipped},
		{[]string{"batch-1000", "huge-body"}, check.Error}, // asked for by name, they were to be done
	} {
		cfg.Choice = check.Choice{Only: tt.only}
		report, err := check.Run(t.Context(), cfg)
		if err != nil || report.Count(tt.status) != 2 || report.Failed() || report.Judged() != (tt.status == check.Error) {
			t.Errorf("Run() of %q = %+v, %v, want 2 %s", tt.only, report, err, tt.status)
		}
	}
}

type keeper struct {
	exchanges []check.Exchange
	err       error
}

func (k *keeper) Record(_ context.Context, e check.Exchange) (string, error) {
	k.exchanges = append(k.exchanges, e)
	return "d" + string(rune('0'+len(k.exchanges))), k.err
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	server := serve(t, newApp())
	k := &keeper{}
	cfg := config(t, server.URL+"/webhook")
	cfg.Choice.Only = []string{"delivery", "unsigned"}
	cfg.Choice.Skip = []string{"reuse", "user-agent", "status-200"}
	cfg.Recorder = k
	report, err := check.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"d1", "d2"}, {"d3"}}, [][]string{report.Findings[0].Kept, report.Findings[1].Kept}); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	last := k.exchanges[2]
	if last.Check != "unsigned" || last.Response.Status != http.StatusUnauthorized || last.Err != nil || last.Target.Path != "/webhook" || last.At.IsZero() ||
		last.Request.Get("X-Hub-Signature-256") != "" {
		t.Errorf("the last exchange is %+v", last)
	}
	full := errors.New("disk full")
	cfg.Recorder = &keeper{err: full}
	if report, err := check.Run(t.Context(), cfg); !errors.Is(err, full) || len(report.Findings) > 0 {
		t.Errorf("Run() = %+v, %v, want %v", report, err, full)
	}
}

// A signal ends the run, with what was found so far.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := serve(t, newApp())
	cfg := config(t, server.URL+"/webhook")
	var heard []string
	cfg.Report = func(f check.Finding) {
		if heard = append(heard, f.Check); f.Check == "handshake" {
			cancel()
		}
	}
	report, err := check.Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	if diff := cmp.Diff([]string{"reachable", "certificate", "handshake"}, heard); diff != "" || len(report.Findings) != 3 {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// Whatever an app answers, no secret is shown, and no more than a screen can hold.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	const token = `vt "Réf"+/` // comes back encoded in more ways than one
	a := newApp()
	for _, padding := range []int{0, 40, 60, 70, 100_000} { // cut where it may, no half of a secret is shown
		a.before = func(w http.ResponseWriter, r *http.Request) bool {
			body, _ := io.ReadAll(r.Body)
			pad := strings.Repeat("a ", padding)
			w.Header().Set("Location", "/login?next="+pad+r.URL.RawQuery)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, pad+"key "+appSecret+" token "+token+" want sha256="+mac(sha256.New, appSecret, body)+r.URL.RawQuery)
			return true
		}
		cfg := config(t, serve(t, a).URL+"/webhook")
		cfg.Secrets.VerifyToken = secret.New(token)
		report, err := check.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			text := strings.Join([]string{f.Sent, f.Got, f.Meta, f.Why, f.Fix}, "\n")
			for _, part := range []string{appSecret[:12], `"R`, `\"R`, "R\\u00e9f", "%22R", "%C3%A9", "VT ", `"r`} {
				if strings.Contains(text, part) {
					t.Errorf("after %d: %s shows a secret: %s", padding, f.Check, text)
				}
			}
			if regexp.MustCompile(`sha256=[0-9a-f]`).MatchString(text) {
				t.Errorf("after %d: %s shows a signature: %s", padding, f.Check, text)
			}
			if len(text) > 2000 {
				t.Errorf("after %d: %s has %d bytes to say", padding, f.Check, len(text))
			}
		}
	}
}

// The same seed sends the same bytes.
func TestSeed(t *testing.T) {
	t.Parallel()
	server := serve(t, newApp())
	var runs [2][]string
	for i := range runs {
		k := &keeper{}
		cfg := config(t, server.URL+"/webhook")
		cfg.Recorder = k
		if _, err := check.Run(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		for _, e := range k.exchanges {
			runs[i] = append(runs[i], e.Check+" "+e.Request.Get("X-Hub-Signature-256")+" "+string(e.Request.Body[:min(200, len(e.Request.Body))]))
		}
	}
	if diff := cmp.Diff(runs[0], runs[1]); diff != "" {
		t.Errorf("two runs with one seed (-first +second):\n%s", diff)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	keys, _ := webhook.NewKeyring()
	for _, cfg := range []check.Config{
		{Target: "localhost:3000"},
		{Target: "http://localhost:3000/webhook", Secrets: check.Secrets{App: keys, VerifyToken: secret.New("t")}},
		{Target: "http://localhost:3000/webhook", Secrets: check.Secrets{App: config(t, "").Secrets.App}},
	} {
		if _, err := check.Run(t.Context(), cfg); err == nil {
			t.Errorf("Run(%+v) gives no error", cfg)
		}
	}
}
