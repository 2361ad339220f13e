package forward_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/forward"
)

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 2}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := f.Run(ctx); err != nil {
				t.Errorf("Run = %v", err)
			}
		})
		for i := range 7 {
			j.append(message(fmt.Sprint(i), "hi"))
		}
		synctest.Wait()
		cancel()
		time.Sleep(1500 * time.Millisecond)
		j.append(message("8", "a request that was under way at the signal"))
		start := time.Now()
		wg.Wait()
		if got := len(j.recorded()); got != 8 {
			t.Errorf("%d attempts, want all 8", got)
		}
		if took := time.Since(start); took != 2500*time.Millisecond {
			t.Errorf("drained in %v after the last append, want 2.5s", took)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		var logged bytes.Buffer
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 1, DrainTimeout: 3 * time.Second, Logger: slog.New(slog.NewTextHandler(&logged, nil))}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second) })
		stop := run(t, f)
		for range 4 {
			j.append(message("1", "hi"))
		}
		synctest.Wait()
		start := time.Now()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("Run returned %v after the signal, want 3s", took)
		}
		// The first was answered, the second was under way, the others stay pending.
		attempts := j.recorded()
		if len(attempts) != 2 || !attempts[0].OK() || attempts[1].Err != "igloo stopped before the answer of app.test" {
			t.Errorf("attempts %+v, want one answered and one stopped", attempts)
		}
		if !strings.Contains(logged.String(), "replay --pending") {
			t.Errorf("log %q does not say how to send the rest", logged.String())
		}
	})
}

func TestDrainDoesNotWaitForDeadApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {}).setDown(true)
		stop := run(t, f)
		for i := range 40 {
			j.append(message(fmt.Sprint(i), "hi"))
		}
		synctest.Wait()
		start := time.Now()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 || len(j.recorded()) != 40 {
			t.Errorf("%d attempts within %v, want 40 at once", len(j.recorded()), took)
		}
	})
}
