package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/graph/graphtest"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Whatever a server answers, and though it repeats everything it was sent, no secret
// and nothing made from one is on stdout or stderr or in a URL.
func TestSubscribeShowsNoSecrets(t *testing.T) {
	hidden := []string{
		metaAppSecret, metaInstagramSecret, metaInstagramToken, metaPageToken, subscribeVerifyToken,
		// The proofs, by openssl dgst -sha256 -hmac.
		"66596f65d33bafd905d561d334dbc42cb5b8b5e55abfc7e0d15e994ea9b88424",
		"baea82f4caec2b43a3dad6da69c03d5f34b93694664ae18e274e830294619a1e",
		"1497611c31017ef44b736bf204105a5845397105684e4799dd765b2a150ced22",
	}
	repeat := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		return fmt.Sprintf("%s %s %v %s", r.URL, r.Header.Get("Authorization"), r.Header, body)
	}
	faults := map[string]http.HandlerFunc{
		"none": nil,
		"repeated in an error": func(w http.ResponseWriter, r *http.Request) {
			graphtest.Refuse(400, graphtest.Error{Code: 190, Message: repeat(r)})(w, r)
		},
		"repeated in a field's name": func(w http.ResponseWriter, r *http.Request) {
			graphtest.Refuse(400, graphtest.Error{Code: 100, Message: `fields[0] must be one of {` + repeat(r) + `} - got "` + repeat(r) + `"`})(w, r)
		},
		"repeated in a page": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, repeat(r))
		},
		"repeated in a redirect": func(w http.ResponseWriter, r *http.Request) {
			graphtest.Redirect(307, "https://elsewhere.example/"+r.Header.Get("Authorization"))(w, r)
		},
	}
	commands := [][]string{
		{"app", "--callback-url", "http://127.0.0.1:1/webhook"},
		{"app", "--callback-url", "https://bakery.example/webhook", "--dry-run"},
		{"app", "--remove", "--fields", "comments"},
		{"account"},
		{"account", "--fields", "x", "--force"},
		{"account", "--remove"},
		{"account", "--dry-run"},
		{"list"},
		{"list", "--dry-run"},
	}
	t.Chdir(t.TempDir())
	for _, token := range []string{metaInstagramToken, metaPageToken, `"` + metaPageToken + `"`, metaAppID + "|" + metaAppSecret} {
		for name, fault := range faults {
			for _, args := range commands {
				for _, args := range [][]string{args, append(slices.Clip(args), "--json")} {
					server := newGraph(false)
					if fault != nil {
						server.Fail(fault, fault, fault, fault, fault, fault)
					}
					out, _ := runSubscribe(t.Context(), t, server, token, args...)
					for _, text := range hidden {
						if strings.Contains(out, text) {
							t.Errorf("%s: igloo subscribe %s shows %q:\n%s", name, strings.Join(args, " "), text, out)
						}
					}
					if leaks := server.Leaks(); len(leaks) > 0 {
						t.Errorf("%s: igloo subscribe %s puts secrets into the URL of %q", name, strings.Join(args, " "), leaks)
					}
				}
			}
		}
	}
}

// subscribeVerifyToken is the verify token of runSubscribe.
const subscribeVerifyToken = "vt_InventedVerifyToken"

// runSubscribe runs igloo subscribe against a stand-in for Meta and returns everything
// it said, with its exit code.
func runSubscribe(ctx context.Context, t *testing.T, server *graphtest.Server, token string, args ...string) (out string, code int) {
	t.Helper()
	srv := httptest.NewServer(server)
	defer srv.Close()
	dir, said := t.TempDir(), &bytes.Buffer{}
	a := &app{stdin: strings.NewReader(""), stdout: said, stderr: said, environ: []string{
		"HOME=" + dir, "XDG_STATE_HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "XDG_CONFIG_HOME=" + dir,
		"IGLOO_APP_SECRET=meta=" + metaAppSecret + ",instagram=" + metaInstagramSecret, "IGLOO_APP_ID=" + metaAppID,
		"IGLOO_ACCESS_TOKEN=" + token, "IGLOO_VERIFY_TOKEN=" + subscribeVerifyToken,
		"IGLOO_GRAPH_FACEBOOK_URL=" + srv.URL + graphtest.FacebookPath, "IGLOO_GRAPH_INSTAGRAM_URL=" + srv.URL + graphtest.InstagramPath,
	}}
	code = a.run(ctx, append([]string{"subscribe"}, args...))
	return said.String(), code
}

