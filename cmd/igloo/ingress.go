package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"

	"github.com/igloo-dev/igloo/internal/receiver"
)

// listenIngress opens the ingress. A port the user did not name moves to the next
// free one.
func listenIngress(ctx context.Context, address string, named bool) (net.Listener, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, usagef("a host and a port: --listen 127.0.0.1:4456", "--listen: %q is not an address", address)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 0 || port > 65535 {
		return nil, usagef("a host and a port: --listen 127.0.0.1:4456", "--listen: %q is not a port", portText)
	}
	var first error
	var listener net.ListenConfig
	for try := port; try <= min(port+100, 65535); try++ {
		l, err := listener.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(try)))
		if err == nil {
			return l, nil
		}
		if first == nil {
			first = err
		}
		if named || port == 0 {
			break
		}
	}
	return nil, withHint(fmt.Errorf("listen on %s: %w", address, plainNetError(first)), "choose another port: --listen 127.0.0.1:0 takes any free one")
}

// plainNetError leaves the reason of a network error and drops the addresses that
// the sentence around it names already.
func plainNetError(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}

// allowHost lets the public host and the user's own names through.
func (s *session) allowHost(host string) bool {
	if s.tunnels.publicHost() == host {
		return true
	}
	return slices.ContainsFunc(s.flags.AllowHost, func(allowed string) bool {
		name, ok := receiver.HostName(allowed)
		return ok && name == host
	})
}

// serveUntil runs a server until ctx ends and shuts it down within drainTimeout.
func serveUntil(ctx context.Context, srv *http.Server, l net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if srv.Shutdown(drain) != nil {
		_ = srv.Close() // what is left is cut off
	}
	<-done //nolint:errcheck // every Shutdown makes Serve say the same
	return nil
}
