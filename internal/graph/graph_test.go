package graph_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/graph/graphtest"
	"github.com/igloo-dev/igloo/internal/secret"
)

const (
	appID           = "1209876543210987"
	metaSecret      = "0123456789abcdef0123456789abcdef"
	instagramSecret = "fedcba9876543210fedcba9876543210"
	instagramToken  = "IGAAInventedInstagramUserToken0123456789"
	pageToken       = "EAAInventedPageToken0123456789"
	verifyToken     = "vt_8f2c0a9d"
)

var app = graph.App{ID: appID, Secret: secret.New(metaSecret)}

func instagramAccount() graph.Account {
	return graph.Account{Host: graph.Instagram, Node: "me", Token: secret.New(instagramToken), Secret: secret.New(instagramSecret)}
}

func page() graph.Account {
	return graph.Account{Host: graph.Facebook, Node: "108000000000001", Token: secret.New(pageToken), Secret: secret.New(metaSecret)}
}

// newMeta starts the stand-in for Meta and a client that speaks to it.
func newMeta(t *testing.T, cfg graphtest.Config) (*graphtest.Server, *graph.Client) {
	t.Helper()
	cfg.AppID, cfg.AppSecret, cfg.InstagramSecret, cfg.RequireProof = appID, metaSecret, instagramSecret, true
	cfg.Accounts = []graphtest.Account{
		{Path: graphtest.InstagramPath, ID: "24000000000000001", UserID: "17841400000000001", Username: "bakery", Token: instagramToken},
		{Path: graphtest.FacebookPath, ID: "108000000000001", Token: pageToken},
	}
	meta := graphtest.New(cfg)
	srv := httptest.NewServer(meta)
	t.Cleanup(srv.Close)
	t.Cleanup(func() {
		for _, leak := range meta.Leaks() {
			t.Errorf("a secret came in the URL or a header of %s", leak)
		}
	})
	return meta, newClient(t, srv.URL)
}

func newClient(t *testing.T, url string) *graph.Client {
	t.Helper()
	c, err := graph.New(graph.Config{
		FacebookURL: url + graphtest.FacebookPath, InstagramURL: url + graphtest.InstagramPath, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// callbackURL starts an app that answers a verification request with status and body;
// "%" in the body is the challenge.
func callbackURL(t *testing.T, status int, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "%", r.URL.Query().Get("hub.challenge"))))
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/webhook"
}

func registration(callback string, fields ...string) graph.Registration {
	return graph.Registration{
		Object: "instagram", CallbackURL: callback, VerifyToken: secret.New(verifyToken), Fields: fields, IncludeValues: true,
	}
}

func TestApp(t *testing.T) {
	_, c := newMeta(t, graphtest.Config{})
	callback := callbackURL(t, 200, "%")
	if err := c.Do(t.Context(), app.Register(registration(callback, "comments", "messages"))); err != nil {
		t.Fatal(err)
	}
	want := []graph.AppSubscription{{Object: "instagram", CallbackURL: callback, Active: true, Fields: []string{"comments", "messages"}}}
	got, err := c.AppSubscriptions(t.Context(), app)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("AppSubscriptions = %v (-want +got):\n%s", err, diff)
	}
	if err := c.Do(t.Context(), app.Remove("instagram", "messages")); err != nil {
		t.Fatal(err)
	}
	want[0].Fields = []string{"comments"}
	got, err = c.AppSubscriptions(t.Context(), app)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("after Remove of a field, AppSubscriptions = %v (-want +got):\n%s", err, diff)
	}
	if err := c.Do(t.Context(), app.Remove("instagram")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.AppSubscriptions(t.Context(), app); err != nil || len(got) != 0 {
		t.Errorf("after Remove, AppSubscriptions = %v, %v, want none", got, err)
	}
	if got, want := c.Usage(), (graph.Usage{Calls: 3, CPU: 1, Time: 2}); got != want {
		t.Errorf("Usage = %+v, want %+v", got, want)
	}
}

