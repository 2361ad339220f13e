package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// codeHandshake is the check that the rest of its group depends on.
const codeHandshake = "handshake"

// The causes of a verification request that fails.
const (
	codeGetMissing         = "get-missing"
	codeHandshakeRedirect  = "handshake-redirect"
	codeHandshakeSlow      = "handshake-slow"
	codeHandshakeClosed    = "handshake-closed"
	codeHandshakeToken     = "handshake-token"
	codeHandshakeEncoding  = "handshake-encoding"
	codeHandshakeQuotes    = "handshake-quotes"
	codeHandshakeDots      = "handshake-dots"
	codeHandshakeUserAgent = "handshake-user-agent"
	codeHandshakePage      = "handshake-page"
	codeHandshakeStatus    = "handshake-status"
	codeChallengeQuoted    = "challenge-quoted"
	codeChallengeJSON      = "challenge-json"
	codeChallengeNumber    = "challenge-number"
	codeChallengeHTML      = "challenge-html"
	codeChallengeSpace     = "challenge-space"
	codeChallengeBOM       = "challenge-bom"
	codeChallengeWrapped   = "challenge-wrapped"
	codeChallengeOther     = "challenge-other"
)

// browserAgent is a browser's User-Agent.
const browserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// verification is a verification request as Meta sends it, and the answer.
type verification struct {
	answer
	challenge string
}

// accepted reports whether the app took the token, however it wrote the answer.
func (v *verification) accepted() bool {
	return v.status == http.StatusOK && bytes.Contains(v.body, []byte(v.challenge))
}

// param is a parameter of a verification request. The order matters, and dots are
// part of names.
type param struct{ name, value string }

// params are those of a verification request, in the order of Meta's Instagram page.
func params(challenge, token string) []param {
	return []param{
		{webhook.ModeParam, webhook.SubscribeMode}, {webhook.ChallengeParam, challenge}, {webhook.VerifyTokenParam, token},
	}
}

// encode writes parameters as Meta does, percent-encoded.
func encode(ps []param) string {
	var parts []string
	for _, p := range ps {
		parts = append(parts, p.name+"="+queryValue(p.value))
	}
	return strings.Join(parts, "&")
}

// queryValue percent-encodes a value.
func queryValue(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// shown is the request as a finding shows it, with words in place of the token.
func shown(challenge, token string) string {
	return fmt.Sprintf("GET ?hub.mode=subscribe&hub.challenge=%s&hub.verify_token=%s", challenge, token)
}

// challenge returns a new one: a number of ten digits, as in published requests.
func (p *player) challenge() string {
	return strconv.FormatInt(1_000_000_000+p.rng.Int64N(1_147_483_647), 10)
}

// maxVerificationBody bounds what is read of an answer.
const maxVerificationBody = 64 << 10

// get sends a verification request.
func (p *player) get(ctx context.Context, query, userAgent string) answer {
	again := func() answer { return p.getAlone(ctx, query, userAgent) }
	return p.outlived(ctx, "a verification request", again(), again)
}

func (p *player) getAlone(ctx context.Context, query, userAgent string) answer {
	u := *p.url
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	start := time.Now()
	bounded, cancel := context.WithTimeout(ctx, p.cfg.Limits.Verification)
	defer cancel()
	a := p.getOnce(bounded, u.String(), userAgent)
	if a.took = time.Since(start); ctx.Err() != nil {
		p.err = ctx.Err()
	}
	if a.timeout {
		a.reason = fmt.Sprintf("nothing within %v", p.cfg.Limits.Verification)
	}
	return a
}

func (p *player) getOnce(ctx context.Context, target, userAgent string) answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return p.newAnswer(0, nil, nil, err)
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "*/*")
	response, err := p.gets.Do(request)
	if err != nil {
		a := p.newAnswer(0, nil, nil, err)
		a.reason = reasonOf(withoutURL(err))
		return a
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxVerificationBody))
	if err != nil {
		return p.newAnswer(0, nil, nil, err)
	}
	return p.newAnswer(response.StatusCode, response.Header, body, nil)
}

// verify sends the verification request that the app must accept.
func (p *player) verify(ctx context.Context) *verification {
	if p.verification == nil {
		defer p.asked(codeHandshake)()
		v := &verification{challenge: p.challenge()}
		v.answer = p.get(ctx, encode(params(v.challenge, p.token())), webhook.VerificationUserAgent)
		p.verification = v
	}
	return p.verification
}

func (p *player) token() string { return p.cfg.Secrets.VerifyToken.Reveal() }

