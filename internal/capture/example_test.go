package capture_test

import (
	"fmt"

	"github.com/igloo-dev/igloo/internal/capture"
)

func ExampleRead() {
	requests, err := capture.Read([]byte(`curl http://localhost:3000/webhook \
  -H 'X-Hub-Signature-256: sha256=ab' \
  --data-binary '{"object": "instagram", "entry": []}'`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range requests {
		fmt.Println(r.Method, r.URL, r.Header.Get("X-Hub-Signature-256"))
		fmt.Printf("%s\n", r.Body)
	}
	// Output:
	// POST http://localhost:3000/webhook sha256=ab
	// {"object": "instagram", "entry": []}
}
