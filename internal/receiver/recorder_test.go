package receiver_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

const (
	appSecret   = "0123456789abcdef0123456789abcdef"
	verifyToken = "vt_8f2c+/ä"
	body        = `{"object":"instagram","entry":[{"time":1790000124367,"id":"9","messaging":[{"sender":{"id":"1"},"message":{"text":"\u00e9 \/"}}]}]}`
)

// recorder keeps what the receiver hands it.
type recorder struct {
	mu            sync.Mutex
	deliveries    []journal.Delivery
	verifications []journal.Verification
	attempts      []journal.Attempt
	err           error                           // of everything
	hold          func(ctx context.Context) error // before an append returns
}

func (r *recorder) Append(ctx context.Context, d journal.Delivery) (int64, error) {
	if r.hold != nil {
		if err := r.hold(ctx); err != nil {
			return 0, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	d.ID = int64(len(r.deliveries) + 1)
	r.deliveries = append(r.deliveries, d)
	return d.ID, nil
}

func (r *recorder) AppendVerification(_ context.Context, v journal.Verification) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verifications = append(r.verifications, v)
	return int64(len(r.verifications)), r.err
}

func (r *recorder) Record(_ context.Context, a journal.Attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts = append(r.attempts, a)
	return r.err
}

func (r *recorder) all() []journal.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.deliveries)
}

// only returns the one delivery that was recorded.
func (r *recorder) only(t *testing.T) journal.Delivery {
	t.Helper()
	all := r.all()
	if len(all) != 1 {
		t.Fatalf("%d deliveries recorded, want 1", len(all))
	}
	return all[0]
}

func keyring(tb testing.TB, secrets ...webhook.AppSecret) *webhook.Keyring {
	tb.Helper()
	k, err := webhook.NewKeyring(secrets...)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

var instagram = webhook.AppSecret{Name: "instagram", Value: secret.New(appSecret)}

// newReceiver returns a receiver of cfg. What is not set is set to what most tests
// want: a real app secret, a verify token, a target.
func newReceiver(tb testing.TB, cfg receiver.Config, rec receiver.Recorder) *receiver.Receiver {
	tb.Helper()
	if cfg.Path == "" {
		cfg.Path = "/webhook"
	}
	if cfg.Keyring == nil {
		cfg.Keyring = keyring(tb, instagram)
	}
	if cfg.VerifyToken.Empty() {
		cfg.VerifyToken = secret.New(verifyToken)
	}
	r, err := receiver.New(cfg, rec)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// signed returns a delivery as Meta sends it.
func signed(body string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	req.Host = "localhost:4456"
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(instagram.Value, []byte(body)))
	return req
}

// do has r answer req.
func do(r http.Handler, req *http.Request) *http.Response {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}

// text returns the body of an answer.
func text(tb testing.TB, resp *http.Response) string {
	tb.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// serve starts the receiver's own server on loopback and returns its address.
func serve(t *testing.T, r *receiver.Receiver) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := r.Server()
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		wg.Wait()
	})
	return listener.Addr().String()
}

// wire is a connection on which a test writes and reads the very bytes.
type wire struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wire{t, conn, bufio.NewReader(conn)}
}

func (w *wire) send(raw string) {
	w.t.Helper()
	if _, err := io.WriteString(w, raw); err != nil {
		w.t.Fatal(err)
	}
}

// answer reads one answer.
func (w *wire) answer() (resp *http.Response, text string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatalf("read answer: %v", err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("read answer: %v", err)
	}
	return resp, string(b)
}

// closed reports whether the other side hung up.
func (w *wire) closed() bool {
	_, err := w.in.ReadByte()
	return err != nil
}

// logTo returns a logger of everything and what it wrote.
func logTo() (*slog.Logger, *lockedBuffer) {
	b := &lockedBuffer{}
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})), b
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
