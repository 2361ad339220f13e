package receiver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/igloo-dev/igloo/internal/receiver"
)

// inBubble runs f in a synctest bubble, with the receiver's own server on a network
// in memory.
func inBubble(t *testing.T, r *receiver.Receiver, f func(t *testing.T, dial func() *wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := r.Server()
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(l) })
		f(t, func() *wire {
			client, served := net.Pipe()
			l.conns <- served
			t.Cleanup(func() { _ = client.Close() })
			return &wire{t, client, bufio.NewReader(client)}
		})
		_ = server.Close()
		wg.Wait()
	})
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "receiver", Net: "pipe"} }

func TestTimeLimits(t *testing.T) {
	const head = "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
	tests := []struct {
		name   string
		send   func(w *wire)
		after  time.Duration
		status int // 0 when the connection is just closed
	}{
		{"no header", func(w *wire) {}, 5 * time.Second, 0},
		{"half a header", func(w *wire) { w.send(head) }, 5 * time.Second, 0},
		{"no body", func(w *wire) { w.send(head + "\r\n") }, 15 * time.Second, 408},
		{"half a body", func(w *wire) { w.send(head + "\r\nhalf") }, 15 * time.Second, 408},
		{"a byte a second for ever", func(w *wire) {
			w.send(strings.Replace(head, "9", "900", 1) + "\r\n")
			for range 14 {
				time.Sleep(time.Second)
				w.send("x")
			}
		}, 15 * time.Second, 408},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			r := newReceiver(t, receiver.Config{}, rec)
			inBubble(t, r, func(t *testing.T, dial func() *wire) {
				start := time.Now()
				w := dial()
				tt.send(w)
				if tt.status != 0 {
					if resp, _ := w.answer(); resp.StatusCode != tt.status || !resp.Close {
						t.Errorf("answered %d, close %v, want %d and the end", resp.StatusCode, resp.Close, tt.status)
					}
					if got := r.Counts().Incomplete; got != 1 {
						t.Errorf("Counts.Incomplete = %d, want 1", got)
					}
				}
				_, _ = io.Copy(io.Discard, w.in)
				if took := time.Since(start); took != tt.after || len(rec.all()) != 0 {
					t.Errorf("closed after %v with %d recorded, want %v and none", took, len(rec.all()), tt.after)
				}
			})
		})
	}
}

func TestUnreadBodyIsBoundedInTime(t *testing.T) {
	inBubble(t, newReceiver(t, receiver.Config{}, &recorder{}), func(t *testing.T, dial func() *wire) {
		start := time.Now()
		w := dial()
		w.send("POST /elsewhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
		_, _ = io.Copy(io.Discard, w.in)
		if took := time.Since(start); took > 16*time.Second {
			t.Errorf("a sender of half a body to no path was kept %v", took)
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	inBubble(t, newReceiver(t, receiver.Config{}, &recorder{}), func(t *testing.T, dial func() *wire) {
		w := dial()
		w.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		w.answer()
		start := time.Now()
		if !w.closed() {
			t.Error("the connection says something of itself")
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("closed after %v, want 1m", took)
		}
	})
}

func TestHeaderIsBounded(t *testing.T) {
	addr := serve(t, newReceiver(t, receiver.Config{}, &recorder{}))
	for size, want := range map[int]int{12 << 10: 400, 15<<10 + 512: 400, 16<<10 + 4096: 431} {
		line := "GET /webhook HTTP/1.1\r\nHost: localhost\r\nX: "
		w := dial(t, addr)
		w.send(line + strings.Repeat("x", size-len(line)-4) + "\r\n\r\n")
		if resp, _ := w.answer(); resp.StatusCode != want {
			t.Errorf("a header of %d bytes answered %d, want %d", size, resp.StatusCode, want)
		}
	}
}

func TestKeepAlive(t *testing.T) {
	const rest = " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
	rec := &recorder{}
	w := dial(t, serve(t, newReceiver(t, receiver.Config{}, rec)))
	for _, tt := range []struct {
		line   string
		status int
	}{{"POST /webhook", 401}, {"POST /x", 404}, {"PUT /webhook", 405}, {"POST /webhook", 401}} {
		w.send(tt.line + rest)
		if resp, _ := w.answer(); resp.StatusCode != tt.status || resp.Close {
			t.Errorf("%s answered %d, close %v, want %d and the connection kept", tt.line, resp.StatusCode, resp.Close, tt.status)
		}
	}
	if got := len(rec.all()); got != 2 {
		t.Errorf("%d recorded, want 2", got)
	}
}

func TestAnswerBytes(t *testing.T) {
	rec := &recorder{}
	r := newReceiver(t, receiver.Config{}, rec)
	w := dial(t, serve(t, r))
	req := signed(body)
	w.send("POST /webhook HTTP/1.1\r\nHost: localhost\r\n")
	if err := req.Header.Write(w); err != nil {
		t.Fatal(err)
	}
	w.send(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
	resp, text := w.answer()
	if resp.Status != "200 OK" || text != "EVENT_RECEIVED" || resp.ContentLength != 14 || len(resp.TransferEncoding) > 0 {
		t.Errorf("answered %s %q, length %d", resp.Status, text, resp.ContentLength)
	}
	want := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Length": {"14"}, "Date": resp.Header["Date"]}
	if fmt.Sprint(resp.Header) != fmt.Sprint(want) {
		t.Errorf("answered with the header %v, want %v", resp.Header, want)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	const most = 1024
	inBubble(t, newReceiver(t, receiver.Config{}, &recorder{}), func(t *testing.T, dial func() *wire) {
		var open []*wire
		for range most {
			open = append(open, dial())
		}
		if extra := dial(); !extra.closed() {
			t.Errorf("connection %d is served", most+1)
		}
		_ = open[0].Close()
		synctest.Wait()
		w := dial()
		w.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if resp, _ := w.answer(); resp.StatusCode != http.StatusNotFound {
			t.Errorf("answered %d when there is room again", resp.StatusCode)
		}
	})
}

func TestOnlyHTTP1(t *testing.T) {
	w := dial(t, serve(t, newReceiver(t, receiver.Config{}, &recorder{})))
	w.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	line, err := w.in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 4") && !strings.HasPrefix(line, "HTTP/1.1 505") {
		t.Errorf("the HTTP/2 preface is answered %q, %v", line, err)
	}
}
