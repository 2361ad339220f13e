// Package graph is a small client of Meta's Graph API: the subscriptions that decide
// which webhooks arrive, of an app and of an account, and nothing else.
//
// An [App] and an [Account] build a [Call]; a [Client] shows it without secrets
// ([Client.Show], for a dry run) or sends it. Both go through one builder, so what is
// shown is what would be sent. Errors of Meta come back as an [*Error] that says what
// the code means and what to do about it.
//
// Tokens travel in the Authorization header and never in a URL, which proxies and
// servers log. No redirect is followed, because it would take the token elsewhere.
// What comes back is bounded in size and time, and secrets are taken out of every
// text, Meta's own included.
//
// The package makes no API promise before v1.
package graph

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Host is one of the two hosts of the Graph API. Each has its own tokens.
type Host int

const (
	// Instagram is graph.instagram.com, for Instagram API with Instagram Login.
	Instagram Host = iota
	// Facebook is graph.facebook.com, for everything else: apps, and accounts that
	// are linked to a Facebook Page.
	Facebook
)

// String returns the name of the host on the internet.
func (h Host) String() string {
	if h == Facebook {
		return "graph.facebook.com"
	}
	return "graph.instagram.com"
}

// DefaultVersion is the version of the API in the path of a call.
const DefaultVersion = "v25.0"

// defaultTimeout leaves room for the verification request that Meta sends before it
// answers a registration.
const defaultTimeout = 30 * time.Second

// Config configures a [Client]. The zero value speaks to Meta.
type Config struct {
	// FacebookURL and InstagramURL stand in for https://graph.facebook.com and
	// https://graph.instagram.com. They are https, or name this machine.
	FacebookURL, InstagramURL string
	// Version is the version in the path; "" means [DefaultVersion].
	Version string
	// Timeout bounds one call with its answer; 0 means 30 s.
	Timeout time.Duration
	// Transport sends the requests. Without one the client makes its own, which
	// respects the proxy of the environment.
	Transport http.RoundTripper
}

// Client sends calls. It is safe for concurrent use.
type Client struct {
	base    [2]string // by Host, without a slash at the end
	version string
	timeout time.Duration
	http    *http.Client

	mu      sync.Mutex
	usage   Usage
	limited [2]*Error // by Host: Meta asked to slow down
}

// New returns a client. The error is about the configuration.
func New(cfg Config) (*Client, error) {
	c := &Client{version: cmp.Or(cfg.Version, DefaultVersion), timeout: cmp.Or(cfg.Timeout, defaultTimeout)}
	if !versionForm.MatchString(c.version) {
		return nil, fmt.Errorf("version %q is not of the form %s", c.version, DefaultVersion)
	}
	for host, text := range map[Host]string{Instagram: cfg.InstagramURL, Facebook: cfg.FacebookURL} {
		if text == "" {
			text = "https://" + host.String()
		}
		base, err := checkBase(text)
		if err != nil {
			return nil, err
		}
		c.base[host] = base
	}
	transport := cfg.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
		}
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

var versionForm = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]{1,2}$`)

var (
	// ErrURL is a base URL that is none, or that says more than scheme, host and path.
	ErrURL = errors.New("not a base URL of the form https://host")
	// ErrInsecureURL is a base URL that would send tokens unencrypted.
	ErrInsecureURL = errors.New("tokens are sent over https only, except to this machine")
)

// checkBase returns a base URL without a slash at its end.
func checkBase(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", ErrURL // its text would quote a password
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%q: %w", u.Redacted(), ErrURL)
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		return "", fmt.Errorf("%q: %w", text, ErrInsecureURL)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
