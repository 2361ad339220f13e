package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/igloo-dev/igloo/internal/graph/graphtest"
)

// What Meta knows in the tests of igloo subscribe. All of it is invented.
const (
	metaAppID           = "1209876543210987"
	metaAppSecret       = "0123456789abcdef0123456789abcdef"
	metaInstagramSecret = "fedcba9876543210fedcba9876543210"
	metaInstagramToken  = "IGAAInventedInstagramUserToken0123456789"
	metaPageToken       = "EAAInventedPageToken0123456789"
)

func newGraph(extend bool) *graphtest.Server {
	return graphtest.New(graphtest.Config{
		AppID: metaAppID, AppSecret: metaAppSecret, InstagramSecret: metaInstagramSecret, RequireProof: true, Extend: extend,
		Accounts: []graphtest.Account{
			{Path: graphtest.InstagramPath, ID: "24000000000000001", UserID: "17841400000000001", Username: "bakery", Token: metaInstagramToken},
			{Path: graphtest.FacebookPath, ID: "108000000000001", Token: metaPageToken},
		},
		Accepted: map[string][]string{graphtest.InstagramPath: {"comments", "live_comments", "messages", "message_reactions", "messaging_optins", "messaging_postbacks", "messaging_referral", "messaging_seen"}},
	})
}

var graphs sync.Map // of the scripts, by work dir

// scriptGraph is the stand-in for Meta's Graph API in a script:
//
//	graph start [extend]            serves it and points igloo at it
//	graph tunnel HOST ADDRESS       lets HOST lead to the callback URL at ADDRESS
//	graph app URL FIELD…            what the app is registered with
//	graph account ID FIELD…         what an account is subscribed to
//	graph fail KIND                 the next call fails: limit, permission, server, page, redirect, break
//	graph unleaked                  no secret came in a URL
func scriptGraph(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "start" {
		server := newGraph(slices.Contains(args, "extend"))
		srv := httptest.NewServer(server)
		ts.Defer(srv.Close)
		ts.Setenv("GRAPH_URL", srv.URL)
		ts.Setenv("IGLOO_GRAPH_FACEBOOK_URL", srv.URL+graphtest.FacebookPath)
		ts.Setenv("IGLOO_GRAPH_INSTAGRAM_URL", srv.URL+graphtest.InstagramPath)
		graphs.Store(ts.Getenv("WORK"), server)
		return
	}
	value, ok := graphs.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("graph start first")
	}
	server := value.(*graphtest.Server)
	switch args[0] {
	case "tunnel":
		address, _, _ := strings.Cut(strings.TrimPrefix(args[2], "http://"), "/")
		server.Tunnel(args[1], address)
	case "app":
		server.SetApp("instagram", args[1], args[2:]...)
	case "account":
		server.SetAccount(args[1], args[2:]...)
	case "fail":
		fault, ok := graphFaults[args[1]]
		if !ok {
			ts.Fatalf("no such fault: %s", args[1])
		}
		server.Fail(fault)
	case "unleaked":
		if leaks := server.Leaks(); len(leaks) > 0 {
			ts.Fatalf("secrets came in the URL of %q", leaks)
		}
	default:
		ts.Fatalf("no such verb: %s", args[0])
	}
}

var graphFaults = map[string]http.HandlerFunc{
	"limit":      graphtest.Refuse(400, graphtest.Error{Code: 4, Message: "(#4) Application request limit reached", Transient: true}),
	"permission": graphtest.Refuse(403, graphtest.Error{Code: 200, Message: "(#200) Requires instagram_business_basic permission"}),
	"expired":    graphtest.Refuse(400, graphtest.Error{Code: 190, Subcode: 463, Message: "Error validating access token: Session has expired"}),
	"field":      graphtest.Refuse(400, graphtest.Error{Code: 100, Message: `(#100) Param subscribed_fields[0] must be one of {messages, comments} - got "message".`}),
	"server":     graphtest.Refuse(500, graphtest.Error{Code: 1, Message: "An unknown error occurred"}),
	"page":       graphtest.Answer(502, "text/html", "<html>Bad Gateway \x1b[31m"),
	"redirect":   graphtest.Redirect(302, "https://elsewhere.example/login"),
	"break":      graphtest.BreakOff,
	"bad":        graphtest.Answer(200, "application/json", `{"data":7}`),
	"usage": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-App-Usage", `{"call_count":93,"total_cputime":12,"total_time":20}`)
		graphtest.Refuse(400, graphtest.Error{Code: 613, Message: "Calls to this api have exceeded the rate limit."})(w, nil)
	},
}
