package graph_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/graph/graphtest"
	"github.com/igloo-dev/igloo/internal/secret"
)

// Every row of the table of error codes, by a word of its meaning.
func TestExplain(t *testing.T) {
	tests := []struct {
		code, subcode int
		meaning       string
	}{
		{1, 0, "something went wrong at Meta"},
		{2, 0, "Meta's service is not available for a moment, or the customer has blocked the business"},
		{2, 2018344, "the terms for inbox labels are not accepted"},
		{4, 0, "the app has made too many calls"},
		{10, 0, "the token lacks a permission, or the message comes outside the time allowed"},
		{10, 2534022, "the message comes outside the time allowed"},
		{10, 2018278, "the message comes outside the time allowed"},
		{17, 0, "the user has made too many calls"},
		{27, 0, "taking over the conversation is not supported or not allowed"},
		{32, 0, "the Page has made too many calls"},
		{100, 0, "a parameter is not valid"},
		{100, 77, "a parameter is not valid"},
		{100, 33, "the object does not exist, or the token may not see it; often the id of one host is used at the other"},
		{100, 2534014, "no user matches"},
		{102, 0, "the access token does not hold any more"},
		{190, 0, "the access token does not hold"},
		{190, 458, "the user has removed the app"},
		{190, 459, "the user must pass a checkpoint"},
		{190, 460, "the password was changed, which ends the access token"},
		{190, 463, "the access token has expired"},
		{190, 464, "the user is not confirmed"},
		{190, 467, "the access token was taken back"},
		{190, 2069032, "this is the token of a user, and a Page token is needed"},
		{199, 0, "a permission or Advanced Access is missing"},
		{200, 0, "the token lacks a permission"},
		{299, 5, "the token lacks a permission"},
		{300, 0, ""},
		{341, 0, "the app has reached a limit"},
		{368, 0, "Meta has blocked this for a time"},
		{506, 0, "the same was posted a moment ago"},
		{551, 0, "the person cannot be reached at the moment"},
		{613, 0, "too many calls of this kind"},
		{2200, 0, "the callback URL did not answer the verification request as it should"},
		{2534066, 0, "the comment does not exist, or is too old for a private reply"},
		{10, 2534066, "the comment does not exist, or is too old for a private reply"},
		{1357046, 0, "the JSON of the call is not valid"},
		{7, 33, ""},
		{7, 190, ""},
		{0, 0, ""},
	}
	for _, tt := range tests {
		if got, _ := graph.Explain(tt.code, tt.subcode); got != tt.meaning {
			t.Errorf("Explain(%d, %d) = %q, want %q", tt.code, tt.subcode, got, tt.meaning)
		}
	}
}

func TestErrorKinds(t *testing.T) {
	type kinds struct{ Limited, Token, Permission, Unverified bool }
	tests := []struct {
		code, subcode int
		want          kinds
	}{
		{4, 0, kinds{Limited: true}},
		{613, 0, kinds{Limited: true}},
		{102, 0, kinds{Token: true}},
		{190, 463, kinds{Token: true}},
		{10, 0, kinds{Permission: true}},
		{10, 2534022, kinds{}},
		{199, 0, kinds{Permission: true}},
		{200, 0, kinds{Permission: true}},
		{299, 0, kinds{Permission: true}},
		{300, 0, kinds{}},
		{2200, 0, kinds{Unverified: true}},
	}
	for _, tt := range tests {
		e := &graph.Error{Code: tt.code, Subcode: tt.subcode}
		if got := (kinds{e.RateLimited(), e.BadToken(), e.NoPermission(), e.Unverified()}); got != tt.want {
			t.Errorf("error %d/%d is %+v, want %+v", tt.code, tt.subcode, got, tt.want)
		}
	}
}

