package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// fakeApp answers with one attempt, after a time.
type fakeApp struct {
	attempt journal.Attempt
	after   time.Duration
	mu      sync.Mutex
	got     []journal.Delivery
}

func (a *fakeApp) Send(ctx context.Context, d journal.Delivery) journal.Attempt {
	a.mu.Lock()
	a.got = append(a.got, d)
	a.mu.Unlock()
	start := time.Now()
	out := a.attempt
	select {
	case <-time.After(a.after):
	case <-ctx.Done():
		out = journal.Attempt{Err: "no answer"}
	}
	out.At, out.Took = start, time.Since(start)
	return out
}

func (a *fakeApp) sent() []journal.Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

func TestAppAnswersDelivery(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 100<<10)
	html := http.Header{"Content-Type": {"text/html"}, "Set-Cookie": {"a=b"}, "Location": {"/x"}}
	tests := []struct {
		name        string
		attempt     journal.Attempt
		after       time.Duration
		status      int
		contentType string
		body        string
		complaint   string // what the log says of Meta
	}{
		{"ok", journal.Attempt{Status: 200, Header: html, Body: []byte("<b>")}, 0, 200, "text/html", "<b>", ""},
		{"no type, no guess", journal.Attempt{Status: 200, Body: []byte("<b>")}, 0, 200, "", "<b>", ""},
		{"an error", journal.Attempt{Status: 500, Header: html, Body: []byte("boom")}, 0, 500, "text/html", "boom", "accepts only 200"},
		{"another 2xx", journal.Attempt{Status: 204, Header: html}, 0, 204, "text/html", "", "accepts only 200"},
		{"a redirect", journal.Attempt{Status: 302, Header: html}, 0, 302, "text/html", "", "redirects"},
		{"long", journal.Attempt{Status: 200, Body: big}, 0, 200, "", string(big[:64<<10]), ""},
		{"slow", journal.Attempt{Status: 200}, 6 * time.Second, 200, "", "", "within 5s"},
		{"dead", journal.Attempt{Err: "connection refused by localhost:3000"}, 0, 502, "text/plain; charset=utf-8", "no answer from the app\n", "connection refused"},
		{"never", journal.Attempt{Status: 200}, time.Hour, 504, "text/plain; charset=utf-8", "no answer from the app in time\n", "no answer"},
		{"no final status", journal.Attempt{Status: 101}, 0, 502, "text/plain; charset=utf-8", "no final answer from the app\n", "status 101"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, logged := logTo()
				rec, app := &recorder{}, &fakeApp{attempt: tt.attempt, after: tt.after}
				r := newReceiver(t, receiver.Config{HasTarget: true, App: app, Logger: logger}, rec)
				resp := do(r, signed(body))
				if got := text(t, resp); resp.StatusCode != tt.status || got != tt.body || resp.Header.Get("Content-Type") != tt.contentType {
					t.Errorf("answered %d %q of %d bytes, want %d %q of %d", resp.StatusCode, resp.Header.Get("Content-Type"), len(got), tt.status, tt.contentType, len(tt.body))
				}
				if resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Location") != "" {
					t.Errorf("the app's own headers went back: %v", resp.Header)
				}
				d := rec.only(t)
				if d.Verdict != webhook.Verified || !d.Forward || d.Status != 0 {
					t.Errorf("recorded verdict %q, forward %v, status %d", d.Verdict, d.Forward, d.Status)
				}
				if len(rec.attempts) != 1 || rec.attempts[0].Delivery != 1 || rec.attempts[0].Status != tt.attempt.Status && tt.after < time.Minute {
					t.Errorf("recorded attempts %+v", rec.attempts)
				}
				if sent := app.sent(); len(sent) != 1 || string(sent[0].Body) != body || sent[0].Header.Get(webhook.SignatureHeader) == "" {
					t.Errorf("the app got %+v", sent)
				}
				warned := strings.Contains(logged.String(), "level=WARN")
				if warned != (tt.complaint != "") || !strings.Contains(logged.String(), tt.complaint) {
					t.Errorf("log %q, want a warning with %q", logged, tt.complaint)
				}
			})
		})
	}
}

func TestAppSeesOnlyWhatPassesTheGate(t *testing.T) {
	app := &fakeApp{attempt: journal.Attempt{Status: 200}}
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{HasTarget: true, App: app}, rec)
	if got := fire(r, body, "sha256="+strings.Repeat("0", 64)).StatusCode; got != 401 {
		t.Errorf("an invalid delivery answered %d, want 401 from igloo", got)
	}
	req := signed(body)
	req.Host = "evil.test"
	do(r, req)
	do(r, get("no=verification"))
	if got := len(app.sent()); got != 0 {
		t.Fatalf("the app got %d requests that do not pass the gate", got)
	}
	done := make(chan receiver.Arrival, 1)
	fire(r, body, "sha256="+strings.Repeat("0", 64), r.Expect(receiver.Simulation{Faulty: true, Done: done}))
	got := <-done
	if got.Status != 200 || got.ID != 2 || got.Verdict != webhook.Invalid || got.Attempt == nil || got.Attempt.Status != 200 || got.Attempt.Delivery != 2 {
		t.Errorf("a delivery broken on purpose: Done got %+v, want the app's answer", got)
	}
}

