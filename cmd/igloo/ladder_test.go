package main

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/tunnel"
)

// rung is a tunnel of a test: it does as its script says.
type rung struct {
	name string
	run  func(ctx context.Context, emit func(tunnel.Status)) error
}

func (r rung) Info() tunnel.Info { return tunnel.Info{Name: r.name} }

func (r rung) Run(ctx context.Context, _ tunnel.Ingress, emit func(tunnel.Status)) error {
	return r.run(ctx, emit)
}

// The scripts.
func comesUp(ctx context.Context, emit func(tunnel.Status)) error {
	emit(tunnel.Status{State: tunnel.Online, URL: &url.URL{Scheme: "https", Host: "up.example"}})
	<-ctx.Done()
	return nil
}

func refuses(context.Context, func(tunnel.Status)) error {
	return &tunnel.FatalError{Hint: "get a token", Err: errors.New("no such account")}
}

func hangs(ctx context.Context, _ func(tunnel.Status)) error {
	<-ctx.Done()
	return nil
}

func isAway(context.Context, func(tunnel.Status)) error { return errors.New("connection refused") }

// after comes up, and does something else after a while.
func after(d time.Duration, then func(context.Context, func(tunnel.Status)) error) func(context.Context, func(tunnel.Status)) error {
	return func(ctx context.Context, emit func(tunnel.Status)) error {
		up, down := context.WithTimeout(ctx, d)
		defer down()
		_ = comesUp(up, emit)
		if ctx.Err() != nil {
			return nil
		}
		return then(ctx, emit)
	}
}

// climb lets a ladder run for a time, and returns its final reports by tunnel, and its
// error.
func climb(t *testing.T, during time.Duration, rungs ...rung) (got []string, err error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), during)
	defer stop()
	byName := map[string]rung{}
	l := ladder{
		open: func(name string) (tunnel.Provider, error) {
			if byName[name].run == nil {
				return nil, withHint(errors.New("not installed"), "install it")
			}
			return byName[name], nil
		},
		supervise: func(p tunnel.Provider) *tunnel.Supervisor { return &tunnel.Supervisor{Provider: p} },
		report: func(news tunnelNews) {
			if news.State == tunnel.Connecting || news.State == tunnel.Reconnecting {
				return // as many as there is time for
			}
			text := news.Provider + " " + news.State.String()
			if news.Err != nil {
				text += ": " + news.Err.Error()
			}
			if news.Next != "" {
				text += ", next " + news.Next
			}
			got = append(got, text)
		},
	}
	for _, r := range rungs {
		l.names, byName[r.name] = append(l.names, r.name), r
	}
	err = l.climb(ctx)
	return got, err
}

func TestLadder(t *testing.T) {
	const hour = time.Hour
	for _, tt := range []struct {
		name   string
		rungs  []rung
		want   []string
		err    string
		hint   string
		during time.Duration
	}{
		{
			name: "the first comes up", rungs: []rung{{"a", comesUp}, {"b", comesUp}}, during: hour,
			want: []string{"a online", "a closed"},
		},
		{
			name: "the first refuses", rungs: []rung{{"a", refuses}, {"b", comesUp}}, during: hour,
			want: []string{"a failed: no such account, next b", "b online", "b closed"},
		},
		{
			name: "the first is not there", rungs: []rung{{"a", nil}, {"b", comesUp}}, during: hour,
			want: []string{"a failed: not installed, next b", "b online", "b closed"},
		},
		{
			name: "the first hangs", rungs: []rung{{"a", hangs}, {"b", comesUp}}, during: hour,
			want: []string{"a failed: not up within 30s, next b", "b online", "b closed"},
		},
		{
			name: "the first is away", rungs: []rung{{"a", isAway}, {"b", comesUp}}, during: hour,
			want: []string{"a failed: not up within 30s: connection refused, next b", "b online", "b closed"},
		},
		{
			name: "not yet", rungs: []rung{{"a", hangs}, {"b", comesUp}}, during: 29 * time.Second,
			want: []string{"a closed"},
		},
		{
			name: "one that was up may be away for long", rungs: []rung{{"a", after(hour, hangs)}, {"b", comesUp}}, during: 2 * hour,
			want: []string{"a online", "a closed"},
		},
		{
			name: "one that was up dies for good", rungs: []rung{{"a", after(hour, refuses)}, {"b", comesUp}}, during: 2 * hour,
			want: []string{"a online", "a failed: no such account, next b", "b online", "b closed"},
		},
		{
			name: "the last has all the time", rungs: []rung{{"a", refuses}, {"b", hangs}}, during: hour,
			want: []string{"a failed: no such account, next b", "b closed"},
		},
		{
			name: "one alone refuses", rungs: []rung{{"a", refuses}}, during: hour,
			want: []string{"a failed: no such account"},
			err:  `open tunnel "a": no such account`, hint: "get a token",
		},
		{
			name: "all refuse", rungs: []rung{{"a", nil}, {"b", hangs}, {"c", refuses}}, during: hour,
			want: []string{"a failed: not installed, next b", "b failed: not up within 30s, next c", "c failed: no such account"},
			err:  "no tunnel could be opened: a: not installed; b: not up within 30s; c: no such account",
			hint: "a: install it; c: get a token",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := climb(t, tt.during, tt.rungs...)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("reports (-want +got):\n%s", diff)
				}
				if text := errText(err); text != tt.err || hintOf(err) != tt.hint {
					t.Errorf("climb() = %q, hint %q, want %q, hint %q", text, hintOf(err), tt.err, tt.hint)
				}
			})
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
