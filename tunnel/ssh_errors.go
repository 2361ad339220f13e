package tunnel

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// explain says what err, with which the session ended, means. Nil stays nil.
func (s *sshSession) explain(err error) error {
	if fatal, ok := errors.AsType[*FatalError](err); ok {
		return fatal // without the library's words around it
	}
	if _, ok := errors.AsType[*retryError](err); ok || err == nil || isFinal(err) {
		return err
	}
	s.mu.Lock()
	if s.cutWhy != nil { // what the library says then is only that it was cut
		err = s.cutWhy
	}
	s.mu.Unlock()
	text := err.Error()
	switch {
	case errors.Is(err, errPortRefused):
		return s.portRefused(err)
	case strings.Contains(text, "unable to authenticate"):
		return s.loginRefused()
	case isAlgorithmError(err):
		return &FatalError{
			Err:  fmt.Errorf("igloo and %s have no cryptographic algorithm in common: %s", s.service.host, oneLine(text)),
			Hint: "update the SSH server; when it only lost its old host key, remove its lines from " + fmt.Sprintf("%q", s.hosts.path),
		}
	}
	return &retryError{err: errors.New(oneLine(text)), outage: true, hint: s.networkHint(err)}
}

// isAlgorithmError reports whether the two sides could not agree on how to talk.
func isAlgorithmError(err error) bool {
	_, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	return ok
}

// networkHint is what to do about an error of the network.
func (s *sshSession) networkHint(err error) string {
	_, unknown := errors.AsType[*net.DNSError](err)
	switch text := err.Error(); {
	case unknown:
		return "look whether this machine is online, and at the server's name"
	case errors.Is(err, errPeerGone), errors.Is(err, errSilentPeer):
		return ""
	case strings.Contains(text, "connection refused"):
		return fmt.Sprintf("look whether %s is an SSH server, and running", s.cfg.Connect)
	case s.service.port == 22:
		return "look whether this machine is online, and whether its network lets SSH out; ssh:pinggy goes through port 443"
	}
	return "look whether this machine is online"
}

// loginRefused is the error for a key that the server does not accept.
func (s *sshSession) loginRefused() error {
	if s.service.announces() {
		return &FatalError{
			Err:  fmt.Errorf("%s at %s: %w", s.service.user, s.service.host, errNotAccepted),
			Hint: "register the key with the service, or take another --tunnel: " + publicKeyLine(s.signer.PublicKey()),
		}
	}
	return &FatalError{
		Err:  fmt.Errorf("%s at %s: %w", s.service.user, s.service.host, errNotAccepted),
		Hint: "add this line to ~/.ssh/authorized_keys there: restrict,port-forwarding " + publicKeyLine(s.signer.PublicKey()),
	}
}

// portRefused is the error for a port that the server does not forward. After a
// lost connection the server may hold it for that one until it notices.
func (s *sshSession) portRefused(err error) error {
	if !strings.Contains(err.Error(), "denied by peer") { // the connection went
		return &retryError{err: errPeerGone, outage: true}
	}
	refused := fmt.Errorf("%w %s", errPortRefused, s.service.bind)
	hint := "the port is taken there, or forwarding is not allowed (AllowTcpForwarding, PermitListen): name another with --ssh-remote HOST:PORT"
	if s.service.announces() {
		hint = "take another address with --ssh-remote HOST:PORT, or another --tunnel"
	}
	if s.again {
		return &retryError{err: refused, outage: true, hint: hint}
	}
	return &FatalError{Err: refused, Hint: hint}
}
