package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	sshSetupTimeout    = 20 * time.Second // to log in and have the port forwarded
	sshAnnounceTimeout = 20 * time.Second // for the service to say the URL
	sshURLPause        = time.Second      // after a change of the URL, before the next
)

// The ends of an SSH session that have no error of the library.
var (
	errSilentPeer  = errors.New("the SSH server does not answer any more")
	errSetupLate   = errors.New("the SSH server does not answer in time")
	errPeerGone    = errors.New("the SSH server closed the connection")
	errPortRefused = errors.New("the SSH server does not forward the port")
)

// sshSession is one connection to the server.
//
// The library waits for the server without a limit, and on a connection that
// nobody reads even Close of a listener waits. Cutting the network connection ends
// every wait, so timers and the end of ctx do that and nothing else.
type sshSession struct {
	*SSH
	signer ssh.Signer
	hosts  *hostKeys
	emit   func(Status)
	again  bool // a session was up before this one

	running sync.WaitGroup // whatever this session started and has to wait for
	done    chan struct{}  // closed at its end

	mu      sync.Mutex
	conn    net.Conn // nil until there is one
	isCut   bool
	cutWhy  error
	client  *ssh.Client
	said    chan announcement // the newest that matters
	lastSay string            // the last line of the service, for an error text

	latencies chan time.Duration
	url       *url.URL
}

func newSSHSession(s *SSH, signer ssh.Signer, hosts *hostKeys, emit func(Status), again bool) *sshSession {
	return &sshSession{
		SSH: s, signer: signer, hosts: hosts, emit: emit, again: again,
		done:      make(chan struct{}),
		said:      make(chan announcement, 1),
		latencies: make(chan time.Duration, 1),
	}
}

// run connects, has the port forwarded, and serves it until ctx ends or it fails.
func (s *sshSession) run(ctx context.Context, in Ingress) (cameUp bool, err error) {
	defer func() {
		close(s.done)
		s.cut(nil)
		s.running.Wait()
	}()
	late := time.AfterFunc(sshSetupTimeout, func() { s.cut(errSetupLate) })
	defer late.Stop()
	ending := context.AfterFunc(ctx, func() { s.cut(nil) })
	defer ending()

	if err := s.connect(ctx); err != nil {
		return false, s.explain(err)
	}
	session, err := s.openSession()
	if err != nil {
		return false, s.explain(err)
	}
	forwarded, err := s.client.Listen("tcp", s.service.bind.String())
	if err != nil {
		return false, s.explain(fmt.Errorf("%w: %w", errPortRefused, err))
	}
	l := newEndpointListener(&sshListener{Listener: forwarded, running: &s.running})
	s.running.Go(l.pump)
	served := make(chan error, 1)
	var server sync.WaitGroup
	server.Go(func() { served <- in.Serve(l) })
	defer s.shutDown(l, &server)

	if err := s.start(session); err != nil {
		return false, s.explain(err)
	}
	if !late.Stop() || !ending() {
		return false, s.explain(errPeerGone) // the cut says why
	}
	err = s.watch(ctx, l, served)
	return s.url != nil, s.explain(err)
}

// connect makes the connection and logs in.
func (s *sshSession) connect(ctx context.Context) error {
	address := s.service.address()
	callback, algorithms, err := s.hosts.check(address, s.signer.PublicKey())
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", s.cfg.Connect)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.conn = conn
	isCut := s.isCut
	s.mu.Unlock()
	if isCut {
		_ = conn.Close()
		return net.ErrClosed
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User:              s.service.user,
		Auth:              s.service.auth(s.signer),
		HostKeyCallback:   callback,
		HostKeyAlgorithms: algorithms,
		BannerCallback: func(message string) error {
			s.logger.Debug("ssh server says", "text", oneLine(plainText(message)))
			return nil
		},
		ClientVersion: "SSH-2.0-igloo",
	})
	if err != nil {
		return err
	}
	s.client = ssh.NewClient(c, channels, requests)
	return nil
}

// openSession opens the channel in which a service says what it does. Some want it
// to be there before they forward anything. An own sshd needs none.
func (s *sshSession) openSession() (ssh.Channel, error) {
	if !s.service.announces() {
		return nil, nil
	}
	channel, requests, err := s.client.OpenChannel("session", nil)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	s.running.Go(func() { ssh.DiscardRequests(requests) })
	for _, r := range []io.Reader{channel, channel.Stderr()} {
		s.running.Go(func() { eachLine(r, s.hear) })
	}
	return channel, nil
}

