//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

// What the public URL exposes, and where it is tested through the tunnel:
//
//	control socket, other paths, methods   TestNgrok (checkOneDoor), TestOneAnswerForEveryPath
//	another Host                           TestNgrok (checkOneDoor)
//	large headers and bodies               TestExposedDoor (requests)
//	slow headers and bodies, silence       TestExposedDoor (slow header, slow body, silence)
//	other protocols, noise                 TestExposedDoor (garbage)
//	500 at once                            TestExposedFlood
//	forged and unsigned deliveries         TestNgrok; TestExposedDoor (requests)
//	what goes back is igloo's alone        TestNothingOfTheAppGoesBack
//	injection into headers                 TestExposedInjection
//	injection into a terminal              TestExposedTerminal
//	secrets that the service could see     TestNothingTellsTheService
//	the URL leads here, and nowhere else   TestStaleURL; selfcheck_test.go, self_check.txtar

// raws is the entrance for clients that speak through the tunnel as they like.
func (n *tunneled) raws() entrance {
	return entrance{host: n.host, window: 200 << 10, open: func(t *testing.T) net.Conn {
		t.Helper()
		conn, err := n.edge.OpenRaw(n.host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}}
}

func TestExposedDoor(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	testEntrance(t, n.raws())
	// igloo does not wait for the rest of what is too long, so the service may miss its
	// 413 while it still writes, and answer in its place.
	status, answer := n.public(t, http.MethodPost, n.url, strings.Repeat("x", 5<<20+1))
	if status != http.StatusRequestEntityTooLarge && status != http.StatusBadGateway {
		t.Errorf("5 MiB and a byte are answered %d %q, want 413", status, answer)
	}
	if n.app.count() != 0 {
		t.Errorf("the app received %q, want nothing", n.app.received())
	}
	n.deliver(t, 1) // the door is open still
	n.end(t)
	checkLog(t, n.info.DataDir)
	n.checkSecrets(t)
}

// Whoever looks for other doors learns nothing: every path has the same answer, to the
// byte but for the date, and so has the control socket's.
func TestOneAnswerForEveryPath(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	answer := func(method, path string) string {
		conn, err := n.edge.OpenRaw(n.host)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer conn.Close()
		err = conn.SetDeadline(time.Now().Add(patience))
		if err == nil {
			_, err = io.WriteString(conn, method+" "+path+" HTTP/1.1\r\nHost: "+n.host+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
		text, readErr := io.ReadAll(conn)
		if err := errors.Join(err, readErr); err != nil {
			t.Error(err)
		}
		var lines []string
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "Date: ") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	const want = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	var asked sync.WaitGroup
	for _, path := range []string{
		"/", "/session", "/fire", "/replay", "/keep", "/selfcheck", "http://session/session", "/debug/pprof/", "/metrics", "/api/tunnels",
		"/.env", "/webhook%2f", "/%77ebhook", "/webhook;x", "/webhook/../session", "/WEBHOOK", "*",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			asked.Go(func() { // each connection lingers for half a second
				got, want := answer(method, path), want
				if strings.HasPrefix(path, "http://") { // the Host is that of the URL then
					want = strings.Replace(want, "404 Not Found", "421 Misdirected Request", 1)
				}
				if got != want {
					t.Errorf("%s %s is answered %q, want %q", method, path, got, want)
				}
			})
		}
	}
	asked.Wait()
	sockets, err := filepath.Glob(filepath.Join(runtimeOf(n.sandbox), "igloo", "*.sock"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %q, %v, want one", sockets, err)
	}
	for path, want := range map[string]os.FileMode{sockets[0]: 0o600, filepath.Dir(sockets[0]): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %o, want %o", filepath.Base(path), got, want)
		}
	}
}

// runtimeOf is the runtime folder of a sandbox.
func runtimeOf(s *sandbox) string {
	for _, pair := range s.env {
		if dir, ok := strings.CutPrefix(pair, "XDG_RUNTIME_DIR="); ok {
			return dir
		}
	}
	return ""
}

// 500 at once are answered, each with what was done: the app has what was answered 200,
// once each. ngrok takes back a few of so many itself (trap 10), with a 502.
func TestExposedFlood(t *testing.T) {
	t.Parallel()
	if !atFullSpeed(t) {
		return
	}
	n := openTunnel(t)
	const flood = 500
	statuses := make(chan int, flood)
	bodies := make(chan string, flood)
	var senders sync.WaitGroup
	for i := range flood {
		senders.Go(func() {
			body := message(i, i)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("X-Hub-Signature-256", signed(body))
			resp, err := n.edge.Client().Do(req)
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				bodies <- body
			}
			statuses <- resp.StatusCode
		})
	}
	senders.Wait()
	close(statuses)
	close(bodies)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	t.Logf("answers by status: %v", counts)
	if counts[200] < flood*8/10 || counts[200]+counts[502]+counts[503] != flood {
		t.Errorf("answers by status %v, want most of them 200, and else 502 or 503", counts)
	}
	poll(t, "the app has every delivery that was answered", func() bool { return n.app.count() >= counts[200] })
	had := map[string]int{}
	for _, body := range n.app.received() {
		had[body]++
	}
	for body := range bodies {
		if had[body] != 1 {
			t.Fatalf("the app has the delivery %s %d times, want once", label([]byte(body)), had[body])
		}
	}
	n.deliver(t, 1000)
	n.end(t)
}

// With --answer app the app's status goes back, and else nothing of it; without, not
// even that.
func TestNothingOfTheAppGoesBack(t *testing.T) {
	t.Parallel()
	n := openTunnelTo(t, newDevelopersApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session=of-the-app")
		w.Header().Set("X-Powered-By", "the app")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "a page of the app")
	}))
	body := message(1, 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature-256", signed(body))
	resp, err := n.edge.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Header.Del("Date")
	want := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Length": {"14"}}
	if diff := cmp.Diff(want, resp.Header); resp.StatusCode != http.StatusOK || string(text) != webhook.EventReceived || diff != "" {
		t.Errorf("answered %d %q, want 200 %q; header (-want +got):\n%s", resp.StatusCode, text, webhook.EventReceived, diff)
	}
}

