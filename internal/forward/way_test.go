package forward_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

var (
	_ forward.Journal   = (*journal.Journal)(nil)
	_ receiver.Recorder = (*journal.Journal)(nil)
	_ receiver.App      = (*forward.Forwarder)(nil)

	appSecret = secret.New("0123456789abcdef0123456789abcdef")
)

// session is receiver, journal and forwarder, wired the way the command wires them.
type session struct {
	url       string
	journal   *journal.Journal
	forwarder *forward.Forwarder
	receiver  *receiver.Receiver
	stop      func() // drains and waits
}

func newSession(t *testing.T, path string, appAnswers bool, app http.HandlerFunc) *session {
	t.Helper()
	target := httptest.NewServer(app)
	t.Cleanup(target.Close)
	j, err := journal.Open(t.Context(), journal.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{journal: j, forwarder: newForwarder(t, target.URL+"/in", forward.Config{DrainTimeout: time.Minute}, j)}
	keys, err := webhook.NewKeyring(webhook.AppSecret{Name: "instagram", Value: appSecret})
	if err != nil {
		t.Fatal(err)
	}
	cfg := receiver.Config{Path: "/webhook", Keyring: keys, VerifyToken: secret.New("token"), HasTarget: true}
	if appAnswers {
		cfg.App = s.forwarder
	}
	if s.receiver, err = receiver.New(cfg, j); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(nil)
	front.Config = s.receiver.Server()
	front.Start()
	s.url = front.URL + "/webhook"

	// The receiver ends first, then the forwarder, then the journal: each outlives
	// those who need it.
	var forwarding, writing sync.WaitGroup
	live := context.WithoutCancel(t.Context()) // they end in order, not with the test
	forwardCtx, endForward := context.WithCancel(live)
	writeCtx, endWrite := context.WithCancel(live)
	writing.Go(func() {
		if err := j.Run(writeCtx); err != nil {
			t.Errorf("journal: %v", err)
		}
	})
	if !appAnswers {
		forwarding.Go(func() {
			if err := s.forwarder.Run(forwardCtx); err != nil {
				t.Errorf("forwarder: %v", err)
			}
		})
	}
	s.stop = sync.OnceFunc(func() {
		front.Close()
		endForward()
		forwarding.Wait()
		endWrite()
		writing.Wait()
	})
	t.Cleanup(func() {
		s.stop()
		if err := j.Close(); err != nil {
			t.Errorf("close journal: %v", err)
		}
	})
	return s
}

// post sends a signed delivery and returns the answer.
func (s *session) post(t *testing.T, client *http.Client, body []byte) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"?k=%2F", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(appSecret, body))
	req.Header[webhook.APIVersionHeader] = []string{"v23.0"}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(answer)
}

// TestWayOfADelivery sends signed deliveries of eight people through receiver,
// journal and forwarder at once, and holds that the app gets every one, verifiable
// and in order, and that the journal says so.
func TestWayOfADelivery(t *testing.T) {
	for name, path := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "journal.db")} {
		t.Run(name, func(t *testing.T) {
			const people, each = 8, 40
			var (
				mu   sync.Mutex
				seen = map[string]int{}
			)
			s := newSession(t, path, false, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					err = webhook.Verify(appSecret, body, r.Header.Get(webhook.SignatureHeader))
				}
				if err != nil || r.RequestURI != "/in?k=%2F" {
					t.Errorf("the app got %s: %v", r.RequestURI, err)
				}
				var person string
				var n int
				if _, err := fmt.Sscanf(textOf(t, body), "%s says %d", &person, &n); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if n != seen[person]+1 {
					t.Errorf("%s: %d after %d", person, n, seen[person])
				}
				seen[person] = n
				fmt.Fprintf(w, "thanks for %d", n)
			})
			var senders sync.WaitGroup
			for p := range people {
				senders.Go(func() {
					person := fmt.Sprint("p", p)
					for n := range each {
						if status, text := s.post(t, http.DefaultClient, message(person, fmt.Sprintf("%s says %d", person, n+1)).Body); status != 200 || text != webhook.EventReceived {
							t.Errorf("answered %d %q", status, text)
						}
					}
				})
			}
			senders.Wait()
			last := s.journal.LastID()
			if a, err := s.forwarder.Wait(t.Context(), last); err != nil || !a.OK() {
				t.Errorf("Wait(%d) = %+v, %v", last, a, err)
			}
			s.stop()

			if last != people*each {
				t.Errorf("%d deliveries recorded, want %d", last, people*each)
			}
			pending, err := s.journal.Pending(t.Context())
			if err != nil || len(pending) != 0 {
				t.Errorf("Pending = %v, %v, want none", pending, err)
			}
			for p := range people {
				if person := fmt.Sprint("p", p); seen[person] != each {
					t.Errorf("the app got %d of %s, want %d", seen[person], person, each)
				}
			}
			attempts, err := s.journal.Attempts(t.Context(), last)
			if err != nil || len(attempts) != 1 || attempts[0].N != 1 || !strings.HasPrefix(string(attempts[0].Body), "thanks for ") {
				t.Errorf("Attempts(%d) = %+v, %v", last, attempts, err)
			}
		})
	}
}

