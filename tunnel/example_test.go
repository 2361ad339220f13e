package tunnel_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
)

func ExampleSupervisor() {
	provider, err := tunnel.New("manual", tunnel.Config{PublicURL: "https://hooks.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := tunnel.Supervisor{
		Provider: provider,
		Ingress: tunnel.HTTPIngress("http://127.0.0.1:4456", 10*time.Second, func() *http.Server {
			return &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: 5 * time.Second}
		}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err = s.Run(ctx, func(st tunnel.Status) {
		fmt.Println(st.State, st.URL)
		if st.State == tunnel.Online {
			cancel()
		}
	})
	fmt.Println("ended:", err)
	// Output:
	// online https://hooks.example.com
	// closed <nil>
	// ended: <nil>
}

func ExampleNew() {
	_, err := tunnel.New("ngork", tunnel.Config{})
	fmt.Println(err)
	// Output: unknown tunnel "ngork", available: ngrok, ssh:localhost.run, ssh:srv.us, ssh:serveo, ssh:pinggy, ssh:user@host:port, cloudflared, direct, manual, none
}
