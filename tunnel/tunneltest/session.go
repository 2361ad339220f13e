package tunneltest

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.ngrok.com/muxado/v2"
)

// commandTimeout bounds the wait for an agent's answer to a command.
const commandTimeout = 5 * time.Second

// session is the connection of one agent.
type session struct {
	edge *Edge
	conn net.Conn // below TLS
	mux  muxado.TypedStreamSession

	authtoken string // set by auth, read under the edge's lock
}

// accept takes agents until the listener is closed.
func (e *Edge) accept(agents net.Listener) {
	for {
		conn, err := agents.Accept()
		if err != nil {
			return
		}
		s := &session{edge: e, conn: conn}
		s.mux = muxado.NewTypedStreamSession(muxado.Server(tls.Server(conn, e.ca.serverConfig()), nil))
		e.mu.Lock()
		up := e.agents == agents
		if up {
			e.sessions[s] = struct{}{}
		}
		e.mu.Unlock()
		if !up {
			s.cut()
			_ = s.mux.Close()
			return
		}
		e.running.Go(s.serve)
	}
}

// serve answers the agent until its connection ends.
func (s *session) serve() {
	var streams sync.WaitGroup
	for {
		stream, err := s.mux.AcceptTypedStream()
		if err != nil {
			break
		}
		streams.Go(func() {
			s.handle(stream)
			_ = stream.Close()
		})
	}
	s.cut()
	_ = s.mux.Close()
	s.edge.forget(s)
	streams.Wait()
}

// cut ends the connection at once; serve notices.
func (s *session) cut() { _ = s.conn.Close() }

// handle answers one stream of the agent. An error ends the stream, which the
// agent takes for an answer too.
func (s *session) handle(stream muxado.TypedStream) {
	switch stream.StreamType() {
	case streamAuth:
		_ = answer(stream, s.auth)
	case streamBind:
		_ = answer(stream, s.bind)
	case streamUnbind:
		_ = answer(stream, s.unbind)
	case streamSrvInfo:
		_ = answer(stream, func(struct{}) infoAnswer { return infoAnswer{Region: region} })
	case streamPatch:
		_ = answer(stream, func(struct{}) errorAnswer { return errorAnswer{} })
	case streamHeartbeat:
		echoHeartbeats(stream, s.edge.isMuted)
	}
}

