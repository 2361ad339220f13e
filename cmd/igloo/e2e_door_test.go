//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The callback URL is public. Whoever comes there, the session goes on, and nothing
// of it reaches the app.
func TestDoor(t *testing.T) {
	t.Parallel()
	app := newDevelopersApp(t, nil)
	l := withSecret(t).listen(t, "--forward-to", app.URL())
	door := newMeta(t, l.info.Ingress)
	testEntrance(t, entrance{host: door.target.Host, open: func(t *testing.T) net.Conn { return dial(t, door.target.Host) }})
	if app.count() != 0 {
		t.Errorf("the app received %q, want nothing", app.received())
	}
	alive(t, door, app)
	l.end(t)
	checkLog(t, l.info.DataDir)
}

// entrance is a way to the callback URL for clients that keep no rules.
type entrance struct {
	host string // as it is called there
	open func(t *testing.T) net.Conn
	// window bounds what may be written without being read: a stream of a tunnel can't
	// be closed while a write waits. 0 is no bound.
	window int
}

// testEntrance comes as people do who mean no good, or are no good at it.
func testEntrance(t *testing.T, e entrance) {
	t.Helper()
	together(t, map[string]func(*testing.T){
		"requests": func(t *testing.T) { testBadRequests(t, e) },
		"garbage":  func(t *testing.T) { testGarbage(t, e) },
		"slow header": func(t *testing.T) {
			testSlow(t, e, "POST /webhook HTTP/1.1\r\nHost: "+e.host+"\r\nX-Slow: ", 4*time.Second, 12*time.Second)
		},
		"slow body": func(t *testing.T) { testSlow(t, e, postHead(e.host, 5000), 14*time.Second, 24*time.Second) },
		"silence":   func(t *testing.T) { testSlow(t, e, "", 4*time.Second, 12*time.Second) },
	})
}

// alive wants a proper delivery to reach the app.
func alive(t *testing.T, door *meta, app *developersApp) {
	t.Helper()
	body := message(99, rand.IntN(1e6))
	if status, err := door.post(t.Context(), body); status != http.StatusOK {
		t.Errorf("a proper delivery = %d, %v, want 200", status, err)
	}
	poll(t, "it reaches the app", func() bool {
		got := app.received()
		return len(got) > 0 && got[len(got)-1] == body
	})
}

// postHead is a request up to its body.
func postHead(host string, length int) string {
	return fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", host, length)
}

func testBadRequests(t *testing.T, e entrance) {
	const tooMuch = 6 << 20
	address := e.host
	chunked := "POST /webhook HTTP/1.1\r\nHost: " + address + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, tt := range []struct {
		name, request string
		want          int
	}{
		{"6 MiB", postHead(address, tooMuch) + strings.Repeat("x", tooMuch), http.StatusRequestEntityTooLarge},
		{"6 MiB in chunks", chunked + strings.Repeat("10000\r\n"+strings.Repeat("x", 0x10000)+"\r\n", tooMuch/0x10000) + "0\r\n\r\n", http.StatusRequestEntityTooLarge},
		{"a length that no body has", "POST /webhook HTTP/1.1\r\nHost: " + address + "\r\nContent-Length: 99999999999999999999\r\n\r\n", http.StatusBadRequest},
		{"two lengths", "POST /webhook HTTP/1.1\r\nHost: " + address + "\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", http.StatusBadRequest},
		{"one large header", "POST /webhook HTTP/1.1\r\nHost: " + address + "\r\nX-Large: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		{"many headers", "POST /webhook HTTP/1.1\r\nHost: " + address + "\r\n" + strings.Repeat("X-Many: value\r\n", 2000) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		{"another host", "POST /webhook HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}", http.StatusMisdirectedRequest},
		{"another host's URL", "GET http://evil.example/webhook HTTP/1.1\r\nHost: " + address + "\r\n\r\n", http.StatusMisdirectedRequest},
		{"two hosts", "GET /webhook HTTP/1.1\r\nHost: " + address + "\r\nHost: evil.example\r\n\r\n", http.StatusBadRequest},
		{"unsigned", postHead(address, 2) + "{}", http.StatusUnauthorized},
		{"another path", "POST /webhook/.. HTTP/1.1\r\nHost: " + address + "\r\nContent-Length: 2\r\n\r\n{}", http.StatusNotFound},
		{"a proxy's method", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", http.StatusMisdirectedRequest},
	} {
		if e.window > 0 && len(tt.request) > e.window {
			continue
		}
		if got := exchange(t, e.open(t), tt.request); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// testGarbage talks to the door in other languages.
func testGarbage(t *testing.T, e entrance) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	noise := make([]byte, 100_000)
	_, _ = random.Read(noise)
	for _, text := range []string{
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "SSH-2.0-OpenSSH_9.2\r\n",
		"\x00\x00\x00\x00", "\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "POST /webhook HTTP/9.9\r\n\r\n", "\x1b]0;title\x07\r\n\r\n", string(noise),
	} {
		conn := e.open(t)
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text) // it may close early
		if conn, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = conn.CloseWrite()
		}
		answer, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.20q is not answered within %v", text, patience)
		}
		if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 4") && !strings.HasPrefix(string(answer), "HTTP/1.1 5") {
			t.Errorf("%.20q is answered %.100q, want a refusal", text, answer)
		}
	}
}

