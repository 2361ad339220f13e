package simulator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// keepBody is how much of an answer is kept.
	keepBody = 256 << 10
	// maxAnswerHeader bounds status line and headers of an answer.
	maxAnswerHeader = 256 << 10
	// inlineBody is the largest body that goes out in one write with its headers. A
	// longer one is written beside the reading, for apps that answer early.
	inlineBody = 64 << 10
)

// conn is a connection with one request under way at most.
type conn struct {
	net.Conn
	key   poolKey
	limit io.LimitedReader // under reader, to bound an answer's header
	r     *bufio.Reader
	buf   []byte

	fault Fault         // how to write the request wrongly
	slow  time.Duration // what a slow body takes

	used     bool // it has carried a request before
	silent   bool // not a byte came back for the last request
	reusable bool
	idle     time.Time // since when
}

func newConn(raw net.Conn, key poolKey) *conn {
	c := &conn{Conn: raw, key: key}
	c.limit.R = raw
	c.r = bufio.NewReader(&c.limit)
	return c
}

// noLimit is the reader's limit where another bound holds.
const noLimit = 1 << 62

// post tells [http.ReadResponse] that an answer to a POST follows. It is only read.
var post = &http.Request{Method: http.MethodPost}

// roundTrip sends a request and reads the answer. Unless the connection is then
// reusable, it is closed.
func (c *conn) roundTrip(ctx context.Context, deadline time.Time, head, body []byte) (answer Response, err error) {
	c.silent, c.reusable = true, false
	_ = c.SetDeadline(deadline) // fails only on a closed connection, which the write reports
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		// Once the function above has begun, it may disturb the next request.
		if c.reusable = stop() && err == nil && c.reusable; !c.reusable {
			_ = c.Close() // nothing more to learn from it
		}
		c.used = true
	}()

	writing := c.write(ctx, head, body)
	if err = c.await(); err == nil && writing.over == nil && writing.err == nil {
		if answer, ok := c.readShort(); ok {
			c.reusable = c.r.Buffered() == 0
			return answer, nil
		}
	}
	var response *http.Response
	if err == nil {
		response, err = c.readHeader()
	}
	if err != nil {
		_ = c.Close() // ends the write
		if writeErr := writing.wait(); writeErr != nil && c.silent {
			err = writeErr
		}
		return Response{}, err
	}
	defer func() { _ = response.Body.Close() }()
	answer = Response{Status: response.StatusCode, Proto: response.Proto, Header: response.Header}
	answer.Body, answer.Truncated, err = readAnswer(response)
	if !writing.done() { // answered before it had read the body
		answer.Early = true
		_ = c.Close()
	}
	writeErr := writing.wait()
	if err != nil {
		return Response{}, fmt.Errorf("read the answer's body: %w", err)
	}
	c.reusable = writeErr == nil && !response.Close && !answer.Truncated && c.r.Buffered() == 0
	return answer, nil
}

// writing is a write that may still be under way.
type writing struct {
	err  error
	over chan struct{} // closed when err is set; nil when it was from the start
}

// done reports whether all is written. The other side may have read the last bytes, and
// answered, before the writer comes to say so.
func (w *writing) done() bool {
	if w.over == nil {
		return true
	}
	select {
	case <-w.over:
		return true
	case <-time.After(writerGrace):
		return false
	}
}

// writerGrace is how long after an answer a write may still say that it was done.
const writerGrace = 20 * time.Millisecond

func (w *writing) wait() error {
	if w.over != nil {
		<-w.over
	}
	return w.err
}

// write sends head and body: a short request at once, the body of a long one, and
// what is written wrongly, beside the reading.
func (c *conn) write(ctx context.Context, head, body []byte) *writing {
	w := &writing{}
	if len(body) <= inlineBody && c.fault == "" {
		c.buf = append(append(c.buf[:0], head...), body...)
		_, w.err = c.Write(c.buf)
		return w
	}
	w.over = make(chan struct{})
	go func() { // roundTrip waits for it
		defer close(w.over)
		if c.fault != "" {
			w.err = c.writeFaulty(ctx, head, body)
			return
		}
		buffers := net.Buffers{head, body}
		_, w.err = buffers.WriteTo(c.Conn)
	}()
	return w
}
