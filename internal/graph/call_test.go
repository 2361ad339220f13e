package graph_test

import (
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/secret"
)

func TestShow(t *testing.T) {
	c, err := graph.New(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const head = "Authorization: Bearer [redacted]\nAccept: application/json\nUser-Agent: igloo\n"
	const form = head + "Content-Type: application/x-www-form-urlencoded\n\n"
	bare := instagramAccount()
	bare.Secret = secret.Value{}
	odd := instagramAccount()
	odd.Node = "../17841/x?a=b"
	tests := []struct {
		name, want string
		call       graph.Call
	}{
		{
			"register", "POST https://graph.facebook.com/v25.0/1209876543210987/subscriptions\n" + form +
				"object=instagram&callback_url=https%3A%2F%2Fbakery.example%2Fwebhook&verify_token=[redacted]&fields=comments%2Cmessages&include_values=true&appsecret_proof=[redacted]\n",
			app.Register(registration("https://bakery.example/webhook", "comments", "messages")),
		},
		{
			"read app", "GET https://graph.facebook.com/v25.0/1209876543210987/subscriptions?appsecret_proof=[redacted]\n" + head,
			app.Read(),
		},
		{
			"remove fields", "DELETE https://graph.facebook.com/v25.0/1209876543210987/subscriptions?object=instagram&fields=comments&appsecret_proof=[redacted]\n" + head,
			app.Remove("instagram", "comments"),
		},
		{
			"remove all", "DELETE https://graph.facebook.com/v25.0/1209876543210987/subscriptions?object=instagram&appsecret_proof=[redacted]\n" + head,
			app.Remove("instagram"),
		},
		{
			"subscribe", "POST https://graph.instagram.com/v25.0/me/subscribed_apps\n" + form + "subscribed_fields=comments&appsecret_proof=[redacted]\n",
			instagramAccount().Subscribe([]string{"comments"}),
		},
		{
			"subscribe without a secret", "POST https://graph.instagram.com/v25.0/me/subscribed_apps\n" + form + "subscribed_fields=comments\n",
			bare.Subscribe([]string{"comments"}),
		},
		{
			"read page", "GET https://graph.facebook.com/v25.0/108000000000001/subscribed_apps?appsecret_proof=[redacted]\n" + head,
			page().Read(),
		},
		{
			"unsubscribe", "DELETE https://graph.instagram.com/v25.0/me/subscribed_apps?appsecret_proof=[redacted]\n" + head,
			instagramAccount().Unsubscribe(),
		},
		{
			"profile", "GET https://graph.instagram.com/v25.0/me?fields=id%2Cuser_id%2Cusername%2Caccount_type\n" + head,
			bare.Profile(),
		},
		{
			"a node stays one segment", "GET https://graph.instagram.com/v25.0/..%2F17841%2Fx%3Fa=b/subscribed_apps?appsecret_proof=[redacted]\n" + head,
			odd.Read(),
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, c.Show(tt.call).String()); diff != "" {
			t.Errorf("%s: Show (-want +got):\n%s", tt.name, diff)
		}
		if got, want := tt.call.Write(), !strings.HasPrefix(tt.want, "GET"); got != want {
			t.Errorf("%s: Write = %v, want %v", tt.name, got, want)
		}
	}
}

// sent is a transport that keeps the request as it goes over the wire.
type sent struct{ request []byte }

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	var err error
	if s.request, err = httputil.DumpRequestOut(r, true); err != nil {
		return nil, err
	}
	body := io.NopCloser(strings.NewReader(`{"success":true}`))
	return &http.Response{StatusCode: http.StatusOK, Body: body, Header: http.Header{}}, nil
}

// What is sent is what is shown, with the secrets in place.
func TestSent(t *testing.T) {
	wire := &sent{}
	c, err := graph.New(graph.Config{Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	const usual = "Accept: application/json\r\n"
	tests := []struct {
		name, want string
		call       graph.Call
	}{
		{
			"register", "POST /v25.0/1209876543210987/subscriptions HTTP/1.1\r\nHost: graph.facebook.com\r\nUser-Agent: igloo\r\nContent-Length: 221\r\n" + usual +
				"Authorization: Bearer 1209876543210987|0123456789abcdef0123456789abcdef\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept-Encoding: gzip\r\n\r\n" +
				"object=instagram&callback_url=https%3A%2F%2Fbakery.example%2Fwebhook&verify_token=vt_8f2c0a9d&fields=comments%2Cmessages&include_values=true" +
				"&appsecret_proof=66596f65d33bafd905d561d334dbc42cb5b8b5e55abfc7e0d15e994ea9b88424",
			app.Register(registration("https://bakery.example/webhook", "comments", "messages")),
		},
		{
			"unsubscribe", "DELETE /v25.0/me/subscribed_apps?appsecret_proof=baea82f4caec2b43a3dad6da69c03d5f34b93694664ae18e274e830294619a1e HTTP/1.1\r\nHost: graph.instagram.com\r\nUser-Agent: igloo\r\n" + usual +
				"Authorization: Bearer IGAAInventedInstagramUserToken0123456789\r\nAccept-Encoding: gzip\r\n\r\n",
			instagramAccount().Unsubscribe(),
		},
	}
	for _, tt := range tests {
		if err := c.Do(t.Context(), tt.call); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, string(wire.request)); diff != "" {
			t.Errorf("%s: sent (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The hex was made with openssl dgst -sha256 -hmac.
func TestProof(t *testing.T) {
	tests := []struct{ token, key, want string }{
		{instagramToken, instagramSecret, "baea82f4caec2b43a3dad6da69c03d5f34b93694664ae18e274e830294619a1e"},
		{"1209876543210987|" + metaSecret, metaSecret, "66596f65d33bafd905d561d334dbc42cb5b8b5e55abfc7e0d15e994ea9b88424"},
	}
	for _, tt := range tests {
		if got := graph.Proof(secret.New(tt.token), secret.New(tt.key)).Reveal(); got != tt.want {
			t.Errorf("Proof(%q, %q) = %s, want %s", tt.token, tt.key, got, tt.want)
		}
	}
}
