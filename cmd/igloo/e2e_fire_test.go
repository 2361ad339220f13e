//go:build unix

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// got is what an app received.
type got struct {
	sha1, sha256, contentType, body string
	broken                          bool // the body did not arrive whole
}

// TestFaultsThroughASession fires each fault at a session: the app gets what the fault
// names, whatever igloo thinks of it, and the journal has igloo's verdict.
func TestFaultsThroughASession(t *testing.T) {
	s := withSecret(t)
	arrived := make(chan got, 1)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		arrived <- got{
			r.Header.Get("X-Hub-Signature"), r.Header.Get("X-Hub-Signature-256"), r.Header.Get("Content-Type"), string(body), err != nil,
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(app.Close)
	session := s.listen(t, "--forward-to", app.URL)
	const (
		comment = `{"entry": [{"id": "17841133768442217", "time": 1790000124, "changes": [{"value": {"from": {"id": "9920695185106279", "username": "river.novak64"}, "media": {"id": "18292796975659541", "media_product_type": "FEED"}, "id": "18263988220385991", "text": "a 24/7"}, "field": "comments"}]}], "object": "instagram"}`
		plain   = "application/json"
		// Made with openssl over the comment above.
		right1   = "5c8696bab0ba5cb65cd0eccb167d1d2322a1167a"
		right256 = "6d494b7d8e551016439d4fb4cd09ee4cb2e379e49e4f9c360b2833d830c46ce1"
	)
	digest := regexp.MustCompile(`^[0-9a-f]+$`)
	tests := []struct {
		fault, verdict string
		want           func(g got) bool
	}{
		{"no-signature", "unsigned", func(g got) bool { return g == got{"", "", plain, comment, false} }},
		{"wrong-signature", "invalid", func(g got) bool {
			return g.sha256 != "sha256="+right256 && g.sha256[:len(g.sha256)-1] == "sha256="+right256[:63] && g.body == comment
		}},
		{"wrong-secret", "invalid", func(g got) bool {
			digits, ok := strings.CutPrefix(g.sha256, "sha256=")
			return ok && len(digits) == 64 && digest.MatchString(digits) && digits != right256 && g.body == comment
		}},
		{"sha1-only", "unsigned", func(g got) bool { return g == got{"sha1=" + right1, "", plain, comment, false} }},
		{"swapped-headers", "invalid", func(g got) bool {
			return g == got{"sha256=" + right256, "sha1=" + right1, plain, comment, false}
		}},
		{"altered-body", "invalid", func(g got) bool {
			return g == got{"sha1=" + right1, "sha256=" + right256, plain, strings.Replace(comment, "24/7", "24/8", 1), false}
		}},
		{"uppercase-hex", "invalid", func(g got) bool {
			return g == got{"sha1=" + strings.ToUpper(right1), "sha256=" + strings.ToUpper(right256), plain, comment, false}
		}},
		{"no-prefix", "invalid", func(g got) bool { return g == got{right1, right256, plain, comment, false} }},
		{"truncated", "", func(g got) bool {
			return g == got{"sha1=" + right1, "sha256=" + right256, plain, comment[:len(comment)/2], true}
		}},
		{"close-early", "", func(g got) bool {
			return g == got{"sha1=" + right1, "sha256=" + right256, plain, comment, false}
		}},
		{"form-encoded", "invalid", func(g got) bool {
			return g.contentType == "application/x-www-form-urlencoded" && g.sha256 == "sha256="+right256 && strings.HasPrefix(g.body, "payload=%7B%22entry%22%3A+%5B")
		}},
		{"newline-added", "invalid", func(g got) bool {
			return g == got{"sha1=" + right1, "sha256=" + right256, plain, comment + "\n", false}
		}},
	}
	for _, tt := range tests {
		code, stdout, stderr := s.run(t, "fire", "comments", "--seed", "1", "--set", "text=a 24/7", "--fault", tt.fault, "--json")
		if wantCode := map[bool]int{true: exitDone, false: exitNo}[tt.fault == "close-early"]; code != wantCode {
			t.Errorf("%s: exit code %d, want %d: %s%s", tt.fault, code, wantCode, stdout, stderr)
		}
		var line struct{ Verdict, Fault string }
		if err := json.Unmarshal([]byte(stdout), &line); err != nil || line.Verdict != tt.verdict || line.Fault != tt.fault {
			t.Errorf("%s: %s, %v, want verdict %q", tt.fault, stdout, err, tt.verdict)
		}
		if g := <-arrived; !tt.want(g) {
			t.Errorf("%s: the app got %+v", tt.fault, g)
		}
	}
	session.end(t)
}
