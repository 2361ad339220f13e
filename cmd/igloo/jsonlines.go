package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// The lines of --json. docs/json.md describes them; within a major version fields
// are only added.

type bodyFields struct {
	Body       *string `json:"body,omitempty"`        // when valid UTF-8
	BodyBase64 []byte  `json:"body_base64,omitempty"` // else
}

func bodyOf(body []byte) bodyFields {
	if utf8.Valid(body) {
		text := string(body)
		return bodyFields{Body: &text}
	}
	return bodyFields{BodyBase64: body}
}

// shownHeader is a header without the credentials in it.
func shownHeader(h http.Header) http.Header {
	shown := h
	for name := range h {
		if journal.Credential(name) {
			if shown = shown.Clone(); shown != nil {
				shown[name] = []string{secret.Redacted}
			}
		}
	}
	return shown
}

type eventLine struct {
	ID       string   `json:"id"` // d42.1
	Object   string   `json:"object"`
	Section  string   `json:"section"`
	Field    string   `json:"field"`
	Kind     string   `json:"kind,omitempty"`
	Flags    []string `json:"flags,omitempty"`
	Account  string   `json:"account,omitempty"`
	Party    string   `json:"party,omitempty"`
	Username string   `json:"username,omitempty"`
	SentAt   string   `json:"sent_at,omitempty"`
	At       string   `json:"at,omitempty"`
	Text     string   `json:"text,omitempty"`
	Summary  string   `json:"summary"`
	*eventDetail
}

func newEventLine(delivery int64, e webhook.Event) eventLine {
	return eventLine{
		ID: journal.FormatID(delivery, e.N), Object: e.Object, Section: string(e.Section), Field: e.Field, Kind: e.Kind,
		Flags: e.Flags.Names(), Account: e.Account, Party: e.Party, Username: e.Username,
		SentAt: stampText(e.Sent), At: stampText(e.Time), Text: e.Text, Summary: e.Summary,
	}
}

