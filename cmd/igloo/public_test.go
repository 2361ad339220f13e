package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// internet is what igloo's own requests to public URLs find in the tests: a proxy that
// leads every host to one place on this machine, whose authority igloo trusts. Go looks
// at SSL_CERT_FILE everywhere but on Windows and macOS.
type internet struct {
	proxy string // URL
	ca    string // file

	mu    sync.Mutex
	to    string   // address that every host leads to, "" for nowhere
	asked []string // host:port of each connection
}

func newInternet(t *testing.T, to string, ca []byte) *internet {
	t.Helper()
	i, end, err := startInternet(t.TempDir(), to, ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return i
}

func startInternet(dir, to string, ca []byte) (i *internet, end func(), err error) {
	i = &internet{to: to, ca: filepath.Join(dir, "internet-ca.pem")}
	server := httptest.NewServer(i)
	i.proxy = server.URL
	return i, server.Close, os.WriteFile(i.ca, ca, 0o600)
}

// env is how igloo gets there.
func (i *internet) env() []string {
	return []string{"HTTPS_PROXY=" + i.proxy, "SSL_CERT_FILE=" + i.ca}
}

// lead makes every host lead to another address from now on.
func (i *internet) lead(to string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.to = to
}

// hosts are those that were asked for.
func (i *internet) hosts() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.asked...)
}

// ServeHTTP connects through.
func (i *internet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.asked = append(i.asked, r.Host)
	to := i.to
	i.mu.Unlock()
	if r.Method != http.MethodConnect || to == "" {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	server, err := new(net.Dialer).DialContext(context.WithoutCancel(r.Context()), "tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n") // a client that is gone is noticed below
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
