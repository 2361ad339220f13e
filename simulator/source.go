package simulator

import (
	"math/rand/v2"
	"strconv"
)

// source makes ids of Meta's shapes from random numbers.
type source struct{ rand.PCG }

func newSource(seed uint64) source { return source{*rand.NewPCG(seed, 0)} }

// below returns a number from 0 to n-1. For the few dozen it is asked for, the bias
// of the remainder doesn't matter.
func (s *source) below(n uint64) uint64 { return s.Uint64() % n }

// appendID appends a number of n digits, at most 19 more than its prefix has. It is
// odd: above 2^53 an odd number changes when a program reads it as a float, so that
// an app which does so is found out.
func (s *source) appendID(dst []byte, prefix string, n int) []byte {
	start := len(dst)
	dst = append(append(dst, prefix...), "0000000000000000000"[:n-len(prefix)]...)
	rest := s.Uint64()
	for i := start + len(prefix); i < len(dst); i++ {
		dst[i] += byte(rest % 10)
		rest /= 10
	}
	dst[len(dst)-1] |= 1 // '0' is even
	return dst
}

// The prefixes of ids seen in published deliveries. Comment ids stop one earlier.
var mediaPrefixes = [...]string{"178", "179", "180", "181", "182", "183", "184"}

const idLength = 17

// userID returns an Instagram-scoped user id: 16 digits, no fixed prefix, above 2^53.
func (s *source) userID() string {
	return string(s.appendID(nil, strconv.FormatUint(91+s.below(9), 10), 16))
}

var (
	firstNames = [...]string{"river", "ana", "noor", "leo", "mia", "sam", "ivo", "tala", "kofi", "yuki", "lune", "omar"}
	lastNames  = [...]string{"baker", "stone", "vale", "reyes", "okafor", "lindt", "moreau", "sato", "novak", "silva", "hale", "kaya"}
)

func (s *source) username() string {
	return firstNames[s.below(uint64(len(firstNames)))] + "." + lastNames[s.below(uint64(len(lastNames)))] +
		strconv.FormatUint(10+s.below(90), 10)
}

// appendKind appends a fresh id of a kind, or a CDN URL's signature.
func (s *source) appendKind(dst []byte, k kind) []byte {
	switch k {
	case commentID:
		return s.appendID(dst, mediaPrefixes[s.below(uint64(len(mediaPrefixes)-1))], idLength)
	case adID:
		return s.appendID(dst, "238", idLength)
	case cdnSignature:
		return s.appendURLSafe(dst, cdnSignatureLength)
	default: // media, story, asset
		return s.appendID(dst, mediaPrefixes[s.below(uint64(len(mediaPrefixes)))], idLength)
	}
}

// cdnSignatureLength is about what published URLs have after "Ab".
const cdnSignatureLength = 168

// urlSafe are the characters of a CDN URL's signature.
const urlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// appendURLSafe appends n random characters.
func (s *source) appendURLSafe(dst []byte, n int) []byte {
	var bits uint64
	for i := range n {
		if i%10 == 0 {
			bits = s.Uint64()
		}
		dst = append(dst, urlSafe[bits&63])
		bits >>= 6
	}
	return dst
}
