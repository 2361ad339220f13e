package simulator_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// BenchmarkRender measures one rendering with both signatures, as in a burst.
func BenchmarkRender(b *testing.B) {
	for _, name := range []string{"comments", "messages/text", "messages/image"} {
		b.Run(name, func(b *testing.B) {
			t, err := simulator.NewRun(1, nil).Compile(builtin(b, name), simulator.Options{})
			if err != nil {
				b.Fatal(err)
			}
			signer := webhook.NewSigner(simulator.NewSecret(key))
			b.ReportAllocs()
			for b.Loop() {
				t.Render().SignWith(signer)
			}
		})
	}
	b.Run("comments ×1000", func(b *testing.B) {
		t, err := simulator.NewRun(1, nil).Compile(builtin(b, "comments"), simulator.Options{Batch: 1000})
		if err != nil {
			b.Fatal(err)
		}
		signer := webhook.NewSigner(simulator.NewSecret(key))
		for b.Loop() {
			t.Render().SignWith(signer)
		}
	})
	b.Run("messages ×1000", func(b *testing.B) {
		t, err := simulator.NewRun(1, nil).Compile(builtin(b, "messages"), simulator.Options{Batch: 1000})
		if err != nil {
			b.Fatal(err)
		}
		signer := webhook.NewSigner(simulator.NewSecret(key))
		for b.Loop() {
			t.Render().SignWith(signer)
		}
	})
}

// BenchmarkSend compares the client with net/http's on a loopback server: the same
// signed body, one at a time.
func BenchmarkSend(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the test server's trouble is the client's
		_, _ = io.WriteString(w, "EVENT_RECEIVED")
	}))
	defer server.Close()
	r, err := simulator.Render(builtin(b, "comments"), simulator.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	r.Sign(simulator.NewSecret(key))

	b.Run("igloo", func(b *testing.B) {
		client, err := simulator.NewClient(simulator.ClientConfig{})
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		target, err := simulator.ParseURL(server.URL)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Send(b.Context(), target, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("net-http", func(b *testing.B) {
		client := &http.Client{}
		b.ReportAllocs()
		for b.Loop() {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, bytes.NewReader(r.Body))
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range r.Header {
				if f.Value != "" {
					request.Header.Set(f.Name, f.Value)
				}
			}
			response, err := client.Do(request)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); err != nil {
				b.Fatal(err)
			}
			_ = response.Body.Close() // read to its end
		}
	})
}
