package check_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/check"
)

func wrongHandshakes() []wrongApp {
	wants := func(text string) func(*app) {
		return token(func(q url.Values) bool { return q.Get("hub.mode") == "subscribe" && q.Get("hub.verify_token") == text })
	}
	const odd = "a+b/c="
	long := strings.Repeat("x", 70)
	return []wrongApp{
		{name: "challenge in quotes", change: saying(func(c string) string { return `"` + c + `"` }), want: []string{"fail handshake challenge-quoted"}},
		{name: "challenge in JSON", change: saying(func(c string) string { return `{"hub.challenge":` + c + `}` }), want: []string{"fail handshake challenge-json"}},
		{name: "challenge as a float", change: saying(func(c string) string { return c + ".0" }), want: []string{"fail handshake challenge-number"}},
		{name: "challenge as a rounded float", change: saying(func(c string) string { return c[:1] + "." + c[1:] + "e+09" }), want: afterHandshake("fail handshake challenge-number")},
		{name: "challenge in a page", change: saying(func(c string) string { return "<html><body>" + c + "</body></html>" }), want: []string{"fail handshake challenge-html"}},
		{name: "challenge and newline", change: saying(func(c string) string { return c + "\n" }), want: []string{"warn handshake challenge-space"}},
		{name: "BOM before the challenge", change: saying(func(c string) string { return "\ufeff" + c }), want: []string{"fail handshake challenge-bom"}},
		{name: "words around the challenge", change: saying(func(c string) string { return "challenge: " + c }), want: []string{"fail handshake challenge-wrapped"}},
		{name: "OK in place of the challenge", change: saying(func(string) string { return "OK" }), want: afterHandshake("fail handshake challenge-other")},
		{name: "no GET", change: on("GET", status(405)), want: afterHandshake("fail handshake get-missing")},
		{name: "GET redirects", change: on("GET", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/webhook/?"+r.URL.RawQuery, http.StatusMovedPermanently)
		}), want: afterHandshake("fail handshake handshake-redirect")},
		{name: "GET takes too long", change: on("GET", until), limits: check.Limits{Verification: 200 * time.Millisecond}, want: afterHandshake("fail handshake handshake-slow")},
		{name: "GET closes", change: on("GET", abort), want: afterHandshake("fail handshake handshake-closed")},
		{name: "GET fails", change: on("GET", status(500)), want: afterHandshake("fail handshake handshake-status")},
		{name: "GET with 201", change: func(a *app) {
			a.answer = func(w http.ResponseWriter, challenge string) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, challenge)
			}
		}, want: afterHandshake("fail handshake handshake-status")},
		{name: "login page on GET", change: on("GET", page(200)), want: afterHandshake("fail handshake handshake-page")},
		{name: "another token", change: wants("other"), want: afterHandshake("fail handshake handshake-token")},
		{name: "token in quotes", change: wants(`"` + verifyToken + `"`), want: afterHandshake("fail handshake handshake-quotes")},
		{name: "token with line end", change: wants(verifyToken + "\r"), want: afterHandshake("fail handshake handshake-quotes")},
		{name: "token decoded twice", token: odd, change: token(func(q url.Values) bool {
			twice, err := url.QueryUnescape(q.Get("hub.verify_token"))
			return err == nil && twice == odd && q.Get("hub.mode") == "subscribe"
		}), want: append(afterHandshake("fail handshake handshake-encoding"), "warn token-characters")},
		{name: "token not decoded", token: odd, change: func(a *app) {
			wants(odd)(a)
			a.query = func(r *http.Request) url.Values {
				q := r.URL.Query()
				_, raw, _ := strings.Cut(r.URL.RawQuery, "hub.verify_token=")
				q.Set("hub.verify_token", raw)
				return q
			}
		}, want: append(afterHandshake("fail handshake handshake-encoding"), "warn token-characters")},
		{name: "underscores", change: named("hub_NAME"), want: afterHandshake("fail handshake handshake-dots")},
		{name: "brackets", change: named("hub[NAME]"), want: afterHandshake("fail handshake handshake-dots")},
		{name: "PHP with dots", change: func(a *app) {
			a.allow = func(url.Values) bool { return false }
			a.before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("X-Powered-By", "PHP/8.4.1")
				return false
			}
		}, want: afterHandshake("fail handshake handshake-dots")},
		{name: "browsers only on GET", change: func(a *app) {
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != "GET" || strings.HasPrefix(r.UserAgent(), "Mozilla/") {
					return false
				}
				w.WriteHeader(http.StatusForbidden)
				return true
			}
		}, want: afterHandshake("fail handshake handshake-user-agent")},
		{name: "parameters by place", change: func(a *app) {
			a.query = func(r *http.Request) url.Values {
				out, names := url.Values{}, []string{"hub.mode", "hub.challenge", "hub.verify_token"}
				for i, part := range strings.Split(r.URL.RawQuery, "&") {
					if _, value, ok := strings.Cut(part, "="); ok && i < len(names) {
						out.Set(names[i], value)
					}
				}
				return out
			}
		}, want: []string{"fail handshake-order"}},
		{name: "any token", change: token(func(q url.Values) bool { return q.Get("hub.mode") == "subscribe" }), want: []string{
			"fail token-wrong", "error token-empty <- token-wrong", "error token-missing <- token-wrong", "error token-case <- token-wrong",
		}},
		{name: "empty token", change: token(func(q url.Values) bool {
			return q.Get("hub.mode") == "subscribe" && (q.Get("hub.verify_token") == verifyToken || q.Get("hub.verify_token") == "")
		}), want: []string{"fail token-empty", "error token-missing <- token-empty"}},
		{name: "no token", change: token(func(q url.Values) bool {
			return q.Get("hub.mode") == "subscribe" && (q.Get("hub.verify_token") == verifyToken || !q.Has("hub.verify_token"))
		}), want: []string{"fail token-missing"}},
		{name: "token in any case", change: token(func(q url.Values) bool {
			return q.Get("hub.mode") == "subscribe" && strings.EqualFold(q.Get("hub.verify_token"), verifyToken)
		}), want: []string{"fail token-case"}},
		{name: "no mode", change: token(func(q url.Values) bool { return q.Get("hub.verify_token") == verifyToken }), want: []string{"warn mode-missing"}},
		{name: "breaks on an empty token", change: token(func(q url.Values) bool {
			if q.Has("hub.verify_token") && q.Get("hub.verify_token") == "" {
				panic(http.ErrAbortHandler)
			}
			return q.Get("hub.mode") == "subscribe" && q.Get("hub.verify_token") == verifyToken
		}), want: []string{"warn token-empty refusal-broken"}},
		{name: "token of odd characters", token: "a+b", change: wants("a+b"), want: []string{"warn token-characters"}},
		{name: "long token", token: long, change: wants(long), want: []string{"warn token-characters token-long"}},
	}
}
