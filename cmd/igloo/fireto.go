package main

import (
	"context"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/igloo-dev/igloo/internal/forward"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// fireTo delivers straight to a URL, without a session.
func (c *command) fireTo(ctx context.Context, f fireFlags, order fireOrder) error {
	target, err := f.target()
	if err != nil {
		return err
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
	r.order, r.client = order, f.clientFlags
	work := fireWork{keys: keys, send: func(ctx context.Context, request *simulator.Request) outcome {
		return fireStraight(ctx, client, target, request)
	}}
	stop := r.watch()
	err = order.carryOut(ctx, work, r.report)
	if stop(); err != nil {
		r.interrupted(ctx)
		return changeError(err)
	}
	return r.end()
}

// target is the URL of --to. A port, or a host without a scheme, is read as in
// --forward-to and gets the callback path; a whole URL stays as it is.
func (f *fireFlags) target() (*url.URL, error) {
	text := f.To
	if text != "" && !strings.Contains(text, "//") {
		u, err := forward.TargetURL(text, defaultPath)
		if err != nil {
			return nil, usagef(wholeURL, "--to: %s", err)
		}
		text = u.String()
	}
	target, err := simulator.ParseURL(text)
	if err != nil {
		return nil, usagef(wholeURL, "--to: %s", err)
	}
	return target, nil
}

// wholeURL is what helps when --to can't be read.
const wholeURL = "a whole URL: --to http://localhost:3000/webhook"

// burstGCPercent makes the collector run less often while a burst is fired: the heap is
// small, so that this costs a few megabytes and gives back a quarter of the time.
const burstGCPercent = 400

func fireStraight(ctx context.Context, client *simulator.Client, target *url.URL, request *simulator.Request) outcome {
	out := outcome{Type: "fired", Name: request.Fixture, Sent: true, Target: target.Redacted()}
	response, err := client.Send(ctx, target, request)
	if err != nil {
		out.Err, out.cause = err.Error(), err
		return out
	}
	out.Status, out.took, out.TookMS = response.Status, response.Took, millis(response.Took)
	out.Early = response.Early
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
