package webhook_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// BenchmarkExplain is the worst case: nothing fits, so everything is tried.
func BenchmarkExplain(b *testing.B) {
	candidates := []webhook.Candidate{
		{Name: "instagram", Value: vectorKey},
		{Name: "meta", Value: secret.New("fedcba9876543210fedcba9876543210")},
		{Kind: webhook.VerifyTokenKey, Value: secret.New("vt_0011223344556677")},
		{Kind: webhook.AccessTokenKey, Value: secret.New("IGAAexample" + strings.Repeat("Z", 150))},
	}
	header := http.Header{webhook.SignatureHeader: {"sha256=" + strings.Repeat("0", 64)}}
	body := vectors(b)[3].body
	for _, size := range []struct {
		name string
		text int
	}{{"1KiB", 1 << 10}, {"32KiB", 32 << 10}, {"256KiB", 256 << 10}, {"5MiB", 5 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			long := slices.Concat(body[:len(body)-6], []byte(`,"more":"`+strings.Repeat("a", size.text-len(body)-10)+`"`), body[len(body)-6:])
			b.SetBytes(int64(len(long)))
			b.ReportAllocs()
			for b.Loop() {
				if found := webhook.Explain(header, long, candidates); found[0].Code != "unexplained" {
					b.Fatal(found[0].Code)
				}
			}
		})
	}
}