func TestAccounts(t *testing.T) {
	tests := []struct {
		name    string
		account graph.Account
		want    []graph.AccountSubscription
		usage   graph.Usage
	}{
		{
			"Instagram Login", instagramAccount(),
			[]graph.AccountSubscription{{Fields: []string{"comments", "messages"}}},
			graph.Usage{Calls: 3, CPU: 1},
		},
		{
			"Facebook Page", page(),
			[]graph.AccountSubscription{{AppID: appID, AppName: "Bakery App", Fields: []string{"comments", "messages"}}},
			graph.Usage{Calls: 3, CPU: 1, Time: 2},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, c := newMeta(t, graphtest.Config{})
			if err := c.Do(t.Context(), tt.account.Subscribe([]string{"comments", "messages"})); err != nil {
				t.Fatal(err)
			}
			got, err := c.AccountSubscriptions(t.Context(), tt.account)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("AccountSubscriptions = %v (-want +got):\n%s", err, diff)
			}
			if got := c.Usage(); got != tt.usage {
				t.Errorf("Usage = %+v, want %+v", got, tt.usage)
			}
			if err := c.Do(t.Context(), tt.account.Unsubscribe()); err != nil {
				t.Fatal(err)
			}
			if got, err := c.AccountSubscriptions(t.Context(), tt.account); err != nil || len(got) != 0 {
				t.Errorf("after Unsubscribe, AccountSubscriptions = %v, %v, want none", got, err)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	_, c := newMeta(t, graphtest.Config{})
	got, err := c.Profile(t.Context(), instagramAccount())
	want := graph.Profile{ID: "24000000000000001", UserID: "17841400000000001", Username: "bakery", Type: "BUSINESS"}
	if err != nil || got != want {
		t.Errorf("Profile = %+v, %v, want %+v", got, err, want)
	}
}

// The real server decides this some day; until then both are read back.
func TestExtending(t *testing.T) {
	for _, tt := range []struct {
		extend bool
		want   []string
	}{
		{false, []string{"comments"}},
		{true, []string{"messages", "comments"}},
	} {
		meta, c := newMeta(t, graphtest.Config{Extend: tt.extend})
		meta.SetAccount("24000000000000001", "messages")
		if err := c.Do(t.Context(), instagramAccount().Subscribe([]string{"comments"})); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, meta.Subscribed("24000000000000001")); diff != "" {
			t.Errorf("extend %v: subscribed (-want +got):\n%s", tt.extend, diff)
		}
	}
}

// What the callback URL answers decides, and Meta's words about it come through.
func TestVerificationFails(t *testing.T) {
	tests := []struct {
		name, callback, says string
	}{
		{"404", callbackURL(t, 404, ""), "HTTP Status Code = 404; HTTP Message = Not Found"},
		{"quoted", callbackURL(t, 200, `"%"`), "Response does not match challenge, expected value="},
		{"page", callbackURL(t, 200, "<html><body>hello there"), `received="\\u003Chtml>\\u003Cbody>hel`},
		{"redirect", callbackURL(t, 302, ""), "curl_errno = 47; curl_error = Maximum (2) redirects followed; HTTP Status Code = 302"},
		{"nobody", "http://127.0.0.1:1/webhook", "curl_errno = 7"},
		{"away", "https://example.com/webhook", "curl_errno = 6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			meta, c := newMeta(t, graphtest.Config{})
			err := c.Do(t.Context(), app.Register(registration(tt.callback, "comments")))
			refused, ok := errors.AsType[*graph.Error](err)
			if !ok || !refused.Unverified() || refused.Code != 2200 {
				t.Fatalf("Register(%q) = %v, want error 2200", tt.callback, err)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Register(%q) = %v, want %q in it", tt.callback, err, tt.says)
			}
			if callback, _ := meta.App("instagram"); callback != "" {
				t.Errorf("the app is registered with %q although the verification failed", callback)
			}
			if n := len(meta.Calls()); n != 1 {
				t.Errorf("%d calls, want 1: Meta blocks who fails too often", n)
			}
		})
	}
}

func TestTunnelInTheStandIn(t *testing.T) {
	local := strings.TrimPrefix(callbackURL(t, 200, "%"), "http://")
	address, path, _ := strings.Cut(local, "/")
	meta, c := newMeta(t, graphtest.Config{})
	meta.Tunnel("bakery.example", address)
	if err := c.Do(t.Context(), app.Register(registration("https://bakery.example/"+path+"?shop=1", "comments"))); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		url  string
		want error
	}{
		{"https://graph.example/base/", nil},
		{"http://127.0.0.1:9", nil},
		{"http://[::1]:9", nil},
		{"http://localhost:9", nil},
		{"http://graph.example", graph.ErrInsecureURL},
		{"http://127.0.0.1.example", graph.ErrInsecureURL},
		{"https://user:hunter2@graph.example", graph.ErrURL},
		{"https://graph.example?access_token=x", graph.ErrURL},
		{"https://graph.example#x", graph.ErrURL},
		{"ftp://graph.example", graph.ErrURL},
		{"graph.example", graph.ErrURL},
		{"https://", graph.ErrURL},
		{"https://hunter2@[", graph.ErrURL},
	}
	for _, tt := range tests {
		for _, cfg := range []graph.Config{{FacebookURL: tt.url}, {InstagramURL: tt.url}} {
			_, err := graph.New(cfg)
			if !errors.Is(err, tt.want) {
				t.Errorf("New(%q) = %v, want %v", tt.url, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("New(%q) quotes the password: %v", tt.url, err)
			}
		}
	}
	for _, version := range []string{"25.0", "v25", "v25.0/../../me", "latest", "v25.0?"} {
		if _, err := graph.New(graph.Config{Version: version}); err == nil {
			t.Errorf("New with version %q = nil, want an error", version)
		}
	}
}

func TestCanceled(t *testing.T) {
	meta, c := newMeta(t, graphtest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	meta.Fail(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.AppSubscriptions(ctx, app); !errors.Is(err, context.Canceled) {
		t.Errorf("AppSubscriptions = %v, want %v", err, context.Canceled)
	}
}
