package check_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/igloo-dev/igloo/internal/check"
)

// wrongApp is the reference app with one mistake, and what igloo says of it: all
// else passes.
type wrongApp struct {
	name   string
	change func(*app)
	limits check.Limits
	heavy  bool   // with the heavy checks
	token  string // igloo's verify token, when it is another
	other  string // a key that the app should not have
	want   []string
}

// afterHandshake are the checks that say nothing when the right verification request
// is refused.
func afterHandshake(first string) []string {
	return []string{
		first, "error handshake-order <- handshake", "error token-wrong <- handshake", "error token-empty <- handshake",
		"error token-missing <- handshake", "error token-case <- handshake", "error mode-missing <- handshake",
	}
}

// afterDelivery are those that say nothing when every delivery is refused.
func afterDelivery(first ...string) []string {
	return append(first,
		"error status-200 <- delivery", "error reuse <- delivery", "error text-changes <- delivery", "error text-messaging <- delivery",
		"error signature-wrong <- delivery", "error unsigned <- delivery", "error signature-prefix <- delivery", "error sha1-only <- delivery",
		"error swapped-headers <- delivery", "error altered-body <- delivery", "error newline-added <- delivery",
		"error secret-stranger <- delivery", "error secret-empty <- delivery", "error secret-token <- delivery",
		"error uppercase-hex <- delivery", "error no-prefix <- delivery", "error form-encoded <- delivery", "error empty-body <- delivery",
		"error fields <- delivery", "error attachments <- delivery", "error no-sender <- delivery", "error test-shape <- delivery",
		"error unknown-field <- delivery", "error unknown-keys <- delivery", "error unknown-object <- delivery", "error batch <- delivery",
		"error never-sent <- delivery", "error duplicates <- delivery", "error deletion <- delivery", "error order <- delivery", "error echoes <- delivery",
		"error id-precision <- delivery", "error speed <- delivery")
}

func on(method string, h http.HandlerFunc) func(*app) {
	return func(a *app) {
		a.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method {
				return false
			}
			h(w, r)
			return true
		}
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func page(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Log in</title>")
	}
}

// until answers nothing, as long as the client waits.
func until(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client is gone
	<-r.Context().Done()
}

func abort(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// named lets the app read parameters whose names are written otherwise.
func named(style string) func(*app) {
	return func(a *app) {
		a.query = func(r *http.Request) url.Values {
			q, out := r.URL.Query(), url.Values{}
			for _, name := range []string{"mode", "challenge", "verify_token"} {
				if as := strings.ReplaceAll(style, "NAME", name); q.Has(as) {
					out.Set("hub."+name, q.Get(as))
				}
			}
			return out
		}
	}
}

func wrongApps() []wrongApp {
	return append(append(wrongHandshakes(), wrongDeliveries()...), append(wrongSignatures(), wrongPayloads()...)...)
}

// poisoned refuses what is not signed without reading it, and takes the rest of it
// for the next request.
func poisoned(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != "POST" || r.Header.Get("X-Hub-Signature-256") != "" {
		return false
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
	_, _ = buffered.Discard(int(r.ContentLength))
	if _, err := buffered.Peek(1); err == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, buffered)
	}
	return true
}

// keepingOut answers 403 to the User-Agents with a text in them.
func keepingOut(agents ...string) func(*app) {
	return func(a *app) {
		a.before = func(w http.ResponseWriter, r *http.Request) bool {
			for _, agent := range agents {
				if strings.Contains(r.UserAgent(), agent) {
					page(http.StatusForbidden)(w, r)
					return true
				}
			}
			return false
		}
	}
}

