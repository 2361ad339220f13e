package webhook

import (
	"errors"
	"net/url"

	"github.com/igloo-dev/igloo/internal/secret"
)

// The parameters of a verification request, Meta's GET to the callback URL.
const (
	ModeParam        = "hub.mode"
	ChallengeParam   = "hub.challenge"
	VerifyTokenParam = "hub.verify_token"

	// SubscribeMode is the only mode Meta sends.
	SubscribeMode = "subscribe"
)

// Why a verification request is refused.
var (
	ErrNotVerification  = errors.New("not a verification request: no hub.mode, hub.challenge or hub.verify_token in the query")
	ErrVerificationMode = errors.New(`hub.mode is not "subscribe"`)
	ErrNoChallenge      = errors.New("hub.challenge is missing")
	ErrNoVerifyToken    = errors.New("hub.verify_token is missing")
	ErrWrongVerifyToken = errors.New("hub.verify_token is another one than igloo's")
)

// CheckVerification returns the challenge to answer a verification request with,
// as the whole body of a 200. The error says why it must be refused with 403.
// The order of the parameters does not matter, and the challenge is any text.
//
// See https://developers.facebook.com/docs/instagram-platform/webhooks.
func CheckVerification(query url.Values, token secret.Value) (challenge string, err error) {
	if !query.Has(ModeParam) && !query.Has(ChallengeParam) && !query.Has(VerifyTokenParam) {
		return "", ErrNotVerification
	}
	challenge = query.Get(ChallengeParam)
	switch {
	case query.Get(ModeParam) != SubscribeMode:
		return "", ErrVerificationMode
	case query.Get(VerifyTokenParam) == "":
		return "", ErrNoVerifyToken
	case !token.Equal(query.Get(VerifyTokenParam)):
		return "", ErrWrongVerifyToken
	case challenge == "":
		return "", ErrNoChallenge
	}
	return challenge, nil
}
