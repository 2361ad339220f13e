package receiver_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/receiver"
)

func TestHostName(t *testing.T) {
	tests := []struct {
		host, name string
		ok         bool
	}{
		{"localhost", "localhost", true},
		{"localhost:4456", "localhost", true},
		{"localhost:", "localhost", true},
		{"A.B-c_9.Test.:443", "a.b-c_9.test", true},
		{"127.0.0.1:80", "127.0.0.1", true},
		{"[::1]", "::1", true},
		{"[::1]:80", "::1", true},
		{"[::FFFF:127.0.0.1]:80", "::ffff:127.0.0.1", true},
		{"", "", false},
		{":80", "", false},
		{".", "", false},
		{".test", "", false},
		{"test..", "", false},
		{"a..test", "", false},
		{"-test", "", false},
		{"::1", "", false},
		{"[::1", "", false},
		{"[]", "", false},
		{"[::1]x", "", false},
		{"[::1]:x", "", false},
		{"[127.0.0.1]", "", false},
		{"[localhost]", "", false},
		{"[::1%lo]:80", "", false},
		{"localhost:80:80", "", false},
		{"localhost:123456", "", false},
		{"localhost:-1", "", false},
		{"user@localhost", "", false},
		{"localhost/webhook", "", false},
		{"local host", "", false},
		{"localhost\x00", "", false},
		{"localhost,evil.test", "", false},
		{"caf\u00e9.test", "", false},
		{strings.Repeat("a", 254), "", false},
	}
	for _, tt := range tests {
		if name, ok := receiver.HostName(tt.host); name != tt.name || ok != tt.ok {
			t.Errorf("HostName(%q) = %q, %v, want %q, %v", tt.host, name, ok, tt.name, tt.ok)
		}
	}
}

// FuzzHost holds that only what clearly is this machine passes the gate, and that
// nothing in a Host makes it panic.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{"localhost:1", "[::1]:1", "[::ffff:127.0.0.1%lo]", "127.0.0.1.", "127.1", "0", "[", "]", ":", "localhost.", "lOcAlHoSt", "evil.test"} {
		f.Add(seed)
	}
	r := newReceiver(f, receiver.Config{}, &recorder{})
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := receiver.HostName(host)
		if ok {
			if again, ok := receiver.HostName(name); !strings.Contains(name, ":") && (again != name || !ok) {
				t.Fatalf("HostName(%q) = %q, of which it is %q, %v", host, name, again, ok)
			}
			if strings.ContainsAny(name, "/@\\ \t\r\n\x00[]") || name != strings.ToLower(name) {
				t.Fatalf("HostName(%q) = %q", host, name)
			}
		}
		req := httptest.NewRequest(http.MethodPost, "/elsewhere", nil)
		req.Host = host
		passed := do(r, req).StatusCode == http.StatusNotFound
		ip, err := netip.ParseAddr(name)
		if want := ok && (name == "localhost" || err == nil && ip.Unmap().IsLoopback()); passed != want {
			t.Fatalf("a request to %q passed: %v, want %v", host, passed, want)
		}
	})
}