func wrongDeliveries() []wrongApp {
	raw, err := hex.DecodeString(appSecret)
	if err != nil {
		panic(err)
	}
	return []wrongApp{
		{name: "keeps out facebookexternalua", change: keepingOut("facebookexternalua"), want: []string{
			"fail user-agent", "error text-messaging <- user-agent", "error fields <- user-agent", "error attachments <- user-agent",
			"error no-sender <- user-agent", "error test-shape <- user-agent", "error unknown-field <- user-agent", "error unknown-keys <- user-agent",
			"error unknown-object <- user-agent", "error batch <- user-agent", "error never-sent <- user-agent", "error deletion <- user-agent", "error order <- user-agent",
			"error echoes <- user-agent",
		}},
		{name: "keeps out Meta", change: keepingOut("facebookexternalua", "Webhooks/1.0"), want: afterDelivery("fail user-agent", "error delivery <- user-agent")},
		{name: "no POST", change: on("POST", status(405)), want: afterDelivery("fail delivery post-missing")},
		{name: "POST redirects", change: on("POST", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://www.example.com/webhook", http.StatusPermanentRedirect)
		}), want: afterDelivery("fail delivery delivery-redirect")},
		{name: "POST takes too long", change: on("POST", until), limits: check.Limits{Answer: 200 * time.Millisecond, Margin: 1}, want: afterDelivery("fail delivery delivery-slow")},
		{name: "POST closes", change: on("POST", abort), want: afterDelivery("fail delivery delivery-closed")},
		{name: "page expired", change: on("POST", status(419)), want: afterDelivery("fail delivery delivery-csrf")},
		{name: "CSRF", change: on("POST", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "CSRF verification failed. Request aborted.", http.StatusForbidden)
		}), want: afterDelivery("fail delivery delivery-csrf")},
		{name: "login page on POST", change: on("POST", page(403)), want: afterDelivery("fail delivery delivery-page")},
		{name: "POST fails", change: on("POST", status(500)), want: afterDelivery("fail delivery server-error")},
		{name: "only with charset", change: func(a *app) {
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != "POST" || r.Header.Get("Content-Type") == "application/json; charset=utf-8" {
					return false
				}
				w.WriteHeader(http.StatusUnsupportedMediaType)
				return true
			}
		}, want: afterDelivery("fail delivery content-type")},
		{name: "unknown secret", change: having("ffffffffffffffffffffffffffffffff"), want: afterDelivery("fail delivery delivery-refused")},
		{name: "development secret", other: "dddddddddddddddddddddddddddddddd", change: having("dddddddddddddddddddddddddddddddd"), want: afterDelivery("fail delivery secret-other")},
		{name: "verify token for a secret", change: having(verifyToken), want: afterDelivery("fail delivery secret-other")},
		{name: "secret missing", change: having(""), want: afterDelivery("fail delivery secret-other")},
		{name: "secret in quotes", change: having(`"` + appSecret + `"`), want: afterDelivery("fail delivery secret-quotes")},
		{name: "secret with line end", change: having(appSecret + "\n"), want: afterDelivery("fail delivery secret-quotes")},
		{name: "secret decoded", change: having(string(raw)), want: afterDelivery("fail delivery secret-hex")},
		{name: "SHA-256 in the legacy header", change: func(a *app) {
			a.verify = func(r *http.Request, body []byte) bool {
				return r.Header.Get("X-Hub-Signature") == "sha256="+mac(sha256.New, appSecret, body)
			}
		}, want: afterDelivery("fail delivery signature-header")},
		{name: "digits alone", change: func(a *app) {
			a.verify = func(r *http.Request, body []byte) bool {
				return r.Header.Get("X-Hub-Signature-256") == mac(sha256.New, appSecret, body)
			}
		}, want: afterDelivery("fail delivery signature-form")},
		{name: "signature in base64", change: func(a *app) {
			a.verify = func(r *http.Request, body []byte) bool {
				digest, err := hex.DecodeString(mac(sha256.New, appSecret, body))
				return err == nil && r.Header.Get("X-Hub-Signature-256") == "sha256="+base64.StdEncoding.EncodeToString(digest)
			}
		}, want: afterDelivery("fail delivery signature-form")},
		{name: "body in base64", change: hashing(func(body []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(body)) }), want: afterDelivery("fail delivery body-base64")},
		{name: "body consumed", change: hashing(func([]byte) []byte { return nil }), want: afterDelivery("fail delivery body-empty")},
		{name: "keys sorted", change: hashing(sortedKeys), want: afterDelivery("fail delivery body-reserialised")},
		{name: "newline before hashing", change: hashing(func(body []byte) []byte { return append(body, '\n') }), want: afterDelivery("fail delivery body-newline")},
		{name: "204", change: func(a *app) {
			a.accept = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusNoContent) }
		}, want: []string{"warn status-200"}},
		{name: "body in the way", change: func(a *app) { a.before = poisoned }, want: []string{"fail reuse"}},
		{name: "slow", change: func(*app) {}, limits: check.Limits{Answer: 1, Margin: 30 * time.Second}, want: []string{"fail speed"}},
		{name: "rather slow", change: func(*app) {}, limits: check.Limits{Slow: 1}, want: []string{"warn speed speed-slow"}},
	}
}