// The whole object of the facts, and the list in the text about a refused field.
func TestError(t *testing.T) {
	tests := []struct {
		name, body, text string
		want             graph.Error
	}{
		{
			"all members",
			`{"error":{"message":"(#100) No matching user found","type":"OAuthException","code":100,"error_subcode":2534014,"error_user_title":"Title","error_user_msg":"Msg","is_transient":true,"fbtrace_id":"AbCdEfGhIjKlMnOpQrStUvW"}}`,
			"subscribe the account: error 100/2534014 of the Graph API: no user matches (Meta says: (#100) No matching user found)",
			graph.Error{
				Status: 400, Code: 100, Subcode: 2534014, Type: "OAuthException", Message: "(#100) No matching user found",
				UserTitle: "Title", UserMessage: "Msg", TraceID: "AbCdEfGhIjKlMnOpQrStUvW", Transient: true, Meaning: "no user matches",
			},
		},
		{
			"refused field",
			`{"error":{"message":"(#100) Param subscribed_fields[1] must be one of {COMMENTS, live_comments,messages} - got \"message\".","type":"IGApiException","code":100,"fbtrace_id":"A"}}`,
			`subscribe the account: error 100 of the Graph API: "message" is not among the fields it takes here`,
			graph.Error{
				Status: 400, Code: 100, Type: "IGApiException", TraceID: "A", Field: "message", Accepted: []string{"comments", "live_comments", "messages"},
				Message: `(#100) Param subscribed_fields[1] must be one of {COMMENTS, live_comments,messages} - got "message".`,
				Meaning: "a parameter is not valid", Fix: "look at the call with --dry-run",
			},
		},
		{
			"unknown",
			`{"error":{"message":"Strange","type":"OAuthException","code":4711,"fbtrace_id":"A"}}`,
			"subscribe the account: error 4711 of the Graph API (Meta says: Strange)",
			graph.Error{Status: 400, Code: 4711, Type: "OAuthException", Message: "Strange", TraceID: "A"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			meta, c := newMeta(t, graphtest.Config{})
			meta.Fail(graphtest.Answer(400, "application/json", tt.body))
			err := c.Do(t.Context(), instagramAccount().Subscribe([]string{"comments"}))
			if err == nil || err.Error() != tt.text {
				t.Errorf("Do = %v, want %s", err, tt.text)
			}
			got, ok := errors.AsType[*graph.Error](err)
			if !ok {
				t.Fatalf("Do = %v, want a *graph.Error", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// The stand-in refuses as Meta does, and the reason comes through.
func TestRefusals(t *testing.T) {
	foreign, wrongKey, noKey, otherNode := instagramAccount(), instagramAccount(), instagramAccount(), instagramAccount()
	foreign.Token = secret.New("IGAASomebodyElse0123456789")
	wrongKey.Secret = secret.New(metaSecret)
	noKey.Secret = secret.Value{}
	otherNode.Node = "108000000000001"
	tests := []struct {
		name         string
		call         graph.Call
		code         int
		meaning, fix string
	}{
		{"token", foreign.Unsubscribe(), 190, "the access token does not hold", "generate a new token in the App Dashboard and put it into IGLOO_ACCESS_TOKEN"},
		{"proof of the other secret", wrongKey.Unsubscribe(), 100, "the proof made with the app secret does not fit the token", "say which secret is which: IGLOO_APP_SECRET=instagram=…,meta=…"},
		{"no proof", noKey.Unsubscribe(), 100, "the proof made with the app secret does not fit the token", "say which secret is which: IGLOO_APP_SECRET=instagram=…,meta=…"},
		{"node", otherNode.Unsubscribe(), 100, "the object does not exist, or the token may not see it; often the id of one host is used at the other", "leave --account away, or give the id that belongs to the login: the account's at graph.instagram.com, the Page's at graph.facebook.com"},
		{"app", graph.App{ID: "1", Secret: secret.New(metaSecret)}.Remove("instagram"), 190, "the access token does not hold", "generate a new token in the App Dashboard and put it into IGLOO_ACCESS_TOKEN"},
	}
	for _, tt := range tests {
		_, c := newMeta(t, graphtest.Config{})
		err := c.Do(t.Context(), tt.call)
		e, ok := errors.AsType[*graph.Error](err)
		if !ok || e.Code != tt.code || e.Meaning != tt.meaning || e.Fix != tt.fix {
			t.Errorf("%s: Do = %v (%+v), want error %d, %q, %q", tt.name, err, e, tt.code, tt.meaning, tt.fix)
		}
	}
}

func TestCheckToken(t *testing.T) {
	tests := []struct {
		token   string
		host    graph.Host
		problem string // "" when nothing speaks against it
	}{
		{instagramToken, graph.Instagram, ""},
		{pageToken, graph.Facebook, ""},
		{"whatever123", graph.Facebook, ""},
		{"whatever123", graph.Instagram, ""},
		{instagramToken, graph.Facebook, "the access token begins with IG, so it is one of Instagram Login, and graph.facebook.com does not take it"},
		{pageToken, graph.Instagram, "the access token begins with EAA, so it is one of Facebook Login, and graph.instagram.com does not take it"},
		{"", graph.Instagram, "no access token is known"},
		{"\"" + instagramToken + "\"", graph.Instagram, "the access token holds a space, a quote or a character that no token has"},
		{instagramToken + "\n", graph.Instagram, "the access token holds a space, a quote or a character that no token has"},
		{instagramToken + "é", graph.Instagram, "the access token holds a space, a quote or a character that no token has"},
		{appID + "|" + metaSecret, graph.Facebook, "the access token is an app's (app id, a bar, app secret); an account needs its own"},
	}
	for _, tt := range tests {
		err := graph.CheckToken(secret.New(tt.token), tt.host)
		if got := ""; err != nil {
			got = err.Error()
			if got != tt.problem {
				t.Errorf("CheckToken(%q, %s) = %q, want %q", tt.token, tt.host, got, tt.problem)
			}
			if e, ok := errors.AsType[*graph.TokenError](err); !ok || e.Fix == "" {
				t.Errorf("CheckToken(%q, %s) has no fix", tt.token, tt.host)
			}
		} else if tt.problem != "" {
			t.Errorf("CheckToken(%q, %s) = nil, want %q", tt.token, tt.host, tt.problem)
		}
	}
}

// Whatever an answer is, it gives a result or an error that is one bounded line, and
// never the token.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"success":true}`, `{"success":"true"}`, `true`, `{}`, `[]`, `null`, ``, `{"error":null}`, `{"error":{}}`, `{"error":"x"}`,
		`{"error":{"message":"(#100) Param subscribed_fields[0] must be one of {a, b} - got \"c\".","code":100}}`,
		`{"error":{"message":"(#100) Param subscribed_fields[0] must be one of {a, b","code":100}}`,
		`{"error":{"message":"` + instagramToken + `","code":190,"error_subcode":463}}`, instagramToken,
		`{"data":[{"subscribed_fields":["comments",{"name":"messages"},7,null]}]}`,
		`{"data":[{"id":1,"subscribed_fields":"comments"}]}`, `{"data":{}}`, `{"data":[null]}`,
	} {
		f.Add(200, body, `{"call_count":1}`)
		f.Add(400, body, `{"call_volume":1e300,"cpu_time":-5}`)
	}
	f.Fuzz(func(t *testing.T, status int, body, usage string) {
		if status < 200 || status > 599 {
			return
		}
		c, err := graph.New(graph.Config{Transport: answering{status, body, usage}})
		if err != nil {
			t.Fatal(err)
		}
		ended, end := context.WithCancel(t.Context())
		end() // so that a passing error is not tried again after a pause; the transport does not mind
		_, readErr := c.AccountSubscriptions(ended, instagramAccount())
		for _, err := range []error{c.Do(t.Context(), instagramAccount().Unsubscribe()), readErr} {
			if err == nil {
				continue
			}
			text := err.Error()
			if e, ok := errors.AsType[*graph.Error](err); ok {
				text += e.Field + e.Type + e.UserMessage + e.UserTitle + e.TraceID
			}
			checkText(t, text)
		}
		if u := c.Usage(); u.Highest() < 0 || u.Highest() > 1000 {
			t.Errorf("usage %+v of %q", u, usage)
		}
	})
}

// answering is a transport that always answers the same.
type answering struct {
	status      int
	body, usage string
}

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Header: http.Header{"X-App-Usage": {a.usage}},
	}, nil
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if len(text) > 6*1300 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("the error is no bounded, printable line: %q", text)
	}
	if strings.Contains(text, instagramToken) || strings.Contains(text, instagramSecret) {
		t.Errorf("the error shows a secret: %q", text)
	}
}