// TestAppAndJournalOverlap holds that the answer waits for the slower of the two.
func TestAppAndJournalOverlap(t *testing.T) {
	for _, tt := range []struct{ app, commit time.Duration }{{3 * time.Second, time.Second}, {time.Second, 3 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			rec := &recorder{hold: func(context.Context) error {
				time.Sleep(tt.commit)
				return nil
			}}
			r := newReceiver(t, receiver.Config{HasTarget: true, App: &fakeApp{attempt: journal.Attempt{Status: 200}, after: tt.app}}, rec)
			start := time.Now()
			do(r, signed(body))
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("answered after %v with the app taking %v and the commit %v, want 3s", took, tt.app, tt.commit)
			}
		})
	}
}

func TestAppAnswerNeedsARecord(t *testing.T) {
	rec := &recorder{err: errors.New("disk full")}
	r := newReceiver(t, receiver.Config{HasTarget: true, App: &fakeApp{attempt: journal.Attempt{Status: 200}}}, rec)
	if got := do(r, signed(body)).StatusCode; got != 503 {
		t.Errorf("answered %d, want 503: the app's 200 must not go back for what is not recorded", got)
	}
}

// TestSenderThatHangsUp holds that the app's answer is recorded all the same.
func TestSenderThatHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		r := newReceiver(t, receiver.Config{HasTarget: true, App: &fakeApp{attempt: journal.Attempt{Status: 200}, after: 8 * time.Second}}, rec)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		do(r, signed(body).WithContext(ctx))
		if rec.only(t); len(rec.attempts) != 1 || rec.attempts[0].Status != 200 || rec.attempts[0].Took != 8*time.Second {
			t.Errorf("attempts %+v, want the app's answer after 8s", rec.attempts)
		}
	})
}

func TestAppAnswersVerification(t *testing.T) {
	query := "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + url.QueryEscape("the app's own token")
	tests := []struct {
		name    string
		attempt journal.Attempt
		after   time.Duration
		status  int
		body    string
		reason  string
	}{
		{"the challenge", journal.Attempt{Status: 200, Body: []byte("1158201444")}, time.Second, 200, "1158201444", ""},
		{"a line end after it", journal.Attempt{Status: 200, Body: []byte("1158201444\n")}, 0, 200, "1158201444\n", "the app answered the challenge with white space around it"},
		{"in quotes", journal.Attempt{Status: 200, Body: []byte(`"1158201444"`)}, 0, 200, `"1158201444"`, "the app answered the challenge in quotes"},
		{"something else", journal.Attempt{Status: 200, Body: []byte("the app's own token")}, 0, 200, "the app's own token", "the app's answer of 19 bytes is not the challenge"},
		{"refused", journal.Attempt{Status: 403, Body: []byte("no")}, 0, 403, "no", "the app answered 403; Meta wants 200 and the challenge"},
		{"a redirect", journal.Attempt{Status: 301}, 0, 301, "", "the app answered 301; Meta does not follow redirects"},
		{"dead", journal.Attempt{Err: "connection refused by localhost:3000"}, 0, 502, "no answer from the app\n", "connection refused by localhost:3000"},
		{"too slow", journal.Attempt{Status: 200, Body: []byte("1158201444")}, 6 * time.Second, 504, "no answer from the app in time\n", "no answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec, app := &recorder{}, &fakeApp{attempt: tt.attempt, after: tt.after}
				r := newReceiver(t, receiver.Config{HasTarget: true, App: app}, rec)
				start := time.Now()
				resp := do(r, get(query))
				if got := text(t, resp); resp.StatusCode != tt.status || got != tt.body {
					t.Errorf("answered %d %q, want %d %q", resp.StatusCode, got, tt.status, tt.body)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("answered after %v, want 5s at most", took)
				}
				if len(rec.verifications) != 1 || len(rec.attempts) != 0 || len(rec.deliveries) != 0 {
					t.Fatalf("recorded %d verifications, %d attempts, %d deliveries", len(rec.verifications), len(rec.attempts), len(rec.deliveries))
				}
				v := rec.verifications[0]
				if v.Status != tt.status || v.Reason != tt.reason || strings.Contains(v.URI, "token=the") {
					t.Errorf("recorded %+v, want status %d, reason %q", v, tt.status, tt.reason)
				}
				sent := app.sent()
				if len(sent) != 1 {
					t.Fatalf("the app got %d requests", len(sent))
				}
				want := journal.Delivery{Method: "GET", URI: "/webhook?" + query, Proto: "HTTP/1.1", Host: "localhost", Source: journal.Live, Header: http.Header{"User-Agent": {webhook.VerificationUserAgent}}}
				sent[0].ReceivedAt, sent[0].Remote = time.Time{}, ""
				if diff := cmp.Diff(want, sent[0]); diff != "" {
					t.Errorf("the app got (-want +got):\n%s", diff)
				}
			})
		})
	}
}
