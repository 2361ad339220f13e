package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// standIn is the project's stand-in for Meta's client certificate: paths of files in
// its data directory. The authority's own key is kept nowhere, so nothing else will
// ever be signed with it.
type standIn struct {
	CA      string // to be trusted by the app's server
	Cert    string // client certificate with its intermediate
	Key     string
	Expires time.Time
}

// standInMargin is how long before its end a stand-in is replaced.
const standInMargin = 24 * time.Hour

// standIn returns the project's stand-in and makes it the first time.
func (c *command) standIn() (standIn, error) {
	if err := c.project.create(); err != nil {
		return standIn{}, err
	}
	dir := filepath.Join(c.project.DataDir, "mtls")
	own := standIn{
		CA:   filepath.Join(dir, "ca.pem"),
		Cert: filepath.Join(dir, "client.pem"),
		Key:  filepath.Join(dir, "client.key"),
	}
	if err := own.read(); err == nil && time.Until(own.Expires) > standInMargin {
		return own, nil
	}
	if _, err := os.Stat(own.CA); err == nil {
		fmt.Fprintln(c.stderr, "igloo: the stand-in for Meta's certificate is over or broken and was made anew: let your server trust the new one (igloo mtls ca)")
	}
	if err := own.make(dir, time.Now()); err != nil {
		return standIn{}, fmt.Errorf("make the stand-in for Meta's certificate: %w", err)
	}
	return own, own.read()
}

// read checks that all files are there and fit, and fills in when they end.
func (s *standIn) read() error {
	chain, err := os.ReadFile(s.Cert)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(s.Key)
	if err != nil {
		return err
	}
	certificate, err := simulator.ParseClientCertificate(chain, key)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(s.CA)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(ca)
	if block == nil {
		return fmt.Errorf("no certificate in %q", s.CA)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	s.Expires = root.NotAfter
	if certificate.Leaf.NotAfter.Before(s.Expires) {
		s.Expires = certificate.Leaf.NotAfter
	}
	return nil
}

// make writes a new stand-in in the place of an old one, all files at once.
func (s *standIn) make(dir string, now time.Time) error {
	authority, err := simulator.NewClientAuthority(now)
	if err != nil {
		return err
	}
	chain, key, err := authority.Issue(simulator.ClientName, now.Add(-time.Hour), authority.Expires())
	if err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "mtls-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // it is gone when all went well
	for path, data := range map[string][]byte{s.Key: key, s.Cert: chain, s.CA: authority.CA()} {
		if err := os.WriteFile(filepath.Join(fresh, filepath.Base(path)), data, 0o600); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}
