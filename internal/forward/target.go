package forward

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// errUser refuses a target with a password: it would stand in argv and in the journal.
var errUser = errors.New("a user name or password has no place in a target")

// TargetURL reads a target as people write it: a port, "3000"; host, port and path
// without a scheme, "localhost:3000/webhook"; or a whole URL with http or https. A
// target that names no path gets the callback path.
func TargetURL(text, callbackPath string) (*url.URL, error) {
	u, err := targetURL(strings.TrimSpace(text))
	switch {
	case err != nil && strings.Contains(text, "@"):
		return nil, fmt.Errorf("target: %w", err) // there may be a password in it
	case err != nil:
		return nil, fmt.Errorf("target %q: %w", text, err)
	}
	if u.Path == "" {
		path, err := url.Parse(callbackPath)
		if err != nil {
			return nil, fmt.Errorf("callback path %q: %w", callbackPath, unwrapURL(err))
		}
		u.Path, u.RawPath = path.Path, path.RawPath
	}
	return u, nil
}

func targetURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("empty")
	}
	whole := text
	if !strings.Contains(text, "://") {
		whole = "http://" + text
		if end := strings.IndexAny(text+"/", "/?#"); isDigits(text[:end]) {
			whole = "http://localhost:" + text
		} else if text[0] == ':' {
			whole = "http://localhost" + text
		}
	}
	u, err := url.Parse(whole)
	if err != nil {
		return nil, unwrapURL(err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("scheme %q is neither http nor https", u.Scheme)
	case u.User != nil:
		return nil, errUser
	case u.Hostname() == "":
		return nil, errors.New("no host")
	case u.Fragment != "" || strings.HasSuffix(whole, "#"):
		return nil, errors.New(`"#" has no place in a target`)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("port %q is not between 1 and 65535", port)
		}
	}
	return u, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// unwrapURL takes the "parse …:" off an error of [url.Parse].
func unwrapURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
