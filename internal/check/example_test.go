package check_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// An app that does not look at the signature.
func ExampleRun() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("hub.verify_token") == "vt_secret" {
			_, _ = io.WriteString(w, q.Get("hub.challenge"))
		}
	}))
	defer server.Close()
	keys, err := webhook.NewKeyring(webhook.AppSecret{Name: "instagram", Value: secret.New("0123456789abcdef0123456789abcdef")})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := check.Run(context.Background(), check.Config{
		Target:  server.URL + "/webhook",
		Secrets: check.Secrets{App: keys, VerifyToken: secret.New("vt_secret")},
		Choice:  check.Choice{Only: []string{"handshake", "signature-wrong", "altered-body"}, Skip: []string{"token-*", "mode-*", "handshake-order"}},
	})
	for _, f := range report.Findings {
		fmt.Printf("%s %s %q\n", f.Status, f.Code, f.Because)
	}
	fmt.Println(report.Failed(), err)
	// Output:
	// pass handshake ""
	// fail signature-wrong ""
	// error altered-body "signature-wrong"
	// true <nil>
}
