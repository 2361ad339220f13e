package forward_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/forward"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{}, j)
		newPipeApp(t, f, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, "a body that is not remembered")
		})
		run(t, f)
		id := j.append(message("1", "hi"))
		start := time.Now()
		var wg sync.WaitGroup
		for _, late := range []time.Duration{0, 500 * time.Millisecond, 2 * time.Second} {
			wg.Go(func() {
				time.Sleep(late)
				a, err := f.Wait(t.Context(), id)
				if err != nil || a.Delivery != id || a.Status != http.StatusTeapot || a.Body != nil || a.Header != nil {
					t.Errorf("Wait after %v = %+v, %v", late, a, err)
				}
				if took, want := time.Since(start), max(late, time.Second); took != want {
					t.Errorf("Wait after %v returned at %v, want %v", late, took, want)
				}
			})
		}
		wg.Wait()
	})
}

func TestWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{DrainTimeout: time.Second}, j)
		newPipeApp(t, f, func(_ http.ResponseWriter, r *http.Request) { hang(r) })
		stop := run(t, f)
		under := j.append(message("1", "under way at the end"))
		pending := j.append(message("1", "never started"))
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Wait(ctx, pending); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v, want %v", err, context.DeadlineExceeded)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if a, err := f.Wait(t.Context(), under); err != nil || a.Err == "" {
				t.Errorf("Wait for the interrupted one = %+v, %v, want a failed attempt", a, err)
			}
		})
		wg.Go(func() {
			if _, err := f.Wait(t.Context(), pending); !errors.Is(err, forward.ErrStopped) {
				t.Errorf("Wait for the pending one = %v, want %v", err, forward.ErrStopped)
			}
		})
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestWaitForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		f := newForwarder(t, "http://app.test", forward.Config{Concurrency: 1}, j)
		newPipeApp(t, f, func(http.ResponseWriter, *http.Request) {})
		run(t, f)
		for range forward.Remembered + 1 {
			j.append(message("1", "hi"))
		}
		synctest.Wait()
		if _, err := f.Wait(t.Context(), 1); !errors.Is(err, forward.ErrForgotten) {
			t.Errorf("Wait for the first = %v, want %v", err, forward.ErrForgotten)
		}
		if a, err := f.Wait(t.Context(), 2); err != nil || a.Delivery != 2 {
			t.Errorf("Wait for the second = %+v, %v", a, err)
		}
	})
}
