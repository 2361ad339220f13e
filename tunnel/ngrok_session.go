package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	ngrok "golang.ngrok.com/ngrok/v2"
	"golang.ngrok.com/ngrok/v2/rpc"
)

const (
	dialTimeout       = 10 * time.Second
	answerTimeout     = 30 * time.Second // for the service to let us in, and to give out the URL
	unbindTimeout     = 2 * time.Second  // for the service to take the URL away
	drainTimeout      = 30 * time.Second // for Ingress.Serve, which has a bound of its own
	disconnectTimeout = 2 * time.Second
)

// The ends of a session that have no error of the library.
var (
	errStopped = errors.New("ngrok was asked to stop this agent")
	errOverdue = errors.New("ngrok does not answer")
	errGone    = errors.New("ngrok session ended")
)

// ngrokSession is one run of the provider.
//
// The ngrok library has ways of its own, and this type is where they end:
//
//   - Connect never gives up, not even on a wrong authtoken. So the events of
//     the failed tries are read, and a refusal for good cancels Connect.
//   - The context given to Connect and Listen is the life of the session, so it
//     has no deadline, and run cancels it last.
//   - Events arrive while the library holds its locks: the handlers only send
//     on a channel and call nothing.
//   - Calls that wait for the service know no deadline, and cannot be cancelled.
//     Cutting the network connection ends them, which is what severable is for.
//   - Closing an endpoint waits until all its connections were accepted, which
//     endpointListener goes on doing.
//   - Between two tries the library sleeps for up to 30 s, and nothing wakes it. So
//     once it would sleep for longer than maxOutageBackoff it gets no further try.
type ngrokSession struct {
	*Ngrok
	emit   func(Status)
	again  bool // an endpoint was online before this session
	agent  ngrok.Agent
	dialer *severable

	changes   chan connChange    // from the library's handlers
	latencies chan time.Duration // from the library's handlers, the newest may be lost

	before   int // tries that failed in a row before this session
	failures int // and in it
	url      *url.URL
	account  Account
	up       bool
}

// connChange says that the connection is up, was lost, or is gone for good.
type connChange struct {
	kind changeKind
	err  error
}

type changeKind int

const (
	connUp      changeKind = iota
	connLost               // with the reason; the library tries again
	connGone               // the library does not try again
	connStopped            // somebody stopped the agent from the dashboard
)

// handle receives the library's events. It must neither block nor call the agent.
func (s *ngrokSession) handle(event ngrok.Event) {
	switch e := event.(type) {
	case *ngrok.EventAgentConnectSucceeded:
		s.changed(connChange{kind: connUp})
	case *ngrok.EventAgentDisconnected:
		if e.Error == nil {
			s.changed(connChange{kind: connGone})
			return
		}
		s.changed(connChange{kind: connLost, err: e.Error})
	case *ngrok.EventAgentHeartbeatReceived:
		select {
		case s.latencies <- e.Latency:
		default:
		}
	}
}

// command receives what the account's owner asks for in ngrok's dashboard. The
// library ends the session after a nil error; after a restart that makes the
// provider fail in a way that may pass, and so come back.
func (s *ngrokSession) command(_ context.Context, _ ngrok.AgentSession, req rpc.Request) ([]byte, error) {
	switch req.Method() {
	case rpc.StopAgentMethod:
		s.changed(connChange{kind: connStopped})
		return nil, nil
	case rpc.RestartAgentMethod:
		return nil, nil
	}
	return nil, errors.New("igloo does not do this")
}

// changed queues a change for the session's loop. The loop does not block, so a
// full queue means that it has ended.
func (s *ngrokSession) changed(c connChange) {
	select {
	case s.changes <- c:
	default:
	}
}

// opened is the result of open.
type opened struct {
	endpoint ngrok.EndpointListener
	account  Account
	err      error
}

// run opens the endpoint and serves it until ctx ends or it fails.
func (s *ngrokSession) run(ctx context.Context, in Ingress) error {
	life, endLife := context.WithCancel(context.WithoutCancel(ctx))
	result := make(chan opened, 1)
	var opener sync.WaitGroup
	opener.Go(func() { result <- s.open(life) })
	defer func() {
		endLife()
		s.dialer.sever()
		opener.Wait()
		_ = s.agent.Disconnect() // nothing is left but the library's bookkeeping
	}()
	overdue := time.NewTimer(s.cfg.Server.Timeout) // without a word of the library
	defer overdue.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-overdue.C:
			return s.outage(errOverdue)
		case c := <-s.changes:
			overdue.Reset(s.cfg.Server.Timeout)
			if err := s.apply(c); err != nil {
				return err
			}
		case o := <-result:
			if o.err != nil {
				return s.openError(o.err)
			}
			s.url, s.account = urlOf(o.endpoint), o.account
			return s.serve(ctx, in, o.endpoint)
		}
	}
}

// outage is the error of a session that another one should follow soon.
func (s *ngrokSession) outage(err error) error {
	return &retryError{err: err, outage: true, attempt: s.before + s.failures}
}

