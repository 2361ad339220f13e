package tunnel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/tunnel"
	"github.com/igloo-dev/igloo/tunnel/tunneltest"
)

func TestManualConforms(t *testing.T) {
	tunneltest.Run(t, func(t *testing.T) tunneltest.Subject {
		p, err := tunnel.NewManual("https://hooks.example.com")
		if err != nil {
			t.Fatal(err)
		}
		return tunneltest.Subject{Provider: p}
	})
}

func TestNoneConforms(t *testing.T) {
	tunneltest.Run(t, func(*testing.T) tunneltest.Subject {
		return tunneltest.Subject{Provider: tunnel.None{}, NeverOnline: true}
	})
}

func TestMemoryConforms(t *testing.T) {
	tunneltest.Run(t, func(*testing.T) tunneltest.Subject {
		m := tunneltest.NewMemory("https://memory.test")
		return tunneltest.Subject{Provider: m, Client: m.Client()}
	})
}

func TestNewManual(t *testing.T) {
	tests := []struct{ url, want, err string }{
		{"https://hooks.example.com", "https://hooks.example.com", ""},
		{"https://Hooks.Example.com:8443/", "https://hooks.example.com:8443", ""},
		{"", "", "no public URL"},
		{"http://a.test", "", "https://"},
		{"a.test", "", "https://"},
		{"//a.test", "", "https://"},
		{"https://", "", "no host"},
		{"https://:443", "", "no host"},
		{"https://a.test/webhook", "", "more than a host"},
		{"https://a.test?x=1", "", "more than a host"},
		{"https://a.test/?", "", "more than a host"},
		{"https://a.test#x", "", "more than a host"},
		{"https://me:geheim@a.test", "", "user name or password"},
		{"https://me:gehe%zzim@a.test", "", "not a URL"},
		{"https://a.test:port", "", "not a URL"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			p, err := tunnel.NewManual(tt.url)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "gehe") {
					t.Errorf("NewManual(%q) = %v, want an error with %q", tt.url, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			l := openLab(t, p, tunnel.Ingress{}, &logBuffer{})
			if got := l.Await(t, tunnel.Online).URL.String(); got != tt.want {
				t.Errorf("public URL %q, want %q", got, tt.want)
			}
		})
	}
	if _, err := tunnel.NewManual(""); !errors.Is(err, tunnel.ErrNoPublicURL) {
		t.Errorf("NewManual = %v, want %v", err, tunnel.ErrNoPublicURL)
	}
}
