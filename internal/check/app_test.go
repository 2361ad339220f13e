package check_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	appSecret   = "0123456789abcdef0123456789abcdef"
	verifyToken = "vt_Reference"
)

// app is a webhook app that does everything right. A test changes one thing.
type app struct {
	// before sees every request; true means that it has answered.
	before func(w http.ResponseWriter, r *http.Request) bool

	query  func(r *http.Request) url.Values
	allow  func(q url.Values) bool
	answer func(w http.ResponseWriter, challenge string)

	verify func(r *http.Request, body []byte) bool
	refuse func(w http.ResponseWriter)
	accept func(w http.ResponseWriter, r *http.Request, body []byte)
}

func newApp() *app {
	return &app{
		query: func(r *http.Request) url.Values { return r.URL.Query() },
		allow: func(q url.Values) bool {
			return q.Get("hub.mode") == "subscribe" && q.Get("hub.verify_token") == verifyToken
		},
		answer: func(w http.ResponseWriter, challenge string) { _, _ = io.WriteString(w, challenge) },
		verify: func(r *http.Request, body []byte) bool { return signed(r, body, appSecret) },
		refuse: func(w http.ResponseWriter) { http.Error(w, "signature does not match", http.StatusUnauthorized) },
		accept: func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = io.WriteString(w, "EVENT_RECEIVED") },
	}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.before != nil && a.before(w, r) {
		return
	}
	switch r.Method {
	case http.MethodGet:
		if q := a.query(r); a.allow(q) {
			a.answer(w, q.Get("hub.challenge"))
		} else {
			http.Error(w, "wrong verify token", http.StatusForbidden)
		}
	case http.MethodPost:
		const limit = 5 << 20
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		switch {
		case err != nil:
			http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
		case !a.verify(r, body):
			a.refuse(w)
		default:
			a.accept(w, r, body)
		}
	default:
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
	}
}

func mac(newHash func() hash.Hash, key string, body []byte) string {
	h := hmac.New(newHash, []byte(key))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// signed checks a signature the way every app should.
func signed(r *http.Request, body []byte, key string) bool {
	return r.Header.Get("X-Hub-Signature-256") == "sha256="+mac(sha256.New, key, body)
}

func signedSHA1(r *http.Request, body []byte, key string) bool {
	return r.Header.Get("X-Hub-Signature") == "sha1="+mac(sha1.New, key, body)
}

// hashing makes the app hash something else than it received.
func hashing(change func(body []byte) []byte) func(*app) {
	return func(a *app) {
		a.verify = func(r *http.Request, body []byte) bool { return signed(r, change(body), appSecret) }
	}
}

// having makes the app check with another key.
func having(key string) func(*app) {
	return func(a *app) {
		a.verify = func(r *http.Request, body []byte) bool { return signed(r, body, key) }
	}
}

// also lets in, besides what is right, what a program with a mistake does.
func also(mistake func(r *http.Request, body []byte) bool) func(*app) {
	return func(a *app) {
		a.verify = func(r *http.Request, body []byte) bool { return signed(r, body, appSecret) || mistake(r, body) }
	}
}

// breaking makes the app refuse some of what it should accept.
func breaking(status int, on func(r *http.Request, body string) bool) func(*app) {
	return func(a *app) {
		right := a.accept
		a.accept = func(w http.ResponseWriter, r *http.Request, body []byte) {
			if on(r, string(body)) {
				w.WriteHeader(status)
				return
			}
			right(w, r, body)
		}
	}
}

// holding is breaking on bodies with a text in them.
func holding(text string) func(*http.Request, string) bool {
	return func(_ *http.Request, body string) bool { return strings.Contains(body, text) }
}

// token makes the app want the parameters to be otherwise.
func token(allow func(q url.Values) bool) func(*app) { return func(a *app) { a.allow = allow } }

// saying makes the app write the challenge otherwise.
func saying(format func(challenge string) string) func(*app) {
	return func(a *app) {
		a.answer = func(w http.ResponseWriter, challenge string) { _, _ = io.WriteString(w, format(challenge)) }
	}
}

var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// rewritten is a body whose strings are decoded and written by another encoder.
func rewritten(body []byte, write func(text string) string) []byte {
	return jsonString.ReplaceAllFunc(body, func(quoted []byte) []byte {
		var text string
		if err := json.Unmarshal(quoted, &text); err != nil {
			return quoted
		}
		return []byte(write(text))
	})
}

func utf8String(text string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text)
	return strings.TrimSuffix(out.String(), "\n")
}

func compact(body []byte) []byte {
	var out bytes.Buffer
	_ = json.Compact(&out, body)
	return out.Bytes()
}

// stringified is JSON.stringify(JSON.parse(body)).
func stringified(body []byte) []byte { return rewritten(compact(body), utf8String) }

// phpEncoded is json_encode(json_decode($body, true)), for which {} is an empty array.
func phpEncoded(body []byte) []byte {
	return bytes.ReplaceAll(rewritten(compact(body), func(text string) string {
		var out strings.Builder
		for _, r := range strings.ReplaceAll(utf8String(text), "/", `\/`) {
			if r < utf8.RuneSelf {
				out.WriteRune(r)
				continue
			}
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, `\u%04x`, unit)
			}
		}
		return out.String()
	}), []byte("{}"), []byte("[]"))
}

var jsonEscapes = regexp.MustCompile(`(?:\\u[0-9a-f]{4})+`)

// decoded has characters in place of \u escapes, and nothing else changed.
func decoded(body []byte) []byte {
	return jsonEscapes.ReplaceAllFunc(body, func(escapes []byte) []byte {
		var text string
		if err := json.Unmarshal([]byte(`"`+string(escapes)+`"`), &text); err != nil {
			return escapes
		}
		return []byte(text)
	})
}

// sortedKeys is what decoding into a map and encoding it does.
func sortedKeys(body []byte) []byte {
	var value any
	_ = json.Unmarshal(body, &value) // numbers here are small enough
	out, _ := json.Marshal(value)
	return out
}

// memory is a set for apps that remember.
type memory struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (m *memory) add(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	m.seen[text] = true
}

func (m *memory) has(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[text]
}
