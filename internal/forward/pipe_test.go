package forward_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/igloo-dev/igloo/internal/forward"
)

// pipeApp is an app on a network in memory, for tests in a synctest bubble. It can
// be down, like an app that is being restarted.
type pipeApp struct {
	mu     sync.Mutex
	down   bool
	dials  int
	conns  chan net.Conn
	closed chan struct{}
}

// newPipeApp starts the app, and makes f reach nothing else.
func newPipeApp(t *testing.T, f *forward.Forwarder, handler http.HandlerFunc) *pipeApp {
	t.Helper()
	app := &pipeApp{conns: make(chan net.Conn), closed: make(chan struct{})}
	forward.SetDial(f, app.dial)
	var wg sync.WaitGroup
	server := &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wg.Add(1)
		defer wg.Done()
		handler(w, r)
	})}
	wg.Go(func() { _ = server.Serve(app) })
	t.Cleanup(func() {
		_ = server.Close()
		wg.Wait()
	})
	return app
}

func (app *pipeApp) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	app.mu.Lock()
	app.dials++
	down := app.down
	app.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	client, server := net.Pipe()
	select {
	case app.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (app *pipeApp) setDown(down bool) {
	app.mu.Lock()
	defer app.mu.Unlock()
	app.down = down
}

func (app *pipeApp) dialed() int {
	app.mu.Lock()
	defer app.mu.Unlock()
	return app.dials
}

// Accept, Close and Addr make it a [net.Listener].

func (app *pipeApp) Accept() (net.Conn, error) {
	select {
	case conn := <-app.conns:
		return conn, nil
	case <-app.closed:
		return nil, net.ErrClosed
	}
}

func (app *pipeApp) Close() error {
	close(app.closed)
	return nil
}

func (app *pipeApp) Addr() net.Addr { return &net.UnixAddr{Name: "app", Net: "pipe"} }
