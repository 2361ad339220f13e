package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
)

// comeUpWithin is how long a tunnel may take to get its URL before the next one of a
// list is tried. The last one has all the time there is.
const comeUpWithin = 30 * time.Second

// tunnelNews is a report about a tunnel, with what the session knows beside it.
type tunnelNews struct {
	tunnel.Status
	Provider string
	Next     string // the tunnel that is tried in place of this one, which is given up
	Was      string // the callback URL that Meta may still have, when it is another
}

// ladder opens the first tunnel of a list that comes up, and the next one when it is
// gone for good. Nobody carries traffic whom the user has not named.
type ladder struct {
	names     []string
	open      func(name string) (tunnel.Provider, error)
	supervise func(tunnel.Provider) *tunnel.Supervisor
	report    func(tunnelNews)
}

// climb returns nil when ctx has ended, and else why each of the tunnels would not.
func (l *ladder) climb(ctx context.Context) error {
	var refused refusals
	for i, name := range l.names {
		next := ""
		if i+1 < len(l.names) {
			next = l.names[i+1]
		}
		err := l.try(ctx, name, next)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // an end of ctx is no refusal
		}
		refused = append(refused, refusal{name, err})
	}
	return refused.err()
}

// try keeps one tunnel open, and returns why there is no more of it.
func (l *ladder) try(ctx context.Context, name, next string) error {
	provider, err := l.open(name)
	if err != nil {
		l.report(tunnelNews{Provider: name, Next: next, Status: tunnel.Status{At: time.Now(), State: tunnel.Failed, Err: err, Hint: hintOf(err)}})
		return err
	}
	tryCtx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var late atomic.Bool
	patience := time.AfterFunc(comeUpWithin, func() {
		if next != "" {
			late.Store(true)
			giveUp()
		}
	})
	defer patience.Stop()
	var last tunnel.Status // the one before; reports come one at a time
	var tooLate error
	err = l.supervise(provider).Run(tryCtx, func(st tunnel.Status) {
		if st.URL != nil {
			patience.Stop()
		}
		news := tunnelNews{Status: st, Provider: name}
		switch {
		case st.State == tunnel.Closed && late.Load() && ctx.Err() == nil:
			tooLate = notUp(last)
			news.State, news.Err, news.Code, news.Hint, news.Next = tunnel.Failed, tooLate, last.Code, last.Hint, next
		case st.State == tunnel.Failed:
			news.Next = next
		}
		last = st
		l.report(news)
	})
	if tooLate != nil {
		return withHint(tooLate, last.Hint)
	}
	return err
}

// notUp says that a tunnel took too long, with the last trouble it had.
func notUp(last tunnel.Status) error {
	if last.Err == nil {
		return fmt.Errorf("not up within %s", comeUpWithin)
	}
	return fmt.Errorf("not up within %s: %w", comeUpWithin, last.Err)
}

// refusal is why a tunnel would not open, or not stay open.
type refusal struct {
	name string
	err  error
}

type refusals []refusal

// err is one error for all of them.
func (r refusals) err() error {
	switch len(r) {
	case 0:
		return nil
	case 1:
		return r[0].err
	}
	var reasons, hints []string
	for _, one := range r {
		_, reason, wrapped := strings.Cut(one.err.Error(), `": `)
		if !wrapped || !strings.HasPrefix(one.err.Error(), "open tunnel ") {
			reason = one.err.Error() // it was not even begun
		}
		reasons = append(reasons, one.name+": "+reason)
		if hint := hintOf(one.err); hint != "" {
			hints = append(hints, one.name+": "+hint)
		}
	}
	return withHint(errors.New("no tunnel could be opened: "+strings.Join(reasons, "; ")), strings.Join(hints, "; "))
}
