package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// post sends count deliveries over so many connections, each waiting for its answer,
// and returns how long each answer took, in the order of sending. A delivery that is
// not answered 200 ends it.
func post(ctx context.Context, address string, connections, count int, next func(n int) delivery) ([]time.Duration, error) {
	took := make([]time.Duration, count)
	var sent atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range connections {
		group.Go(func() error {
			c, err := dial(ctx, address)
			if err != nil {
				return err
			}
			defer c.Close()
			for {
				n := int(sent.Add(1)) - 1
				if n >= count {
					return nil
				}
				if took[n], err = c.post(ctx, next(n)); err != nil {
					return fmt.Errorf("delivery %d: %w", n, err)
				}
			}
		})
	}
	return took, group.Wait()
}

// connection is one kept-alive HTTP/1.1 connection to a callback URL, cheaper than
// net/http's client so that the load does not outweigh what it measures.
type connection struct {
	net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

func dial(ctx context.Context, address string) (*connection, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn), bufio.NewWriterSize(conn, 64<<10)}, nil
}

// answerLimit bounds the wait for one answer. Back-pressure makes answers slow.
const answerLimit = 30 * time.Second

func (c *connection) post(ctx context.Context, d delivery) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.SetDeadline(began.Add(answerLimit)); err != nil {
		return 0, err
	}
	// The writer keeps its first error for Flush.
	fmt.Fprintf(c.out, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"User-Agent: facebookexternalua\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n",
		callbackPath, c.RemoteAddr(), d.signature, len(d.body))
	_, _ = c.out.Write(d.body)
	if err := c.out.Flush(); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answered %s", resp.Status)
	}
	return time.Since(began), nil
}
