package simulator

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"syscall"
	"time"
)

const (
	// defaultSlowBody is more than the 5 s Meta's pages name for the answer, and less
	// than the time servers usually give a body.
	defaultSlowBody = 8 * time.Second
	// slowPieces is in how many pieces a slow body is written.
	slowPieces = 16
)

// sendFaulty sends a request whose fault lies in the writing, on a connection of its
// own.
func (c *Client) sendFaulty(ctx context.Context, target *url.URL, deadline time.Time, r *Request, head []byte) (Response, error) {
	conn, err := c.dial(ctx, target, deadline)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = conn.Close() }() // nothing more to learn from it
	conn.fault, conn.slow = r.Fault, c.slow
	if r.Fault == CloseEarly {
		_ = conn.SetDeadline(deadline) // fails only on a closed connection, which the write reports
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		if _, err := conn.Write(slices.Concat(head, r.Body)); err != nil && !hungUp(err) {
			return Response{}, err
		}
		return Response{}, nil
	}
	answer, err := conn.roundTrip(ctx, deadline, head, r.Body)
	if r.Fault == Truncated && conn.silent && hungUp(err) {
		return Response{}, nil // the app owes half a request no answer
	}
	return answer, err
}

// hungUp reports whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// writeFaulty writes a request as its fault wants it.
func (c *conn) writeFaulty(ctx context.Context, head, body []byte) error {
	if c.fault == Truncated {
		if _, err := c.Write(slices.Concat(head, body[:len(body)/2])); err != nil {
			return err
		}
		// Only this direction: an answer that comes is worth reading.
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
			return half.CloseWrite()
		}
		return nil
	}
	if _, err := c.Write(head); err != nil {
		return err
	}
	pause := time.NewTicker(c.slow / slowPieces)
	defer pause.Stop()
	for i := range slowPieces {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := c.Write(body[len(body)*i/slowPieces : len(body)*(i+1)/slowPieces]); err != nil {
			return err
		}
	}
	return nil
}
