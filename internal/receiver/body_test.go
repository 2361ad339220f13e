package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/receiver"
)

func TestBodySizes(t *testing.T) {
	big := bytes.Repeat([]byte("igloo"), receiver.MaxBody/5+2)
	for _, size := range []int{0, 1, 511, 512, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000, receiver.MaxBody - 1, receiver.MaxBody, receiver.MaxBody + 1} {
		for _, declared := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bytes, declared %v", size, declared), func(t *testing.T) {
				rec := &recorder{}
				r := newReceiver(t, receiver.Config{}, rec)
				// One byte at a time for the small ones: a body rarely comes in one piece.
				var src io.Reader = bytes.NewReader(big[:size])
				if size < 1000 {
					src = oneByte{src}
				}
				req := httptest.NewRequest(http.MethodPost, "/webhook", io.NopCloser(src))
				req.Host, req.ContentLength = "localhost", -1
				if declared {
					req.ContentLength = int64(size)
				}
				resp := do(r, req)
				if size > receiver.MaxBody {
					if resp.StatusCode != http.StatusRequestEntityTooLarge || resp.Header.Get("Connection") != "close" || len(rec.all()) != 0 {
						t.Errorf("answered %d, Connection %q, %d recorded, want 413, close, 0", resp.StatusCode, resp.Header.Get("Connection"), len(rec.all()))
					}
					if got := r.Counts().TooLarge; got != 1 {
						t.Errorf("Counts.TooLarge = %d, want 1", got)
					}
					return
				}
				if d := rec.only(t); !bytes.Equal(d.Body, big[:size]) || cap(d.Body) > size+size/8+64 {
					t.Errorf("recorded %d bytes with room for %d, want %d", len(d.Body), cap(d.Body), size)
				}
			})
		}
	}
}

// oneByte reads one byte at a time.
type oneByte struct{ src io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.src.Read(p[:min(1, len(p))]) }

func TestDeclaredTooLargeIsRefusedUnread(t *testing.T) {
	r := newReceiver(t, receiver.Config{}, &recorder{})
	w := dial(t, serve(t, r))
	w.send(fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", receiver.MaxBody+1))
	resp, _ := w.answer()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("answered %d, close %v, want 413 before the body, and no more", resp.StatusCode, resp.Close)
	}
	if !w.closed() {
		t.Error("the connection stays open")
	}
}

func TestExpectContinue(t *testing.T) {
	rec := &recorder{}
	w := dial(t, serve(t, newReceiver(t, receiver.Config{}, rec)))
	w.send("POST /webhook HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if resp, _ := w.answer(); resp.StatusCode != http.StatusContinue {
		t.Fatalf("answered %d, want 100", resp.StatusCode)
	}
	w.send("{}")
	if resp, _ := w.answer(); resp.StatusCode != http.StatusUnauthorized || string(rec.only(t).Body) != "{}" {
		t.Errorf("answered %d, want 401 for an unsigned delivery", resp.StatusCode)
	}
}

func TestBrokenOffBodyIsNotRecorded(t *testing.T) {
	for name, raw := range map[string]string{
		"shorter than declared": "Content-Length: 10\r\n\r\nhalf",
		"no last chunk":         "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"not a chunk":           "Transfer-Encoding: chunked\r\n\r\nnonsense",
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{}
			r := newReceiver(t, receiver.Config{}, rec)
			w := dial(t, serve(t, r))
			w.send("POST /webhook HTTP/1.1\r\nHost: localhost\r\n" + raw)
			if tcp, ok := w.Conn.(interface{ CloseWrite() error }); ok {
				_ = tcp.CloseWrite()
			}
			resp, _ := w.answer()
			if resp.StatusCode != http.StatusBadRequest || !resp.Close {
				t.Errorf("answered %d, close %v, want 400 and the end", resp.StatusCode, resp.Close)
			}
			if got := r.Counts(); len(rec.all()) != 0 || got.Incomplete != 1 {
				t.Errorf("%d recorded, Counts %+v, want none and one incomplete", len(rec.all()), got)
			}
		})
	}
}

func TestInFlightIsBounded(t *testing.T) {
	const most = 512
	release := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Add(most)
	rec := &recorder{hold: func(context.Context) error {
		waiting.Done()
		<-release
		return nil
	}}
	r := newReceiver(t, receiver.Config{}, rec)
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			if got := do(r, signed(body)).StatusCode; got != http.StatusOK {
				t.Errorf("answered %d, want 200", got)
			}
		})
	}
	waiting.Wait()
	resp := do(r, signed(body))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("number %d answered %d, Retry-After %q, want 503 and a time", most+1, resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	close(release)
	all.Wait()
	rec.hold = nil
	if got := do(r, signed(body)).StatusCode; got != http.StatusOK {
		t.Errorf("answered %d when there is room again, want 200", got)
	}
	if got := r.Counts(); got.Busy != 1 || got.Recorded != most+1 {
		t.Errorf("Counts = %+v, want 1 busy, %d recorded", got, most+1)
	}
}

// TestBytesInFlightAreBounded has many senders declare large bodies. What they
// declare costs nothing; what they send is bounded together.
func TestBytesInFlightAreBounded(t *testing.T) {
	const senders = 60 // of 5 MiB each: more than the 256 MiB there is room for
	r := newReceiver(t, receiver.Config{}, &recorder{})
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		refused int
	)
	release := make(chan struct{})
	stuck := make(chan struct{}, senders)
	for range senders {
		all.Go(func() {
			req := signed("")
			req.ContentLength = receiver.MaxBody
			req.Body = io.NopCloser(&stalling{left: receiver.MaxBody - 1, stuck: stuck, release: release})
			if do(r, req).StatusCode == http.StatusServiceUnavailable {
				mu.Lock()
				refused++
				mu.Unlock()
				stuck <- struct{}{}
			}
		})
	}
	for range senders {
		<-stuck
	}
	mu.Lock()
	defer mu.Unlock()
	if refused == 0 || refused > 20 {
		t.Errorf("%d of %d senders refused, want a few", refused, senders)
	}
	close(release)
	mu.Unlock()
	all.Wait()
	mu.Lock()
	if got := do(r, signed(strings.Repeat("x", receiver.MaxBody))).StatusCode; got != http.StatusOK {
		t.Errorf("answered %d when there is room again, want 200", got)
	}
}

// stalling is a body whose last byte is long in coming.
type stalling struct {
	left           int
	stuck, release chan struct{}
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.left == 0 {
		s.stuck <- struct{}{}
		<-s.release
		return 0, errors.New("gave up")
	}
	n := min(len(p), s.left)
	s.left -= n
	return n, nil
}

// TestWaitingForTheJournal holds that a sender is not hung up on when the journal
// makes it wait longer than a body may take.
func TestWaitingForTheJournal(t *testing.T) {
	rec := &recorder{hold: func(ctx context.Context) error {
		select {
		case <-time.After(40 * time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	inBubble(t, newReceiver(t, receiver.Config{}, rec), func(t *testing.T, dial func() *wire) {
		start := time.Now()
		w := dial()
		w.send("POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
		resp, _ := w.answer()
		if took := time.Since(start); resp.StatusCode != http.StatusUnauthorized || took != 40*time.Second {
			t.Errorf("answered %d after %v, want 401 after 40s", resp.StatusCode, took)
		}
	})
}
