package main

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/igloo-dev/igloo/simulator"
)

// printRequests prints what would be sent.
func (c *command) printRequests(f fireFlags, order fireOrder) error {
	target, err := simulator.ParseURL(cmp.Or(f.To, "http://127.0.0.1:4456/webhook"))
	if err != nil {
		return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
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
	err = order.carryOut(context.Background(), work, func(outcome) {})
	return errors.Join(changeError(err), failed)
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
