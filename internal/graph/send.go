package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

const (
	maxAnswer = 1 << 20 // bytes of an answer; a list of subscriptions has a few thousand
	maxTries  = 3       // of a call that only reads
)

// retryDelays are the pauses before the second and the third try.
var retryDelays = [maxTries - 1]time.Duration{500 * time.Millisecond, 2 * time.Second}

// UnreachableError is a call that got no whole answer.
type UnreachableError struct {
	Host    string // whom we called
	Timeout time.Duration
	err     error
	text    string
}

func (e *UnreachableError) Error() string {
	if e.Timeout > 0 {
		return fmt.Sprintf("%s did not answer within %s", e.Host, e.Timeout)
	}
	return "reach " + e.Host + ": " + e.text
}

// Unwrap returns the network's error.
func (e *UnreachableError) Unwrap() error { return e.err }

// AnswerError is an answer that is none of the Graph API's: often one of something
// between here and Meta.
type AnswerError struct {
	Host    string
	Status  int
	Problem string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s answered %d: %s", e.Host, e.Status, e.Problem)
}

// Do sends a call that changes something and returns nil when Meta says that it is
// done. It is sent once, whatever happens.
func (c *Client) Do(ctx context.Context, call Call) error {
	body, err := c.send(ctx, call)
	if err == nil && !succeeded(body) {
		err = &AnswerError{c.name(call.host), http.StatusOK, "no \"success\" in it"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call.about, err)
	}
	return nil
}

// read sends a call that only reads, again after a passing error, and decodes the
// answer.
func (c *Client) read(ctx context.Context, call Call, answer any) error {
	body, err := c.send(ctx, call)
	for _, delay := range retryDelays {
		if err == nil || !passing(err) || ctx.Err() != nil {
			break
		}
		if !sleep(ctx, delay) {
			break
		}
		body, err = c.send(ctx, call)
	}
	if err == nil && json.Unmarshal(body, answer) != nil {
		err = &AnswerError{c.name(call.host), http.StatusOK, "JSON of another form than documented"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call.about, err)
	}
	return nil
}

// passing reports whether the same call may work a moment later.
func passing(err error) bool {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Transient && !refused.RateLimited()
	}
	if odd, ok := errors.AsType[*AnswerError](err); ok {
		return odd.Status >= http.StatusInternalServerError
	}
	_, ok := errors.AsType[*UnreachableError](err)
	return ok
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send sends a call once and returns the body of an answer that is JSON and no error.
func (c *Client) send(ctx context.Context, call Call) ([]byte, error) {
	if err := c.slowedDown(call.host); err != nil {
		return nil, err
	}
	callCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(callCtx, call)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, call, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, c.unreachable(ctx, call, fmt.Errorf("the answer broke off: %w", err))
	}
	c.noteUsage(resp.Header)
	return body, c.judge(call, resp, body)
}

// judge returns the error in an answer.
func (c *Client) judge(call Call, resp *http.Response, body []byte) error {
	odd := func(problem string) error {
		return &AnswerError{c.name(call.host), resp.StatusCode, oneLine(call.redact(problem))}
	}
	ok := resp.StatusCode >= 200 && resp.StatusCode <= 299
	switch {
	case len(body) > maxAnswer:
		return odd(fmt.Sprintf("more than %d bytes", maxAnswer))
	case resp.StatusCode >= 300 && resp.StatusCode <= 399:
		return odd("a redirect" + whereTo(resp) + ", and igloo follows none with a token")
	case !json.Valid(body):
		if ok || len(body) > 0 {
			return odd(fmt.Sprintf("not JSON, but %q", start(call.redact(string(body)))))
		}
		return odd("nothing more")
	}
	if refused := parseError(body); refused != nil {
		refused.Status = resp.StatusCode
		refused.clean(call)
		c.noteLimit(call.host, refused)
		return refused
	}
	if !ok {
		return odd("without an error object")
	}
	return nil
}

// whereTo names the host of a redirect; the rest of the URL may repeat a secret.
func whereTo(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil || to.Host == "" {
		return ""
	}
	return " to " + to.Host
}

// start is the beginning of a text. Secrets must be out of it before: a cut one is not
// found any more.
func start(text string) string {
	const enough = 60
	if len(text) > enough {
		return text[:enough] + "…"
	}
	return text
}

// unreachable explains an error of the network without quoting the URL, which net/http
// puts into it.
func (c *Client) unreachable(ctx context.Context, call Call, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	out := &UnreachableError{Host: c.name(call.host), err: err, text: oneLine(call.redact(userinfo.ReplaceAllString(err.Error(), "//")))}
	if network, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && network.Timeout() {
		out.Timeout = c.timeout
	}
	return out
}

// userinfo is the name and the password in the URL of a proxy.
var userinfo = regexp.MustCompile(`//[^/@\s"]*@`)

// name is the host a call goes to: Meta's, or the one that stands in for it.
func (c *Client) name(host Host) string {
	if u, err := url.Parse(c.base[host]); err == nil {
		return u.Host
	}
	return host.String()
}

// Usage returns how much of its allowance the app has used up, by the last answer that
// said it.
func (c *Client) Usage() Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usage
}

func (c *Client) noteUsage(h http.Header) {
	if usage, ok := parseUsage(h); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.usage = usage
	}
}

// noteLimit remembers that Meta asked to slow down: the client sends that host nothing
// more, as each further call prolongs the pause.
func (c *Client) noteLimit(host Host, refused *Error) {
	if refused.RateLimited() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.limited[host] = refused
	}
}

func (c *Client) slowedDown(host Host) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limited[host] != nil {
		return c.limited[host]
	}
	return nil
}