func (p *player) judgeHandshake(ctx context.Context) Finding {
	v := p.verify(ctx)
	sent := shown(v.challenge, "[redacted]")
	f := p.judgeVerification(ctx, v)
	if f.Status == Pass {
		return pass(sent, v.answer)
	}
	f.Sent, f.Got = sent, v.String()
	return f
}

// judgeVerification finds what is wrong with the answer to a verification request.
func (p *player) judgeVerification(ctx context.Context, v *verification) Finding {
	status, code, detail, meta := Fail, "", "", v.dashboardRefused()
	switch port := p.misdirected(ctx, v.answer); {
	case port != "":
		code = port
		if v.status == 0 {
			meta = metaEmptyReply
		}
	case v.timeout:
		code = codeHandshakeSlow
		meta = dashboard(fmt.Sprintf("curl_errno = 28; curl_error = Operation timed out after %d milliseconds", p.cfg.Limits.Verification.Milliseconds()))
	case v.status == 0:
		code, meta = codeHandshakeClosed, metaEmptyReply
	case v.redirect():
		code, detail = codeHandshakeRedirect, p.redirectDetail(v.answer)
		meta = dashboard(fmt.Sprintf("curl_errno = 47; curl_error = Maximum (2) redirects followed; HTTP Status Code = %d", v.status))
	case v.status == http.StatusOK && bytes.Contains(v.body, []byte(v.challenge)):
		if status, code = judgeChallenge(v); status == Pass {
			return Finding{Status: Pass}
		}
		meta = dashboardMismatch(v.challenge, v.answer)
		if code == codeChallengeSpace {
			meta = "may take it, or show that the response does not match the challenge: that is not known"
		}
	case v.status == http.StatusNotFound, v.status == http.StatusMethodNotAllowed, v.status == http.StatusNotImplemented:
		code = codeGetMissing
	default:
		code, detail = p.diagnoseVerification(ctx, v)
		if v.status == http.StatusOK {
			meta = dashboardMismatch(v.challenge, v.answer)
		}
	}
	f := found(status, code, detail)
	if f.Meta = meta; v.toLogin() {
		f.Fix = toLogin
	}
	return f
}

// judgeChallenge judges a body with the challenge in it.
func judgeChallenge(v *verification) (Status, string) {
	body, challenge := string(v.body), v.challenge
	trimmed := strings.TrimFunc(body, unicode.IsSpace)
	switch {
	case body == challenge:
		return Pass, ""
	case trimmed == challenge:
		return Warn, codeChallengeSpace // whether Meta minds is not known
	case strings.Trim(strings.TrimPrefix(body, "\ufeff"), " \r\n") == challenge:
		return Fail, codeChallengeBOM
	case strings.Trim(trimmed, `"'`+"`") == challenge:
		return Fail, codeChallengeQuoted
	case v.html():
		return Fail, codeChallengeHTML
	case json.Valid(v.body) && sameNumber(trimmed, challenge):
		return Fail, codeChallengeNumber
	case json.Valid(v.body):
		return Fail, codeChallengeJSON
	}
	return Fail, codeChallengeWrapped
}

// sameNumber reports whether a text is the challenge as another program would print
// the number.
func sameNumber(text, challenge string) bool {
	n, err := strconv.ParseFloat(text, 64)
	want, wantErr := strconv.ParseFloat(challenge, 64)
	return err == nil && wantErr == nil && n == want
}

// probe is another verification request, to find out how the app reads them.
type probe struct {
	code, how        string
	query, userAgent string
}

// diagnoseVerification finds out why the app did not take the right token, by asking
// as the app may expect it.
func (p *player) diagnoseVerification(ctx context.Context, v *verification) (code, detail string) {
	for _, one := range p.probes() {
		challenge := p.challenge()
		query := strings.ReplaceAll(one.query, challengeMark, challenge)
		again := verification{p.get(ctx, query, one.userAgent), challenge}
		if again.accepted() {
			return one.code, one.how
		}
	}
	body := strings.TrimFunc(string(v.body), unicode.IsSpace)
	switch {
	case v.status == http.StatusOK && v.html():
		return codeHandshakePage, ""
	case v.status == http.StatusOK && sameNumber(body, v.challenge):
		return codeChallengeNumber, ""
	case v.status == http.StatusOK:
		return codeChallengeOther, ""
	case strings.Contains(strings.ToLower(v.header.Get("X-Powered-By")), "php"):
		return codeHandshakeDots, "the app is PHP, and refuses the right token"
	case v.html() && v.status < http.StatusInternalServerError:
		return codeHandshakePage, ""
	case v.status == http.StatusBadRequest, v.status == http.StatusUnauthorized, v.status == http.StatusForbidden:
		return codeHandshakeToken, ""
	}
	return codeHandshakeStatus, ""
}

