package tunneltest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshConn is the connection of one client.
type sshConn struct {
	server *SSHServer
	net    net.Conn
	ssh    *ssh.ServerConn

	mu      sync.Mutex
	session ssh.Channel
	opened  chan struct{} // closed when there is a session
	hosts   []string      // its public hosts
}

// serve talks to a client until its connection ends.
func (s *SSHServer) serve(conn net.Conn) {
	c := &sshConn{server: s, net: conn, opened: make(chan struct{})}
	s.mu.Lock()
	up := s.listener != nil
	if up {
		s.conns[c] = struct{}{}
	}
	cfg := s.service.config()
	for _, key := range s.hostKeys {
		cfg.AddHostKey(key)
	}
	s.mu.Unlock()
	defer s.forget(c)
	if !up {
		return
	}
	server, channels, requests, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		return
	}
	c.ssh = server
	s.note("user %s", server.User())
	var work sync.WaitGroup
	work.Go(func() { c.handleRequests(requests) })
	for channel := range channels {
		work.Go(func() { c.handleChannel(channel) })
	}
	work.Wait()
}

// forget removes a connection that has ended, with its forwards.
func (s *SSHServer) forget(c *sshConn) {
	_ = c.net.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	for host, f := range s.forwards {
		if f.conn == c {
			delete(s.forwards, host)
		}
	}
}

// handleRequests answers the requests that belong to no channel.
func (c *sshConn) handleRequests(requests <-chan *ssh.Request) {
	for r := range requests {
		c.server.mu.Lock()
		muted := c.server.unanswer
		c.server.mu.Unlock()
		if muted {
			continue
		}
		switch r.Type {
		case "tcpip-forward":
			go c.forward(r) // a service may take its time, and its client's session comes meanwhile
		case "cancel-tcpip-forward":
			c.server.note("cancel")
			c.cancel()
			_ = r.Reply(true, nil)
		default: // a sign of life: any answer will do
			_ = r.Reply(false, nil)
		}
	}
}

// forward gives a public URL to a port, or not.
func (c *sshConn) forward(r *ssh.Request) {
	var ask struct {
		Addr string
		Port uint32
	}
	if err := ssh.Unmarshal(r.Payload, &ask); err != nil {
		_ = r.Reply(false, nil)
		return
	}
	s := c.server
	if s.service.wantsSession {
		select {
		case <-c.opened:
		case <-time.After(time.Second):
			_ = c.net.Close()
			return
		}
	}
	s.note("forward %s:%d", ask.Addr, ask.Port)
	f := &sshForward{conn: c, addr: ask.Addr, port: ask.Port}
	if ask.Port == 0 {
		f.port = 40000
	}
	s.mu.Lock()
	host := s.host
	s.connected++
	if host == "" {
		host = s.service.host(c.ssh, s.connected)
	}
	_, taken := s.forwards[host]
	if !taken {
		s.forwards[host] = f
	}
	s.mu.Unlock()
	if taken {
		_ = r.Reply(false, nil)
		return
	}
	c.mu.Lock()
	c.hosts = append(c.hosts, host)
	c.mu.Unlock()
	_ = r.Reply(true, s.service.reply(f.port))
}

// cancel takes the client's public URLs away.
func (c *sshConn) cancel() {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for host, f := range s.forwards {
		if f.conn == c {
			delete(s.forwards, host)
		}
	}
}

// handleChannel serves a session or a connection into the service.
func (c *sshConn) handleChannel(n ssh.NewChannel) {
	s := c.server
	switch {
	case n.ChannelType() == "session" && s.service.announce != nil:
		s.note("session")
		c.serveSession(n)
	case n.ChannelType() == "direct-tcpip" && s.service.api:
		c.serveAPI(n)
	default:
		_ = n.Reject(ssh.Prohibited, "not here")
	}
}

func (c *sshConn) serveSession(n ssh.NewChannel) {
	channel, requests, err := n.Accept()
	if err != nil {
		return
	}
	c.mu.Lock()
	c.session = channel
	c.mu.Unlock()
	close(c.opened)
	for r := range requests {
		var run struct{ Command string }
		_ = ssh.Unmarshal(r.Payload, &run) // a shell has none
		c.server.note("%s", strings.TrimSpace(r.Type+" "+run.Command))
		if r.Type != c.server.service.starts {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		c.greet()
	}
}

// greet says the service's words and the URLs.
func (c *sshConn) greet() {
	c.mu.Lock()
	hosts := c.hosts
	c.mu.Unlock()
	c.say(c.server.service.greeting)
	for _, host := range hosts {
		c.say(c.server.service.announce(host))
	}
}

// say writes into the session, if there is one.
func (c *sshConn) say(text string) {
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	if session != nil {
		_, _ = io.WriteString(session, text)
	}
}

// serveAPI lists the client's URLs, as pinggy does on a port of its own.
func (c *sshConn) serveAPI(n ssh.NewChannel) {
	channel, requests, err := n.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	c.mu.Lock()
	var urls []string
	for _, host := range c.hosts {
		urls = append(urls, "http://"+host, "https://"+host)
	}
	c.mu.Unlock()
	list, err := json.Marshal(map[string][]string{"urls": urls})
	if err != nil {
		return
	}
	buf := make([]byte, 4096)
	_, _ = channel.Read(buf) // the request
	_, _ = fmt.Fprintf(channel, "HTTP/1.1 %d OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", http.StatusOK, len(list), list)
	_ = channel.Close()
}

// channelConn is a channel as a connection of the public's. Its deadlines end it.
type channelConn struct {
	ssh.Channel
	mu    sync.Mutex
	timer *time.Timer
}

func newChannelConn(channel ssh.Channel) *channelConn { return &channelConn{Channel: channel} }

// LocalAddr returns the public's address.
func (*channelConn) LocalAddr() net.Addr { return visitorAddr }

// RemoteAddr returns the public's address.
func (*channelConn) RemoteAddr() net.Addr { return visitorAddr }

// SetDeadline closes the connection at t.
func (c *channelConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if !t.IsZero() {
		c.timer = time.AfterFunc(time.Until(t), func() { _ = c.Close() })
	}
	return nil
}

// SetReadDeadline closes the connection at t.
func (c *channelConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline closes the connection at t.
func (c *channelConn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }
