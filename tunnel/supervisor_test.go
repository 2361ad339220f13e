package tunnel_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// script is a provider that does what the test wants; n counts the runs from 1.
type script func(ctx context.Context, n int, emit func(tunnel.Status)) error

type scripted struct {
	run script
	n   int
}

func (*scripted) Info() tunnel.Info { return tunnel.Info{Name: "scripted"} }

func (s *scripted) Run(ctx context.Context, _ tunnel.Ingress, emit func(tunnel.Status)) error {
	s.n++
	return s.run(ctx, s.n, emit)
}

var errPasses = errors.New("the weather")

func online(emit func(tunnel.Status)) {
	emit(tunnel.Status{State: tunnel.Online, URL: &url.URL{Scheme: "https", Host: "a.test"}})
}

func TestSupervisorBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts []time.Duration
		begin := time.Now()
		l := openLab(t, &scripted{run: func(context.Context, int, func(tunnel.Status)) error {
			starts = append(starts, time.Since(begin))
			begin = time.Now()
			return errPasses
		}}, tunnel.Ingress{}, &logBuffer{})
		time.Sleep(5 * time.Minute)
		l.stop(t)

		want := []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
		for i, most := range want {
			if got := starts[i]; got > most || got < most*3/4 {
				t.Errorf("run %d starts after %v, want %v less up to a quarter", i, got, most)
			}
		}
		st := l.All()[2]
		if st.State != tunnel.Connecting || st.Attempt != 3 || !errors.Is(st.Err, errPasses) || st.RetryIn != starts[3] {
			t.Errorf("third report %+v, want attempt 3, again in %v", st, starts[3])
		}
	})
}

// The end of an outage must not be missed for long, and a service that wants to be left
// alone is.
func TestSupervisorWaits(t *testing.T) {
	tests := []struct {
		name        string
		err         error
		least, most time.Duration // before the tenth try
	}{
		{"outage", tunnel.Passing(errPasses, true, 0), 3 * time.Second, 4 * time.Second},
		{"refusal", tunnel.Passing(errPasses, false, 0), 20 * time.Second, 30 * time.Second},
		{"limit", tunnel.Passing(errPasses, true, 5*time.Minute), 5 * time.Minute, 5 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := openLab(t, &scripted{run: func(context.Context, int, func(tunnel.Status)) error { return tt.err }}, tunnel.Ingress{}, &logBuffer{})
				time.Sleep(time.Hour)
				l.stop(t)
				if got := l.All()[9].RetryIn; got < tt.least || got > tt.most {
					t.Errorf("the wait is %v, want %v to %v", got, tt.least, tt.most)
				}
			})
		})
	}
}

func TestSupervisorStartsOverAfterATimeOnline(t *testing.T) {
	tests := []struct {
		up   time.Duration
		want int // the attempt after the second failure
	}{
		{time.Second, 2},
		{time.Minute, 1},
	}
	for _, tt := range tests {
		t.Run(tt.up.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := openLab(t, &scripted{run: func(ctx context.Context, n int, emit func(tunnel.Status)) error {
					emit(tunnel.Status{State: tunnel.Connecting})
					if n == 3 {
						<-ctx.Done()
						return nil
					}
					online(emit)
					time.Sleep(tt.up)
					return errPasses
				}}, tunnel.Ingress{}, &logBuffer{})
				synctest.Wait()
				time.Sleep(3 * time.Minute)
				l.stop(t)
				want := []tunnel.State{
					tunnel.Connecting, tunnel.Online, tunnel.Reconnecting, tunnel.Online, tunnel.Reconnecting, tunnel.Closed,
				}
				if got := l.States(); !slices.Equal(got, want) {
					t.Errorf("states %v, want %v", got, want)
				}
				var attempt int
				for _, st := range l.All() {
					attempt = max(attempt, st.Attempt)
				}
				if attempt != tt.want {
					t.Errorf("attempt %d after two failures, want %d", attempt, tt.want)
				}
			})
		})
	}
}

func TestSupervisorGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fatal := &tunnel.FatalError{Code: "E1", Hint: "do this", Err: errors.New("no")}
		p := &scripted{run: func(context.Context, int, func(tunnel.Status)) error {
			return fmt.Errorf("wrapped: %w", fatal)
		}}
		l := openLab(t, p, tunnel.Ingress{}, &logBuffer{})
		err := <-l.ended
		if want := `open tunnel "scripted": no (E1)`; err == nil || err.Error() != want {
			t.Errorf("Run = %v, want %q", err, want)
		}
		st := l.last()
		if st.State != tunnel.Failed || st.Code != "E1" || st.Hint != "do this" || st.At.IsZero() {
			t.Errorf("last report %+v, want %v with code, hint and time", st, tunnel.Failed)
		}
		if p.n != 1 {
			t.Errorf("%d runs, want 1", p.n)
		}
	})
}

func TestSupervisorRunsAgainWhatEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLab(t, &scripted{run: func(context.Context, int, func(tunnel.Status)) error { return nil }},
			tunnel.Ingress{}, &logBuffer{})
		st := l.Await(t, tunnel.Connecting)
		if st.Err == nil || st.RetryIn == 0 {
			t.Errorf("report %+v, want an error and the next try", st)
		}
		l.stop(t)
	})
}

func TestSupervisorEndsBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &scripted{}
	var r tunneltest.Recorder
	s := tunnel.Supervisor{Provider: p}
	if err := s.Run(ctx, r.Emit); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if got := r.States(); !slices.Equal(got, []tunnel.State{tunnel.Closed}) || p.n > 0 {
		t.Errorf("states %v after %d runs, want %v and none", got, p.n, tunnel.Closed)
	}
}

// A provider must never wait for a screen to be drawn.
func TestSupervisorSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const beats, losses = 1000, 100
		emitted := make(chan struct{})
		s := tunnel.Supervisor{Provider: &scripted{run: func(ctx context.Context, _ int, emit func(tunnel.Status)) error {
			online(emit)
			for i := range beats {
				emit(tunnel.Status{State: tunnel.Online, URL: &url.URL{Scheme: "https", Host: "a.test"}, Latency: time.Duration(i)})
			}
			for i := range losses {
				emit(tunnel.Status{State: tunnel.Reconnecting, Err: errPasses, Attempt: i})
			}
			close(emitted)
			<-ctx.Done()
			return nil
		}}}
		ctx, cancel := context.WithCancel(t.Context())
		read := make(chan struct{})
		var got []tunnel.Status
		ended := make(chan error, 1)
		go func() {
			ended <- s.Run(ctx, func(st tunnel.Status) {
				<-read
				got = append(got, st)
			})
		}()
		<-emitted // with nothing read
		close(read)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if len(got) > 66 {
			t.Errorf("%d reports for a slow reader, want the repeated ones merged", len(got))
		}
		end := got[len(got)-2:]
		if end[0].Attempt != losses-1 || end[1].State != tunnel.Closed {
			t.Errorf("the last reports are %+v, want the last loss and %v", end, tunnel.Closed)
		}
	})
}

func TestSupervisorRedacts(t *testing.T) {
	const held = "held-by-igloo"
	text := held + " and " + otherToken
	provider := &scripted{run: func(_ context.Context, n int, emit func(tunnel.Status)) error {
		emit(tunnel.Status{State: tunnel.Degraded, Err: errors.New(text), Hint: text, Account: tunnel.Account{Banner: text}})
		if n == 1 {
			return errors.New(text)
		}
		return &tunnel.FatalError{Hint: text, Err: errors.New(text)}
	}}
	log := &logBuffer{}
	s := tunnel.Supervisor{Provider: provider, Secrets: []secret.Value{secret.New(held)}, Logger: log.logger()}
	var r tunneltest.Recorder
	err := s.Run(t.Context(), r.Emit)
	said := []string{fmt.Sprintf("%v %+v %s", err, r.All(), log)}
	for _, st := range r.All() {
		said = append(said, fmt.Sprint(st.Err))
	}
	for _, text := range said {
		if strings.Contains(text, held) || strings.Contains(text, otherToken) {
			t.Errorf("a secret shows in %s", text)
		}
		if !strings.Contains(text, "[redacted] and [redacted]") && text != "<nil>" {
			t.Errorf("the rest of the text is missing in %s", text)
		}
	}
}

func TestSupervisorLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLab(t, &scripted{run: func(ctx context.Context, n int, emit func(tunnel.Status)) error {
			online(emit)
			if n == 1 {
				return errPasses
			}
			<-ctx.Done()
			return nil
		}}, tunnel.Ingress{}, &logBuffer{})
		time.Sleep(time.Minute)
		l.stop(t)
		var levels []string
		for line := range strings.Lines(l.log.String()) {
			_, rest, _ := strings.Cut(line, "level=")
			level, _, _ := strings.Cut(rest, " ")
			levels = append(levels, level)
		}
		if want := []string{"INFO", "WARN", "INFO", "DEBUG"}; !slices.Equal(levels, want) {
			t.Errorf("levels %v, want %v in\n%s", levels, want, l.log)
		}
		if want := "provider=scripted state=online url=https://a.test"; !strings.Contains(l.log.String(), want) {
			t.Errorf("log has no %q:\n%s", want, l.log)
		}
	})
}
