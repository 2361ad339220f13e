package tunnel

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// loadSSHKey reads a private key. With create, one that does not exist is made:
// ed25519, readable by the user alone.
func loadSSHKey(path string, create bool) (ssh.Signer, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		data, err = makeSSHKey(path)
	}
	if err != nil {
		return nil, &FatalError{Err: fmt.Errorf("read the SSH key: %w", err), Hint: "name another key with --ssh-key FILE"}
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, &FatalError{
			Err:  fmt.Errorf("the SSH key %q can be read by other users of this machine", path),
			Hint: fmt.Sprintf("chmod 600 %q", path),
		}
	}
	signer, err := ssh.ParsePrivateKey(data)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, &FatalError{
			Err:  fmt.Errorf("the SSH key %q has a passphrase, which igloo cannot ask for", path),
			Hint: "leave --ssh-key away: igloo makes a key of its own",
		}
	}
	if err != nil { // the error of the library says nothing of the key itself
		return nil, &FatalError{Err: fmt.Errorf("read the SSH key %q: %w", path, err), Hint: "a private key in OpenSSH's or PEM format is wanted, such as ssh-keygen makes"}
	}
	return signer, nil
}

// makeSSHKey makes a key and returns what it wrote to path.
func makeSSHKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "igloo")
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	data := pem.EncodeToMemory(block)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return data, nil
}

// publicKeyLine is the line for a server's authorized_keys.
func publicKeyLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " igloo"
}

// hostKeys is a file in the format of OpenSSH's known_hosts: the keys by which
// servers are known again. A server that is met for the first time is added, and
// one that comes with another key than before is refused.
type hostKeys struct {
	path   string
	logger *slog.Logger
}

// check returns the callback for one server, and the algorithms to ask it for: a
// server has keys of several kinds, and another kind than the known one would look
// like a changed key.
func (h *hostKeys) check(address string, own ssh.PublicKey) (ssh.HostKeyCallback, []string, error) {
	known, err := h.read()
	if err != nil {
		return nil, nil, err
	}
	var algorithms []string
	// No server has our own key, so the error lists the keys that it has.
	if unknown, ok := errors.AsType[*knownhosts.KeyError](known(address, noAddr, own)); ok {
		for _, k := range unknown.Want {
			algorithms = append(algorithms, algorithmsOf(k.Key.Type())...)
		}
	}
	return func(address string, remote net.Addr, key ssh.PublicKey) error {
		err := known(address, remote, key)
		mismatch, ok := errors.AsType[*knownhosts.KeyError](err)
		switch {
		case ok && len(mismatch.Want) == 0:
			return h.add(address, key)
		case ok:
			return h.changed(address, key, mismatch.Want[0].Line)
		case err != nil:
			return &FatalError{Err: fmt.Errorf("the SSH host key of %s: %w", address, err), Hint: fmt.Sprintf("see %q", h.path)}
		}
		return nil
	}, algorithms, nil
}

// noAddr stands for an address that is not looked at.
var noAddr = &net.TCPAddr{IP: net.IPv4zero, Port: 22}

// read returns the callback of the file as it is now. A missing file is empty.
func (h *hostKeys) read() (ssh.HostKeyCallback, error) {
	file, err := os.OpenFile(h.path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err == nil {
		_ = file.Close()
		var known ssh.HostKeyCallback
		if known, err = knownhosts.New(h.path); err == nil {
			return known, nil
		}
	}
	return nil, &FatalError{Err: fmt.Errorf("read the known SSH hosts: %w", err), Hint: fmt.Sprintf("correct or remove %q", h.path)}
}

// add remembers a server that nothing is known of, and says so: whoever wants to be
// sure compares the fingerprint with what the server's owner tells.
func (h *hostKeys) add(address string, key ssh.PublicKey) error {
	file, err := os.OpenFile(h.path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return &FatalError{Err: fmt.Errorf("remember the SSH host key: %w", err)}
	}
	_, err = fmt.Fprintln(file, knownhosts.Line([]string{knownhosts.Normalize(address)}, key))
	if err := errors.Join(err, file.Close()); err != nil {
		return &FatalError{Err: fmt.Errorf("remember the SSH host key: %w", err)}
	}
	h.logger.Warn("first contact with this SSH server: its key is remembered from now on",
		"server", address, "key", key.Type()+" "+ssh.FingerprintSHA256(key))
	return nil
}

// changed is the error for a server that has another key than before.
func (h *hostKeys) changed(address string, key ssh.PublicKey, line int) error {
	return &FatalError{
		Err: fmt.Errorf("the SSH server %s has another key than before (%s %s): it was set up anew, or somebody is in between",
			address, key.Type(), ssh.FingerprintSHA256(key)),
		Hint: fmt.Sprintf("ask the server's owner whether that is its fingerprint; if it is, remove line %d of %q", line, h.path),
	}
}

// algorithmsOf returns the signature algorithms for a kind of key.
func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}
