package tunnel

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// proxyError is an error of the proxy, or on the way to it.
type proxyError struct{ err error }

func (e *proxyError) Error() string { return fmt.Sprintf("go through the proxy: %v", e.err) }
func (e *proxyError) Unwrap() error { return e.err }

// proxyAddress is the host:port of a proxy.
func proxyAddress(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

// connectThrough asks the proxy behind conn for a connection to address. The ngrok
// library knows how to ask a SOCKS proxy only.
func connectThrough(ctx context.Context, conn net.Conn, proxy *url.URL, address string, timeout time.Duration) (net.Conn, error) {
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	if proxy.Scheme == "https" {
		secure := tls.Client(conn, &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	header := http.Header{}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: header}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	// Byte by byte: what follows the header is not the proxy's, and a buffer would
	// keep it.
	resp, err := http.ReadResponse(bufio.NewReaderSize(&slowReader{conn, maxProxyHeader}, 16), req) //nolint:bodyclose // its body is the connection
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return nil, errors.New("it wants a user name and a password")
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers %d", resp.StatusCode)
	}
	return conn, conn.SetDeadline(time.Time{})
}

// maxProxyHeader bounds the answer of a proxy.
const maxProxyHeader = 16 << 10

// slowReader reads one byte at a time, and not too many.
type slowReader struct {
	r    io.Reader
	left int
}

// Read reads a byte.
func (s *slowReader) Read(p []byte) (int, error) {
	if s.left--; s.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	if len(p) == 0 {
		return 0, nil
	}
	return s.r.Read(p[:1])
}
