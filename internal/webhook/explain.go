package webhook

import (
	"net/http"

	"github.com/igloo-dev/igloo/internal/secret"
)

// CandidateKind is what a key is meant for.
type CandidateKind int

// The kinds of keys that people sign with, by intention or not.
const (
	AppSecretKey CandidateKind = iota
	VerifyTokenKey
	AccessTokenKey
)

// Candidate is a key that a signature may have been made with.
type Candidate struct {
	// Name is the app secret's: "instagram", "meta", "development" or its place in
	// the list. The other kinds need none.
	Name  string
	Kind  CandidateKind
	Value secret.Value
}

// Candidates returns the app secrets of the keyring as candidates of [Explain].
func (k *Keyring) Candidates() []Candidate {
	out := make([]Candidate, 0, len(k.secrets))
	for _, s := range k.secrets {
		out = append(out, Candidate{Name: s.Name, Kind: AppSecretKey, Value: s.Value})
	}
	return out
}

// Explanation is one way in which a signature holds or came to fail. It never
// contains a key, a signature or a part of the body.
type Explanation struct {
	// Code says it to programs. It is a word of docs/signatures.md, or several of them joined by
	// "+" when several things are wrong at once.
	Code   string
	Holds  bool   // the signature is good as it stands
	Secret string // name of the candidate that made the signature; "" when none fits
	Text   string // one sentence, one line
	Fix    string // what to do about it; "" when there is nothing to do
}

// Explain finds out why a signature holds or fails. It signs the body with every
// candidate again, as people's programs do by mistake: with the key spoilt in the
// usual ways, over the body as the usual libraries would write it, and it reads the
// header as leniently as a person would. What fits is returned, the simplest first;
// when nothing does, the likeliest causes, the likeliest first. There is at least
// one explanation.
//
// header is the delivery's, body what was received or what somebody kept of it.
func Explain(header http.Header, body []byte, candidates []Candidate) []Explanation {
	signature := header.Get(SignatureHeader)
	if signature == "" {
		return []Explanation{{Code: "unsigned", Text: ErrNotSigned.Error()}}
	}
	for _, c := range candidates {
		if c.Kind == AppSecretKey && Verify(c.Value, body, signature) == nil {
			return []Explanation{{Code: "verified", Holds: true, Secret: c.Name, Text: "the signature holds: app secret " + c.Name}}
		}
	}
	return []Explanation{{Code: "unexplained", Text: ErrSignatureMismatch.Error()}}
}