// A signal ends a call that hangs, and the exit code says so.
func TestSubscribeInterrupted(t *testing.T) {
	for _, args := range [][]string{{"account"}, {"list"}, {"app", "--remove"}} {
		server := newGraph(false)
		ctx, interrupt := context.WithCancelCause(t.Context())
		server.Fail(func(_ http.ResponseWriter, r *http.Request) {
			interrupt(errInterrupted)
			<-r.Context().Done()
		})
		if _, got := runSubscribe(ctx, t, server, metaInstagramToken, args...); got != exitInterrupted {
			t.Errorf("igloo subscribe %s = %d, want %d", strings.Join(args, " "), got, exitInterrupted)
		}
		interrupt(nil)
	}
}

func TestArrivals(t *testing.T) {
	const url = "https://bakery.example/webhook"
	app := func(fields ...string) graph.AppSubscription {
		return graph.AppSubscription{Object: "instagram", CallbackURL: url, Active: true, Fields: fields}
	}
	inactive := app("comments")
	inactive.Active = false
	failed := errors.New("no")
	tests := []struct {
		name, field       string
		held              held
		arrives, code     string
		text, next        string
		permissionsNumber int
	}{
		{
			"everything on", "comments",
			held{login: webhook.InstagramLogin, app: app("comments"), account: []string{"comments"}},
			"yes", "subscribed", "on at the app, and the account is subscribed", "", 2,
		},
		{
			"by another field", "comments",
			held{login: webhook.InstagramLogin, app: app("comments"), account: []string{"messages"}},
			"yes", "by_app", "on at the app; the account is subscribed to messages, which brings all of the app's fields", "", 2,
		},
		{
			"here", "comments",
			held{login: webhook.InstagramLogin, app: app("comments"), account: []string{"comments"}, here: url},
			"yes", "subscribed", "on at the app, and the account is subscribed", "", 2,
		},
		{
			"elsewhere", "comments",
			held{login: webhook.InstagramLogin, app: app("comments"), account: []string{"comments"}, here: "https://other.example/"},
			"no", "callback_elsewhere", "goes to https://bakery.example/webhook, not to this session", "igloo subscribe app", 2,
		},
		{
			"off at the app", "messages",
			held{login: webhook.InstagramLogin, app: app("comments"), account: []string{"messages"}},
			"no", "app_field_off", "off at the app", "igloo subscribe app --fields comments,messages", 2,
		},
		{
			"no app", "messages",
			held{login: webhook.InstagramLogin, account: []string{"messages"}},
			"no", "app_not_registered", "the app has no callback URL for Instagram", "igloo subscribe app", 2,
		},
		{
			"not active", "comments",
			held{login: webhook.InstagramLogin, app: inactive, account: []string{"comments"}},
			"no", "app_inactive", "the app's subscription is not active", "igloo subscribe app", 2,
		},
		{
			"no account", "comments",
			held{login: webhook.InstagramLogin, app: app("comments")},
			"no", "account_not_subscribed", "the account is not subscribed", "igloo subscribe account", 2,
		},
		{
			"off is off, whatever the account", "messages",
			held{login: webhook.InstagramLogin, app: app("comments"), accErr: failed},
			"no", "app_field_off", "off at the app", "igloo subscribe app --fields comments,messages", 2,
		},
		{
			"account unknown", "comments",
			held{login: webhook.InstagramLogin, app: app("comments"), accErr: failed},
			"unknown", "account_unknown", "the account's subscription is not known", "", 2,
		},
		{
			"app unknown", "comments",
			held{login: webhook.InstagramLogin, appErr: failed, account: []string{"comments"}},
			"unknown", "app_unknown", "the app's subscription is not known", "", 2,
		},
		{
			"no account, app unknown", "comments",
			held{login: webhook.InstagramLogin, appErr: failed},
			"no", "account_not_subscribed", "the account is not subscribed", "igloo subscribe account", 2,
		},
		{
			"permission", "comments",
			held{login: webhook.InstagramLogin, app: app("comments"), accErr: &graph.Error{Code: 200}},
			"unknown", "permission_missing", "the token lacks a permission", "igloo fields comments", 2,
		},
		{
			"not of Instagram Login", "story_insights",
			held{login: webhook.InstagramLogin, app: app("story_insights"), account: []string{"story_insights"}},
			"no", "not_for_login", "Instagram Login does not have it", "Facebook Login has it: --login facebook", 0,
		},
		{
			"not of Facebook Login", "messages",
			held{login: webhook.FacebookLogin, app: app("messages"), account: []string{"feed"}},
			"no", "not_for_login", "Facebook Login does not have it", "Instagram Login has it: --login instagram", 0,
		},
		{
			"Messenger Platform", "messages",
			held{login: webhook.Messenger, app: app("messages"), account: []string{"feed"}},
			"yes", "by_app", "on at the app; the account is subscribed to feed, which brings all of the app's fields", "", 5,
		},
		{
			"echoes come with messages", "message_echoes",
			held{login: webhook.InstagramLogin, app: app("messages"), account: []string{"messages"}},
			"yes", "subscribed", "comes within messages; on at the app, and the account is subscribed", "", 2,
		},
		{
			"mentions come with comments", "mentions",
			held{login: webhook.InstagramLogin, app: app("mentions"), account: []string{"mentions"}},
			"no", "app_field_off", "comes within comments; off at the app", "igloo subscribe app --fields mentions,comments", 2,
		},
		{
			"mentions of their own", "mentions",
			held{login: webhook.FacebookLogin, app: app("mentions"), account: []string{"feed"}},
			"yes", "by_app", "on at the app; the account is subscribed to feed, which brings all of the app's fields", "", 5,
		},
		{
			"accepted though in no table", "message_edit",
			held{login: webhook.InstagramLogin, app: app("message_edit"), account: []string{"message_edit"}},
			"yes", "subscribed", "on at the app, and the account is subscribed", "", 0,
		},
	}
	for _, tt := range tests {
		f, ok := webhook.LookupField(tt.field)
		if !ok {
			t.Fatalf("no field %q", tt.field)
		}
		got := tt.held.judge(f)
		n := len(got.Permissions)
		got.Permissions = nil
		want := arrival{Type: "arrival", Field: tt.field, Arrives: tt.arrives, Code: tt.code, Text: tt.text, Next: tt.next}
		if diff := cmp.Diff(want, got); diff != "" || n != tt.permissionsNumber {
			t.Errorf("%s: %d permissions, want %d (-want +got):\n%s", tt.name, n, tt.permissionsNumber, diff)
		}
	}
}

