package tunnel

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// HTTPIngress returns an Ingress that serves HTTP. newServer is called for each
// listener, because a server that was shut down cannot serve again. Once a
// listener is closed, its server gets up to drain to answer what it accepted;
// idle connections end at once.
//
// End the provider's context to shut down. A server that is shut down directly
// ends its Serve before the answers are out, and the provider would take the
// connection away from under them.
func HTTPIngress(loopbackURL string, drain time.Duration, newServer func() *http.Server) Ingress {
	return Ingress{
		LoopbackURL: loopbackURL,
		Serve: func(l net.Listener) error {
			srv := newServer()
			err := srv.Serve(l)
			ctx, cancel := context.WithTimeout(context.Background(), drain)
			defer cancel()
			if srv.Shutdown(ctx) != nil {
				_ = srv.Close() // what is left after drain is cut off
			}
			if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		},
	}
}
