package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
)

// defaultTimeout is what a delivery may take. Meta waits 5 to 20 s, by its pages.
const defaultTimeout = 30 * time.Second

// ClientConfig configures a [Client]. The zero value is ready to use.
type ClientConfig struct {
	// ExtraCAs are certificates in PEM that are trusted beside the system's.
	ExtraCAs []byte
	// Certificates are shown to a server that asks for one.
	Certificates []tls.Certificate
	// Timeout bounds one delivery from the first try to connect to the end of the
	// answer; 0 means 30 s.
	Timeout time.Duration
	// SlowBody is how long the body of a delivery with the fault [SlowBody] takes; 0
	// means 8 s.
	SlowBody time.Duration
}

// Client sends requests over HTTP/1.1 and keeps connections open between them. It
// writes the headers of a [Request] as they are, follows no redirect, uses no
// proxy and never compresses. It is safe for concurrent use.
type Client struct {
	tls     *tls.Config
	timeout time.Duration
	slow    time.Duration
	dialer  net.Dialer
	pool    pool
	heads   sync.Pool // of *[]byte, to write request heads into
}

// NewClient returns a client. It fails when the extra certificates can't be read.
func NewClient(cfg ClientConfig) (*Client, error) {
	c := &Client{
		tls:     &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
		timeout: cfg.Timeout,
		slow:    cfg.SlowBody,
	}
	if len(cfg.Certificates) > 0 {
		c.tls.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return chooseCertificate(asked, cfg.Certificates), nil
		}
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.slow <= 0 {
		c.slow = defaultSlowBody
	}
	if len(cfg.ExtraCAs) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool() // a system without a store has the extra ones
		}
		if !roots.AppendCertsFromPEM(cfg.ExtraCAs) {
			return nil, errors.New("no certificate in PEM form among the extra certificate authorities")
		}
		c.tls.RootCAs = roots
	}
	return c, nil
}

// chooseCertificate returns the certificate a server asks for, else the first: what is
// wrong with it is for the server to say.
func chooseCertificate(asked *tls.CertificateRequestInfo, all []tls.Certificate) *tls.Certificate {
	for i := range all {
		if asked.SupportsCertificate(&all[i]) == nil {
			return &all[i]
		}
	}
	return &all[0]
}

// Close closes the idle connections. Requests under way are not disturbed.
func (c *Client) Close() { c.pool.close() }

// Response is the app's answer.
type Response struct {
	Status    int    // 0 when a fault left no answer: always so with [CloseEarly]
	Proto     string // "HTTP/1.1"
	Header    http.Header
	Body      []byte // the first 256 KiB
	Truncated bool   // the body was longer
	Early     bool   // it came before the request was written to its end
	Reused    bool   // on a connection that was kept open
	Took      time.Duration
}

// Send delivers a request and returns the answer, whatever its status. Extra
// headers follow Meta's. The error is a [*SendError] or the context's.
//
// A connection that was kept open and turns out to be closed is replaced by a new
// one, so an app that restarts in that moment may see the delivery twice; Meta
// repeats deliveries too.
func (c *Client) Send(ctx context.Context, target *url.URL, r *Request, extra ...fixtures.HeaderField) (Response, error) {
	start := time.Now()
	buf, ok := c.heads.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	defer c.heads.Put(buf) // whatever was writing it is done by then
	head, err := appendHead((*buf)[:0], target, r, extra)
	if err != nil {
		return Response{}, err
	}
	*buf = head
	deadline := start.Add(c.timeout) // the context's own breaks the request off by itself
	if r.Fault != "" && r.Fault.OnWire() {
		answer, err := c.sendFaulty(ctx, target, deadline, r, head)
		if answer.Took = time.Since(start); err != nil {
			return Response{}, explain(ctx, target, err, answer.Took)
		}
		return answer, nil
	}
	for {
		conn, err := c.conn(ctx, target, deadline)
		if err != nil {
			return Response{}, explain(ctx, target, err, time.Since(start))
		}
		reused := conn.used
		answer, err := conn.roundTrip(ctx, deadline, head, r.Body)
		if err != nil && reused && conn.silent && ctx.Err() == nil && !isTimeout(err) {
			continue // it was closed while idle
		}
		if err != nil {
			return Response{}, explain(ctx, target, err, time.Since(start))
		}
		if conn.reusable {
			c.pool.put(conn)
		}
		answer.Reused, answer.Took = reused, time.Since(start)
		return answer, nil
	}
}

// appendHead appends request line and headers.
func appendHead(dst []byte, target *url.URL, r *Request, extra []fixtures.HeaderField) ([]byte, error) {
	if target.User != nil {
		return nil, errUser
	}
	dst = append(dst, "POST "...)
	dst = append(dst, target.RequestURI()...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	for _, fields := range [2][]fixtures.HeaderField{r.Header, extra} {
		for _, f := range fields {
			value := f.Value
			if value == "" {
				switch {
				case strings.EqualFold(f.Name, "Host"):
					value = hostHeader(target)
				case strings.EqualFold(f.Name, "Content-Length"):
					value = strconv.Itoa(len(r.Body))
				default:
					continue
				}
			}
			if !sendable(f.Name) || !sendable(value) || strings.IndexByte(f.Name, ':') >= 0 {
				return nil, fmt.Errorf("header %q can't be sent: it holds a control character", f.Name)
			}
			dst = append(dst, f.Name...)
			dst = append(dst, ": "...)
			dst = append(dst, value...)
			dst = append(dst, "\r\n"...)
		}
	}
	return append(dst, "\r\n"...), nil
}

// sendable reports whether a header's name or value keeps to its line.
func sendable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// hostHeader returns host and port, without a port that the scheme implies and
// without the zone of an IPv6 address.
func hostHeader(target *url.URL) string {
	host := target.Hostname()
	host, _, _ = strings.Cut(host, "%")
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := target.Port(); port != "" && port != defaultPort(target.Scheme) {
		host += ":" + port
	}
	return host
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// conn returns a connection to the target, a kept one if there is one.
func (c *Client) conn(ctx context.Context, target *url.URL, deadline time.Time) (*conn, error) {
	key := poolKey{tls: target.Scheme == "https", host: target.Host}
	if kept := c.pool.get(key); kept != nil {
		return kept, nil
	}
	return c.dial(ctx, target, deadline)
}

// dial opens a connection to the target.
func (c *Client) dial(ctx context.Context, target *url.URL, deadline time.Time) (*conn, error) {
	key := poolKey{tls: target.Scheme == "https", host: target.Host}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	port := target.Port()
	if port == "" {
		port = defaultPort(target.Scheme)
	}
	raw, err := c.dialer.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if key.tls {
		config := c.tls.Clone()
		config.ServerName, _, _ = strings.Cut(target.Hostname(), "%")
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = raw.Close() // the handshake says more
			return nil, err
		}
		raw = secured
	}
	return newConn(raw, key), nil
}
