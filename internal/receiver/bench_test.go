package receiver_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/receiver"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// forgetful records nothing, so that the benchmark measures the handler alone.
type forgetful struct{}

func (forgetful) Append(context.Context, journal.Delivery) (int64, error) { return 1, nil }

func (forgetful) AppendVerification(context.Context, journal.Verification) (int64, error) {
	return 1, nil
}

func (forgetful) Record(context.Context, journal.Attempt) error { return nil }

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteString(s string) (int, error) {
	return len(s), nil
}
func (n nowhere) WriteHeader(int)                 {}
func (n nowhere) SetReadDeadline(time.Time) error { return nil }

// batch is a delivery of n comments in one body.
func batch(n int) string {
	const change = `{"value": {"from": {"id": "1082736450918273", "username": "river.baker"}, "media": {"id": "18064310520917744", ` +
		`"media_product_type": "FEED"}, "id": "17906421385120336", "text": "Qu\u00e9 rico \ud83e\udd50 <b>24/7</b> & m\u00e1s"}, "field": "comments"}`
	return `{"entry": [{"id": "17841499100200301", "time": 1790000123, "changes": [` + change + strings.Repeat(", "+change, n-1) + `]}], "object": "instagram"}`
}

func BenchmarkReceive(b *testing.B) {
	for _, updates := range []int{1, 1000} {
		b.Run(fmt.Sprintf("updates=%d", updates), func(b *testing.B) {
			payload := batch(updates)
			size := len(payload)
			r := newReceiver(b, receiver.Config{HasTarget: true}, forgetful{})
			signature := webhook.Sign(instagram.Value, []byte(payload))
			header := http.Header{
				"Content-Type": {"application/json"}, "User-Agent": {"facebookexternalua"}, "Accept": {"*/*"},
				webhook.SignatureHeader: {signature}, webhook.SHA1SignatureHeader: {"sha1=00"},
			}
			target := &url.URL{Path: "/webhook"}
			src := strings.NewReader(payload)
			w := nowhere{http.Header{}}
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				src.Reset(payload)
				r.ServeHTTP(w, &http.Request{
					Method: "POST", URL: target, RequestURI: "/webhook", Host: "127.0.0.1:4456", Proto: "HTTP/1.1",
					Header: header, Body: io.NopCloser(src), ContentLength: int64(size),
				})
			}
		})
	}
}
