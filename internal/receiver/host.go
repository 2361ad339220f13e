package receiver

import (
	"net/netip"
	"strings"
)

// maxHostName is the longest name DNS allows, written with dots.
const maxHostName = 253

// HostName returns the name in a Host header or in the authority of a URL: lower
// case, without port, brackets or final dot. ok is false when there is none: the
// header comes from anybody, and what is not clearly a name or an IP address is
// nobody's.
func HostName(host string) (name string, ok bool) {
	if rest, bracketed := strings.CutPrefix(host, "["); bracketed {
		name, after, closed := strings.Cut(rest, "]")
		ip, err := netip.ParseAddr(name)
		if !closed || err != nil || !ip.Is6() || ip.Zone() != "" || !portOrNothing(after) {
			return "", false
		}
		return strings.ToLower(name), true
	}
	name = host
	if i := strings.IndexByte(host, ':'); i >= 0 {
		if !portOrNothing(host[i:]) {
			return "", false
		}
		name = host[:i]
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxHostName || name[0] == '.' || name[0] == '-' || strings.Contains(name, "..") || strings.HasSuffix(name, ".") {
		return "", false
	}
	for i := range len(name) {
		if !hostByte(name[i]) {
			return "", false
		}
	}
	return strings.ToLower(name), true
}

// portOrNothing reports whether s is "" or a colon and at most five digits.
func portOrNothing(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) > len(":65535") {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func hostByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// loopback reports whether a name returned by [HostName] means this machine.
func loopback(name string) bool {
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// ours reports whether a request to this Host is for us, and whether that is a name the
// public uses. A page in the developer's browser that rebinds its own name to 127.0.0.1
// is not.
func (r *Receiver) ours(host string) (ours, public bool) {
	name, ok := HostName(host)
	switch {
	case !ok:
		return false, false
	case loopback(name):
		return true, false
	}
	public = r.cfg.AllowHost != nil && r.cfg.AllowHost(name)
	return public, public
}
