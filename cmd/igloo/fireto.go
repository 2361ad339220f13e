package main

import (
	"context"
	"net/url"
	"runtime/debug"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// fireTo delivers straight to a URL, without a session.
func (c *command) fireTo(ctx context.Context, f fireFlags, order fireOrder) error {
	target, err := simulator.ParseURL(f.To)
	if err != nil {
		return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
	}
	if len(order.Fixtures) == 0 {
		return usagef("name a fixture: igloo fixtures list", "only a session keeps interrupted retries, and --to asks none")
	}
	if err := f.checkRemote(order, target); err != nil {
		return err
	}
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	config, err := c.clientConfig(f.clientFlags, target)
	if err != nil {
		return err
	}
	client, err := simulator.NewClient(config)
	if err != nil {
		return err
	}
	defer client.Close()
	if order.total() > quietAbove {
		debug.SetGCPercent(burstGCPercent)
	}
	r := c.newReporter(order.total(), false)
	r.order = order
	work := fireWork{keys: keys, send: func(ctx context.Context, request *simulator.Request) outcome {
		return fireStraight(ctx, client, target, request)
	}}
	if err := order.carryOut(ctx, work, r.report); err != nil {
		r.interrupted(ctx)
		return changeError(err)
	}
	return r.end()
}

// burstGCPercent makes the collector run less often while a burst is fired: the heap is
// small, so that this costs a few megabytes and gives back a quarter of the time.
const burstGCPercent = 400

func fireStraight(ctx context.Context, client *simulator.Client, target *url.URL, request *simulator.Request) outcome {
	out := outcome{Type: "fired", Name: request.Fixture, Sent: true, Target: target.Redacted()}
	response, err := client.Send(ctx, target, request)
	if err != nil {
		out.Err = err.Error()
		return out
	}
	out.Status, out.took, out.TookMS = response.Status, response.Took, millis(response.Took)
	return out
}

// keyring is what signs without a session: the user's secrets, else the project's
// development secret.
func (c *command) keyring() (*webhook.Keyring, error) {
	s, err := c.loadSecrets()
	if err != nil {
		return nil, err
	}
	if len(s.App) > 0 {
		return webhook.NewKeyring(s.App...)
	}
	if err := c.project.create(); err != nil {
		return nil, err
	}
	own, err := c.project.developmentSecret()
	if err != nil {
		return nil, err
	}
	return webhook.NewKeyring(webhook.AppSecret{Name: webhook.DevelopmentSecret, Value: own})
}
