package tunnel_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/igloo-dev/igloo/tunnel"
)

func TestSSHHostKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, server := openSSH(t, "own", tunnel.SSHConfig{Dir: dir}, say(""))
	l.Await(t, tunnel.Online)
	if log := l.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "SHA256:") {
		t.Errorf("the first contact is not said: %s", log)
	}
	hosts, err := os.ReadFile(filepath.Join(dir, "ssh_known_hosts"))
	if err != nil || !strings.HasPrefix(string(hosts), "vps.example.com ssh-ed25519 ") || strings.Count(string(hosts), "\n") != 1 {
		t.Errorf("known hosts %q, %v, want a line for vps.example.com", hosts, err)
	}
	server.ChangeHostKey(t)
	server.Drop()
	st := l.failed(t)
	if !strings.HasPrefix(st.Err.Error(), "the SSH server vps.example.com:22 has another key than before (ssh-ed25519 SHA256:") {
		t.Errorf("error %q, want that the key changed, with its fingerprint", st.Err)
	}
	if want := fmt.Sprintf("remove line 1 of %q", filepath.Join(dir, "ssh_known_hosts")); !strings.Contains(st.Hint, want) {
		t.Errorf("hint %q, want %q in it", st.Hint, want)
	}
}

// A server has keys of several kinds. That it has one more is no change.
func TestSSHKnowsAServerByTheKeyItMet(t *testing.T) {
	t.Parallel()
	l, server := openSSH(t, "own", tunnel.SSHConfig{}, say(""))
	l.Await(t, tunnel.Online)
	server.AddHostKey(t)
	server.Drop()
	l.Await(t, tunnel.Reconnecting)
	l.Await(t, tunnel.Online)
	l.stop(t)
}

func TestSSHKnownHostsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ssh_known_hosts"), []byte("what is this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, server := openSSH(t, "own", tunnel.SSHConfig{Dir: dir}, say(""))
	l.failed(t)
	if seen := server.Seen(); len(seen) > 0 {
		t.Errorf("the server saw %q, want nothing", seen)
	}
}

func TestSSHKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, _ := openSSH(t, "own", tunnel.SSHConfig{Dir: dir}, say(""))
	l.Await(t, tunnel.Online)
	l.stop(t)
	path := filepath.Join(dir, "ssh_key")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, want 0600", info.Mode())
	}
	key, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(key), "-----BEGIN OPENSSH PRIVATE KEY-----") {
		t.Errorf("the key is %.40q, %v, want one in OpenSSH's format", key, err)
	}
	tests := []struct {
		name string
		make func(path string) error
		want string
	}{
		{"missing", func(string) error { return nil }, "no such file"},
		{"no key", func(path string) error { return os.WriteFile(path, []byte("hello"), 0o600) }, "no key found"},
		{"with a passphrase", func(path string) error { return os.WriteFile(path, lockedKey(t), 0o600) }, "has a passphrase"},
		{"for everybody", func(path string) error { return os.WriteFile(path, key, 0o644) }, "can be read by other users"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.name == "for everybody" && runtime.GOOS == "windows" {
				t.Skip("Windows has other rights")
			}
			path := filepath.Join(t.TempDir(), "id")
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			l, _ := openSSH(t, "own", tunnel.SSHConfig{KeyFile: path}, say(""))
			if st := l.failed(t); !strings.Contains(st.Err.Error(), tt.want) || st.Hint == "" {
				t.Errorf("error %q with hint %q, want %q and some hint", st.Err, st.Hint, tt.want)
			}
		})
	}
}

// lockedKey is a private key with a passphrase.
func lockedKey(t *testing.T) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("geheim"))
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}
