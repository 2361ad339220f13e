package check

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// answer is what came back for one request.
type answer struct {
	status int // 0 when nothing came
	header http.Header
	body   []byte
	reused bool // on a connection that was kept open
	took   time.Duration

	err     error  // why nothing came
	reason  string // the same in plain words
	timeout bool
	crowded bool // the app had others to answer at the same time

	hide func(string) string // takes secrets out of what is shown
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

func (a answer) redirect() bool { return a.status >= 300 && a.status < 400 }

// like reports whether two answers refuse in the same way.
func (a answer) like(b answer) bool { return a.status == b.status && a.timeout == b.timeout }

// shownBody is how much of an answer's body a finding shows, and shownText how much of
// anything else that an app writes.
const (
	shownBody = 80
	shownText = 200
)

// String is the answer as a finding shows it: status, type and first bytes, whose odd
// ones are written out.
func (a answer) String() string {
	if a.status == 0 {
		return "no answer: " + a.excerpt(strings.TrimPrefix(a.reason, "no answer "), shownText)
	}
	text := statusText(a.status)
	if to := a.header.Get("Location"); to != "" {
		text += " to " + a.excerpt(to, shownText)
	}
	if kind := a.header.Get("Content-Type"); kind != "" {
		text += ", " + a.excerpt(kind, shownText)
	}
	if len(a.body) > 0 {
		excerpt, cut := strings.CutSuffix(a.excerpt(string(a.body), shownBody), "…")
		text += ": " + strconv.QuoteToASCII(excerpt)
		if cut {
			text += "…"
		}
	}
	return text
}

// excerpt is the beginning of what the app wrote. Secrets are taken out first: of one
// that is cut in two, nobody would know the half again.
func (a answer) excerpt(text string, n int) string {
	const ample = 4 << 10
	cut := len(text) > ample
	text = text[:min(len(text), ample)]
	if a.hide != nil {
		text = a.hide(text)
	}
	if cut || len(text) > n {
		return text[:min(len(text), n)] + "…"
	}
	return text
}

// statusText is a status with its name.
func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// html reports whether an answer is a page.
func (a answer) html() bool {
	start := bytes.ToLower(bytes.TrimSpace(a.body[:min(len(a.body), 512)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html")) ||
		bytes.HasPrefix(start, []byte("<")) && strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
}

// csrf reports whether a framework's protection of forms refuses.
func (a answer) csrf() bool {
	const pageExpired = 419 // Laravel's
	return a.status == pageExpired || a.status == http.StatusForbidden && bytes.Contains(bytes.ToLower(a.body), []byte("csrf"))
}

// pass is the finding of an answer that is as it should be.
func pass(sent string, a answer) Finding {
	return Finding{Status: Pass, Sent: sent, Got: a.String()}
}

// found is a finding with the advice of its code. A detail comes
// before the general why.
func found(status Status, code, detail string) Finding {
	advice := advices[code]
	return Finding{Status: status, Code: code, Why: join(detail, advice.why), Fix: advice.fix}
}

// of completes a finding about an answer.
func (f Finding) of(sent string, a answer, meta string) Finding {
	f.Sent, f.Got, f.Meta = sent, a.String(), meta
	return f
}

func join(clauses ...string) string {
	var out []string
	for _, s := range clauses {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, "; ")
}

// What Meta does about an answer, by the Instagram page unless a text says otherwise.
const (
	metaRetries = "would count the delivery as failed: try again at once, then less and less often for 36 hours, and then drop it"
	metaNever   = "never sends this; anyone else who knows the URL can"
)

// dashboard is what the App Dashboard shows when a verification request fails.
func dashboard(what string) string {
	return "would show: The URL couldn't be validated. Callback verification failed with the following errors: " + what
}

// metaEmptyReply is curl's text about a connection that is closed without an answer.
var metaEmptyReply = dashboard("curl_errno = 52; curl_error = Empty reply from server")

// dashboardMismatch is the same for an answer that is not the challenge.
func dashboardMismatch(challenge string, a answer) string {
	const shown = 20
	received := strings.ReplaceAll(a.excerpt(string(a.body), shown), "<", `\u003C`)
	return fmt.Sprintf(`would show: The URL couldn't be validated. Response does not match challenge, expected value=%q, received="%s"`, challenge, received)
}

// dashboardRefused is the same for any other status.
func (a answer) dashboardRefused() string {
	return dashboard(fmt.Sprintf("HTTP Status Code = %d; HTTP Message = %s", a.status, cmp.Or(http.StatusText(a.status), "Unknown")))
}

// dialectName names what a dialect carries.
func dialectName(d webhook.Dialect) string {
	if d == webhook.Messaging {
		return "direct messages"
	}
	return "comments"
}