// start asks for what makes the service begin, once the port is forwarded.
func (s *sshSession) start(session ssh.Channel) error {
	s.running.Go(s.keepAlive)
	if session == nil {
		return nil
	}
	kind, payload := "shell", []byte(nil)
	if s.service.command != "" {
		kind, payload = "exec", ssh.Marshal(struct{ Command string }{s.service.command})
	}
	ok, err := session.SendRequest(kind, true, payload)
	if err != nil {
		return fmt.Errorf("start the %s: %w", kind, err)
	}
	if !ok {
		return &FatalError{
			Err:  fmt.Errorf("%s refuses the %s that igloo starts there", s.service.host, kind),
			Hint: "the service has changed; take another --tunnel",
		}
	}
	if s.service.asksAPI {
		s.running.Go(s.askAPI)
	}
	return nil
}

// hear takes a line of the service.
func (s *sshSession) hear(line string) {
	a := s.service.parseAnnouncement(line)
	if strings.TrimSpace(a.text) == "" {
		return
	}
	s.logger.Debug("ssh server says", "text", a.text)
	s.mu.Lock()
	s.lastSay = a.text
	s.mu.Unlock()
	if len(a.hosts) > 0 || a.refused != "" {
		s.announce(a)
	}
}

// announce leaves an announcement for watch, in place of one that still waits there.
func (s *sshSession) announce(a announcement) {
	for {
		select {
		case s.said <- a:
			return
		default:
		}
		select {
		case <-s.said:
		default:
		}
	}
}

// watch reports what happens to the tunnel. It returns nil when ctx has ended.
func (s *sshSession) watch(ctx context.Context, l *endpointListener, served <-chan error) error {
	if s.publicURL != nil {
		s.online(s.publicURL, 0)
	}
	silence := time.NewTimer(sshAnnounceTimeout)
	defer silence.Stop()
	said, pause := (<-chan announcement)(s.said), (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-said:
			if err := s.follow(a); err != nil {
				return err
			}
			// A service that announces one URL after the other is looked at again
			// after a pause.
			said, pause = nil, time.After(sshURLPause)
		case <-pause:
			said, pause = s.said, nil
		case <-silence.C:
			if s.url == nil {
				return s.mute()
			}
		case latency := <-s.latencies:
			if s.url != nil {
				s.online(s.url, latency)
			}
		case <-l.ended:
			return errPeerGone
		case err := <-served:
			_ = l.Close() // nobody accepts any more
			return servingEnded(err)
		}
	}
}

// follow takes over what the service announced.
func (s *sshSession) follow(a announcement) error {
	if len(a.hosts) == 0 {
		return &FatalError{
			Err:  fmt.Errorf("%s refuses: %s", s.service.host, a.refused),
			Hint: "look at the address given with --ssh-remote, or take another --tunnel",
		}
	}
	host, expected := a.hosts[0], s.service.expected(s.signer.PublicKey())
	for _, h := range a.hosts {
		if h == expected || h == s.service.custom {
			host = h
		}
	}
	s.online(&url.URL{Scheme: "https", Host: host}, 0)
	return nil
}

// mute is the error for a service that says no URL.
func (s *sshSession) mute() error {
	s.mu.Lock()
	text := s.lastSay
	s.mu.Unlock()
	err := fmt.Errorf("%s says no public URL", s.service.host)
	if text != "" {
		err = fmt.Errorf("%w, but %q", err, text)
	}
	return &retryError{err: err, hint: "the service may be out of order, or have changed; take another --tunnel"}
}

func (s *sshSession) online(u *url.URL, latency time.Duration) {
	s.url = u
	s.emit(Status{State: Online, URL: cloneURL(u), Latency: latency})
}

// keepAlive asks the server for a sign of life again and again. Any answer is one.
func (s *sshSession) keepAlive() {
	tick := time.NewTicker(s.cfg.KeepAlive)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		began := time.Now()
		silent := time.AfterFunc(3*s.cfg.KeepAlive, func() { s.cut(errSilentPeer) })
		_, _, err := s.client.SendRequest("keepalive@openssh.com", true, nil)
		silent.Stop()
		if err != nil {
			return
		}
		select {
		case s.latencies <- time.Since(began):
		default:
		}
	}
}

// cut closes the network connection, which ends every wait for the server. The
// first reason is the one that counts.
func (s *sshSession) cut(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isCut {
		return
	}
	s.isCut, s.cutWhy = true, why
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// shutDown takes the forwarded port down in the order that loses no answer: no more
// requests, the answers to those under way, the connection.
func (s *sshSession) shutDown(l *endpointListener, server *sync.WaitGroup) {
	if !l.closeEndpoint(unbindTimeout) {
		s.cut(errSilentPeer)
	}
	_ = l.Close()
	cut := time.AfterFunc(drainTimeout, func() { s.cut(errSilentPeer) })
	server.Wait()
	cut.Stop()
	_ = s.client.Close()
}