// textOf returns the text of a delivery's first event.
func textOf(t *testing.T, body []byte) string {
	t.Helper()
	payload, err := webhook.Parse(body)
	if err != nil || len(payload.Events) == 0 {
		t.Errorf("Parse(%q) = %+v, %v", body, payload, err)
		return ""
	}
	return payload.Events[0].Text
}

func TestWayWithTheAppAnswering(t *testing.T) {
	s := newSession(t, "", true, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, r.FormValue("hub.challenge"))
			return
		}
		w.Header().Set("Content-Type", "text/x-thanks")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, "thanks")
	})
	if status, text := s.post(t, http.DefaultClient, message("1", "hi").Body); status != http.StatusAccepted || text != "thanks" {
		t.Errorf("answered %d %q, want the app's 202", status, text)
	}
	resp, err := http.Get(s.url + "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=another")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if challenge, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(challenge) != "1158201444" {
		t.Errorf("answered the verification request %d %q, want the app's challenge", resp.StatusCode, challenge)
	}
	s.stop()
	attempts, err := s.journal.Attempts(t.Context(), 1)
	if err != nil || len(attempts) != 1 || attempts[0].Status != http.StatusAccepted {
		t.Errorf("Attempts(1) = %+v, %v", attempts, err)
	}
	verifications, err := s.journal.Verifications(t.Context(), 0, 10)
	if err != nil || len(verifications) != 1 || verifications[0].Reason != "" || strings.Contains(verifications[0].URI, "another") {
		t.Errorf("Verifications = %+v, %v", verifications, err)
	}
}

// TestWayOfASimulation holds that a fired delivery takes the same way, and that
// firing can wait for the app's answer.
func TestWayOfASimulation(t *testing.T) {
	var got http.Header
	s := newSession(t, "", false, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.WriteHeader(http.StatusTeapot)
	})
	done := make(chan receiver.Arrival, 1)
	ticket := s.receiver.Expect(receiver.Simulation{Fixture: "messages/text", Faulty: true, Done: done})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(receiver.TicketHeader, ticket)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	arrival := <-done
	want := receiver.Arrival{Status: 401, ID: 1, Verdict: webhook.Unsigned, Reason: arrival.Reason, Forward: true}
	if diff := cmp.Diff(want, arrival); diff != "" {
		t.Errorf("arrival (-want +got):\n%s", diff)
	}
	a, err := s.forwarder.Wait(t.Context(), arrival.ID)
	if err != nil || a.Status != http.StatusTeapot {
		t.Errorf("Wait = %+v, %v, want the app's 418", a, err)
	}
	s.stop()
	if _, there := got[receiver.TicketHeader]; there {
		t.Error("the app sees the ticket")
	}
	if d, err := s.journal.Delivery(t.Context(), 1); err != nil || d.Source != journal.Fired || d.Fixture != "messages/text" || d.Header.Get(receiver.TicketHeader) != "" {
		t.Errorf("Delivery(1) = %+v, %v", d, err)
	}
}
