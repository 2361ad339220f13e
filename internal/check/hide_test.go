package check_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/secret"
)

// However an app sends the token or the signature back, no finding shows it.
func TestHidden(t *testing.T) {
	t.Parallel()
	const token = "a+b/c=&<d>"
	for name, encode := range map[string]func(string) string{
		"as it is":       func(s string) string { return s },
		"percent":        url.QueryEscape,
		"small percent":  func(string) string { return "a%2bb%2fc%3d%26%3cd%3e" },
		"path":           url.PathEscape,
		"HTML":           html.EscapeString,
		"JSON of PHP":    func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
		"base64":         func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"percent, twice": func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var shown []string
			a := newApp()
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				body := make([]byte, r.ContentLength+1)
				n, _ := r.Body.Read(body)
				h := hmac.New(sha256.New, []byte(appSecret))
				h.Write(body[:n])
				digest := h.Sum(nil)
				if r.Method == http.MethodPost {
					http.Error(w, fmt.Sprintf("want sha256=%x", digest), http.StatusUnauthorized)
					return true
				}
				http.Error(w, "no: "+encode(token)+" sha256="+base64.StdEncoding.EncodeToString(digest), http.StatusForbidden)
				return true
			}
			cfg := config(t, serve(t, a).URL+"/webhook")
			cfg.Secrets.VerifyToken = secret.New(token)
			cfg.Choice.Only = []string{"handshake", "delivery"}
			report, err := check.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range report.Findings {
				shown = append(shown, f.Got, f.Meta, f.Why, f.Sent)
			}
			all := strings.Join(shown, "\n")
			if strings.Contains(all, encode(token)) || !strings.Contains(all, "no: [redacted] [redacted]") || !strings.Contains(all, "want [redacted]") {
				t.Errorf("findings show %s", all)
			}
		})
	}
}
