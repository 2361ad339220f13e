//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// Two tokens of ngrok's shape: the user's, and one that igloo never held.
const (
	ngrokToken   = "2QvXoRzM1cTqkVnZ8wLs4hJ7yBa_5fGdE3rKp9Nw2xUuYt6HmC"
	foreignToken = "2ZaPbLkQ7wRt5yUo1iXc9vBn3mE_8sDfGh4jKl2QwErTy6UiO"
)

// tunneled is a session behind the in-process ngrok service.
type tunneled struct {
	*listening
	sandbox *sandbox
	net     *internet
	edge    *tunneltest.Edge
	app     *developersApp
	url     string // public callback URL
	host    string
}

// ngrokArgs are the flags that lead to an edge.
func ngrokArgs(t *testing.T, edge *tunneltest.Edge) []string {
	t.Helper()
	ca, err := edge.WriteCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--tunnel", "ngrok", "--ngrok-connect-url", edge.ConnectURL(), "--ngrok-ca", ca}
}

func openTunnel(t *testing.T) *tunneled {
	t.Helper()
	return openTunnelTo(t, newDevelopersApp(t, nil))
}

// openTunnelTo opens a tunnel that is seen to work: igloo has come through it.
func openTunnelTo(t *testing.T, app *developersApp) *tunneled {
	t.Helper()
	n := &tunneled{edge: tunneltest.New(t), app: app}
	n.net = newInternet(t, n.edge.PublicAddr(), n.edge.CA())
	n.sandbox = withSecret(t, append(n.net.env(), "NGROK_AUTHTOKEN="+ngrokToken, "IGLOO_VERIFY_TOKEN="+verifyToken)...)
	n.listening = n.sandbox.listen(t, append(ngrokArgs(t, n.edge), "--forward-to", n.app.URL())...)
	n.url = n.await(t, "tunnel", online).URL
	n.host = n.edge.OwnHost(ngrokToken)
	if want := "https://" + n.host + "/webhook"; n.url != want {
		t.Fatalf("public callback URL %q, want %q", n.url, want)
	}
	return n
}

// forged is a body that comes with the signature of another one.
const forged = `{"object":"instagram","entry":[]}`

// signed is the signature a body should have.
func signed(body string) string { return webhook.Sign(secret.New(appSecret), []byte(body)) }

func online(l jsonLine) bool { return l.State == "online" }

// public sends a request as anybody out there would.
func (n *tunneled) public(t *testing.T, method, url, body string, header ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := n.edge.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// deliver posts the nth message through the tunnel and waits until the app has it.
func (n *tunneled) deliver(t *testing.T, i int) {
	t.Helper()
	body := message(1, i)
	status, answer := n.public(t, http.MethodPost, n.url, body, "X-Hub-Signature-256", signed(body))
	if status != http.StatusOK || answer != webhook.EventReceived {
		t.Fatalf("POST = %d %q, want 200 %q", status, answer, webhook.EventReceived)
	}
	poll(t, "the app has the delivery", func() bool {
		got := n.app.received()
		return len(got) > 0 && got[len(got)-1] == body
	})
}

func (n *tunneled) verify(t *testing.T, token string) (status int, answer string) {
	t.Helper()
	query := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {"1158201444"}, "hub.verify_token": {token}}
	return n.public(t, http.MethodGet, n.url+"?"+query.Encode(), "")
}

func TestNgrok(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	if status, answer := n.verify(t, verifyToken); status != http.StatusOK || answer != "1158201444" {
		t.Errorf("verification request = %d %q, want 200 and the challenge", status, answer)
	}
	if status, answer := n.verify(t, "another"); status != http.StatusForbidden || strings.Contains(answer, "1158201444") {
		t.Errorf("verification request with another token = %d %q, want 403 without the challenge", status, answer)
	}
	n.deliver(t, 1)
	n.await(t, "attempt", func(l jsonLine) bool { return l.Status == http.StatusOK })
	if status, answer := n.public(t, http.MethodPost, n.url, forged, "X-Hub-Signature-256", signed("another body")); status != http.StatusUnauthorized {
		t.Errorf("a forged delivery = %d %q, want 401", status, answer)
	}
	n.checkOneDoor(t)

	n.reconnects(t, func() { n.edge.DropSessions() })
	n.deliver(t, 2)
	n.reconnects(t, func() {
		n.edge.Down()
		n.await(t, "tunnel", func(l jsonLine) bool { return l.State == "reconnecting" && l.Error != "" })
		if err := n.edge.Up(); err != nil {
			t.Fatal(err)
		}
	})
	n.deliver(t, 3)

	n.signal(t, syscall.SIGTERM)
	if code := n.wait(t); code != exitDone {
		t.Errorf("exit code %d after SIGTERM, want %d", code, exitDone)
	}
	if hosts := n.edge.Online(); len(hosts) != 0 {
		t.Errorf("%q are online after the end, want none", hosts)
	}
	n.checkSecrets(t)
}

