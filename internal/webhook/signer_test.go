package webhook_test

import (
	"sync"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// TestSigner signs two bodies from many goroutines. The signatures were made with
// openssl.
func TestSigner(t *testing.T) {
	signer := webhook.NewSigner(secret.New("0123456789abcdef0123456789abcdef"))
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 100 {
				if got, want := signer.Sign([]byte("{}")), "sha256=b326604c0dc7364c8b688556189c0a510e5150cd4628736be814c7c9898f899d"; got != want {
					t.Errorf("Sign({}) = %s, want %s", got, want)
				}
				if got, want := signer.SignSHA1([]byte("{}")), "sha1=80797d364ae52b33f184d6f6a876e198fb150aa3"; got != want {
					t.Errorf("SignSHA1({}) = %s, want %s", got, want)
				}
				if got, want := signer.Sign([]byte(`{"a":1}`)), "sha256=f0546246da9e2349100c845a8561214788d75d900f3c086a72fcfa03bb1f42ab"; got != want {
					t.Errorf(`Sign({"a":1}) = %s, want %s`, got, want)
				}
			}
		})
	}
	running.Wait()
}

func TestSignerWithoutSecret(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an empty secret signs")
		}
	}()
	webhook.NewSigner(secret.Value{})
}

func BenchmarkSigner(b *testing.B) {
	signer := webhook.NewSigner(secret.New("0123456789abcdef0123456789abcdef"))
	body := make([]byte, 400)
	b.ReportAllocs()
	for b.Loop() {
		signer.Sign(body)
		signer.SignSHA1(body)
	}
}
