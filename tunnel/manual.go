package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ErrNoPublicURL is returned by [NewManual] without a URL.
var ErrNoPublicURL = errors.New("no public URL")

// Manual is the provider of a public URL that somebody else serves: a reverse
// proxy or a tunnel program that the user runs and points at the local address.
type Manual struct{ url *url.URL }

// NewManual returns the provider of publicURL, which is the https URL of a host,
// without a path.
func NewManual(publicURL string) (*Manual, error) {
	if publicURL == "" {
		return nil, ErrNoPublicURL
	}
	u, err := parsePublicURL(publicURL)
	if err != nil {
		return nil, err
	}
	return &Manual{url: u}, nil
}

// Info describes the provider.
func (*Manual) Info() Info { return Info{Name: "manual", StableURL: true, TLS: TLSAtEdge} }

// Run reports the URL as Online at once, for nobody can tell from here when the
// other side is up, and waits for the end of ctx.
func (m *Manual) Run(ctx context.Context, _ Ingress, emit func(Status)) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	emit(Status{State: Online, URL: cloneURL(m.url)})
	<-ctx.Done()
	return nil
}

// parsePublicURL reads the https URL of a host and brings it into the one form
// that is compared and shown: lower-case host, no trailing slash.
func parsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("public URL is not a URL") // not quoted: it may hold a password
	}
	switch {
	case u.User != nil:
		return nil, errors.New("public URL has a user name or password in it")
	case u.Scheme != "https":
		return nil, fmt.Errorf("public URL %q does not begin with https://, which Meta requires", text)
	case u.Hostname() == "":
		return nil, fmt.Errorf("public URL %q has no host", text)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("public URL %q has more than a host; the path is set on its own", text)
	}
	return &url.URL{Scheme: "https", Host: strings.ToLower(u.Host)}, nil
}

func cloneURL(u *url.URL) *url.URL {
	c := *u
	return &c
}
