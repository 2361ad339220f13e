package tunnel_test

import (
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
)

func TestRedact(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"the one held", "token s3cret-value refused", "token [redacted] refused"},
		{"an authtoken", "token " + otherToken + " refused", "token [redacted] refused"},
		{"in quotes", `"` + otherToken + `"`, `"[redacted]"`},
		{"a credential id", "owner cr_2abcdefghijklmnopqrstuvwxyz.", "owner [redacted]."},
		{"an API key id", "key ak_2abcdefghijklmnopqrstuvwxyz", "key [redacted]"},
		{"after the word", "Your authtoken: abc def!\nNext line", "Your authtoken: [redacted]\nNext line"},
		{"on the next line", "Your authtoken:\n  abc\nNext line", "Your authtoken:\n  [redacted]\nNext line"},
		{"as JSON", `{"Authtoken":"abc"}`, `{"Authtoken":[redacted]`},
		{"as an assignment", "NGROK_AUTHTOKEN=abc", "NGROK_AUTHTOKEN=[redacted]"},
		{"in other spellings", "auth-token: a\nauth token = b\nAUTH_TOKEN:c", "auth-token: [redacted]\nauth token = [redacted]\nAUTH_TOKEN:[redacted]"},
		{"twice", otherToken + " " + otherToken, "[redacted] [redacted]"},
		{"nothing to hide", "the authtoken is unknown (ERR_NGROK_107), see bind_1", "the authtoken is unknown (ERR_NGROK_107), see bind_1"},
		{"a fix", "copy your authtoken from https://dashboard.ngrok.com/get-started/your-authtoken into NGROK_AUTHTOKEN", "copy your authtoken from https://dashboard.ngrok.com/get-started/your-authtoken into NGROK_AUTHTOKEN"},
		{"a public URL", "https://igloo-2026_test.ngrok.app is online", "https://igloo-2026_test.ngrok.app is online"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tunnel.Redact(tt.text, secret.New("s3cret-value")); got != tt.want {
				t.Errorf("Redact(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("Your authtoken: ", "\nERR_NGROK_107")
	f.Add("", "")
	f.Add("é\xff", "_")
	f.Fuzz(func(t *testing.T, before, after string) {
		got := tunnel.Redact(before+" "+authtoken+" "+after, secret.New(authtoken))
		if strings.Contains(got, authtoken) {
			t.Errorf("Redact leaves the token in %q", got)
		}
		got = tunnel.Redact(before + " " + otherToken + " " + after)
		if strings.Contains(got, otherToken) {
			t.Errorf("Redact leaves a token it does not know in %q", got)
		}
	})
}
