package graph_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/graph/graphtest"
	"github.com/igloo-dev/igloo/internal/secret"
)

// Every way an answer can be bad gives an error that says so, and repeats no secret,
// also when the other end does.
func TestBadAnswers(t *testing.T) {
	everySecret := strings.Join([]string{metaSecret, instagramSecret, instagramToken, pageToken, verifyToken, appID + "|" + metaSecret}, " ")
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "<html>%s %s %v %s", body, r.URL, r.Header, everySecret)
		}
	}
	echoError := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		graphtest.Refuse(400, graphtest.Error{Code: 190, Subcode: 463, Message: fmt.Sprintf("%s %s %v %s", r.URL, r.Header.Get("Authorization"), string(body), everySecret)})(w, r)
	}
	tests := []struct {
		name, want string
		fault      http.HandlerFunc
	}{
		{"not JSON", `answered 200: not JSON, but "<html>`, echo(200)},
		{"a proxy's page", `answered 403: not JSON, but "<html>`, echo(403)},
		{"empty", "answered 200: not JSON, but \"\"", graphtest.Answer(200, "application/json", "")},
		{"empty failure", "answered 502: nothing more", graphtest.Answer(502, "text/html", "")},
		{"cut JSON", `answered 200: not JSON, but "{\"success\":`, graphtest.Answer(200, "application/json", `{"success":`)},
		{"another form", `answered 200: no "success" in it`, graphtest.Answer(200, "application/json", `[1,2,3]`)},
		{"no success", `answered 200: no "success" in it`, graphtest.Answer(200, "application/json", `{"success":false}`)},
		{"failure without an error", "answered 500: without an error object", graphtest.Answer(500, "application/json", `{"data":[]}`)},
		{"error with 200", "error 190/463 of the Graph API: the access token has expired", graphtest.Refuse(200, graphtest.Error{Code: 190, Subcode: 463})},
		{"error that repeats secrets", "error 190/463 of the Graph API: the access token has expired", echoError},
		{"error as a text", `error 0 of the Graph API (Meta says: "no")`, graphtest.Answer(400, "application/json", `{"error":"no"}`)},
		{"error of odd types", `error 0 of the Graph API (Meta says: {"message":7,"code":"x"})`, graphtest.Answer(400, "application/json", `{"error":{"message":7,"code":"x"}}`)},
		{"terminal controls", "error 100 of the Graph API: a parameter is not valid (Meta says: a·[31mb c·d)", graphtest.Refuse(400, graphtest.Error{Code: 100, Message: "a\x1b[31mb\r\nc\u202ed"})},
		{"long text", strings.Repeat("x", 300) + "…)", graphtest.Refuse(400, graphtest.Error{Code: 100, Message: strings.Repeat("x", 5000)})},
		{"redirect", "answered 302: a redirect to elsewhere.example, and igloo follows none with a token", graphtest.Redirect(302, "https://elsewhere.example/?t="+instagramToken)},
		{"redirect 308 to nowhere", "answered 308: a redirect, and igloo follows none with a token", graphtest.Redirect(308, "")},
		{"broken off", "the answer broke off: unexpected EOF", graphtest.BreakOff},
		{"huge", "answered 200: more than 1048576 bytes", func(w http.ResponseWriter, _ *http.Request) {
			for range 40 {
				_, _ = w.Write([]byte(`"` + strings.Repeat("x", 64<<10) + `"`))
			}
		}},
	}
	for _, tt := range tests {
		for _, call := range []graph.Call{app.Register(registration("https://bakery.example/webhook", "comments")), instagramAccount().Subscribe([]string{"comments"}), page().Unsubscribe()} {
			t.Run(tt.name, func(t *testing.T) {
				meta, c := newMeta(t, graphtest.Config{})
				meta.Fail(tt.fault)
				err := c.Do(t.Context(), call)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("Do = %v, want %q in it", err, tt.want)
				}
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.ContainsAny(err.Error(), "\x1b\n\r") {
					t.Errorf("the error has control characters: %q", text)
				}
				if n := len(meta.Calls()); n != 1 {
					t.Errorf("%d calls, want 1: a change is sent once", n)
				}
				leaksNone(t, call, err)
			})
		}
	}
}

// leaksNone looks for the secrets of a call in everything an error says. Secrets that
// the call does not carry are not its to know.
func leaksNone(t *testing.T, call graph.Call, err error) {
	t.Helper()
	text := err.Error()
	if refused, ok := errors.AsType[*graph.Error](err); ok {
		text += fmt.Sprintf(" %+v", *refused)
	}
	own := map[string][]string{
		"register the callback url": {metaSecret, verifyToken},
		"subscribe the account":     {instagramToken, instagramSecret, "baea82f4caec2b43"},
		"unsubscribe the account":   {pageToken, metaSecret},
	}
	about, _, _ := strings.Cut(err.Error(), ": ")
	if len(own[about]) == 0 {
		t.Fatalf("%q names no call", err)
	}
	for _, s := range own[about] {
		if strings.Contains(text, s[:min(len(s), 16)]) {
			t.Errorf("the error of %v shows a secret: %s", call, text)
		}
	}
}