// testSlow sends a byte now and then after the start of a request, and wants to be
// cut off between two times.
func testSlow(t *testing.T, e entrance, start string, least, most time.Duration) {
	conn := e.open(t)
	began := time.Now()
	if err := conn.SetDeadline(began.Add(most + patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, start); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var drip sync.WaitGroup
	drip.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for start != "" {
			select {
			case <-done:
				return
			case <-tick.C:
				_, _ = io.WriteString(conn, "x") // until igloo has enough
			}
		}
	})
	answer, err := io.ReadAll(conn)
	took := time.Since(began)
	close(done)
	drip.Wait()
	if took < least || took > most || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("cut off after %v (%v), want between %v and %v", took, err, least, most)
	}
	if strings.Contains(string(answer), " 200 ") {
		t.Errorf("answer %.100q, want no 200", answer)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// exchange writes a request and returns the answer's status.
func exchange(t *testing.T, conn net.Conn, request string) int {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, request) // an early answer may stop it
		written <- err
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		conn.Close()
		t.Errorf("no answer to %.60q: %v (written: %v)", request, err, <-written)
		return 0
	}
	defer resp.Body.Close()
	conn.Close()
	<-written
	return resp.StatusCode
}

// A flood takes all places; whoever finds none is told to come back, and the door is
// open again as soon as it ebbs.
func TestFlood(t *testing.T) {
	t.Parallel()
	app := newDevelopersApp(t, nil)
	l := withSecret(t).listen(t, "--forward-to", app.URL())
	door := newMeta(t, l.info.Ingress)
	const flood = 600 // more than the 512 places
	conns := make([]net.Conn, flood)
	for i := range conns {
		conns[i] = dial(t, door.target.Host)
		if err := conns[i].SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	body := message(1, 1)
	head := fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: %s\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n", door.target.Host, signed(body), len(body))
	for _, conn := range conns {
		if _, err := io.WriteString(conn, head+body[:100]); err != nil {
			t.Fatal(err)
		}
	}
	// Without a place the answer comes at once; the others wait for the body.
	refused := make(chan *http.Response, flood)
	statuses := make(chan int, flood)
	var readers sync.WaitGroup
	for _, conn := range conns {
		readers.Go(func() {
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				if !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("no answer: %v", err)
				}
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode == http.StatusServiceUnavailable {
				refused <- resp
			}
			statuses <- resp.StatusCode
		})
	}
	select {
	case resp := <-refused:
		if resp.Header.Get("Retry-After") == "" {
			t.Errorf("503 with the header %v, want Retry-After", resp.Header)
		}
	case <-time.After(patience):
		t.Errorf("%d deliveries at once and none was answered 503", flood)
	}
	for _, conn := range conns {
		_, _ = io.WriteString(conn, body[100:]) // those refused are closed
	}
	readers.Wait()
	close(statuses)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	if counts[http.StatusOK] < 500 || counts[http.StatusServiceUnavailable] == 0 || len(counts) != 2 {
		t.Errorf("answers by status %v, want some 512 times 200, and 503", counts)
	}
	poll(t, "the app has every delivery", func() bool { return app.count() == counts[http.StatusOK] })
	alive(t, door, app)
	l.end(t)
	t.Logf("answers by status: %v", counts)
}
