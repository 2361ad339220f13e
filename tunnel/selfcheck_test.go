package tunnel_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// blocked is what a self-check says of a URL that does not reach us.
type blocked struct{}

func (blocked) Error() string { return "a page stands before it" }
func (blocked) Hint() string  { return "take the page away" }
func (blocked) Code() string  { return "page" }

// states lists the reports as "state host: err".
func states(all []tunnel.Status) []string {
	var out []string
	for _, st := range all {
		text := st.State.String()
		if st.URL != nil {
			text += " " + st.URL.Host
		}
		if st.Err != nil {
			text += ": " + st.Err.Error()
		}
		out = append(out, text)
	}
	return out
}

func onlineAt(emit func(tunnel.Status), host string) {
	emit(tunnel.Status{State: tunnel.Online, URL: &url.URL{Scheme: "https", Host: host}})
}

// runChecked runs a supervisor with a self-check for as long as during takes.
func runChecked(t *testing.T, run script, check tunnel.Check, silence func() time.Duration, during time.Duration) []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := tunnel.Supervisor{Provider: &scripted{run: run}, Check: check, Silence: silence}
	recorder := &tunneltest.Recorder{}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, recorder.Emit) }()
	time.Sleep(during)
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run() = %v", err)
	}
	return states(recorder.All())
}

func TestSelfCheckComesBeforeOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		got := runChecked(t, func(ctx context.Context, _ int, emit func(tunnel.Status)) error {
			onlineAt(emit, "a.test")
			<-ctx.Done()
			return nil
		}, func(_ context.Context, public *url.URL) error {
			time.Sleep(time.Second)
			asked = append(asked, public.Host)
			return nil
		}, nil, 10*time.Minute)
		if diff := cmp.Diff([]string{"checking a.test", "online a.test", "closed"}, got); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"a.test"}, asked); diff != "" {
			t.Errorf("self-checks in ten minutes (-want +got):\n%s", diff)
		}
	})
}

func TestSelfCheckFailsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		got := runChecked(t, func(ctx context.Context, _ int, emit func(tunnel.Status)) error {
			onlineAt(emit, "a.test")
			time.Sleep(20 * time.Second)
			onlineAt(emit, "a.test") // a new latency must not hide what is wrong
			<-ctx.Done()
			return nil
		}, func(context.Context, *url.URL) error {
			if asked++; asked < 6 {
				return blocked{}
			}
			return nil
		}, nil, time.Hour)
		degraded := "degraded a.test: a page stands before it"
		// The first failure is not believed; then 2, 4, 8, 16 s pass between the others.
		want := []string{"checking a.test", degraded, degraded, degraded, degraded, degraded, "online a.test", "closed"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
	})
}

func TestSelfCheckHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := tunnel.Supervisor{
			Provider: &scripted{run: func(ctx context.Context, _ int, emit func(tunnel.Status)) error {
				online(emit)
				<-ctx.Done()
				return nil
			}},
			Check: func(context.Context, *url.URL) error { return blocked{} },
		}
		recorder := &tunneltest.Recorder{}
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, recorder.Emit) }()
		time.Sleep(time.Minute)
		if st := recorder.All()[1]; st.State != tunnel.Degraded || st.Hint != "take the page away" || st.Code != "page" {
			t.Errorf("second report = %v, code %q, hint %q, want degraded with the check's", st.State, st.Code, st.Hint)
		}
		stop()
		<-done
	})
}

func TestSelfCheckFollowsTheURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Int32
		got := runChecked(t, func(ctx context.Context, n int, emit func(tunnel.Status)) error {
			onlineAt(emit, fmt.Sprintf("%d.test", n))
			time.Sleep(time.Second)
			if n < 3 {
				return errors.New("dropped")
			}
			<-ctx.Done()
			return nil
		}, func(ctx context.Context, public *url.URL) error {
			if public.Host == "1.test" {
				<-ctx.Done() // given up when the URL goes
				given.Add(1)
			}
			return nil
		}, nil, 10*time.Second)
		want := []string{
			"checking 1.test", "reconnecting: dropped", "checking 2.test", "online 2.test", "reconnecting: dropped",
			"checking 3.test", "online 3.test", "closed",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
		if given.Load() != 1 {
			t.Errorf("%d checks of the first URL given up, want 1", given.Load())
		}
	})
}

func TestSelfCheckAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var last atomic.Pointer[time.Time]
		var asked []time.Duration
		runChecked(t, func(ctx context.Context, _ int, emit func(tunnel.Status)) error {
			online(emit)
			for range 10 { // a delivery each minute for ten minutes, then none
				time.Sleep(time.Minute)
				now := time.Now()
				last.Store(&now)
			}
			<-ctx.Done()
			return nil
		}, func(context.Context, *url.URL) error {
			asked = append(asked, time.Since(begin))
			return nil
		}, func() time.Duration { return time.Since(*last.Load()) }, 75*time.Minute)
		if diff := cmp.Diff([]time.Duration{0, 40 * time.Minute, 70 * time.Minute}, asked); diff != "" {
			t.Errorf("self-checks after (-want +got):\n%s", diff)
		}
	})
}
