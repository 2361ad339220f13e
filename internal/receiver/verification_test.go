package receiver_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func get(query string) *http.Request {
	req := httptest.NewRequest(http.MethodGet, "/webhook?"+query, nil)
	req.Host = "localhost"
	req.Header.Set("User-Agent", webhook.VerificationUserAgent)
	return req
}

func TestVerification(t *testing.T) {
	token := url.QueryEscape(verifyToken)
	tests := []struct {
		name, query string
		status      int
		text        string
		reason      error
	}{
		{"as Meta asks", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + token, 200, "1158201444", nil},
		{"any order and a query of our own", "x=1&hub.verify_token=" + token + "&hub.challenge=0a+b%3C&hub.mode=subscribe", 200, "0a b<", nil},
		{"another token", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=hunter2-not-ours", 403, "verification refused\n", webhook.ErrWrongVerifyToken},
		{"other case", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + strings.ToUpper(token), 403, "verification refused\n", webhook.ErrWrongVerifyToken},
		{"no token", "hub.mode=subscribe&hub.challenge=1", 403, "verification refused\n", webhook.ErrNoVerifyToken},
		{"no mode", "hub.challenge=1&hub.verify_token=" + token, 403, "verification refused\n", webhook.ErrVerificationMode},
		{"another mode", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=" + token, 403, "verification refused\n", webhook.ErrVerificationMode},
		{"no challenge", "hub.mode=subscribe&hub.verify_token=" + token, 403, "verification refused\n", webhook.ErrNoChallenge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			logger, logged := logTo()
			rec := &recorder{}
			resp := do(newReceiver(t, receiver.Config{Logger: logger}, rec), get(tt.query))
			if got := text(t, resp); resp.StatusCode != tt.status || got != tt.text {
				t.Errorf("answered %d %q, want %d %q", resp.StatusCode, got, tt.status, tt.text)
			}
			if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
				t.Errorf("Content-Type %q, want plain text: the challenge is a stranger's", got)
			}
			if len(rec.verifications) != 1 {
				t.Fatalf("%d verification requests recorded, want 1", len(rec.verifications))
			}
			v := rec.verifications[0]
			reason := ""
			if tt.reason != nil {
				reason = tt.reason.Error()
			}
			if v.Status != tt.status || v.Reason != reason || v.Self || v.Host != "localhost" || v.Remote == "" || v.ReceivedAt.IsZero() {
				t.Errorf("recorded %+v, want status %d and reason %q", v, tt.status, reason)
			}
			if v.Header.Get("User-Agent") != webhook.VerificationUserAgent {
				t.Errorf("recorded header %v", v.Header)
			}
			for _, leak := range []string{verifyToken, token, "hunter2"} {
				if strings.Contains(v.URI+v.Reason+logged.String(), leak) {
					t.Errorf("the token %q is in the record or the log: %q, %q, %q", leak, v.URI, v.Reason, logged)
				}
			}
			if !strings.HasPrefix(v.URI, "/webhook?") || strings.Contains(tt.query, "hub.challenge") != strings.Contains(v.URI, "hub.challenge=") {
				t.Errorf("recorded uri %q hides too much", v.URI)
			}
		})
	}
}

func TestVerifyTokenIsHiddenHoweverWritten(t *testing.T) {
	const token = "vt_8f2c9d"
	for query, want := range map[string]string{
		"hub.mode=subscribe&hub.verify_token=" + token + "&a=1":   "/webhook?hub.mode=subscribe&hub.verify_token=[redacted]&a=1",
		"hub.mode=subscribe&hub%2Everify%5Ftoken=" + token:        "/webhook?hub.mode=subscribe&hub%2Everify%5Ftoken=[redacted]",
		"hub.mode=subscribe&HUB.VERIFY_TOKEN=" + token:            "/webhook?hub.mode=subscribe&HUB.VERIFY_TOKEN=[redacted]",
		"hub.mode=subscribe;hub.verify_token=" + token:            "/webhook?[redacted]",
		"hub.mode=x&hub_verify_token=" + token:                    "/webhook?hub.mode=x&hub_verify_token=[redacted]",
		"hub.mode=x&hub.challenge=" + token:                       "/webhook?hub.mode=x&hub.challenge=[redacted]",
		"hub.mode=x&%zzhub.verify_token=" + token:                 "/webhook?hub.mode=x&%zzhub.verify_token=[redacted]",
		"hub.mode=x&hub.verify_token=%76t_8f2c9d":                 "/webhook?hub.mode=x&hub.verify_token=[redacted]",
		"hub.mode=x&hub.verify_token=a&hub.verify_token=" + token: "/webhook?hub.mode=x&hub.verify_token=[redacted]&hub.verify_token=[redacted]",
		"hub.mode=x&hub.verify_token":                             "/webhook?hub.mode=x&hub.verify_token=[redacted]",
	} {
		rec := &recorder{}
		do(newReceiver(t, receiver.Config{VerifyToken: secret.New(token)}, rec), get(query+"&hub.challenge=1"))
		if len(rec.verifications) != 1 {
			t.Errorf("%s: %d recorded", query, len(rec.verifications))
			continue
		}
		if got := rec.verifications[0].URI; got != want+"&hub.challenge=1" {
			t.Errorf("%s is recorded as %q, want %q", query, got, want+"&hub.challenge=1")
		}
	}
}