// auth lets the agent in, or not.
func (s *session) auth(req authRequest) authAnswer {
	e := s.edge
	seen := Auth{
		Authtoken: req.Extra.Authtoken, UserAgent: req.Extra.UserAgent, Metadata: req.Extra.Metadata,
		ClientID: req.ClientID, Cookie: req.Extra.Cookie,
	}
	e.mu.Lock()
	e.seen.Auths = append(e.seen.Auths, seen)
	hook := e.onAuth
	e.mu.Unlock()
	resp := authAnswer{Version: "3"}
	if hook != nil {
		if err := hook(seen); err != nil {
			resp.Error = err.Error()
			return resp
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.authtoken = seen.Authtoken
	resp.ClientID = req.ClientID
	if resp.ClientID == "" && !raceEnabled {
		// An id makes the library replace a logger that its heartbeats are
		// reading: a race, of no consequence, that the detector reports.
		resp.ClientID = e.nextID("client")
	}
	resp.Extra = authAnswerExtra{
		Version: "3", Region: e.account.Region, Cookie: e.nextID("cookie"),
		AccountName: e.account.Name, PlanName: e.account.Plan, Banner: e.account.Banner, AgentSessionID: e.nextID("session"),
	}
	return resp
}

// bind puts an endpoint online, or back online, or not.
func (s *session) bind(req bindRequest) bindAnswer {
	e := s.edge
	resp := bindAnswer{ID: req.ID, Proto: req.Proto, Opts: req.Opts}
	var opts bindOptions
	if err := json.Unmarshal(req.Opts, &opts); err != nil {
		resp.Error = err.Error()
		return resp
	}
	seen := Bind{ID: req.ID, Token: req.Extra.Token, URL: opts.URL, Policy: opts.TrafficPolicy, Metadata: req.Extra.Metadata, Pooled: req.Extra.PoolingEnabled}
	e.mu.Lock()
	e.seen.Binds = append(e.seen.Binds, seen)
	hook := e.onBind
	e.mu.Unlock()
	if hook != nil {
		if err := hook(seen); err != nil {
			resp.Error = err.Error()
			return resp
		}
	}
	ep, err := e.putOnline(s, req, opts)
	if err != nil {
		resp.Error = err.Error()
		return resp
	}
	resp.ID, resp.URL = ep.id, ep.proto+"://"+ep.host
	resp.Extra.Token, resp.Extra.TunnelID = ep.token, "tn_"+ep.id
	return resp
}

// putOnline finds the host for a bind and gives it to the session.
func (e *Edge) putOnline(s *session, req bindRequest, opts bindOptions) (*endpoint, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, live := e.sessions[s]; !live {
		return nil, errSessionEnded
	}
	host, err := hostOf(opts.URL)
	if err != nil {
		return nil, err
	}
	if known, ok := e.hosts[req.Extra.Token]; ok {
		host = known
	} else if host == "" {
		host = e.ownHost(s.authtoken)
	}
	ep := &endpoint{
		id: req.ID, host: host, token: req.Extra.Token, proto: req.Proto,
		pooled: req.Extra.PoolingEnabled, session: s,
	}
	if other, ok := e.endpoints[host]; ok && other.token != ep.token && (!other.pooled || !ep.pooled) {
		return nil, Refuse(334, fmt.Sprintf("The endpoint 'https://%s' is already online.", host))
	}
	if ep.id == "" {
		ep.id = e.nextID("bind")
	}
	if _, ok := e.hosts[ep.token]; !ok {
		ep.token = e.nextID("token")
		e.hosts[ep.token] = host
	}
	e.endpoints[host] = ep
	return ep, nil
}

// hostOf returns the host of the URL that an agent asks for.
func hostOf(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "", Refuse(9037, "The URL is invalid.")
	case u.Scheme != "https" && u.Scheme != "tls":
		return "", Refuse(9036, "The URL has an unsupported scheme.")
	case strings.HasSuffix(u.Path, "/"):
		return "", Refuse(9038, "The URL must not end with a slash.")
	}
	return strings.ToLower(u.Host), nil
}

// unbind takes an endpoint offline.
func (s *session) unbind(req unbindRequest) errorAnswer {
	e := s.edge
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen.Unbinds = append(e.seen.Unbinds, req.ID)
	for host, ep := range e.endpoints {
		if ep.id == req.ID && ep.session == s {
			delete(e.endpoints, host)
			return errorAnswer{}
		}
	}
	return errorAnswer{Error: "no such endpoint"}
}

// forget removes a session that has ended, with its endpoints.
func (e *Edge) forget(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
	for host, ep := range e.endpoints {
		if ep.session == s {
			delete(e.endpoints, host)
		}
	}
}

func (e *Edge) isMuted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.muted
}

// send sends a message that needs no answer.
func (s *session) send(kind muxado.StreamType, message any) error {
	stream, err := s.mux.OpenTypedStream(kind)
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	defer func() { _ = stream.Close() }() // what was said is what counts
	return json.NewEncoder(stream).Encode(message)
}

// command sends a command to every agent and waits for the answers.
func (e *Edge) command(kind muxado.StreamType) error {
	var errs []error
	for _, s := range e.allSessions() {
		errs = append(errs, s.command(kind))
	}
	return errors.Join(errs...)
}

func (s *session) command(kind muxado.StreamType) error {
	stream, err := s.mux.OpenTypedStream(kind)
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	defer func() { _ = stream.Close() }() // what was said is what counts
	if err := stream.SetReadDeadline(time.Now().Add(commandTimeout)); err != nil {
		return err
	}
	if err := json.NewEncoder(stream).Encode(struct{}{}); err != nil {
		return fmt.Errorf("send command: %w", err)
	}
	var resp errorAnswer
	if err := json.NewDecoder(stream).Decode(&resp); err != nil {
		return fmt.Errorf("read answer to command: %w", err)
	}
	if resp.Error != "" {
		return errors.New(resp.Error)
	}
	return nil
}
