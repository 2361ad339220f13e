package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
)

// Proof returns the appsecret_proof of an access token: what an app with "Require App
// Secret" must send beside it. The token of graph.instagram.com takes the Instagram
// app secret, the one of graph.facebook.com the Meta app secret.
func Proof(token, appSecret secret.Value) secret.Value {
	mac := hmac.New(sha256.New, []byte(appSecret.Reveal()))
	mac.Write([]byte(token.Reveal()))
	return secret.New(hex.EncodeToString(mac.Sum(nil)))
}

// TokenError is an access token that cannot work, found before it is sent anywhere.
type TokenError struct {
	Problem string
	Fix     string
}

func (e *TokenError) Error() string { return e.Problem }

// HostOf tells by its first letters for which host a token was made. Not every token
// tells.
func HostOf(token secret.Value) (host Host, ok bool) {
	switch text := token.Reveal(); {
	case strings.HasPrefix(text, "IG"):
		return Instagram, true
	case strings.HasPrefix(text, "EAA"):
		return Facebook, true
	}
	return 0, false
}

// CheckToken says why an account's token cannot work at a host. The error is a
// [*TokenError], nil when nothing speaks against the token.
func CheckToken(token secret.Value, host Host) error {
	if err := checkForm(token); err != nil {
		return err
	}
	if strings.Contains(token.Reveal(), "|") {
		return &TokenError{
			"the access token is an app's (app id, a bar, app secret); an account needs its own",
			"generate one for the account in the App Dashboard",
		}
	}
	made, known := HostOf(token)
	switch {
	case !known || made == host:
		return nil
	case made == Instagram:
		return &TokenError{
			"the access token begins with IG, so it is one of Instagram Login, and " + host.String() + " does not take it",
			"use the Page's token, which begins with EAA, or --login instagram",
		}
	}
	return &TokenError{
		"the access token begins with EAA, so it is one of Facebook Login, and " + host.String() + " does not take it",
		"use the token of Instagram Login, which begins with IG, or --login facebook",
	}
}

// checkForm refuses what was pasted together with something else. Such a token would
// also break the header it travels in.
func checkForm(token secret.Value) error {
	text := token.Reveal()
	outside := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\'' }
	switch {
	case text == "":
		return &TokenError{"no access token is known", "set IGLOO_ACCESS_TOKEN"}
	case strings.ContainsFunc(text, outside):
		return &TokenError{
			"the access token holds a space, a quote or a character that no token has",
			"look how it was pasted: nothing before it, nothing after it, no quotes",
		}
	}
	return nil
}