type deliveryLine struct {
	Type     string          `json:"type"` // "delivery"
	ID       string          `json:"id"`
	At       string          `json:"at"`
	Source   journal.Source  `json:"source"`
	Name     string          `json:"name,omitempty"` // of the fired fixture
	Verdict  webhook.Verdict `json:"verdict"`
	Secret   string          `json:"secret,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Answered int             `json:"answered"`
	Forward  bool            `json:"forward"`
	Method   string          `json:"method"`
	URI      string          `json:"uri"`
	Host     string          `json:"host"`
	Remote   string          `json:"remote"`
	Header   http.Header     `json:"header"`
	Size     int             `json:"size"`
	bodyFields
	Differences []differenceLine `json:"differences,omitempty"` // of what surrounds the events
	Events      []eventLine      `json:"events"`
	Note        string           `json:"note,omitempty"`    // why there are none
	Marks       []string         `json:"marks,omitempty"`   // what was noticed
	Notices     []noticedLine    `json:"notices,omitempty"` // the same in sentences
	Attempts    []attemptLine    `json:"attempts,omitempty"`
}

func newDeliveryLine(d journal.Delivery) deliveryLine {
	line := deliveryLine{
		Type: "delivery", ID: journal.FormatID(d.ID, 0), At: stampText(d.ReceivedAt), Source: d.Source, Name: d.Fixture,
		Verdict: d.Verdict, Secret: d.Secret, Reason: d.Reason, Answered: d.Status, Forward: d.Forward, Method: d.Method,
		URI: d.URI, Host: d.Host, Remote: d.Remote, Header: shownHeader(d.Header), Size: len(d.Body), bodyFields: bodyOf(d.Body),
		Events: []eventLine{},
	}
	payload, err := webhook.Parse(d.Body)
	if err != nil {
		line.Note = notJSON + ": " + err.Error()
	}
	for _, e := range payload.Events {
		line.Events = append(line.Events, newEventLine(d.ID, e))
	}
	return line
}

type attemptLine struct {
	Type     string      `json:"type"` // "attempt"
	Delivery string      `json:"delivery"`
	N        int         `json:"n"`
	At       string      `json:"at"`
	TookMS   float64     `json:"took_ms"`
	Target   string      `json:"target"`
	Replay   bool        `json:"replay,omitempty"`
	Resigned bool        `json:"resigned,omitempty"` // with a new signature
	Status   int         `json:"status,omitempty"`
	Error    string      `json:"error,omitempty"`
	Header   http.Header `json:"header,omitempty"`
	*bodyFields
	Truncated bool `json:"truncated,omitempty"`
}

func newAttemptLine(a journal.Attempt, whole bool) attemptLine {
	line := attemptLine{
		Type: "attempt", Delivery: journal.FormatID(a.Delivery, 0), N: a.N, At: stampText(a.At), TookMS: millis(a.Took),
		Target: a.Target, Replay: a.Replay, Resigned: a.Resigned, Status: a.Status, Error: a.Err,
	}
	if whole {
		body := bodyOf(a.Body)
		line.Header, line.bodyFields, line.Truncated = shownHeader(a.Header), &body, a.Truncated
	}
	return line
}

type verificationLine struct {
	Type     string `json:"type"` // "verification"
	At       string `json:"at"`
	Accepted bool   `json:"accepted"`
	Answered int    `json:"answered"`
	Reason   string `json:"reason,omitempty"`
	Self     bool   `json:"self,omitempty"`
	URI      string `json:"uri"`
	Host     string `json:"host"`
	Remote   string `json:"remote"`
}

func newVerificationLine(v journal.Verification) verificationLine {
	return verificationLine{
		Type: "verification", At: stampText(v.ReceivedAt), Accepted: v.Reason == "", Answered: v.Status, Reason: v.Reason,
		Self: v.Self, URI: v.URI, Host: v.Host, Remote: v.Remote,
	}
}

type tunnelLine struct {
	Type     string `json:"type"` // "tunnel"
	Provider string `json:"provider"`
	State    string `json:"state"`
	URL      string `json:"url,omitempty"` // the callback URL
	// ChangedFrom is the callback URL that Meta may still have, when it is another.
	ChangedFrom string  `json:"changed_from,omitempty"`
	Account     string  `json:"account,omitempty"`
	Plan        string  `json:"plan,omitempty"`
	Region      string  `json:"region,omitempty"`
	Banner      string  `json:"banner,omitempty"`
	Error       string  `json:"error,omitempty"`
	Code        string  `json:"code,omitempty"`
	Hint        string  `json:"hint,omitempty"`
	Next        string  `json:"next,omitempty"` // the tunnel that is tried instead
	Attempt     int     `json:"attempt,omitempty"`
	RetryInMS   float64 `json:"retry_in_ms,omitempty"`
}

type noticeLine struct {
	Type string `json:"type"` // "notice"
	Text string `json:"text"`
}

func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// lineWriter writes one JSON object a line. It is safe for concurrent use.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
	buf bytes.Buffer
}

func (w *lineWriter) write(line any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Reset()
	enc := json.NewEncoder(&w.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return fmt.Errorf("write a line: %w", err)
	}
	if _, err := w.out.Write(escapeHidden(w.buf.Bytes())); err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	return nil
}

// escapeHidden writes characters that a terminal obeys or hides as \uXXXX: DEL, the C1
// controls, and those of Unicode's format class, such as bidi overrides. The values
// stay the same. encoding/json has escaped the C0 controls already.
func escapeHidden(line []byte) []byte {
	hidden := func(r rune) bool { return r >= 0x7f && r <= 0x9f || unicode.Is(unicode.Cf, r) }
	if !bytes.ContainsFunc(line, hidden) {
		return line
	}
	var out []byte
	for _, r := range string(line) {
		switch {
		case !hidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// jsonScreen shows a session as NDJSON.
type jsonScreen struct {
	out     *lineWriter
	session *session
}

func newJSONScreen(out io.Writer, s *session) *jsonScreen {
	return &jsonScreen{out: &lineWriter{out: out}, session: s}
}

func (j *jsonScreen) Tunnel(news tunnelNews) {
	st := news.Status
	line := tunnelLine{
		Type: "tunnel", Provider: news.Provider, State: st.State.String(), URL: j.session.publicURL(st.URL), ChangedFrom: news.Was, Next: news.Next,
		Account: st.Account.Name, Plan: st.Account.Plan, Region: st.Account.Region, Banner: st.Account.Banner,
		Code: st.Code, Hint: st.Hint, Attempt: st.Attempt, RetryInMS: millis(st.RetryIn),
	}
	if st.Err != nil {
		line.Error = st.Err.Error()
	}
	_ = j.out.write(line) // a closed stdout ends Run
}

func (j *jsonScreen) Notice(text string) { _ = j.out.write(noticeLine{"notice", text}) } // as above

func (j *jsonScreen) Drain() {}

// Run prints what happens until everything is recorded.
func (j *jsonScreen) Run(_, drained context.Context) error {
	if err := j.out.write(j.session.info()); err != nil {
		return err
	}
	for _, text := range j.session.notices() {
		if err := j.out.write(noticeLine{"notice", text}); err != nil {
			return err
		}
	}
	return followJournal(drained, brief{j.session.news()}, func(since journal.Cursor, news journal.Changes) error {
		return writeChanges(context.WithoutCancel(drained), j.out, j.session.journal, since, news)
	})
}

// writeChanges writes the lines of what happened: a delivery once, when it arrived,
// then its attempts.
func writeChanges(ctx context.Context, out *lineWriter, j *journal.Journal, since journal.Cursor, news journal.Changes) error {
	for _, v := range news.Verifications {
		if err := out.write(newVerificationLine(v)); err != nil {
			return err
		}
	}
	for after := since.Delivery; after < news.Next.Delivery; {
		arrived, err := j.Since(ctx, after, int(min(news.Next.Delivery-after, 100)))
		if err == nil && len(arrived) == 0 {
			// Committed a moment ago, and not yet in the journal's memory.
			arrived = make([]journal.Delivery, 1)
			arrived[0], err = j.Delivery(ctx, after+1)
		}
		if err != nil {
			return err
		}
		for _, d := range arrived {
			if err := out.write(newDeliveryLine(d)); err != nil {
				return err
			}
		}
		after = arrived[len(arrived)-1].ID
	}
	for _, a := range news.Attempts {
		if err := out.write(newAttemptLine(a, false)); err != nil {
			return err
		}
	}
	for _, n := range news.Noticed {
		line := newNoticedLine(n)
		line.Type, line.Delivery = "noticed", journal.FormatID(n.Delivery, 0)
		if err := out.write(line); err != nil {
			return err
		}
	}
	return nil
}
