package check_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/igloo-dev/igloo/internal/check"
)

// Whatever an app answers, only the bare challenge with 200 passes.
func FuzzHandshake(f *testing.F) {
	for _, body := range []string{"CHALLENGE", `"CHALLENGE"`, `{"a":CHALLENGE}`, "CHALLENGE\n", "\ufeffCHALLENGE", "<html>", "9e999999999", "CHALLENGE.0", ""} {
		f.Add(200, []byte(body))
	}
	f.Add(302, []byte("CHALLENGE"))
	f.Add(999, []byte{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 999 {
			t.Skip("no final answer")
		}
		server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write(bytes.ReplaceAll(body, []byte("CHALLENGE"), []byte(r.URL.Query().Get("hub.challenge"))))
		}))
		cfg := config(t, server.URL+"/webhook")
		cfg.Choice = check.Choice{Only: []string{"handshake"}, Skip: []string{"handshake-order", "token-*", "mode-missing"}}
		report, err := check.Run(t.Context(), cfg)
		if err != nil || len(report.Findings) != 1 {
			t.Fatalf("Run() = %+v, %v", report, err)
		}
		right := status == http.StatusOK && string(body) == "CHALLENGE"
		if passed := report.Findings[0].Status == check.Pass; passed != right {
			t.Errorf("status %d, body %q: %+v", status, body, report.Findings[0])
		}
	})
}
