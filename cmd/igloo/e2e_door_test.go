//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// exchange writes a request and returns the answer's status.
func exchange(t *testing.T, conn net.Conn, request string) int {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
