package tunneltest

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// sshService is how a service behaves.
type sshService struct {
	login        func(*ssh.ServerConfig)
	starts       string // what begins it: exec or shell; the other is refused
	wantsSession bool   // before it answers a forward
	greeting     string
	announce     func(host string) string // nil for a server that says nothing
	host         func(c *ssh.ServerConn, n int) string
	api          bool // lists its URLs on a port of its own
	oddReply     bool // says 443 whatever it was asked for
}

// extensionKey is under what the client's key is kept.
const extensionKey = "key"

var errPassword = errors.New("not this way")

func byKey(cfg *ssh.ServerConfig) {
	cfg.PublicKeyCallback = func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		return &ssh.Permissions{Extensions: map[string]string{extensionKey: string(key.Marshal())}}, nil
	}
}

// sshServices returns the imitations. Their lines are what the services were seen to
// say, links to other pages of theirs included.
func sshServices() map[string]sshService {
	return map[string]sshService{
		"localhost.run": {
			login:    func(cfg *ssh.ServerConfig) { cfg.NoClientAuth = true },
			starts:   "exec",
			greeting: `{"connection_id":"4f1c","event":"authn","message":"authenticated as anonymous user"}` + "\n",
			announce: func(host string) string {
				return fmt.Sprintf(`{"connection_id":"4f1c","event":"tcpip-forward","address":"%s","status":"success","authz_code":"OK"}`+"\n", host)
			},
			host: func(_ *ssh.ServerConn, n int) string { return fmt.Sprintf("%016x.lhr.life", n) },
		},
		"srv.us": {
			login: byKey, starts: "shell", wantsSession: true, oddReply: true,
			announce: func(host string) string { return fmt.Sprintf("1: https://%s/, https://ada.gh.srv.us/\r\n", host) },
			host: func(c *ssh.ServerConn, _ int) string {
				sum := sha256.Sum256([]byte(c.Permissions.Extensions[extensionKey] + "\x001"))
				return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])) + ".srv.us"
			},
		},
		"serveo": {
			login: func(cfg *ssh.ServerConfig) {
				cfg.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
					_, err := ask("", "", nil, nil)
					return nil, err
				}
			},
			starts: "shell",
			greeting: "To request a particular subdomain, you first need to register your SSH public key.\r\n" +
				"To register, visit https://console.serveo.net/ssh/keys?add=SHA256%3Aabc\r\n",
			announce: func(host string) string {
				return fmt.Sprintf("\x1b[32mForwarding HTTP traffic from \x1b[1mhttps://%s\x1b[0m\r\n", host)
			},
			host: func(_ *ssh.ServerConn, n int) string {
				return fmt.Sprintf("%016x-203-0-113-9.serveousercontent.com", n)
			},
		},
		"pinggy": {
			login: func(cfg *ssh.ServerConfig) {
				cfg.PasswordCallback = func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
					if len(password) > 0 {
						return nil, errPassword
					}
					return nil, nil
				}
			},
			starts: "shell", api: true,
			greeting: "You are not authenticated.\r\nYour tunnel will expire in 60 minutes. Upgrade at https://dashboard.pinggy.io\r\n",
			announce: func(host string) string { return fmt.Sprintf("http://%s\r\nhttps://%s\r\n", host, host) },
			host:     func(_ *ssh.ServerConn, n int) string { return fmt.Sprintf("rn%04x-203-0-113-9.a.free.pinggy.link", n) },
		},
		"own": {
			login: byKey,
			host:  func(*ssh.ServerConn, int) string { return "hooks.example.com" },
		},
	}
}

// config returns the server's configuration, without a host key.
func (s *sshService) config() *ssh.ServerConfig {
	cfg := &ssh.ServerConfig{ServerVersion: "SSH-2.0-tunneltest", MaxAuthTries: 10}
	s.login(cfg)
	return cfg
}

// reply is the answer to a forward.
func (s *sshService) reply(port uint32) []byte {
	if s.oddReply {
		port = 443
	}
	return ssh.Marshal(struct{ Port uint32 }{port})
}
