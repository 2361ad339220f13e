package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// secrets are the user's own keys, with the place each came from.
type secrets struct {
	App             []webhook.AppSecret
	AppFrom         string // "" when the user gave none
	VerifyToken     secret.Value
	VerifyTokenFrom string // "" when igloo made it
	Authtoken       secret.Value
	AuthtokenFrom   string
	AccessToken     secret.Value
	values          []secret.Value // all of them, for redaction
}

// loadSecrets reads the secrets. The generic names count only in the project's .env:
// in the environment they may belong to anything.
func (c *config) loadSecrets() (secrets, error) {
	var s secrets
	if list, from := c.secretText("IGLOO_APP_SECRET", "APP_SECRET"); list != "" {
		keys, err := webhook.ParseAppSecrets(list)
		if err != nil {
			return s, usagef("separate several with commas: IGLOO_APP_SECRET=instagram=…,meta=…", "%s: %s", from, err)
		}
		s.App, s.AppFrom = keys, from
		for _, k := range keys {
			s.values = append(s.values, k.Value)
		}
	}
	token, from := c.secretText("IGLOO_VERIFY_TOKEN", "VERIFY_TOKEN", "TOKEN")
	s.VerifyToken, s.VerifyTokenFrom = secret.New(token), from
	if token, from := c.lookup("NGROK_AUTHTOKEN"); token != "" {
		s.Authtoken, s.AuthtokenFrom = secret.New(token), from
	} else if token, path := ngrokConfigToken(c.getenv); token != "" {
		s.Authtoken, s.AuthtokenFrom = secret.New(token), path
	}
	access, _ := c.lookup("IGLOO_ACCESS_TOKEN")
	s.AccessToken = secret.New(access)
	s.values = append(s.values, s.VerifyToken, s.Authtoken, s.AccessToken)
	return s, nil
}

// secretText returns a secret by its own name, else by a generic one of .env.
func (c *config) secretText(name string, generic ...string) (text, from string) {
	if text, from := c.lookup(name); text != "" {
		return text, from
	}
	for _, other := range generic {
		if text := c.dotenv[other]; text != "" {
			return text, ".env (" + other + ")"
		}
	}
	return "", ""
}

// ngrokConfigToken returns the authtoken of ngrok's own configuration file, in its
// second and third version.
func ngrokConfigToken(env func(string) string) (token, path string) {
	home, err := homeDir(env)
	if err != nil {
		return "", ""
	}
	for _, path := range []string{
		filepath.Join(home, ".config", "ngrok", "ngrok.yml"),
		filepath.Join(home, "Library", "Application Support", "ngrok", "ngrok.yml"),
		filepath.Join(env("LocalAppData"), "ngrok", "ngrok.yml"),
		filepath.Join(home, ".ngrok2", "ngrok.yml"),
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "authtoken:"); ok {
				if token := dotenvValue(strings.TrimSpace(value)); token != "" {
					return token, path
				}
			}
		}
	}
	return "", ""
}

// candidates are the keys that somebody may have signed with by mistake: the app
// secrets, the tokens people take for one, and what igloo has made for the project.
func (s secrets) candidates(keys *webhook.Keyring, p *project) []webhook.Candidate {
	token := s.VerifyToken
	if token.Empty() {
		token = p.made(verifyTokenFile)
	}
	out := append(keys.Candidates(),
		webhook.Candidate{Kind: webhook.VerifyTokenKey, Value: token},
		webhook.Candidate{Kind: webhook.AccessTokenKey, Value: s.AccessToken})
	if keys.Real() {
		out = append(out, webhook.Candidate{Kind: webhook.DevelopmentKey, Value: p.made(developmentSecretFile)})
	}
	return out
}

// explain says why a recorded delivery's signature holds or fails.
func (s *session) explain(d journal.Delivery) []webhook.Explanation {
	return webhook.Explain(d.Header, d.Body, s.candidates)
}

// reasonFor is the one line that is recorded with a delivery whose signature does not
// hold, "" when nothing is known for certain. It begins with the code, by which rows
// with little room differ.
func (s *session) reasonFor(header http.Header, body []byte) string {
	first := webhook.Explain(header, body, s.candidates)[0]
	if first.Code == "unexplained" || first.Code == "unchecked" {
		return ""
	}
	return cut(first.Code+": "+first.Text, maxReason)
}

// maxReason is the length of a recorded reason, in characters.
const maxReason = 120
