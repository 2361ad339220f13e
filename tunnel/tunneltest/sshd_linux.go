package tunneltest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHD is a real OpenSSH server on loopback that forwards ports for the current user.
type SSHD struct {
	Addr string // host:port
	User string
	Dir  string // with its configuration and keys

	path string
	mu   sync.Mutex
	cmd  *exec.Cmd
	log  bytes.Buffer // guarded by its being read after Wait only
}

// NewSSHD starts the sshd at path. It ends when t ends.
func NewSSHD(t testing.TB, path string) *SSHD {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // where the installed service would have made it
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { //nolint:gosec // as the package makes it
			t.Fatal(err)
		}
	}
	s := &SSHD{Addr: FreeAddr(t), User: me.Username, Dir: t.TempDir(), path: path}
	s.ChangeHostKey(t)
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	config := strings.Join([]string{
		"ListenAddress 127.0.0.1", "Port " + port, "PidFile none", "UsePAM no", "StrictModes no",
		"HostKey " + s.file("host_key"), "AuthorizedKeysFile " + s.file("authorized_keys"),
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
		"AllowTcpForwarding remote", "GatewayPorts no", "LogLevel VERBOSE",
	}, "\n") + "\n"
	s.write(t, "config", []byte(config))
	s.write(t, "authorized_keys", nil)
	s.Start(t)
	t.Cleanup(s.Stop)
	return s
}

func (s *SSHD) file(name string) string { return filepath.Join(s.Dir, name) }

func (s *SSHD) write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(s.file(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ChangeHostKey gives the server another host key, from its next start on.
func (s *SSHD) ChangeHostKey(t testing.TB) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "host_key", pem.EncodeToMemory(block))
}

// NewClientKey writes a private key that the server lets in, and returns its path.
func (s *SSHD) NewClientKey(t testing.TB) string {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	authorized, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "client_key", pem.EncodeToMemory(block))
	s.write(t, "authorized_keys", append([]byte("restrict,port-forwarding "), ssh.MarshalAuthorizedKey(authorized)...))
	return s.file("client_key")
}

// Start starts the server and waits until it answers.
func (s *SSHD) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = exec.Command(s.path, "-D", "-e", "-f", s.file("config")) //nolint:gosec,noctx // what the test names, until Stop
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; <-time.After(5 * time.Millisecond) {
		var d net.Dialer
		conn, err := d.DialContext(context.Background(), "tcp", s.Addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("sshd does not come up: %v\n%s", err, &s.log)
		}
	}
}

// Stop ends the server and all its connections.
func (s *SSHD) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	pids := descendants(s.cmd.Process.Pid)
	_ = s.cmd.Process.Kill()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = s.cmd.Wait() // killed
	s.cmd = nil
}

// Drop kills the processes of the connections, not the server.
func (s *SSHD) Drop() { s.signal(syscall.SIGKILL) }

// Freeze stops the processes of the connections, as a machine does that sleeps.
func (s *SSHD) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *SSHD) Thaw() { s.signal(syscall.SIGCONT) }

func (s *SSHD) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pid := range descendants(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, sig)
	}
}

// descendants returns the processes below one.
func descendants(pid int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …, and the name may hold anything
		_, rest, _ := strings.Cut(string(data[bytes.LastIndexByte(data, ')'):]), " ")
		fields := strings.Fields(rest)
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || len(fields) < 2 {
			continue
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		children[parent] = append(children[parent], child)
	}
	all := children[pid]
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// String names the server, for failure texts.
func (s *SSHD) String() string { return fmt.Sprintf("%s@%s", s.User, s.Addr) }
