package tunneltest_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

func TestMemoryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := tunneltest.NewMemory("https://memory.test")
		s := tunnel.Supervisor{
			Provider: m,
			Ingress: tunnel.HTTPIngress("", time.Second, func() *http.Server {
				return &http.Server{Handler: http.NotFoundHandler()}
			}),
		}
		var r tunneltest.Recorder
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, r.Emit) }()
		r.Await(t, tunnel.Online)
		m.Fail(ctx, errors.New("the weather"))
		r.Await(t, tunnel.Online)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		want := []tunnel.State{tunnel.Connecting, tunnel.Online, tunnel.Reconnecting, tunnel.Online, tunnel.Closed}
		if got := r.States(); !slices.Equal(got, want) {
			t.Errorf("states %v, want %v", got, want)
		}
	})
}
