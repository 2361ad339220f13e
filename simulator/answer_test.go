package simulator_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/simulator"
)

// TestParseShort takes what is plain and leaves the rest to net/http.
func TestParseShort(t *testing.T) {
	const plain = "HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\ncontent-length:  2 \r\nX-A: 1\r\nX-A: 2\r\n\r\nok"
	answer, n := simulator.ParseShort([]byte(plain + "more"))
	want := simulator.Response{
		Status: 200, Proto: "HTTP/1.1", Body: []byte("ok"),
		Header: http.Header{"Date": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "Content-Length": {"2"}, "X-A": {"1", "2"}},
	}
	if diff := cmp.Diff(want, answer); diff != "" || n != len(plain) {
		t.Errorf("%d bytes of %d (-want +got):\n%s", n, len(plain), diff)
	}
	for _, text := range []string{
		"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nX_Y: 1\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA:\rb\r\n\r\n",
	} {
		if answer, n := simulator.ParseShort([]byte(text)); n != 0 {
			t.Errorf("ParseShort(%q) = %+v, want it left alone", text, answer)
		}
	}
}

// FuzzParseShort holds what is taken against net/http.
func FuzzParseShort(f *testing.F) {
	f.Add([]byte(ok))
	f.Add([]byte("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nX-A:\t1 \r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, n := simulator.ParseShort(text)
		if n == 0 {
			return
		}
		r := bufio.NewReader(bytes.NewReader(text))
		response, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		if err != nil {
			t.Fatalf("net/http does not take %q: %v", text, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatalf("net/http does not read the body of %q: %v", text, err)
		}
		_ = response.Body.Close() // it was read to its end
		want := simulator.Response{Status: response.StatusCode, Proto: response.Proto, Header: response.Header, Body: body}
		if diff := cmp.Diff(want, got); diff != "" || response.Close {
			t.Errorf("%q, close %v (-net/http +ours):\n%s", text, response.Close, diff)
		}
		rest, err := io.ReadAll(r)
		if err != nil || string(rest) != string(text[n:]) {
			t.Errorf("%q leaves %q, want %q", text, text[n:], rest)
		}
	})
}