// What Meta counts as the default of Instagram Login, and the names each place takes.
func TestFieldLists(t *testing.T) {
	want := []string{"comments", "live_comments", "messages", "message_reactions", "messaging_postbacks", "messaging_referral", "messaging_seen", "messaging_optins"}
	less := cmp.Transformer("sort", sortedTexts)
	if diff := cmp.Diff(want, defaultFields(webhook.InstagramLogin), less); diff != "" {
		t.Errorf("default fields (-want +got):\n%s", diff)
	}
	// Meta's own list, from the text of its error.
	accepted := strings.Fields(`agent_messages comment_poll_response comments creator_marketplace_invited_creator_onboarding
		creator_marketplace_projects delta follow live_comments mentions message_edit message_reactions messages messaging_handover
		messaging_optins messaging_postbacks messaging_referral messaging_seen onboarding_welcome_message_series share_to_story
		standby story_insights story_poll_response story_reactions`)
	if diff := cmp.Diff(accepted, accountFields(webhook.InstagramLogin), less); diff != "" {
		t.Errorf("fields of an account (-want +got):\n%s", diff)
	}
	for _, login := range []webhook.Login{webhook.FacebookLogin, webhook.Messenger} {
		if err := checkAccountFields(defaultFields(login), login); err != nil {
			t.Errorf("the default fields of %s are refused: %v", login, err)
		}
		for _, name := range []string{"comments", "messaging_seen", "story_insights"} {
			if err := checkAccountFields([]string{name}, login); err == nil {
				t.Errorf("%s accepts %q, which a Page refuses", login, name)
			}
		}
	}
}

func TestExplainUnverified(t *testing.T) {
	refused := fmt.Errorf("register the callback url: %w", &graph.Error{Code: 2200})
	session := &remote{}
	tests := []struct {
		name string
		err  error
		to   destination
		seen []journal.Verification
		hint string
	}{
		{"no session", refused, destination{url: "https://x.example/"}, nil, "check what answers there: igloo check https://x.example/"},
		{"nothing came", refused, destination{session: session}, nil, "nothing of it arrived here: look whether the public URL leads to this session, with igloo doctor"},
		{
			"refused here", refused,
			destination{session: session},
			[]journal.Verification{{}, {Reason: "wrong token"}},
			"the request arrived and was refused here: wrong token; give this command the IGLOO_VERIFY_TOKEN the session has",
		},
		{
			"changed on the way back", refused,
			destination{session: session},
			[]journal.Verification{{}},
			"the request arrived and was answered here: something on the way back changes the answer, see igloo doctor",
		},
		{"another error", errors.New("no"), destination{session: session}, nil, ""},
		{"none", nil, destination{session: session}, nil, ""},
	}
	for _, tt := range tests {
		err := explainUnverified(tt.err, tt.to, tt.seen)
		if (err == nil) != (tt.err == nil) || err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%s: explainUnverified = %v, want %v", tt.name, err, tt.err)
		}
		if hinted, ok := errors.AsType[*hintedError](err); (tt.hint != "") != ok || ok && hinted.hint != tt.hint {
			t.Errorf("%s: hint of %v, want %q", tt.name, err, tt.hint)
		}
	}
}

func sortedTexts(texts []string) []string {
	out := append([]string(nil), texts...)
	slices.Sort(out)
	return out
}
