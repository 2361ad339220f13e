package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

func TestCurl(t *testing.T) {
	v := readVectors(t)["V1"]
	r, err := simulator.Render(parse(t, v.body), simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Sign(simulator.NewSecret(key))
	got, err := r.Curl(target(t, "http://localhost:3000/it's?a=b"))
	if err != nil {
		t.Fatal(err)
	}
	want := `curl --http1.1 -sS -i -X POST \
  -H 'Host: localhost:3000' \
  -H 'User-Agent: Webhooks/1.0 (https://fb.me/webhooks)' \
  -H 'Accept: */*' \
  -H 'Content-Type: application/json' \
  -H 'X-Hub-Signature: ` + v.sha1 + `' \
  -H 'X-Hub-Signature-256: ` + v.sha256 + `' \
  -H 'Expect:' \
  --data-binary '` + v.body + `' \
  'http://localhost:3000/it'\''s?a=b'`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Curl (-want +got):\n%s", diff)
	}
}

// TestCurlRuns gives the command to a shell: the signature still holds, whatever is
// in the body.
func TestCurlRuns(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("IGLOO_REQUIRE_ALL") != "" {
			t.Fatal("needs curl:", err)
		}
		t.Skip("needs curl:", err)
	}
	secret := simulator.NewSecret(key)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = webhook.Verify(secret, body, r.Header.Get(webhook.SignatureHeader))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	for _, body := range []string{
		`{"entry": [], "text": "it's $HOME \\ \"quoted\" !"}`, "@/etc/passwd", "a\x00b", "\xff\xfe", "tab\tline\nend\n", "\x1b[31m", "-n", "",
	} {
		r := signed(t, "comments")
		r.Body = []byte(body)
		r.Sign(secret)
		command, err := r.Curl(target(t, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(command, "\x00\x1b") || strings.Contains(command, "\xff") {
			t.Errorf("the command for %q holds a control character: %q", body, command)
		}
		answer, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
			t.Errorf("curl with body %q: %v\n%s", body, err, answer)
		}
	}
}

func TestMarshalRequest(t *testing.T) {
	r := signed(t, "messages")
	r.Body = []byte(`{"a":"<é>"}`)
	r.Sign(simulator.NewSecret(key))
	text, err := r.MarshalRequest(target(t, "https://example.com/x"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type, Fixture, Field, URL, Method, Body string
		Headers                                 [][2]string
		BodyBase64                              []byte `json:"body_base64"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "request" || got.Fixture != "messages/text" || got.Field != "messages" || got.URL != "https://example.com/x" ||
		got.Method != "POST" || got.Body != `{"a":"<é>"}` || got.BodyBase64 != nil {
		t.Errorf("MarshalRequest = %s", text)
	}
	if len(got.Headers) != 9 || got.Headers[0] != [2]string{"Host", "example.com"} || got.Headers[1] != [2]string{"Content-Length", "12"} {
		t.Errorf("headers = %q", got.Headers)
	}
	if strings.Contains(string(text), "\n") || strings.Contains(string(text), `\u003c`) {
		t.Errorf("more than one line, or escaped for HTML: %s", text)
	}

	r.Body = []byte{0xff, 0}
	text, err = r.MarshalRequest(target(t, "https://example.com/x"))
	if err != nil || !strings.HasSuffix(string(text), `"body_base64":"/wA="}`) {
		t.Errorf("MarshalRequest of bytes = %s, %v", text, err)
	}
}
