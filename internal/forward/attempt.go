package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// The bounds of an attempt.
const (
	maxAnswer       = 256 << 10 // bytes kept of the app's answer
	smallAnswer     = 512       // bytes made room for first when the length is not known
	maxDrained      = 256 << 10 // bytes read beyond, to keep the connection
	maxAnswerHeader = 256 << 10

	// Node and uvicorn close a connection that is idle for 5 s, gunicorn after 2 s.
	// A delivery sent at that moment would be lost, so we let go of it earlier.
	idleTimeout = time.Second

	firstPause = 100 * time.Millisecond // before a refused connection is tried again
	lastPause  = 500 * time.Millisecond
)

func newTransport(config *tls.Config) *http.Transport {
	http1 := new(http.Protocols)
	http1.SetHTTP1(true) // as Meta does; HTTP/2 would spell the header differently
	return &http.Transport{
		DialContext:            new(net.Dialer).DialContext,
		TLSClientConfig:        config,
		Protocols:              http1,
		MaxIdleConnsPerHost:    256, // the default of 2 costs a third of the throughput
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true, // else it would add Accept-Encoding and decode answers
		MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// send tries until the app does not refuse the connection, or until the given time,
// or until hurry is closed: at least once.
func (f *Forwarder) send(ctx context.Context, d *journal.Delivery, until time.Time, hurry <-chan struct{}) journal.Attempt {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		a, err := f.try(ctx, d)
		if !refused(err) || !pause(ctx, hurry, min(wait, time.Until(until))) {
			return a
		}
	}
}

// pause waits and reports whether it is worth to go on.
func pause(ctx context.Context, hurry <-chan struct{}, d time.Duration) bool {
	if d <= 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-hurry:
	case <-ctx.Done():
	}
	return false
}

// try sends d once. err is why there is no answer, or no whole one.
func (f *Forwarder) try(ctx context.Context, d *journal.Delivery) (journal.Attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	a := journal.Attempt{Delivery: d.ID, At: time.Now(), Target: f.target}
	req := f.request(ctx, d)
	if req.URL != f.cfg.Target {
		a.Target = req.URL.String()
	}
	resp, err := f.transport.RoundTrip(req) //nolint:bodyclose // readAnswer does
	if err == nil {
		a.Status, a.Header = resp.StatusCode, resp.Header
		a.Body, a.Truncated, err = readAnswer(resp)
	}
	a.Took = time.Since(a.At)
	if err != nil {
		a.Err = f.reason(ctx, a, err)
	}
	return a, err
}

// request makes the request the app gets: what was received, minus what concerns
// only the connection it came on.
func (f *Forwarder) request(ctx context.Context, d *journal.Delivery) *http.Request {
	req := &http.Request{
		Method: d.Method,
		URL:    f.requestURL(d.URI),
		Header: forwardedHeader(d.Header),
	}
	if f.cfg.PreserveHost {
		req.Host = d.Host
	}
	if len(d.Body) > 0 {
		req.ContentLength = int64(len(d.Body))
		// net/http takes it again when a kept connection turns out to be closed
		// before the first byte was written.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.Body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req.WithContext(ctx)
}

// requestURL returns the target with the query of a request, after its own.
func (f *Forwarder) requestURL(uri string) *url.URL {
	_, query, found := strings.Cut(uri, "?")
	if !found {
		return f.cfg.Target
	}
	u := *f.cfg.Target
	if u.RawQuery != "" && query != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += query
	u.ForceQuery = u.RawQuery == ""
	return &u
}

// metaAPIVersion is Facebook-API-Version as net/http spells it.
const metaAPIVersion = "Facebook-Api-Version"

// forwardedHeader returns the header the app gets. The values are shared: nobody
// writes to them.
func forwardedHeader(received http.Header) http.Header {
	h := make(http.Header, len(received)+1)
	for name, values := range received {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
			"Te", "Trailer", "Transfer-Encoding", "Upgrade":
			continue // RFC 9110, section 7.6.1
		case "Expect":
			continue // fulfilled: the body is here
		}
		h[name] = values
	}
	for _, value := range received["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			delete(h, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	if version, ok := h[metaAPIVersion]; ok {
		delete(h, metaAPIVersion)
		h["Facebook-API-Version"] = version
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // else net/http adds its own
	}
	return h
}

// readAnswer reads the body of the app's answer, as much as is kept, and leaves the
// connection ready for the next delivery unless there is far more.
func readAnswer(resp *http.Response) (body []byte, truncated bool, err error) {
	defer func() { _ = resp.Body.Close() }() // of no interest once it is read
	if resp.ContentLength == 0 || resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, false, nil
	}
	if resp.ContentLength > 0 {
		body = make([]byte, 0, min(resp.ContentLength, maxAnswer))
	}
	for len(body) < maxAnswer {
		if len(body) == cap(body) {
			body = slices.Grow(body, min(max(smallAnswer, 3*cap(body)), maxAnswer-len(body)))
		}
		n, err := resp.Body.Read(body[len(body):min(cap(body), maxAnswer)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, false, nil
		}
		if err != nil {
			return body, false, err
		}
	}
	more, err := io.CopyN(io.Discard, resp.Body, maxDrained)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return body, more > 0, err
}