func wrongTexts() []wrongApp {
	// refusing answers like an app whose signature check fails.
	refusing := func(when func(body string) bool) func(*app) {
		return breaking(http.StatusUnauthorized, func(_ *http.Request, body string) bool { return when(body) })
	}
	has := func(parts ...string) func(string) bool {
		return func(body string) bool {
			for _, part := range parts {
				if strings.Contains(body, part) {
					return true
				}
			}
			return false
		}
	}
	return []wrongApp{
		{name: "JSON.stringify", change: hashing(stringified), want: []string{
			"fail text-changes body-reserialised",
			"fail text-messaging body-reserialised",
			"error newline-added <- text-messaging",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
			"error test-shape <- text-changes",
			"error unknown-field <- text-changes",
			"error unknown-keys <- text-changes",
			"error unknown-object <- text-changes",
			"error batch <- text-changes",
			"error never-sent <- text-changes",
			"error order <- text-messaging",
			"error echoes <- text-changes",
		}},
		{name: "json_encode", change: hashing(phpEncoded), want: []string{
			"fail text-changes body-reserialised",
			"error newline-added <- text-changes",
			"error fields <- text-changes",
			"error attachments <- text-changes", // one of them has {}
			"error test-shape <- text-changes",
			"error unknown-field <- text-changes",
			"error unknown-keys <- text-changes",
			"error unknown-object <- text-changes",
			"error batch <- text-changes",
			"error never-sent <- text-changes",
			"error echoes <- text-changes",
		}},
		{name: "decoded", change: hashing(decoded), want: []string{
			"fail text-changes body-decoded",
			"fail text-messaging body-decoded",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
			"error test-shape <- text-changes",
			"error order <- text-messaging",
		}},
		{name: "slashes", change: hashing(func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(`\/`), []byte("/")) }), want: []string{
			"fail text-messaging body-slashes",
			"error fields <- text-messaging",
			"error attachments <- text-messaging",
			"error echoes <- text-messaging",
		}},
		{name: "escaped", change: hashing(func(body []byte) []byte {
			return []byte(strings.NewReplacer("<", `\u003C`, "@", `\u0040`, "%", `\u0025`).Replace(string(body)))
		}), want: []string{
			"fail text-changes body-escaped",
			"fail text-messaging body-escaped",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
		}},
		{name: "breaks on emoji", change: refusing(has(`\ud8`)), want: []string{
			"fail text-changes body-decoded",
			"fail text-messaging body-decoded",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
		}},
		{name: "hangs on emoji", limits: check.Limits{Answer: 500 * time.Millisecond, Margin: 1}, change: func(a *app) {
			right := a.accept
			a.accept = func(w http.ResponseWriter, r *http.Request, body []byte) {
				if bytes.Contains(body, []byte(`\ud8`)) {
					<-r.Context().Done()
					return
				}
				right(w, r, body)
			}
		}, want: []string{
			"fail text-changes text-refused",
			"fail text-messaging text-refused",
			"fail fields", "fail attachments",
		}},
		{name: "breaks on accents", change: refusing(func(body string) bool { return strings.Contains(strings.ReplaceAll(body, `\ud`, ""), `\u`) }), want: []string{
			"fail text-changes body-decoded",
			"fail text-messaging body-decoded",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
			"error test-shape <- text-changes",
			"error order <- text-messaging",
		}},
		{name: "breaks on slashes", change: refusing(has("/")), want: []string{
			"fail text-changes body-slashes",
			"fail text-messaging body-slashes",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
			"error echoes <- text-messaging",
		}},
		{name: "breaks on symbols", change: refusing(has("<")), want: []string{
			"fail text-changes body-escaped",
			"fail text-messaging body-escaped",
			"error fields <- text-changes",
		}},
		{name: "breaks on all escapes", change: refusing(has(`\u`, "/")), want: []string{
			"fail text-changes body-reserialised",
			"fail text-messaging body-reserialised",
			"error fields <- text-changes",
			"error attachments <- text-messaging",
			"error test-shape <- text-changes",
			"error order <- text-messaging",
			"error echoes <- text-messaging",
		}},
		{name: "breaks on accents and symbols", change: refusing(has(`Qu\u00e9`, "<")), want: []string{
			"fail text-changes text-refused",
			"fail text-messaging text-refused",
			"error fields <- text-changes",
		}},
		{name: "comments only", change: breaking(http.StatusNotFound, holding(`"messaging"`)), want: []string{
			"fail text-messaging dialect-refused",
			"error fields <- text-messaging",
			"error attachments <- text-messaging",
			"error no-sender <- text-messaging",
			"error test-shape <- text-messaging",
			"error unknown-field <- text-messaging",
			"error unknown-keys <- text-messaging",
			"error unknown-object <- text-messaging",
			"error batch <- text-messaging",
			"error never-sent <- text-messaging",
			"error deletion <- text-messaging",
			"error order <- text-messaging",
			"error echoes <- text-messaging",
		}},
	}
}

