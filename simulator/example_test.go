package simulator_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/simulator"
)

// app is what a developer tests: it answers 200 to what its app secret signed.
func app(appSecret string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "no body", http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, []byte(appSecret))
		mac.Write(body)
		if !hmac.Equal([]byte("sha256="+hex.EncodeToString(mac.Sum(nil))), []byte(r.Header.Get("X-Hub-Signature-256"))) {
			http.Error(w, "bad signature", http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "EVENT_RECEIVED")
	})
}

func ExampleDeliver() {
	const appSecret = "0123456789abcdef0123456789abcdef"
	server := httptest.NewServer(app(appSecret))
	defer server.Close()

	f, err := fixtures.Builtin().Get("messages/image")
	if err != nil {
		fmt.Println(err)
		return
	}
	target := simulator.Target{URL: server.URL + "/webhook", AppSecret: simulator.NewSecret(appSecret)}
	answer, err := simulator.Deliver(context.Background(), target, f)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, string(answer.Body))

	target.AppSecret = simulator.NewSecret("another secret")
	answer, err = simulator.Deliver(context.Background(), target, f)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status)
	// Output:
	// 200 EVENT_RECEIVED
	// 401
}

func ExampleTarget_fault() {
	const appSecret = "0123456789abcdef0123456789abcdef"
	server := httptest.NewServer(app(appSecret))
	defer server.Close()

	f, err := fixtures.Builtin().Get("comments")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, fault := range []simulator.Fault{simulator.NoSignature, simulator.AlteredBody, simulator.SHA1Only} {
		target := simulator.Target{URL: server.URL + "/webhook", AppSecret: simulator.NewSecret(appSecret), Fault: fault}
		answer, err := target.Deliver(context.Background(), f, simulator.Options{Seed: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(fault, answer.Status)
	}
	// Output:
	// no-signature 401
	// altered-body 401
	// sha1-only 401
}

func ExampleRender() {
	f, err := fixtures.Builtin().Get("comments")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := simulator.Render(f, simulator.Options{
		Seed: 1, // the same ids and times every time
		Changes: []simulator.Change{
			{Path: "text", Value: "Do you ship to Évora?"},
			{Path: "from.username", Value: "river.baker"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(r.Body))
	// Output:
	// {"entry": [{"id": "17841133768442217", "time": 1790000124, "changes": [{"value": {"from": {"id": "9920695185106279", "username": "river.baker"}, "media": {"id": "18292796975659541", "media_product_type": "FEED"}, "id": "18263988220385991", "text": "Do you ship to \u00c9vora?"}, "field": "comments"}]}], "object": "instagram"}
}

func ExampleRun() {
	run := simulator.NewRun(1, nil)
	for _, name := range []string{"messages/text", "message_reactions"} {
		f, err := fixtures.Builtin().Get(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		template, err := run.Compile(f, simulator.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		r := template.Render() // the second is a reaction to the first
		fmt.Println(r.Field, r.Dialect, r.Login)
	}
	// Output:
	// messages messaging instagram
	// message_reactions messaging instagram
}
