//go:build unix

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
)

// TestInterruptedFire: who interrupts a fire reads how far it came, and nothing of how
// that is done inside.
func TestInterruptedFire(t *testing.T) {
	s := withSecret(t)
	arrived, ended := make(chan struct{}, 10), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice who went away
		arrived <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}))
	t.Cleanup(app.Close)
	t.Cleanup(func() { close(ended) }) // before the app is closed
	s.listen(t, "--forward-to", app.URL)
	for _, to := range [][]string{{"--to", app.URL}, nil} {
		p := s.start(t, append([]string{"fire", "comments"}, to...)...)
		<-arrived
		if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if code := p.wait(t); code != exitInterrupted {
			t.Errorf("fire %s: exit code %d, want %d", to, code, exitInterrupted)
		}
		if got, want := p.stdout.String()+p.stderr.String(), "igloo: interrupted after 0 of 1\n"; got != want {
			t.Errorf("fire %s: %q, want %q", to, got, want)
		}
	}
}