func TestBrowserAtTheCallbackURL(t *testing.T) {
	rec := &recorder{}
	resp := do(newReceiver(t, receiver.Config{}, rec), get("utm_source=x"))
	if got := text(t, resp); resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "callback URL") {
		t.Errorf("answered %d %q, want 400 and what this is", resp.StatusCode, got)
	}
	if len(rec.verifications) != 0 {
		t.Error("recorded as a verification request")
	}
}

func TestVerificationIsAnsweredWithoutJournal(t *testing.T) {
	logger, logged := logTo()
	rec := &recorder{err: errors.New("disk full")}
	resp := do(newReceiver(t, receiver.Config{Logger: logger}, rec), get("hub.mode=subscribe&hub.challenge=7&hub.verify_token="+url.QueryEscape(verifyToken)))
	if got := text(t, resp); resp.StatusCode != 200 || got != "7" {
		t.Errorf("answered %d %q, want 200 and the challenge", resp.StatusCode, got)
	}
	if !strings.Contains(logged.String(), "disk full") {
		t.Errorf("log %q does not name the trouble", logged)
	}
}

func TestSelfCheck(t *testing.T) {
	app := &fakeApp{}
	for name, cfg := range map[string]receiver.Config{"igloo answers": {}, "the app answers": {App: app}} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{}
			r := newReceiver(t, cfg, rec)
			own := r.ExpectSelfCheck()
			if own.Arrived() {
				t.Error("it has arrived before it was sent")
			}
			query := "hub.mode=subscribe&hub.challenge=" + own.Challenge + "&hub.verify_token=" + url.QueryEscape(verifyToken)
			if resp := do(r, get(query)); resp.StatusCode != 200 || text(t, resp) != own.Challenge {
				t.Errorf("our own check answered %d, want 200 and the challenge", resp.StatusCode)
			}
			if !own.Arrived() {
				t.Error("it has not arrived")
			}
			do(r, get(query)) // the challenge is used up
			if got := rec.verifications; len(got) != 2 || !got[0].Self || got[1].Self {
				t.Errorf("recorded %+v, want the first as our own", got)
			}
		})
	}
	if got := len(app.sent()); got != 1 {
		t.Errorf("the app got %d requests, want none of our own", got)
	}
}

// What comes with a challenge that is taken back is a stranger's, and one that came
// without the token has arrived all the same.
func TestSelfCheckIsOver(t *testing.T) {
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{}, rec)
	over, mangled := r.ExpectSelfCheck(), r.ExpectSelfCheck()
	r.CancelSelfCheck(over)
	do(r, get("hub.mode=subscribe&hub.challenge="+over.Challenge+"&hub.verify_token="+url.QueryEscape(verifyToken)))
	do(r, get("hub.mode=subscribe&hub.challenge="+mangled.Challenge))
	if over.Arrived() || !mangled.Arrived() {
		t.Errorf("arrived: %v and %v, want only the one that was not taken back", over.Arrived(), mangled.Arrived())
	}
	if got := rec.verifications; len(got) != 2 || got[0].Self || !got[1].Self || got[1].Status != http.StatusForbidden {
		t.Errorf("recorded %+v, want the second as our own, refused", got)
	}
}

// Only a request under a public name, to the callback URL, shows that the public URL
// works.
func TestLastPublic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, receiver.Config{AllowHost: func(name string) bool { return name == "bakery.example" }}, &recorder{})
		ask := func(target, host string) {
			req := httptest.NewRequest(http.MethodGet, target, nil)
			req.Host = host
			do(r, req)
		}
		ask("/webhook?utm_source=x", "127.0.0.1:4456")
		ask("/webhook?utm_source=x", "elsewhere.example")
		ask("/favicon.ico", "bakery.example")
		if at := r.LastPublic(); !at.IsZero() {
			t.Errorf("LastPublic() = %v, want none", at)
		}
		time.Sleep(time.Minute)
		now := time.Now()
		ask("/webhook?utm_source=x", "bakery.example")
		time.Sleep(time.Minute)
		ask("/webhook?utm_source=x", "localhost")
		if at := r.LastPublic(); !at.Equal(now) {
			t.Errorf("LastPublic() = %v, want %v", at, now)
		}
	})
}
