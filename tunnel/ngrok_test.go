package tunnel_test

import (
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

const authtoken = "2abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJK"

func TestNgrokConforms(t *testing.T) {
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		edge := tunneltest.New(t)
		p, err := tunnel.NewNgrok(tunnel.NgrokConfig{Authtoken: secret.New(authtoken), ConnectURL: edge.ConnectURL(), CAs: edge.Pool()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tunneltest.Subject{Provider: p, Client: edge.Client()}
	})
}

func TestMemoryConforms(t *testing.T) {
	tunneltest.Run(t, func(*testing.T) tunneltest.Subject {
		m := tunneltest.NewMemory("https://memory.test")
		return tunneltest.Subject{Provider: m, Client: m.Client()}
	})
}
