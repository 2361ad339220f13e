package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Meta still sends the legacy SHA-1 header.
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/igloo-dev/igloo/internal/secret"
)

// Signer makes the signatures of one app secret again and again, with the key prepared
// once. It is safe for concurrent use.
type Signer struct {
	sha1, sha256 sync.Pool // of hash.Hash
}

// NewSigner returns a signer. It panics on an empty secret, which signs nothing.
func NewSigner(appSecret secret.Value) *Signer {
	if appSecret.Empty() {
		panic("webhook: sign with an empty app secret")
	}
	key := []byte(appSecret.Reveal())
	s := &Signer{}
	s.sha1.New = func() any { return hmac.New(sha1.New, key) }
	s.sha256.New = func() any { return hmac.New(sha256.New, key) }
	return s
}

// Sign returns what the function [Sign] does.
func (s *Signer) Sign(body []byte) string { return signWith(&s.sha256, sha256Prefix, body) }

// SignSHA1 returns what the function [SignSHA1] does.
func (s *Signer) SignSHA1(body []byte) string { return signWith(&s.sha1, sha1Prefix, body) }

func signWith(macs *sync.Pool, prefix string, body []byte) string {
	var digest [sha256.Size]byte
	var text [len(sha256Prefix) + 2*sha256.Size]byte
	return string(hex.AppendEncode(append(text[:0], prefix...), appendMAC(digest[:0], macs, body)))
}

// appendMAC appends what a hash of the pool makes of body.
func appendMAC(dst []byte, macs *sync.Pool, body []byte) []byte {
	mac := macs.Get().(hash.Hash)
	defer macs.Put(mac)
	mac.Reset()
	mac.Write(body)
	return mac.Sum(dst)
}
