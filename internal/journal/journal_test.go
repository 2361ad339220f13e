package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// start opens a journal and runs it until stop is called, which also closes it.
func start(tb testing.TB, cfg journal.Config) (j *journal.Journal, stop func()) {
	tb.Helper()
	j, err := journal.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- j.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ran; err != nil {
			tb.Errorf("Run() = %v", err)
		}
		if err := j.Close(); err != nil {
			tb.Errorf("Close() = %v", err)
		}
	}
	tb.Cleanup(stop)
	return j, stop
}

func fileIn(tb testing.TB) string { return filepath.Join(tb.TempDir(), "journal.db") }

var day = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

// comment is a delivery with one comment.
func comment(n int, username, text string) journal.Delivery {
	return delivery(n, fmt.Sprintf(`{"object": "instagram", "entry": [{"id": "17841405309211844", "time": %d, "changes": [{"field": "comments", "value": {"id": "178%d", "from": {"id": "99%d", "username": %s}, "media": {"id": "1", "media_product_type": "FEED"}, "text": %s}}]}]}`,
		day.Unix()+int64(n), n, n%10, quote(username), quote(text)))
}

// quote writes a JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func delivery(n int, body string) journal.Delivery {
	return journal.Delivery{
		ReceivedAt: day.Add(time.Duration(n) * time.Second),
		Source:     journal.Live,
		Method:     "POST",
		URI:        "/webhook?x=1",
		Proto:      "HTTP/1.1",
		Host:       "example.ngrok.app",
		Remote:     "31.13.127.4:443",
		Header: http.Header{
			"Content-Type":        {"application/json"},
			"User-Agent":          {webhook.ChangesUserAgent},
			"X-Hub-Signature-256": {"sha256=5f1c9ae25f1c9ae25f1c9ae25f1c9ae25f1c9ae25f1c9ae25f1c9ae25f1c9ae2"},
			"X-Two":               {"a", "b: c"},
		},
		Body:    []byte(body),
		Verdict: webhook.Verified,
		Secret:  "instagram",
		Status:  200,
		Forward: true,
	}
}

func appendAll(tb testing.TB, j *journal.Journal, ds ...journal.Delivery) []int64 {
	tb.Helper()
	ids := make([]int64, len(ds))
	for i, d := range ds {
		id, err := j.Append(tb.Context(), d)
		if err != nil {
			tb.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

func attempt(delivery int64, status int, took time.Duration) journal.Attempt {
	return journal.Attempt{
		Delivery: delivery, At: day, Took: took, Target: "http://localhost:3000/webhook", Status: status,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("ok"),
	}
}

// settle waits until everything queued is committed and indexed.
func settle(tb testing.TB, j *journal.Journal, attempts int64) {
	tb.Helper()
	changed, stop := j.Watch()
	defer stop()
	deadline := time.After(20 * time.Second)
	for {
		now, err := j.Now(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		if now.Indexed == j.LastID() && now.Attempt >= attempts {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			tb.Fatalf("not settled: %+v, last delivery %d, want %d attempts", now, j.LastID(), attempts)
		}
	}
}