// A call that only reads is sent again after a passing error, twice at most.
func TestReadsAgain(t *testing.T) {
	gone := graphtest.Answer(503, "text/html", "gone")
	tests := []struct {
		name   string
		faults []http.HandlerFunc
		calls  int
		fails  bool
	}{
		{"at once", nil, 1, false},
		{"503 once", []http.HandlerFunc{gone}, 2, false},
		{"break off, then 1", []http.HandlerFunc{graphtest.BreakOff, graphtest.Refuse(500, graphtest.Error{Code: 1})}, 3, false},
		{"transient", []http.HandlerFunc{graphtest.Refuse(400, graphtest.Error{Code: 341, Transient: true})}, 2, false},
		{"for good", []http.HandlerFunc{gone, gone, gone, gone}, 3, true},
		{"refused", []http.HandlerFunc{graphtest.Refuse(400, graphtest.Error{Code: 190})}, 1, true},
		{"2 with a reason", []http.HandlerFunc{graphtest.Refuse(400, graphtest.Error{Code: 2, Subcode: 2018344})}, 1, true},
		{"redirect", []http.HandlerFunc{graphtest.Redirect(301, "/")}, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				meta := graphtest.New(graphtest.Config{Accounts: []graphtest.Account{{Path: graphtest.InstagramPath, Token: instagramToken}}})
				c, err := graph.New(graph.Config{InstagramURL: "https://graph.example/instagram", Transport: direct{meta}})
				if err != nil {
					t.Fatal(err)
				}
				meta.Fail(tt.faults...)
				a := graph.Account{Host: graph.Instagram, Node: "me", Token: secret.New(instagramToken)}
				if _, err := c.AccountSubscriptions(t.Context(), a); (err != nil) != tt.fails {
					t.Errorf("AccountSubscriptions = %v, want failure %v", err, tt.fails)
				}
				if n := len(meta.Calls()); n != tt.calls {
					t.Errorf("%d calls, want %d", n, tt.calls)
				}
			})
		})
	}
}

// direct is a transport without a network, for tests whose clock stands still.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	rec := httptest.NewRecorder()
	defer func() {
		if recover() != nil {
			err = io.ErrUnexpectedEOF
		}
	}()
	d.handler.ServeHTTP(rec, r)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return rec.Result(), nil
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meta := graphtest.New(graphtest.Config{})
		c, err := graph.New(graph.Config{Transport: direct{meta}})
		if err != nil {
			t.Fatal(err)
		}
		meta.Fail(graphtest.Hang)
		began := time.Now()
		err = c.Do(t.Context(), instagramAccount().Unsubscribe())
		if want := "unsubscribe the account: graph.instagram.com did not answer within 30s"; err == nil || err.Error() != want {
			t.Errorf("Do = %v, want %q", err, want)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("gave up after %v, want 30s", took)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	c := newClient(t, "http://127.0.0.1:1")
	err := c.Do(t.Context(), instagramAccount().Subscribe([]string{"comments"}))
	gone, ok := errors.AsType[*graph.UnreachableError](err)
	if !ok || gone.Host != "127.0.0.1:1" || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Do = %v, want that nobody is at 127.0.0.1:1", err)
	}
}

// Who was told to slow down sends nothing more to that host.
func TestRateLimit(t *testing.T) {
	for _, code := range []int{4, 17, 32, 613} {
		meta, c := newMeta(t, graphtest.Config{})
		meta.Fail(graphtest.Refuse(400, graphtest.Error{Code: code, Message: "(#4) Application request limit reached", Transient: true}))
		for range 3 {
			_, err := c.AccountSubscriptions(t.Context(), instagramAccount())
			refused, ok := errors.AsType[*graph.Error](err)
			if !ok || !refused.RateLimited() || refused.Code != code {
				t.Errorf("AccountSubscriptions = %v, want error %d", err, code)
			}
		}
		if _, err := c.AppSubscriptions(t.Context(), app); err != nil {
			t.Errorf("the other host: %v", err)
		}
		want := []string{"GET /instagram/me/subscribed_apps", "GET /facebook/" + appID + "/subscriptions"}
		if diff := cmp.Diff(want, meta.Calls()); diff != "" {
			t.Errorf("code %d: calls (-want +got):\n%s", code, diff)
		}
	}
}

// The header is Meta's word in two dialects; anything else is no word.
func TestUsage(t *testing.T) {
	tests := []struct {
		header string
		want   graph.Usage
	}{
		{`{"call_volume":93,"cpu_time":4}`, graph.Usage{Calls: 93, CPU: 4}},
		{`{"call_count":28,"total_cputime":75,"total_time":25}`, graph.Usage{Calls: 28, CPU: 75, Time: 25}},
		{`{"call_count":1e300,"total_cputime":-1}`, graph.Usage{Calls: 1000}},
		{`{"call_count":12.9}`, graph.Usage{Calls: 12}},
		{`{}`, graph.Usage{}},
		{`{"call_count":"many"}`, graph.Usage{}},
		{`93`, graph.Usage{}},
		{``, graph.Usage{}},
	}
	for _, tt := range tests {
		c, err := graph.New(graph.Config{Transport: answering{200, `{"success":"true"}`, tt.header}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Do(t.Context(), app.Remove("instagram")); err != nil {
			t.Error(err)
		}
		if got := c.Usage(); got != tt.want {
			t.Errorf("Usage of %s = %+v, want %+v", tt.header, got, tt.want)
		}
	}
	if got := (graph.Usage{Calls: 28, CPU: 75, Time: 25}).Highest(); got != 75 {
		t.Errorf("Highest = %d, want 75", got)
	}
}

// A redirect must not take the token to another host, nor to another path of the same.
func TestRedirectKeepsToken(t *testing.T) {
	var visits atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		meta, c := newMeta(t, graphtest.Config{})
		meta.Fail(graphtest.Redirect(status, elsewhere.URL))
		if err := c.Do(t.Context(), instagramAccount().Subscribe([]string{"comments"})); err == nil {
			t.Errorf("Do with a %d = nil, want an error", status)
		}
		meta.Fail(graphtest.Redirect(status, elsewhere.URL))
		if _, err := c.AccountSubscriptions(t.Context(), instagramAccount()); err == nil {
			t.Errorf("AccountSubscriptions with a %d = nil, want an error", status)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d redirects were followed, want 0", n)
	}
}