// What comes in a request stays in the body of its answer.
func TestExposedInjection(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	for _, challenge := range []string{
		"1%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<script>", "1%0aX-Evil:%20b", "%00%1b[2J", "<script>alert(1)</script>", "%c2%9b31m",
	} {
		conn := n.raws().open(t)
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err := io.WriteString(conn, "GET /webhook?hub.mode=subscribe&hub.verify_token="+verifyToken+"&hub.challenge="+challenge+" HTTP/1.1\r\nHost: "+n.host+"\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range resp.Header {
			names = append(names, name)
		}
		resp.Body.Close()
		if len(names) != 3 || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || resp.Header.Get("Date") == "" || resp.Header.Get("Content-Length") == "" {
			t.Errorf("the challenge %q is answered with the header %v, want Content-Type, Content-Length and Date", challenge, resp.Header)
		}
	}
}

// A session in plain mode behind the tunnel prints nothing that a terminal obeys,
// whatever is in bodies, headers, paths and hosts.
func TestExposedTerminal(t *testing.T) {
	t.Parallel()
	edge := tunneltest.New(t)
	outside := newInternet(t, edge.PublicAddr(), edge.CA())
	s := withSecret(t, append(outside.env(), "NGROK_AUTHTOKEN="+ngrokToken, "IGLOO_VERIFY_TOKEN="+verifyToken)...)
	p := s.start(t, append([]string{"listen", "--ui", "plain", "--listen", "127.0.0.1:0"}, ngrokArgs(t, edge)...)...)
	p.awaitOutput(t, &p.stderr, "the public URL", func(text string) bool { return strings.Contains(text, "/webhook (checking") })
	host := edge.OwnHost(ngrokToken)
	n := postHostile(t, edge.Client(), "https://"+host+"/webhook")
	for _, request := range []string{
		"GET /\x1b]0;title\x07 HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"GET /%1b%5d0;title%07 HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"GET /webhook HTTP/1.1\r\nHost: \x1b[2J\r\n\r\n",
		"GET /webhook?hub.mode=subscribe&hub.challenge=%1b[2J&hub.verify_token=%1b[31m HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: \u009b31m\r\n\r\n",
		"\x1b[2J /webhook HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
	} {
		conn, err := edge.OpenRaw(host)
		if err != nil {
			t.Fatal(err)
		}
		if got := exchange(t, conn, request); got < 400 {
			t.Errorf("%q is answered %d, want a refusal", request, got)
		}
	}
	p.awaitOutput(t, &p.stdout, "a line for each", func(text string) bool { return strings.Count(text, "\n") >= n+1 })
	p.end(t)
	for name, text := range map[string]string{"stdout": p.stdout.String(), "stderr": p.stderr.String()} {
		for line := range strings.Lines(text) {
			if bad, ok := printable(line); !ok {
				t.Errorf("%s prints %q in the line %q", name, bad, line)
				break
			}
		}
	}
}

// The tunnel's service is told nothing but what it is asked for.
func TestNothingTellsTheService(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	seen := n.edge.Snapshot()
	seen.Auths[0].Authtoken = "" // that one it has to know
	text, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{appSecret, verifyToken, ngrokToken, n.sandbox.dir} {
		if bytes.Contains(text, []byte(hidden)) {
			t.Errorf("the service was told %.4s…: %s", hidden, text)
		}
	}
}

// A service that gives out another URL at a reconnect leaves the session with one that
// leads nowhere (trap 5). Only the self-check tells.
func TestStaleURL(t *testing.T) {
	t.Parallel()
	n := openTunnel(t)
	n.edge.ForgetTokens()
	n.edge.DropSessions()
	n.await(t, "tunnel", func(l jsonLine) bool { return l.State == "reconnecting" })
	degraded := n.await(t, "tunnel", func(l jsonLine) bool {
		return l.State == "degraded" || l.State == "online" && l.URL != n.url
	})
	if degraded.State == "degraded" && !bytes.Contains(degraded.raw, []byte(`"code":"ERR_NGROK_3200"`)) {
		t.Errorf("%s, want ngrok's code for a URL without a tunnel", degraded.raw)
	}
}