// open connects and asks for the endpoint. It blocks until it has one, life
// ends, or the service refuses the endpoint.
func (s *ngrokSession) open(life context.Context) opened {
	if err := s.agent.Connect(life); err != nil {
		return opened{err: fmt.Errorf("connect to ngrok: %w", err)}
	}
	var o opened
	if session, err := s.agent.Session(); err == nil {
		for _, warning := range session.Warnings() {
			s.logger.Warn("ngrok warns", "err", s.redact(warning.Error()))
		}
		if d, ok := session.(ngrok.AgentSessionDetails); ok {
			o.account = Account{Name: d.AccountName(), Plan: d.PlanName(), Region: d.Region(), Banner: d.Banner()}
		}
	}
	o.endpoint, o.err = s.agent.Listen(life, s.endpointOptions()...)
	return o
}

// serve answers the endpoint's connections until ctx ends or the endpoint is
// lost for good.
func (s *ngrokSession) serve(ctx context.Context, in Ingress, endpoint ngrok.EndpointListener) error {
	l := newEndpointListener(endpoint)
	go l.pump() // ends with the endpoint; shutDown waits
	served := make(chan error, 1)
	var server sync.WaitGroup
	front := net.Listener(l)
	if s.cfg.TLS != nil {
		// The library would decrypt too, and leave what goes wrong to the server.
		secure := newHandshakeListener(l, s.cfg.TLS.server(s.cert.get, s.logger), s.logger)
		server.Go(secure.pump)
		front = secure
	}
	server.Go(func() { served <- in.Serve(front) })

	s.online(0)
	err := s.watch(ctx, l, served)
	s.shutDown(l, &server)
	return err
}

// watch reports what happens to the endpoint. It returns nil when ctx has ended.
func (s *ngrokSession) watch(ctx context.Context, l *endpointListener, served <-chan error) error {
	overdue := time.NewTimer(s.cfg.Server.Timeout)
	defer overdue.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-overdue.C:
			if !s.up {
				return s.outage(errOverdue)
			}
		case c := <-s.changes:
			overdue.Reset(s.cfg.Server.Timeout)
			if err := s.apply(c); err != nil {
				return err
			}
		case latency := <-s.latencies:
			if s.up {
				s.online(latency)
			}
		case <-l.ended:
			return s.endedError(l.err)
		case err := <-served:
			_ = l.Close() // nobody accepts any more
			return servingEnded(err)
		}
	}
}

// apply follows a change of the connection. An error ends the session.
func (s *ngrokSession) apply(c connChange) error {
	switch c.kind {
	case connUp:
		s.before, s.failures = 0, 0
		if s.url != nil { // else there is a connection and no endpoint yet
			s.online(0)
		}
		return nil
	case connStopped:
		return &FatalError{Err: errStopped, Hint: "open the tunnel again when you want it back"}
	case connGone:
		s.down()
		return errGone
	case connLost:
	}
	refusal := s.explain(c.err)
	if refusal.fatal(s.wasOnline()) {
		s.down()
		return &FatalError{Code: refusal.code, Hint: refusal.hint, Err: refusal.err}
	}
	st := Status{State: Connecting, Err: refusal.err, Code: refusal.code, Hint: refusal.hint}
	if s.wasOnline() {
		st.State = Reconnecting
	}
	if !s.up { // the loss itself is no failed try: the library starts at once
		s.failures++
		st.RetryIn = sdkBackoff(s.failures)
	}
	st.Attempt = s.before + s.failures
	s.down()
	if st.RetryIn > maxOutageBackoff && st.Code == "" {
		return &retryError{err: st.Err, hint: st.Hint, outage: true, attempt: st.Attempt}
	}
	s.emit(st)
	return nil
}

// wasOnline reports whether the endpoint was up, in this session or before.
func (s *ngrokSession) wasOnline() bool { return s.again || s.url != nil }

// online reports that the endpoint is up.
func (s *ngrokSession) online(latency time.Duration) {
	s.up = true
	s.emit(Status{State: Online, URL: cloneURL(s.url), Account: s.account, Latency: latency})
}

func (s *ngrokSession) down() { s.up = false }

// shutDown takes the endpoint down in the order that loses no answer: no more
// requests, the answers to those under way, the connection.
func (s *ngrokSession) shutDown(l *endpointListener, server *sync.WaitGroup) {
	if !s.up {
		s.dialer.sever() // there is nobody to tell and nobody to answer
	}
	if !l.closeEndpoint(unbindTimeout) {
		s.logger.Debug("ngrok endpoint does not close")
		s.dialer.sever()
	}
	_ = l.Close()
	l.closeEndpoint(unbindTimeout)
	cut := time.AfterFunc(drainTimeout, s.dialer.sever)
	server.Wait()
	cut.Stop()

	cut = time.AfterFunc(disconnectTimeout, s.dialer.sever)
	if err := s.agent.Disconnect(); err != nil {
		s.logger.Debug("disconnect from ngrok", "err", s.redact(err.Error()))
	}
	cut.Stop()
}

// sdkBackoff returns how long the library waits after that many failed tries.
func sdkBackoff(failures int) time.Duration {
	if failures > 6 {
		return maxBackoff
	}
	return min(firstBackoff<<(failures-1), maxBackoff)
}
