package tunneltest

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

// headerErrorCode carries the reason when the edge answers itself.
const headerErrorCode = "Ngrok-Error-Code"

// visitor is the key of the public client's address in the context of a request
// that goes through a tunnel.
type visitor struct{}

// newServer returns the public side.
func (e *Edge) newServer() *http.Server {
	discard := log.New(io.Discard, "", 0)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host = r.In.Host
			r.Out.Header["User-Agent"] = r.In.Header["User-Agent"] // absent stays absent
		},
		Transport: &http.Transport{
			DisableKeepAlives:  true,
			DisableCompression: true,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				from, _ := ctx.Value(visitor{}).(string)
				host, _, _ := strings.Cut(addr, ":")
				return e.dial(host, from)
			},
		},
		ErrorLog: discard,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			fail(w, http.StatusBadGateway, "ERR_NGROK_3004")
		},
	}
	return &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          discard,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := strings.Cut(r.Host, ":")
			if _, ok := e.find(host); !ok {
				fail(w, http.StatusNotFound, "ERR_NGROK_3200")
				return
			}
			ctx := context.WithValue(r.Context(), visitor{}, r.RemoteAddr)
			proxy.ServeHTTP(w, r.WithContext(ctx))
		}),
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set(headerErrorCode, code)
	w.WriteHeader(status)
}

// newClient returns the public: every host is the edge.
func (e *Edge) newClient() *http.Client {
	addr := e.public.Addr().String()
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.Pool()},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 256,
	}}
}

// Client returns a client for which the edge is every host there is: what it
// asks an https URL for comes through the tunnel of that host.
func (e *Edge) Client() *http.Client { return e.client }

// ServerConfig is the configuration of another server that the public may take for any
// host: its certificates are the edge's.
func (e *Edge) ServerConfig() *tls.Config { return e.ca.serverConfig() }

// PublicAddr is the host:port of the public side, for clients of other kinds.
// It speaks TLS and has a certificate for every host.
func (e *Edge) PublicAddr() string { return e.public.Addr().String() }

// OpenRaw returns a connection through the tunnel of host to the server behind
// it, for clients that are slow or worse. It carries plain HTTP/1.1.
func (e *Edge) OpenRaw(host string) (net.Conn, error) {
	return e.dial(host, "203.0.113.9:4711")
}

// dial opens a connection through the tunnel of host in the name of from.
func (e *Edge) dial(host, from string) (net.Conn, error) {
	ep, ok := e.find(host)
	if !ok {
		return nil, errOffline(host)
	}
	stream, err := ep.session.mux.OpenTypedStream(streamProxy)
	if err != nil {
		return nil, err
	}
	header := proxyHeader{ID: ep.id, ClientAddr: from, Proto: ep.proto, EdgeType: "0", PassthroughTLS: ep.proto == protoTLS}
	if err := writeProxyHeader(stream, header); err != nil {
		_ = stream.Close()
		return nil, err
	}
	return stream, nil
}

func (e *Edge) find(host string) (*endpoint, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ep, ok := e.endpoints[strings.ToLower(host)]
	return ep, ok
}