// reconnects wants the public URL back, the same, after something went wrong.
func (n *tunneled) reconnects(t *testing.T, wrong func()) {
	t.Helper()
	before := strings.Count(n.stdout.String(), `"state":"online"`)
	wrong()
	n.awaitOutput(t, &n.stdout, "the tunnel online again", func(text string) bool {
		return strings.Count(text, `"state":"online"`) > before
	})
	at := strings.LastIndex(n.stdout.String(), `"state":"online"`)
	if line, _, _ := strings.Cut(n.stdout.String()[at:], "\n"); !strings.Contains(line, n.url) {
		t.Errorf("after the outage %s, want the URL %s", line, n.url)
	}
}

// checkOneDoor wants nothing but the callback path to be reachable from outside.
func (n *tunneled) checkOneDoor(t *testing.T) {
	t.Helper()
	base := strings.TrimSuffix(n.url, "/webhook")
	for _, path := range []string{
		"", "/", "/webhook/", "/webhook/x", "/Webhook", "//webhook", "/webhook/../webhook", "/session", "/fire", "/replay", "/debug/pprof/", "/favicon.ico",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, answer := n.public(t, method, base+path, "{}"); status != http.StatusNotFound {
				t.Errorf("%s %q = %d %.100q, want 404", method, path, status, answer)
			}
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch, http.MethodTrace} {
		if status, _ := n.public(t, method, n.url, ""); status != http.StatusMethodNotAllowed {
			t.Errorf("%s = %d, want 405", method, status)
		}
	}
	for _, host := range []string{"evil.example", "other." + tunneltest.Domain, n.host + ".evil.example", ""} {
		if status := n.raw(t, "POST /webhook HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 2\r\n\r\n{}"); status != http.StatusMisdirectedRequest {
			t.Errorf("POST to the host %q = %d, want 421", host, status)
		}
	}
}

// raw writes a request into the tunnel and returns the answer's status.
func (n *tunneled) raw(t *testing.T, request string) int {
	t.Helper()
	conn, err := n.edge.OpenRaw(n.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return exchange(t, conn, request)
}

// checkSecrets wants no secret in anything the session printed or wrote, nor the
// signature that a forged delivery should have had.
func (n *tunneled) checkSecrets(t *testing.T) {
	t.Helper()
	checkHidden(t, []string{ngrokToken, appSecret, verifyToken, strings.TrimPrefix(signed(forged), "sha256=")},
		map[string]string{"stdout": n.stdout.String(), "stderr": n.stderr.String()},
		filepath.Dir(n.sandbox.dir))
}

// What was under way when the session was told to end is answered through the tunnel
// and forwarded.
func TestNgrokEndsGracefully(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	conn, err := n.edge.OpenRaw(n.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	body := message(1, 1)
	if _, err := fmt.Fprintf(conn, "POST /webhook HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nX-Hub-Signature-256: %s\r\nExpect: 100-continue\r\n\r\n",
		n.host, len(body), signed(body)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	line, err := answers.ReadString('\n') // igloo asks for the body: it is under way
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("the answer begins %q, %v, want 100 Continue", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	n.signal(t, syscall.SIGTERM)
	poll(t, "the session lets no new session of its own in", func() bool { return len(n.edge.Snapshot().Unbinds) > 0 })
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the delivery under way = %d, want 200", resp.StatusCode)
	}
	if code := n.wait(t); code != exitDone {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
	if got := n.app.received(); len(got) != 1 || got[0] != body {
		t.Errorf("the app received %d deliveries, want the one under way", len(got))
	}
}

// A token that ngrok refuses ends the session at once, and no token is printed: not
// the user's, and not another that the service puts into its answer.
func TestNgrokRefusesToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code int
		text string
	}{
		{105, "The authtoken you specified does not look like a proper ngrok tunnel authtoken.\nYour authtoken: %s"},
		{107, "The authtoken you specified is properly formed, but it is invalid.\nYour authtoken: %s"},
		{108, "Your account is limited to 1 simultaneous ngrok agent session; %s has it."},
	} {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			t.Parallel()
			edge := tunneltest.New(t)
			edge.OnAuth(func(tunneltest.Auth) error {
				return tunneltest.Refuse(tt.code, fmt.Sprintf(tt.text, foreignToken)+" ("+ngrokToken+")")
			})
			s := newSandbox(t, "NGROK_AUTHTOKEN="+ngrokToken)
			began := time.Now()
			code, stdout, stderr := s.run(t, append([]string{"listen", "--json", "--listen", "127.0.0.1:0"}, ngrokArgs(t, edge)...)...)
			if took := time.Since(began); code != exitFailed || took > 5*time.Second {
				t.Errorf("exit code %d after %v, want %d within 5 s", code, took, exitFailed)
			}
			if !strings.Contains(stderr, "igloo: error: ") || !strings.Contains(stderr, "igloo: hint: ") || !strings.Contains(stderr, fmt.Sprint(tt.code)) {
				t.Errorf("stderr %q, want an error with the code %d, and a hint", stderr, tt.code)
			}
			if auths := edge.Snapshot().Auths; len(auths) != 1 || auths[0].Authtoken != ngrokToken {
				t.Errorf("the service was asked %d times, want once, with the token", len(auths))
			}
			checkHidden(t, []string{ngrokToken, foreignToken}, map[string]string{"stdout": stdout, "stderr": stderr}, filepath.Dir(s.dir))
		})
	}
}