func wrongSignatures() []wrongApp {
	sent := func(r *http.Request) string { return r.Header.Get("X-Hub-Signature-256") }
	return []wrongApp{
		{name: "compares nothing", change: also(func(r *http.Request, _ []byte) bool { return sent(r) != "" }), want: []string{
			"fail signature-wrong", "error signature-prefix <- signature-wrong", "error sha1-only <- signature-wrong",
			"error swapped-headers <- signature-wrong", "error altered-body <- signature-wrong", "error newline-added <- signature-wrong",
			"error secret-stranger <- signature-wrong", "error secret-empty <- signature-wrong", "error secret-token <- signature-wrong",
			"error uppercase-hex <- signature-wrong", "error no-prefix <- signature-wrong", "error form-encoded <- signature-wrong",
			"error empty-body <- signature-wrong",
		}},
		{name: "takes what is unsigned", change: also(func(r *http.Request, _ []byte) bool { return sent(r) == "" }), want: []string{"fail unsigned", "error sha1-only <- unsigned"}},
		{name: "compares a beginning", change: also(func(r *http.Request, body []byte) bool {
			const beginning = 20
			return len(sent(r)) >= beginning && sent(r)[:beginning] == ("sha256=" + mac(sha256.New, appSecret, body))[:beginning]
		}), want: []string{"fail signature-prefix"}},
		{name: "legacy header alone", change: func(a *app) {
			a.verify = func(r *http.Request, body []byte) bool { return signedSHA1(r, body, appSecret) }
		}, want: []string{"fail sha1-only"}},
		{name: "either header", change: also(func(r *http.Request, body []byte) bool {
			return r.Header.Get("X-Hub-Signature") == "sha256="+mac(sha256.New, appSecret, body)
		}), want: []string{"warn swapped-headers"}},
		{name: "remembers signatures", change: func(a *app) {
			var good memory
			a.verify = func(r *http.Request, body []byte) bool {
				if signed(r, body, appSecret) {
					good.add(sent(r))
				}
				return good.has(sent(r))
			}
		}, want: []string{"fail altered-body"}},
		{name: "trims the body", change: also(func(r *http.Request, body []byte) bool { return signed(r, bytes.TrimSpace(body), appSecret) }), want: []string{"fail newline-added"}},
		{name: "a stranger's secret", change: also(func(r *http.Request, body []byte) bool { return signed(r, body, "igloo's stranger: another secret") }), want: []string{"fail secret-stranger"}},
		{name: "an empty secret", change: also(func(r *http.Request, body []byte) bool { return signed(r, body, "") }), want: []string{"fail secret-empty"}},
		{name: "the verify token", change: also(func(r *http.Request, body []byte) bool { return signed(r, body, verifyToken) }), want: []string{"fail secret-token"}},
		{name: "upper case", change: also(func(r *http.Request, body []byte) bool {
			return strings.EqualFold(sent(r), "sha256="+mac(sha256.New, appSecret, body))
		}), want: []string{"warn uppercase-hex"}},
		{name: "no prefix", change: also(func(r *http.Request, body []byte) bool { return sent(r) == mac(sha256.New, appSecret, body) }), want: []string{"warn no-prefix"}},
		{name: "forms unchecked", change: also(func(r *http.Request, _ []byte) bool {
			return r.Header.Get("Content-Type") == "application/x-www-form-urlencoded"
		}), want: []string{"fail form-encoded"}},
		{name: "empty bodies unchecked", change: also(func(_ *http.Request, body []byte) bool { return len(body) == 0 }), want: []string{"fail empty-body"}},
		{name: "throws without a header", change: also(func(r *http.Request, _ []byte) bool {
			if sent(r) == "" {
				panic(http.ErrAbortHandler)
			}
			return false
		}), want: []string{"warn unsigned refusal-broken"}},
		{name: "throws on a bad length", change: func(a *app) {
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != "POST" || sent(r) == "" || len(sent(r)) == 71 {
					return false
				}
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
		}, want: []string{"warn swapped-headers refusal-broken"}},
	}
}

var sentTime = regexp.MustCompile(`"time": ?[0-9]+`)

