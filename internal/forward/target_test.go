package forward_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/forward"
)

func TestTargetURL(t *testing.T) {
	tests := []struct{ text, path, want string }{
		{"3000", "/webhook", "http://localhost:3000/webhook"},
		{" 3000 ", "/webhook", "http://localhost:3000/webhook"},
		{":3000", "/webhook", "http://localhost:3000/webhook"},
		{"3000/hooks", "/webhook", "http://localhost:3000/hooks"},
		{"3000/", "/webhook", "http://localhost:3000/"},
		{"3000?x=1", "/webhook", "http://localhost:3000/webhook?x=1"},
		{"localhost:3000", "/webhook", "http://localhost:3000/webhook"},
		{"localhost:3000/webhook", "/other", "http://localhost:3000/webhook"},
		{"localhost", "/webhook", "http://localhost/webhook"},
		{"127.0.0.1:8080", "/webhook", "http://127.0.0.1:8080/webhook"},
		{"[::1]:8080", "/webhook", "http://[::1]:8080/webhook"},
		{"http://localhost:3000", "/webhook", "http://localhost:3000/webhook"},
		{"HTTP://localhost:3000/", "/webhook", "http://localhost:3000/"},
		{"https://app.test:8443/in?k=v&a=b", "/webhook", "https://app.test:8443/in?k=v&a=b"},
		{"3000", "/hooks%2Fig", "http://localhost:3000/hooks%2Fig"},
		{"3000/a%2Fb", "/webhook", "http://localhost:3000/a%2Fb"},
	}
	for _, tt := range tests {
		got, err := forward.TargetURL(tt.text, tt.path)
		if err != nil || got.String() != tt.want {
			t.Errorf("TargetURL(%q, %q) = %v, %v, want %s", tt.text, tt.path, got, err, tt.want)
		}
	}
}

func TestTargetURLRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "empty",
		"   ":                       "empty",
		"/webhook":                  "no host",
		"http://":                   "no host",
		"http:///webhook":           "no host",
		"ftp://localhost:3000":      `scheme "ftp"`,
		"unix:///tmp/app.sock":      `scheme "unix"`,
		"0":                         `port "0"`,
		"65536":                     `port "65536"`,
		"localhost:99999999":        "port",
		"localhost:http":            "invalid port",
		"http://localhost:3000/#x":  `"#"`,
		"http://localhost:3000/#":   `"#"`,
		"local host:3000":           "invalid character",
		"http://[::1":               "missing ']'",
		"http://localhost:3000/%zz": "invalid URL escape",
		"localhost:3000\r\nX: y":    "invalid control character",
	} {
		got, err := forward.TargetURL(text, "/webhook")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("TargetURL(%q) = %v, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestTargetURLWithPassword(t *testing.T) {
	for _, text := range []string{"http://user:hunter2@localhost:3000/x", "user:hunter2@localhost", "http://user:hunter2@local host", "ftp://user:hunter2@h"} {
		if got, err := forward.TargetURL(text, "/webhook"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("TargetURL(%q) = %v, %v, want an error without the password", text, got, err)
		}
	}
}

func ExampleTargetURL() {
	for _, text := range []string{"3000", "localhost:3000/in", "https://app.test"} {
		target, err := forward.TargetURL(text, "/webhook")
		fmt.Println(target, err)
	}
	// Output:
	// http://localhost:3000/webhook <nil>
	// http://localhost:3000/in <nil>
	// https://app.test/webhook <nil>
}

// FuzzTargetURL holds that whatever is accepted is a URL a request can be sent to,
// and is understood the same way when it is written out.
func FuzzTargetURL(f *testing.F) {
	for _, seed := range []string{"3000", ":1", "localhost:3000/webhook", "http://h/%2F?a=b", "[::1]:80", "1/2", "a://b", "::", "#", "?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := forward.TargetURL(text, "/webhook")
		if err != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
			t.Fatalf("TargetURL(%q) = %q", text, u)
		}
		again, err := forward.TargetURL(u.String(), "/other")
		if err != nil || again.String() != u.String() {
			t.Fatalf("TargetURL(%q) = %q, which reads as %v, %v", text, u, again, err)
		}
	})
}
