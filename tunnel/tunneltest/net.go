package tunneltest

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// FreeAddr returns a host:port of this machine that nobody listens at just now.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it only held the port
	return l.Addr().String()
}

// Public returns a client whose https requests, whatever their host, come in at a
// forwarded port, as through a proxy that ended TLS.
func Public(forwarded string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", forwarded)
		},
		DisableKeepAlives: true,
	}}
}
