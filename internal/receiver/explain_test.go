package receiver_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// tampered returns a delivery whose signature does not hold.
func tampered(body string) *http.Request {
	req := signed(body)
	req.Header.Set(webhook.SignatureHeader, "sha256="+strings.Repeat("0", 64))
	return req
}

func TestReasonIsExplained(t *testing.T) {
	unsigned := signed(body)
	unsigned.Header.Del(webhook.SignatureHeader)
	tests := []struct {
		name    string
		req     *http.Request
		explain string
		want    string
		calls   int
	}{
		{"invalid", tampered(body), "made with the verify token", "made with the verify token", 1},
		{"invalid, unexplained", tampered(body), "", "no known app secret makes this signature: another app secret, or the body changed on its way", 1},
		{"unsigned", unsigned, "in another header", "in another header", 1},
		{"verified", signed(body), "never asked", "", 0},
		{"large", tampered(strings.Repeat("x", 64<<10+1)), "never asked", "no known app secret makes this signature: another app secret, or the body changed on its way", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			rec := &recorder{}
			r := newReceiver(t, receiver.Config{Explain: func(header http.Header, body []byte) string {
				calls++
				if header.Get("Content-Type") != "application/json" || len(body) == 0 {
					t.Errorf("Explain was given %v and %d bytes", header, len(body))
				}
				return tt.explain
			}}, rec)
			do(r, tt.req)
			if got := rec.only(t).Reason; got != tt.want || calls != tt.calls {
				t.Errorf("recorded reason = %q after %d calls, want %q after %d", got, calls, tt.want, tt.calls)
			}
		})
	}
}

// What igloo broke itself is explained where no app secret is known, too: it was signed
// with igloo's own.
func TestReasonOfFaults(t *testing.T) {
	own, err := webhook.NewKeyring(webhook.AppSecret{Name: webhook.DevelopmentSecret, Value: secret.New("another secret")})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		faulty        bool
		explain, want string
	}{
		{true, "newline-added: over the body without the line break", "newline-added: over the body without the line break"},
		{true, "", "broken on purpose: the development secret did not make this signature over this body"},
		{false, "never asked", "no app secret known; set IGLOO_APP_SECRET to check signatures"},
	}
	for _, tt := range tests {
		rec := &recorder{}
		r := newReceiver(t, receiver.Config{Keyring: own, Explain: func(http.Header, []byte) string { return tt.explain }}, rec)
		req := signed(body)
		req.Header.Set(receiver.TicketHeader, r.Expect(receiver.Simulation{Fixture: "comments", Faulty: tt.faulty}))
		do(r, req)
		if got := rec.only(t); got.Verdict != webhook.Unchecked || got.Reason != tt.want {
			t.Errorf("faulty %t: recorded as %s, %q, want unchecked, %q", tt.faulty, got.Verdict, got.Reason, tt.want)
		}
	}
}

// Whoever sends bad signatures all day gets a tenth of one core, and holds up nobody.
func TestExplainingIsRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		release := make(chan bool)
		rec := &recorder{}
		r := newReceiver(t, receiver.Config{Explain: func(http.Header, []byte) string {
			calls++
			<-release
			return "explained"
		}}, rec)
		go do(r, tampered(body))
		synctest.Wait()
		for range 3 { // while the first is being explained
			do(r, tampered(body))
		}
		time.Sleep(10 * time.Millisecond)
		release <- true
		synctest.Wait()
		time.Sleep(89 * time.Millisecond)
		do(r, tampered(body)) // within the pause
		if calls != 1 {
			t.Fatalf("%d explanations before the pause is over, want 1", calls)
		}
		time.Sleep(time.Millisecond)
		go do(r, tampered(body))
		synctest.Wait()
		release <- true
		synctest.Wait()
		explained := 0
		for _, d := range rec.all() {
			if d.Reason == "explained" {
				explained++
			}
		}
		if len(rec.all()) != 6 || explained != 2 {
			t.Errorf("%d of %d deliveries explained, want 2 of 6", explained, len(rec.all()))
		}
	})
}
