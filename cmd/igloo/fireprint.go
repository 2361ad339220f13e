package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/igloo-dev/igloo/simulator"
)

// printRequests prints what would be sent.
func (c *command) printRequests(ctx context.Context, f fireFlags, order fireOrder) error {
	target, err := c.printTarget(ctx, f)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"http", "curl", "json"}, f.Print) {
		return usagef("one of: http, curl, json", "--print: no such format %s", quoteValue(f.Print))
	}
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	if order.Fault.OnWire() {
		return usagef("fire it, with --to or through a session", "--fault %s is about how a request is written, which can't be printed", order.Fault)
	}
	var failed error
	order.Concurrency, order.Rate, order.Retry = 1, 0, false
	work := fireWork{keys: keys, send: func(_ context.Context, request *simulator.Request) outcome {
		if failed == nil {
			failed = c.printRequest(f.Print, target, request)
		}
		return outcome{}
	}}
	var signed signedTally
	err = order.carryOut(ctx, work, func(o outcome) {
		if warning := signed.add(o); warning != "" {
			fmt.Fprintf(c.stderr, "igloo: warning: %s\n", warning)
		}
	})
	return errors.Join(changeError(err), failed)
}

// printTarget is where the requests would go: to the URL of --to, else to the project's
// session, else to where a session of the project would listen.
func (c *command) printTarget(ctx context.Context, f fireFlags) (*url.URL, error) {
	if f.toGiven {
		return f.target()
	}
	session, err := c.findSession(ctx)
	switch {
	case err == nil && !session.foreign:
		return simulator.ParseURL(session.info.Ingress)
	case err != nil && c.Session != "":
		return nil, err
	}
	address := c.setting("listen")
	if _, port, err := net.SplitHostPort(address); err != nil || port == "0" { // any free port: nobody knows which
		address = defaultListen
	}
	return &url.URL{Scheme: "http", Host: address, Path: cmp.Or(c.setting("path"), defaultPath)}, nil
}

// printRequest writes a request in a form for people, a shell or a program.
func (c *command) printRequest(format string, target *url.URL, request *simulator.Request) error {
	var text []byte
	var err error
	switch format {
	case "http":
		text, err = request.AppendHTTP(nil, target)
	case "curl":
		var command string
		command, err = request.Curl(target)
		text = []byte(command)
	default:
		text, err = request.MarshalRequest(target)
	}
	if err != nil {
		return err
	}
	return c.writeRaw(append(text, '\n'))
}
