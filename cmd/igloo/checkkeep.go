package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// keeper records what check sends in the project's journal: through the session where
// one has the journal, else by itself.
type keeper struct {
	keys   *webhook.Keyring
	append func(context.Context, keepOrder) (id int64, err error)
	close  func() error
}

// keepOrder asks a session to record a delivery that went past it.
type keepOrder struct {
	Delivery journal.Delivery
	Attempt  journal.Attempt
}

func (c *command) openKeeper(ctx context.Context, keys *webhook.Keyring) (*keeper, error) {
	session, err := c.findSession(ctx)
	switch {
	case err == nil && !session.foreign:
		return &keeper{keys: keys, close: func() error { return nil }, append: session.keep}, nil
	case err != nil && !errors.Is(err, errNoSession):
		return nil, err
	}
	if err := c.project.create(); err != nil {
		return nil, err
	}
	lock, err := lockProject(c.project)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, journal.Config{Path: c.project.journalPath()})
	if err != nil {
		lock.Release()
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- j.Run(running) }() // close waits for it
	return &keeper{
		keys:   keys,
		append: func(ctx context.Context, o keepOrder) (int64, error) { return o.record(ctx, j) },
		close: func() error {
			stop()
			err := errors.Join(<-done, j.Close())
			lock.Release()
			return err
		},
	}, nil
}

// Close ends the writing.
func (k *keeper) Close() error { return k.close() }

// Record is what check calls. The delivery counts as fired, with the check as its
// fixture; it is not forwarded.
func (k *keeper) Record(ctx context.Context, e check.Exchange) (string, error) {
	header := http.Header{}
	host := e.Target.Host
	for _, f := range e.Request.Header {
		switch {
		case strings.EqualFold(f.Name, "Host"):
			if f.Value != "" {
				host = f.Value
			}
		case strings.EqualFold(f.Name, "Content-Length"):
			header.Set(f.Name, strconv.Itoa(len(e.Request.Body)))
		case f.Value != "":
			header.Add(f.Name, f.Value)
		}
	}
	judged := k.keys.Judge(header, e.Request.Body)
	o := keepOrder{
		Delivery: journal.Delivery{
			ReceivedAt: e.At, Source: journal.Fired, Fixture: "check/" + e.Check,
			Method: http.MethodPost, URI: e.Target.RequestURI(), Proto: "HTTP/1.1", Host: host, Header: header, Body: e.Request.Body,
			Verdict: judged.Verdict, Secret: judged.Secret, Reason: judged.Reason,
		},
		Attempt: journal.Attempt{
			At: e.At, Took: e.Response.Took, Target: e.Target.Redacted(), Status: e.Response.Status,
			Header: e.Response.Header, Body: e.Response.Body, Truncated: e.Response.Truncated,
		},
	}
	if e.Err != nil {
		o.Attempt.Err = e.Err.Error()
	}
	id, err := k.append(ctx, o)
	if err != nil {
		return "", err
	}
	return journal.FormatID(id, 0), nil
}

// record writes an order to a journal.
func (o keepOrder) record(ctx context.Context, j *journal.Journal) (int64, error) {
	id, err := j.Append(ctx, o.Delivery)
	if err != nil {
		return 0, err
	}
	o.Attempt.Delivery = id
	return id, j.Record(ctx, o.Attempt)
}

// keep asks the session to record an order.
func (r *remote) keep(ctx context.Context, o keepOrder) (id int64, err error) {
	err = r.order(ctx, "/keep", o, func(kept outcome) { id = kept.delivery })
	if err == nil && id == 0 {
		err = fmt.Errorf("the session (process %d) recorded nothing", r.info.PID)
	}
	return id, err
}

// keep records what another igloo sent to an app.
func (s *session) keep(ctx context.Context, o keepOrder, report func(outcome)) error {
	// What comes through the socket is this user's own; it must still not be forwarded
	// or look as if Meta had sent it.
	o.Delivery.Source, o.Delivery.Forward = journal.Fired, false
	id, err := o.record(ctx, s.journal)
	if err == nil {
		report(outcome{Type: "kept", ID: journal.FormatID(id, 0)})
	}
	return err
}