func wrongPayloads() []wrongApp {
	return append(wrongTexts(), []wrongApp{
		{name: "feedback", change: breaking(500, holding(`"response_feedback"`)), want: []string{"fail fields"}},
		{name: "ephemeral", change: breaking(500, holding(`"ephemeral"`)), want: []string{"fail attachments"}},
		{name: "hangs on attachments", limits: check.Limits{Answer: time.Second, Margin: 1}, change: func(a *app) {
			right := a.accept
			a.accept = func(w http.ResponseWriter, r *http.Request, body []byte) {
				if bytes.Contains(body, []byte(`"attachments"`)) && !bytes.Contains(body, []byte(`"is_echo"`)) && !bytes.Contains(body, []byte(`"standby"`)) {
					<-r.Context().Done()
					return
				}
				right(w, r, body)
			}
		}, want: []string{"fail attachments"}},
		{name: "sender missing", change: breaking(500, holding(`"messaging":[{"timestamp"`)), want: []string{"fail no-sender"}},
		{name: "Test button", change: breaking(400, holding(`random_mid`)), want: []string{"fail test-shape"}},
		{name: "unknown field", change: breaking(422, holding("igloo_unknown_field")), want: []string{"fail unknown-field"}},
		{name: "unknown event", change: breaking(400, holding("igloo_unknown_event")), want: []string{"fail unknown-field"}},
		{name: "unknown keys", change: breaking(422, holding("igloo_unknown_key")), want: []string{"fail unknown-keys"}},
		{name: "unknown object", change: breaking(404, holding("igloo_unknown_object")), want: []string{"warn unknown-object"}},
		{name: "flat comments", change: breaking(400, func(_ *http.Request, body string) bool {
			return strings.Contains(body, `"field": "comments"`) && !strings.Contains(body, `"changes"`)
		}), want: []string{"warn never-sent"}},
		{name: "one event at a time", change: breaking(500, func(_ *http.Request, body string) bool { return strings.Count(body, "hello igloo") > 1 }), want: []string{"fail batch"}},
		{name: "refuses duplicates", change: func(a *app) {
			var seen memory
			breaking(http.StatusConflict, func(_ *http.Request, body string) bool {
				event := sentTime.ReplaceAllString(body, "")
				defer seen.add(event)
				return seen.has(event)
			})(a)
		}, want: []string{"fail duplicates"}},
		{name: "refuses deletions", change: breaking(404, holding(`is_deleted`)), want: []string{"fail deletion"}},
		{name: "wants the message first", change: func(a *app) {
			var seen memory
			mid := regexp.MustCompile(`"mid":"([^"]+)"`)
			breaking(http.StatusNotFound, func(_ *http.Request, body string) bool {
				m := mid.FindStringSubmatch(body)
				if m == nil || m[1] == "random_mid" {
					return false
				}
				if strings.Contains(body, `"reaction"`) {
					return !seen.has(m[1])
				}
				seen.add(m[1])
				return false
			})(a)
		}, want: []string{"fail order"}},
		{name: "breaks on echoes", change: breaking(500, holding(`is_echo`)), want: []string{"fail echoes"}},
		{name: "100 kB", heavy: true, change: breaking(http.StatusRequestEntityTooLarge, func(_ *http.Request, body string) bool { return len(body) > 100<<10 }), want: []string{"fail batch-1000"}},
		{name: "takes a huge body", heavy: true, change: func(a *app) {
			a.before = func(_ http.ResponseWriter, r *http.Request) bool { return r.ContentLength > 5<<20 }
		}, want: []string{"fail huge-body"}},
		{name: "full of a huge body", heavy: true, change: func(a *app) {
			var full atomic.Bool
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				huge := r.ContentLength > 5<<20
				if full.Swap(huge) {
					w.WriteHeader(http.StatusServiceUnavailable)
					return true
				}
				return false // it is refused like any
			}
		}, want: []string{"fail huge-body"}},
		{name: "slow with a full batch", heavy: true, limits: check.Limits{Answer: time.Second, Margin: 30 * time.Second}, change: func(a *app) {
			right := a.accept
			a.accept = func(w http.ResponseWriter, r *http.Request, body []byte) {
				if len(body) > 100<<10 {
					<-time.After(1100 * time.Millisecond)
				}
				right(w, r, body)
			}
		}, want: []string{"fail batch-1000"}},
		{name: "breaks on a huge body", heavy: true, change: func(a *app) {
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.ContentLength > 5<<20 {
					w.WriteHeader(http.StatusBadGateway)
				}
				return r.ContentLength > 5<<20
			}
		}, want: []string{"warn huge-body refusal-broken"}},
	}...)
}
