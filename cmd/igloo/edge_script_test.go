package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// scriptNet is ngrok and the rest of the internet in a script.
type scriptNet struct {
	edge *tunneltest.Edge
	net  *internet
}

var edges sync.Map // of the scripts, by work dir

// scriptEdge is the stand-in for ngrok in a script, and for the way there from outside:
//
//	edge start           serves it, and has igloo go there
//	edge refuse CODE     refuses agents
//	edge accept          undoes it
//	edge forget          gives out other host names from now on
//	edge lead WHAT       public URLs lead to: tunnel, page, echo (another program that
//	                     answers verification requests), nowhere
//	edge verify URL N    asks as Meta does, wants the status N
//	edge unasked         nobody has asked for a public URL
func scriptEdge(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "start" {
		startEdge(ts)
		return
	}
	value, ok := edges.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("edge start first")
	}
	n := value.(*scriptNet)
	switch args[0] {
	case "refuse":
		code, err := strconv.Atoi(args[1])
		ts.Check(err)
		n.edge.OnAuth(func(tunneltest.Auth) error { return tunneltest.Refuse(code, "refused") })
	case "accept":
		n.edge.OnAuth(nil)
	case "forget":
		n.edge.ForgetTokens()
	case "lead":
		n.lead(ts, args[1])
	case "verify":
		resp, err := n.edge.Client().Get(args[1] + "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + ts.Getenv("IGLOO_VERIFY_TOKEN"))
		ts.Check(err)
		defer func() { _ = resp.Body.Close() }()
		if got := strconv.Itoa(resp.StatusCode); got != args[2] {
			ts.Fatalf("verification request = %s, want %s", got, args[2])
		}
	case "unasked":
		if hosts := n.net.hosts(); len(hosts) > 0 {
			ts.Fatalf("asked for %q", hosts)
		}
	default:
		ts.Fatalf("no such verb: %s", args[0])
	}
}

func startEdge(ts *testscript.TestScript) {
	edge, err := tunneltest.Start()
	ts.Check(err)
	ts.Defer(edge.Close)
	outside, end, err := startInternet(ts.MkAbs("."), edge.PublicAddr(), edge.CA())
	ts.Check(err)
	ts.Defer(end)
	edges.Store(ts.Getenv("WORK"), &scriptNet{edge, outside})
	const token = "2QvXoRzM1cTqkVnZ8wLs4hJ7yBa_5fGdE3rKp9Nw2xUuYt6HmC"
	for name, value := range map[string]string{
		"NGROK_AUTHTOKEN": token, "IGLOO_NGROK_CONNECT_URL": edge.ConnectURL(), "IGLOO_NGROK_CA": outside.ca,
		"HTTPS_PROXY": outside.proxy, "SSL_CERT_FILE": outside.ca,
		"EDGE_HOST": edge.OwnHost(token), "EDGE_URL": fmt.Sprintf("https://%s/webhook", edge.OwnHost(token)),
	} {
		ts.Setenv(name, value)
	}
}

// lead changes what is behind public URLs.
func (n *scriptNet) lead(ts *testscript.TestScript, what string) {
	handlers := map[string]http.HandlerFunc{
		"page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!DOCTYPE html><html>You are about to visit \x1b[31m")
		},
		"echo": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.URL.Query().Get(webhook.ChallengeParam))
		},
	}
	switch handler, ok := handlers[what]; {
	case what == "tunnel":
		n.net.lead(n.edge.PublicAddr())
	case what == "nowhere":
		n.net.lead("")
	case !ok:
		ts.Fatalf("no such place: %s", what)
	default:
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		srv := &http.Server{Handler: handler, TLSConfig: n.edge.ServerConfig(), ErrorLog: log.New(io.Discard, "", 0)}
		go func() { _ = srv.ServeTLS(l, "", "") }()
		ts.Defer(func() { _ = srv.Close() })
		n.net.lead(l.Addr().String())
	}
}
