package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/igloo-dev/igloo/internal/receiver"
)

// callbackFile keeps a project's callback URL between sessions.
const callbackFile = "callback-url.json"

// callbackMemory remembers the public callback URL of a project, and the one that Meta
// may still have, until Meta has verified another.
type callbackMemory struct {
	path string

	mu   sync.Mutex
	kept keptCallback
}

type keptCallback struct {
	URL string `json:"url"`           // the last one
	Was string `json:"was,omitempty"` // the one before, while Meta has not verified URL
}

// newCallbackMemory reads what earlier sessions of a project left.
func newCallbackMemory(p *project) *callbackMemory {
	m := &callbackMemory{path: filepath.Join(p.DataDir, callbackFile)}
	if data, err := os.ReadFile(m.path); err == nil && json.Unmarshal(data, &m.kept) != nil {
		m.kept = keptCallback{} // a broken file remembers nothing
	}
	return m
}

// note takes in the callback URL that is up now, and returns the one that Meta may
// still have, "" when it is the same.
func (m *callbackMemory) note(url string) (was string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case url == m.kept.URL:
		return m.kept.Was
	case url == m.kept.Was:
		m.kept = keptCallback{URL: url} // back where Meta sends to
	case m.kept.Was != "" || m.kept.URL == "":
		m.kept.URL = url
	default:
		m.kept = keptCallback{URL: url, Was: m.kept.URL}
	}
	m.keep()
	return m.kept.Was
}

// was is the callback URL that Meta may still have, "" when it has the last one.
func (m *callbackMemory) was() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept.Was
}

// verified notes that Meta has the URL that is up.
func (m *callbackMemory) verified() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept.Was != "" {
		m.kept.Was = ""
		m.keep()
	}
}

// keep writes the file. That it cannot be written costs a hint at the next start.
func (m *callbackMemory) keep() {
	data, err := json.Marshal(m.kept)
	if err == nil {
		_ = os.WriteFile(m.path, append(data, '\n'), 0o600)
	}
}

// verified notes that Meta has verified the callback URL of a host, and reports whether
// that is the one that is up. A proxy of the user's own may pass on another host.
func (t *tunnels) verified(host string) bool {
	name, _ := receiver.HostName(host)
	t.mu.Lock()
	here := t.open != "" && (name == t.host || hasOwnURL(t.open))
	t.mu.Unlock()
	if here {
		t.callback.verified()
	}
	return here
}

// moved says what to do at Meta when the callback URL is another than before.
func moved(was, url string) []string {
	return []string{
		fmt.Sprintf("the callback URL has changed: Meta may still send to %s", oneLine(was)),
		fmt.Sprintf("  enter %s and the verify token in the App Dashboard, where the old one stands (Instagram › API setup with Instagram login), then Verify and save", url),
		"  or have igloo do it: igloo subscribe app",
	}
}

// openToOthers warns of a listener that other machines can reach, "" when none can.
func (s *session) openToOthers() string {
	address, ok := s.ingress.Addr().(*net.TCPAddr)
	if !ok || address.IP.IsLoopback() {
		return ""
	}
	return fmt.Sprintf("warning: %s is open to every machine that reaches this one, without TLS; --listen 127.0.0.1:%d keeps it here", address, address.Port)
}
