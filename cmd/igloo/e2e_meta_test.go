//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// meta posts signed deliveries, as Meta would.
type meta struct {
	client *simulator.Client
	target *url.URL
	header []fixtures.HeaderField
}

func newMeta(t *testing.T, callbackURL string) *meta {
	t.Helper()
	target, err := simulator.ParseURL(callbackURL)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fixtures.Builtin().Get("messages/text")
	if err != nil {
		t.Fatal(err)
	}
	request, err := simulator.Render(f, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := simulator.NewClient(simulator.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &meta{client: client, target: target, header: request.Header}
}

// post signs a body with the tests' app secret and returns the answer's status, 0
// without one.
func (m *meta) post(ctx context.Context, body string) (status int, err error) {
	request := &simulator.Request{Header: append([]fixtures.HeaderField(nil), m.header...), Body: []byte(body)}
	request.Sign(secret.New(appSecret))
	answer, err := m.client.Send(ctx, m.target, request)
	return answer.Status, err
}

// message is the body of the nth message, which belongs to a conversation.
func message(conversation, n int) string {
	return fmt.Sprintf(`{"object":"instagram","entry":[{"time":%d,"id":"17841405309211844","messaging":[{"sender":{"id":"78901234567%05d"},`+
		`"recipient":{"id":"17841405309211844"},"timestamp":%[1]d,"message":{"mid":"aWdfZAG1faXRlbToxOklHTWVzc2FnZA%05[2]d%07[3]d","text":"c%05[2]d n%07[3]d \u2603 http:\/\/example.com\/ %[4]s"}}]}]}`,
		1795269740000+n, conversation, n, strings.Repeat("lorem ipsum ", 20))
}

// label is the "c00001 n0000042" in the body of a message, "" in another body.
func label(body []byte) string {
	if _, rest, ok := strings.Cut(string(body), `"text":"`); ok && len(rest) > 15 && rest[0] == 'c' {
		return rest[:15]
	}
	return ""
}

// conversationOf is the conversation of a label.
func conversationOf(label string) string {
	conversation, _, _ := strings.Cut(label, " ")
	return conversation
}

// developersApp is the target: it checks signatures and remembers what it received.
type developersApp struct {
	server *httptest.Server
	open   atomic.Int64 // connections

	mu       sync.Mutex
	bodies   []string
	busy     map[string]bool // conversations with a request under way
	problems []string
}

// newDevelopersApp starts an app on a free port. handle, when not nil, answers in its
// place; what came in is remembered all the same.
func newDevelopersApp(t *testing.T, handle http.HandlerFunc) *developersApp {
	t.Helper()
	a := newIdleApp(t, handle)
	a.server.Start()
	return a
}

// newIdleApp returns an app whose server is not started yet.
func newIdleApp(t *testing.T, handle http.HandlerFunc) *developersApp {
	t.Helper()
	a := &developersApp{busy: map[string]bool{}}
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			a.problem("read a body: %v", err)
			return
		}
		done := a.receive(r, body)
		defer done()
		if handle != nil {
			handle(w, r)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}))
	a.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			a.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			a.open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	t.Cleanup(func() {
		a.server.Close()
		for _, text := range a.problems {
			t.Error("the app: " + text)
		}
	})
	return a
}

// receive remembers a body. Nothing else of its conversation may be under way until
// done is called.
func (a *developersApp) receive(r *http.Request, body []byte) (done func()) {
	if err := webhook.Verify(secret.New(appSecret), body, r.Header.Get("X-Hub-Signature-256")); err != nil {
		a.problem("%v: %.200q", err, body)
	}
	conversation := conversationOf(label(body))
	a.mu.Lock()
	a.bodies = append(a.bodies, string(body))
	overlaps := conversation != "" && a.busy[conversation]
	a.busy[conversation] = true
	a.mu.Unlock()
	if overlaps {
		a.problem("two requests of the conversation %s at once", conversation)
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.busy, conversation)
	}
}

func (a *developersApp) problem(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.problems) < 10 {
		a.problems = append(a.problems, fmt.Sprintf(format, args...))
	}
}

// received returns the bodies so far, in order of arrival.
func (a *developersApp) received() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.bodies...)
}

func (a *developersApp) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.bodies)
}

// URL is the address to give to --forward-to.
func (a *developersApp) URL() string {
	return "http://" + a.server.Listener.Addr().String() + "/webhook"
}

// freeAddress returns a loopback address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// appAt starts an app at an address where nothing listens yet.
func appAt(t *testing.T, address string) *developersApp {
	t.Helper()
	a := newIdleApp(t, nil)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.server.Listener.Close()
	a.server.Listener = l
	a.server.Start()
	return a
}

// slowly returns a handler that takes its time, unless the request goes away.
func slowly(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "ok, in the end")
	}
}