// challengeMark stands for the challenge in a probe.
const challengeMark = "igloo-challenge-mark"

// probes are the ways in which apps misread verification requests.
func (p *player) probes() []probe {
	if p.once {
		return nil
	}
	token := p.token()
	right := encode(params(challengeMark, token))
	names := func(style string) string {
		return strings.NewReplacer(
			webhook.ModeParam, strings.ReplaceAll(style, "NAME", "mode"),
			webhook.ChallengeParam, strings.ReplaceAll(style, "NAME", "challenge"),
			webhook.VerifyTokenParam, strings.ReplaceAll(style, "NAME", "verify_token"),
		).Replace(right)
	}
	all := []probe{
		{codeHandshakeUserAgent, "the same request with a browser's User-Agent is accepted", right, browserAgent},
		{codeHandshakeDots, "the same request with hub_mode, hub_challenge and hub_verify_token is accepted", names("hub_NAME"), ""},
		{codeHandshakeDots, "the same request with hub[mode], hub[challenge] and hub[verify_token] is accepted", names("hub%5BNAME%5D"), ""},
	}
	for _, wrong := range []struct{ code, how, token string }{
		{codeHandshakeQuotes, `the app takes the token in double quotes`, `"` + token + `"`},
		{codeHandshakeQuotes, `the app takes the token in single quotes`, `'` + token + `'`},
		{codeHandshakeQuotes, `the app takes the token with a newline at its end`, token + "\n"},
		{codeHandshakeQuotes, `the app takes the token with a carriage return at its end`, token + "\r"},
		{codeHandshakeQuotes, `the app takes the token with a space at its end`, token + " "},
		{codeHandshakeQuotes, `the app takes the token with a space before it`, " " + token},
	} {
		all = append(all, probe{wrong.code, wrong.how, encode(params(challengeMark, wrong.token)), ""})
	}
	if strings.Trim(token, plainTokenCharacters) != "" {
		raw := strings.TrimSuffix(right, encode([]param{{webhook.VerifyTokenParam, token}}))
		all = append(all,
			probe{codeHandshakeEncoding, "the app takes the token decoded twice", encode(params(challengeMark, url.QueryEscape(token))), ""},
			probe{codeHandshakeEncoding, "the app takes the token as it stands in the query, not decoded", raw + webhook.VerifyTokenParam + "=" + queryOnly(token), ""},
		)
	}
	for i := range all {
		if all[i].userAgent == "" {
			all[i].userAgent = webhook.VerificationUserAgent
		}
	}
	return all
}

// queryOnly leaves a text as it is but for what would end the parameter.
func queryOnly(text string) string {
	return strings.NewReplacer("&", "%26", "#", "%23", " ", "%20", "\r", "%0D", "\n", "%0A").Replace(text)
}

// toLogin is how to mend a redirect to a login, whose URL is of no use to Meta.
const toLogin = "let this path through without a login"

// toLogin reports whether an answer redirects to a login.
func (a answer) toLogin() bool {
	to := strings.ToLower(a.header.Get("Location"))
	return a.redirect() && (strings.Contains(to, "login") || strings.Contains(to, "signin") || strings.Contains(to, "/auth") || strings.Contains(to, "sso"))
}

// redirectDetail says where to, and what is different there.
func (p *player) redirectDetail(a answer) string {
	location := a.header.Get("Location")
	to, err := p.url.Parse(location)
	if location == "" || err != nil {
		return "the redirect does not say where to"
	}
	var what []string
	if to.Scheme != p.url.Scheme {
		what = append(what, "from "+p.url.Scheme+" to "+to.Scheme)
	}
	if !strings.EqualFold(to.Host, p.url.Host) {
		what = append(what, "to the host "+a.excerpt(to.Host, shownText))
	}
	switch {
	case to.Path == p.url.Path:
	case to.Path == p.url.Path+"/":
		what = append(what, "to the path with a slash at its end")
	case to.Path+"/" == p.url.Path:
		what = append(what, "to the path without the slash at its end")
	default:
		what = append(what, "to the path "+a.excerpt(to.Path, shownText))
	}
	if len(what) == 0 {
		return "it redirects to itself"
	}
	return "it redirects " + strings.Join(what, " and ")
}
