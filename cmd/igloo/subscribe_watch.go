package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/journal"
)

// arrivalGrace is how long a verification request may take into the journal after
// Meta has said what came of it.
const arrivalGrace = 2 * time.Second

// register sends a registration and shows Meta's verification request as the session
// gets it.
func (g *graphCalls) register(ctx context.Context, a graph.App, r graph.Registration, to destination) error {
	send := func(ctx context.Context) error { return g.client.Do(ctx, a.Register(r)) }
	if to.session == nil {
		return explainUnverified(appSecretHint(send(ctx)), to, nil)
	}
	requests, err := g.watchVerifications(ctx, to.session, send)
	if err != nil {
		return explainUnverified(appSecretHint(err), to, requests)
	}
	if len(requests) == 0 {
		fmt.Fprintf(g.stderr, "igloo: warning: Meta has verified %s, and the request did not come through this session: look where the URL leads\n", clean(to.url))
	}
	return nil
}

// watchVerifications does work and shows the verification requests that the session
// records meanwhile. It returns them with the error of work.
func (g *graphCalls) watchVerifications(ctx context.Context, session *remote, work func(context.Context) error) (seen []journal.Verification, err error) {
	p := g.project
	p.DataDir = session.info.DataDir
	j, err := openProjectReader(ctx, p)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	changed, forget := j.Watch()
	defer forget()
	cursor, err := j.Now(ctx)
	if err != nil {
		return nil, err
	}
	stopReader := outlive(ctx, func() {}, j.Run)
	defer func() { err = errors.Join(err, stopReader()) }()

	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	var over <-chan time.Time
	var workErr error
	for finished := false; ; {
		arrived, err := j.Verifications(context.WithoutCancel(ctx), cursor.Verification, 100)
		for _, v := range arrived {
			cursor.Verification = v.ID
			if v.Self {
				continue // igloo's own check of the URL
			}
			seen = append(seen, v)
			err = errors.Join(err, g.showVerification(v))
		}
		if finished && (err != nil || len(seen) > 0 || over == nil) {
			return seen, errors.Join(workErr, err)
		}
		select {
		case workErr = <-done: // it ends with ctx
			finished, done = true, nil
			over = graceAfter(workErr)
		case <-changed:
		case <-over:
			over = nil
		}
	}
}

// graceAfter is a pause for the last request to be recorded, nil when Meta cannot have
// sent any.
func graceAfter(err error) <-chan time.Time {
	if refused, ok := errors.AsType[*graph.Error](err); err == nil || ok && refused.Unverified() {
		return time.After(arrivalGrace)
	}
	return nil
}

// showVerification tells that Meta's request is here, and what igloo answered.
func (g *graphCalls) showVerification(v journal.Verification) error {
	if g.JSON {
		return g.print(newVerificationLine(v))
	}
	if v.Reason != "" {
		fmt.Fprintf(g.stderr, "igloo: Meta's verification request is here, answered %d: %s\n", v.Status, oneLine(v.Reason))
		return nil
	}
	fmt.Fprintf(g.stderr, "igloo: Meta's verification request is here, answered %d with its challenge\n", v.Status)
	return nil
}

// explainUnverified says why Meta could not verify the callback URL, by what arrived.
func explainUnverified(err error, to destination, seen []journal.Verification) error {
	refused, ok := errors.AsType[*graph.Error](err)
	if !ok || !refused.Unverified() {
		return err
	}
	switch {
	case to.session == nil:
		return withHint(err, "check what answers there: igloo check "+clean(to.url))
	case len(seen) == 0:
		return withHint(err, "nothing of it arrived here: look whether the public URL leads to this session, with igloo doctor")
	case seen[len(seen)-1].Reason != "":
		return withHint(err, "the request arrived and was refused here: "+oneLine(seen[len(seen)-1].Reason)+"; give this command the IGLOO_VERIFY_TOKEN the session has")
	}
	return withHint(err, "the request arrived and was answered here: something on the way back changes the answer, see igloo doctor")
}
