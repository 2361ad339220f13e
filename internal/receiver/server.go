package receiver

import (
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	maxHeader         = 16 << 10
	headerTimeout     = 5 * time.Second
	idleTimeout       = 60 * time.Second
	maxConnections    = 2 * maxInFlight // open at once; the next one is closed
	headerSlack       = 4096            // net/http adds it to MaxHeaderBytes
	unreadBodyTimeout = bodyTimeout     // for what an early answer leaves unread
)

// Server returns an [http.Server] for the callback URL, with every limit in place.
// It starts nothing: the caller serves its listeners, one or several, and shuts it
// down.
//
// There is no WriteTimeout: an expired write deadline can corrupt the session of a
// tunnel that carries many connections in one. Answers are small instead.
func (r *Receiver) Server() *http.Server {
	http1 := new(http.Protocols)
	http1.SetHTTP1(true) // all that Meta and the tunnels speak
	return &http.Server{
		Handler:           r,
		Protocols:         http1,
		MaxHeaderBytes:    maxHeader - headerSlack,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       unreadBodyTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelWarn),
		ConnState:         limitConnections(maxConnections),

		// "OPTIONS *" is another path like any other.
		DisableGeneralOptionsHandler: true,
	}
}

// limitConnections returns a hook that closes a new connection when there are
// already n.
func limitConnections(n int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > n {
				// The server notices on its first read, and reports it closed.
				_ = c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
}
