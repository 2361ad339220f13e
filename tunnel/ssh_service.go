package tunnel

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshService is an SSH server and how it wants to be spoken to. The presets are
// what these services did when they were last looked at; they may change any day.
type sshService struct {
	name string // of the preset, empty for an own sshd
	user string
	host string
	port uint16

	bind    hostPort // what to ask it to forward
	command string   // to run in a session; empty asks for a shell
	silent  bool     // an own sshd: it has no session and announces nothing

	domains []string // the public URL is below one of them
	marker  string   // in the line with the public URL: the services print other links too
	custom  string   // a host of the user's that it may announce too
	asksAPI bool     // it lists its URLs at pinggyAPI, besides announcing them

	stable  bool
	account bool
	maxLife time.Duration
}

// sshServices lists the presets.
func sshServices() []sshService {
	web := hostPort{"localhost", 80}
	return []sshService{
		{
			name: "localhost.run", user: "nokey", host: "localhost.run", port: 22,
			bind: web, command: "--output json", domains: []string{"lhr.life", "lhr.rocks"}, marker: "tunneled with tls termination",
		},
		{
			name: "srv.us", user: "igloo", host: "srv.us", port: 22,
			bind: hostPort{"localhost", 1}, domains: []string{"srv.us"}, marker: "1: ", stable: true,
		},
		{
			name: "serveo", user: "igloo", host: "serveo.net", port: 22,
			bind: web, domains: []string{"serveousercontent.com", "serveo.net"}, marker: "Forwarding HTTP traffic from",
		},
		{
			name: "pinggy", user: "free", host: "a.pinggy.io", port: 443,
			bind: hostPort{"localhost", 0}, domains: []string{"pinggy.link", "pinggy-free.link"},
			asksAPI: true, maxLife: time.Hour,
		},
	}
}

// SSHPresets returns the names of the services that [NewSSH] knows.
func SSHPresets() []string {
	var names []string
	for _, s := range sshServices() {
		names = append(names, s.name)
	}
	return names
}

// announces reports whether the service says which URL it gave.
func (s *sshService) announces() bool { return !s.silent }

// address is the server's host:port.
func (s *sshService) address() string { return hostPort{s.host, s.port}.String() }

// parseSSHServer reads what stands behind "ssh:".
func parseSSHServer(text string) (sshService, error) {
	if text == "" {
		return sshService{}, ErrNoSSHServer
	}
	user, address, hasUser := strings.Cut(text, "@")
	if !hasUser {
		user, address = "", text
	}
	if strings.Contains(user, ":") {
		return sshService{}, ErrSSHPassword // not quoted
	}
	host, port := address, uint16(0)
	if strings.Contains(address, ":") {
		parsed, err := parseHostPort("SSH server", address)
		if err != nil {
			return sshService{}, err
		}
		host, port = parsed.host, parsed.port
	}
	strange := func(r rune) bool { return !hostRune(r) && r != '_' && r != ':' } // colons are in addresses
	if host == "" || strings.ContainsFunc(host, strange) || (hasUser && user == "") {
		return sshService{}, fmt.Errorf("SSH server %q is neither a preset nor user@host:port", text)
	}
	s, known := findSSHService(host)
	switch {
	case hasUser && userIsToken(user, host):
		return sshService{}, ErrSSHToken
	case !known && !hasUser:
		return sshService{}, fmt.Errorf("SSH server %q is neither a preset nor user@host:port", text)
	case !known:
		bind, err := parseHostPort("remote address", ownRemote)
		if err != nil {
			return sshService{}, err
		}
		s = sshService{host: host, port: 22, bind: bind, silent: true, stable: true, account: true}
	}
	if hasUser && user != s.user {
		s.user, s.account = user, true
	}
	if port != 0 {
		s.port = port
	}
	return s, nil
}

// userIsToken reports whether a user name is a token at that host. Pinggy has hosts of
// its own for those who pay, and for regions.
func userIsToken(user, host string) bool {
	host = strings.ToLower(host)
	return user != "free" && (host == "pinggy" || host == "pinggy.io" || strings.HasSuffix(host, ".pinggy.io"))
}

// findSSHService returns the preset of that name or host.
func findSSHService(name string) (sshService, bool) {
	for _, s := range sshServices() {
		if strings.EqualFold(name, s.name) || strings.EqualFold(name, s.host) {
			return s, true
		}
	}
	return sshService{}, false
}

// errNotAccepted is the cause of a login that failed.
var errNotAccepted = errors.New("the SSH server does not accept the key")

// expected is the public host that the service gives to the owner of key, empty
// when that cannot be told. srv.us names it after the key.
func (s *sshService) expected(key ssh.PublicKey) string {
	if s.name != "srv.us" {
		return ""
	}
	sum := sha256.Sum256(append(key.Marshal(), 0, '1'))
	name := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
	return strings.ToLower(name) + ".srv.us"
}

// auth returns the ways to log in, besides none, which is tried first. Two of the
// services ask a question before they let anybody in, and take an empty answer.
func (s *sshService) auth(signer ssh.Signer) []ssh.AuthMethod {
	methods := []ssh.AuthMethod{ssh.PublicKeys(signer)}
	if s.announces() {
		methods = append(methods, ssh.Password(""), ssh.KeyboardInteractive(emptyAnswers))
	}
	return methods
}

// emptyAnswers answers a server's questions.
func emptyAnswers(_, _ string, questions []string, _ []bool) ([]string, error) {
	if len(questions) > maxQuestions {
		return nil, errors.New("the server asks too much")
	}
	return make([]string, len(questions)), nil
}

// maxQuestions bounds what a server may ask at once.
const maxQuestions = 16
