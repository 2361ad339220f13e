package tunnel

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// maxOutageBackoff bounds the wait between two tries to get through an outage,
	// so that the public URL works again soon after its end.
	maxOutageBackoff = 4 * time.Second

	// A session that was up for less than flapping may be lost again as soon as
	// the next one is up, so there is a wait before that.
	flapping = 10 * time.Second
)

// keepUp runs one session of a provider after the other until ctx ends, or one
// fails for good, or the first fails without having come up: what to do then is
// the supervisor's to decide. A session is told whether one was up before.
func keepUp(ctx context.Context, emit func(Status), session func(ctx context.Context, again bool) (cameUp bool, err error)) error {
	again, failures := false, 0
	for {
		began := time.Now()
		cameUp, err := session(ctx, again)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end was asked for
		}
		again = again || cameUp
		if !again || isFinal(err) {
			return err
		}
		if cameUp && time.Since(began) >= flapping {
			failures = 0 // the loss itself is no failed try
		} else {
			failures++
		}
		st := Status{State: Reconnecting, Err: err, Attempt: failures}
		if failures > 0 {
			st.RetryIn = min(backoff(failures), maxOutageBackoff)
		}
		if retry, ok := errors.AsType[*retryError](err); ok {
			st.Code, st.Hint, st.Attempt = retry.code, retry.hint, max(failures, retry.attempt)
			if failures > 0 && !retry.outage { // the service is there, and does not want to
				st.RetryIn = backoff(failures)
			}
			st.RetryIn = max(st.RetryIn, retry.wait)
		}
		emit(st)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(st.RetryIn):
		}
	}
}

// isFinal reports whether another session would not help.
func isFinal(err error) bool {
	if _, ok := errors.AsType[*FatalError](err); ok {
		return true
	}
	_, ok := errors.AsType[*servingError](err)
	return ok
}

// servingError says that the program behind the tunnel answers no more.
type servingError struct{ err error }

// servingEnded is the error of an Ingress.Serve that returned with err while its
// listener was open.
func servingEnded(err error) error {
	if err == nil {
		err = errEnded
	}
	return &servingError{err}
}

func (e *servingError) Error() string { return fmt.Sprintf("answer requests: %v", e.err) }
func (e *servingError) Unwrap() error { return e.err }
