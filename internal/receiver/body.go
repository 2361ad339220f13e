package receiver

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Why a body is not read.
var (
	errTooLarge = errors.New("body larger than 5 MiB")
	errCrowded  = errors.New("too many bytes in flight")
)

// What is allocated on the sender's word alone: a Content-Length costs nothing to
// write. Meta's largest deliveries, a thousand updates, fit into the first.
const (
	firstRead        = 512 << 10
	firstReadUnknown = 32 << 10 // when no length is declared
	growth           = 16
)

// readBody reads a body, to its exact length when that is declared. held is how
// many bytes of the shared room for bodies it took, to be given back by the caller
// whatever err is.
func (r *Receiver) readBody(src io.Reader, length int64) (body []byte, held int64, err error) {
	if length > MaxBody {
		return nil, 0, errTooLarge
	}
	limit, first := length, int64(firstRead)
	if length < 0 {
		limit, first = MaxBody+1, firstReadUnknown // the one byte more tells that it is too large
	}
	for int64(len(body)) < limit {
		size := min(limit, max(first, growth*held))
		if r.buffered.Add(size-held) > maxBuffered {
			return nil, size, errCrowded
		}
		held = size
		grown := make([]byte, len(body), size)
		copy(grown, body)
		var ended bool
		if body, ended, err = fill(grown, src); err != nil {
			return nil, held, err
		}
		if ended {
			break
		}
	}
	switch {
	case int64(len(body)) > MaxBody:
		return nil, held, errTooLarge
	case int64(len(body)) < length:
		return nil, held, io.ErrUnexpectedEOF
	case length < 0:
		body = bytes.Clone(body) // to its length: the journal keeps it
	}
	return body, held, nil
}

// fill reads until b has no room left. ended is true when src has no more.
func fill(b []byte, src io.Reader) (full []byte, ended bool, err error) {
	for len(b) < cap(b) {
		n, err := src.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, true, nil
		}
		if err != nil {
			return b, false, err
		}
	}
	return b, false, nil
}

// answerUnread answers a delivery whose body could not be read whole. It is not
// recorded: what is not there cannot be verified, and Meta sends it again.
func (r *Receiver) answerUnread(w http.ResponseWriter, req *http.Request, err error) Arrival {
	switch {
	case errors.Is(err, errCrowded):
		return r.answerBusy(w, err.Error())
	case errors.Is(err, errTooLarge):
		r.counts.tooLarge.Add(1)
		r.log.Warn("refused a delivery: body larger than 5 MiB", "remote", req.RemoteAddr, "length", req.ContentLength)
		return answerLast(w, http.StatusRequestEntityTooLarge, "body larger than 5 MiB\n")
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.counts.incomplete.Add(1)
		r.log.Warn("a delivery did not arrive within 15s", "remote", req.RemoteAddr, "length", req.ContentLength)
		return answerLast(w, http.StatusRequestTimeout, "body did not arrive within 15s\n")
	}
	r.counts.incomplete.Add(1)
	r.log.Warn("a delivery broke off before its end", "remote", req.RemoteAddr, "length", req.ContentLength, "err", err)
	return answerLast(w, http.StatusBadRequest, "body broke off before its end\n")
}

// limitReading gives the rest of the request until a deadline to arrive. The zero
// time takes the deadline away again.
func limitReading(w http.ResponseWriter, until time.Time) {
	// A ResponseWriter that has no deadlines (a test's recorder) needs none.
	_ = http.NewResponseController(w).SetReadDeadline(until)
}
