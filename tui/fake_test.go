package tui_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tui"
)

// start is when the sample session began, noon the time of its first delivery.
var (
	start = time.Date(2026, 11, 21, 13, 48, 18, 0, time.UTC)
	noon  = time.Date(2026, 11, 21, 14, 2, 3, 0, time.UTC)
)

// fakeJournal is a journal in a slice. It answers a filter by looking for its first
// word in a row; the language itself is the journal's own business.
type fakeJournal struct {
	mu       sync.Mutex
	rows     []journal.Row
	bodies   map[int64][]byte
	attempts map[int64][]journal.Attempt
	verified []journal.Verification
	log      []int64 // ids in the order they changed
	changed  chan struct{}
	err      error
}

func newFakeJournal() *fakeJournal {
	return &fakeJournal{bodies: map[int64][]byte{}, attempts: map[int64][]journal.Attempt{}, changed: make(chan struct{}, 1)}
}

// put adds a row, or changes it, with its body and attempts.
func (j *fakeJournal) put(row journal.Row, body string, attempts ...journal.Attempt) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, found := slices.BinarySearchFunc(j.rows, row.ID, func(r journal.Row, id int64) int { return int(r.ID - id) })
	if found {
		j.rows[at] = row
	} else {
		j.rows = slices.Insert(j.rows, at, row)
	}
	j.bodies[row.ID] = []byte(body)
	j.attempts[row.ID] = attempts
	j.log = append(j.log, row.ID)
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

func (j *fakeJournal) Watch() (<-chan struct{}, func()) { return j.changed, func() {} }

func (j *fakeJournal) Now(context.Context) (journal.Cursor, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journal.Cursor{Delivery: int64(len(j.rows)), Indexed: int64(len(j.log)), Verification: int64(len(j.verified))}, j.err
}

func (j *fakeJournal) Changes(_ context.Context, since journal.Cursor, limit int) (journal.Changes, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	end := min(int(since.Indexed)+limit, len(j.log))
	c := journal.Changes{
		Verifications: j.verified[since.Verification:],
		More:          end < len(j.log),
		Next:          journal.Cursor{Delivery: int64(len(j.rows)), Indexed: int64(end), Verification: int64(len(j.verified))},
	}
	for _, id := range j.log[since.Indexed:end] {
		c.Rows = append(c.Rows, j.rows[id-1])
	}
	return c, j.err
}

// matching must be called with the lock held.
func (j *fakeJournal) matching(q journal.Query) []journal.Row {
	word := wordOf(q)
	return slices.DeleteFunc(slices.Clone(j.rows), func(r journal.Row) bool {
		if word == "is:problem" {
			return !r.Failed() && r.Verdict == webhook.Verified
		}
		return !strings.Contains(r.Field+" "+r.Summary, strings.TrimPrefix(word, "field:"))
	})
}

func (j *fakeJournal) Rows(_ context.Context, q journal.Query, p journal.Page) ([]journal.Row, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rows := j.matching(q)
	slices.Reverse(rows)
	rows = slices.DeleteFunc(rows, func(r journal.Row) bool { return p.Before > 0 && r.ID >= p.Before })
	return rows[:min(p.Limit, len(rows))], j.err
}

func (j *fakeJournal) Match(_ context.Context, q journal.Query, ids []int64) ([]int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []int64
	for _, r := range j.matching(q) {
		if slices.Contains(ids, r.ID) {
			found = append(found, r.ID)
		}
	}
	return found, j.err
}

func (j *fakeJournal) Count(_ context.Context, q journal.Query) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.matching(q)), j.err
}

func (j *fakeJournal) Stats(context.Context) (journal.Stats, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return statsOf(j.rows), j.err
}

func (j *fakeJournal) Delivery(_ context.Context, id int64) (journal.Delivery, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id < 1 || int(id) > len(j.rows) {
		return journal.Delivery{}, fmt.Errorf("delivery %d: not found", id)
	}
	r := j.rows[id-1]
	d := journal.Delivery{
		ID: r.ID, ReceivedAt: r.ReceivedAt, Source: r.Source, Fixture: r.Fixture,
		Method: http.MethodPost, URI: "/webhooks/instagram", Proto: "HTTP/1.1", Host: "a1b2c3.ngrok.app", Remote: "31.13.127.4",
		Header: http.Header{
			"Content-Type":     {"application/json"},
			"User-Agent":       {webhook.ChangesUserAgent},
			"Accept":           {"*/*"},
			"Authorization":    {"Bearer not-for-the-screen"},
			"X-Hub-Signature":  {"sha1=d69d4cd69c3f3ad6ae4c2a1a0b3a8a1cb4f9ba11"},
			"X-Forwarded-For":  {"31.13.127.4"},
			"X-Forwarded-Host": {"a1b2c3.ngrok.app"},
		},
		Body: j.bodies[id], Verdict: r.Verdict, Secret: r.Secret, Reason: r.Reason, Status: r.Answered, Forward: r.Forward,
	}
	if r.Verdict != webhook.Unsigned {
		d.Header.Set(webhook.SignatureHeader, "sha256=5f1c3bd5a1a3d1f0a7d29c8c5a7e6c6b1f3f2f1e0d9c8b7a6958473625149ae2")
	}
	return d, j.err
}

func (j *fakeJournal) Events(_ context.Context, id int64) ([]journal.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.rows[id-1]
	events := make([]journal.Event, r.Events)
	for i := range events {
		events[i] = journal.Event{Delivery: id, Event: webhook.Event{N: i + 1, Field: r.Field, Flags: r.Flags, Summary: r.Summary}}
	}
	return events, j.err
}

func (j *fakeJournal) Attempts(_ context.Context, id int64) ([]journal.Attempt, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.attempts[id], j.err
}

// fakeSession records what it is asked to do.
type fakeSession struct {
	mu       sync.Mutex
	calls    []string
	outcomes []tui.Outcome
	choices  []tui.Choice
	err      error
	fired    func() // called by Fire
}

func (s *fakeSession) call(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
	return s.err
}

func (s *fakeSession) Fire(_ context.Context, names []string, count int) ([]tui.Outcome, error) {
	if s.fired != nil {
		s.fired()
	}
	return s.outcomes, s.call("fire %s %d", strings.Join(names, ","), count)
}

func (s *fakeSession) Replay(_ context.Context, ids []int64) ([]tui.Outcome, error) {
	return s.outcomes, s.call("replay %v", ids)
}

func (s *fakeSession) Choices(context.Context) ([]tui.Choice, error) {
	return s.choices, s.call("choices")
}

func (s *fakeSession) Open(_ context.Context, name string) error { return s.call("open %s", name) }

func (s *fakeSession) Close(context.Context) error { return s.call("close") }

func (s *fakeSession) Curl(d journal.Delivery) (string, error) {
	return "curl " + journal.FormatID(d.ID, 0), s.call("curl %d", d.ID)
}

func (s *fakeSession) Save(_ context.Context, name string, data []byte) (string, error) {
	return "/state/" + name, s.call("save %s %d", name, len(data))
}

// fakeFixtures is a set that a test may exchange.
type fakeFixtures struct {
	set     *fixtures.Set
	changed chan struct{}
}

func (f *fakeFixtures) Set() *fixtures.Set { return f.set }

func (f *fakeFixtures) Watch() (<-chan struct{}, func()) { return f.changed, func() {} }

// shownToken is a verify token that may be shown.
type shownToken string

func (t shownToken) Reveal() string { return string(t) }

func sampleFacts() tui.Facts {
	return tui.Facts{
		Name: "igloo", Started: start,
		Tunnel: tui.Up, Provider: "ngrok", CallbackURL: "https://a1b2c3.ngrok.app/webhooks/instagram", LocalURL: "http://127.0.0.1:4456/webhooks/instagram",
		Target: tui.Up, TargetURL: "http://localhost:3000/api/ig",
		VerifyToken: shownToken("vt_8f2c91d0"), Verified: start.Add(13 * time.Minute),
		Secrets: []string{"instagram"},
		More:    []tui.Fact{{Name: "project", Value: "shop-bot"}, {Name: "version", Value: "v0.1.0"}},
	}
}

// sample is one delivery of the sample session.
type sample struct {
	after   time.Duration
	field   string
	user    string
	summary string
	status  int
	took    time.Duration
	change  func(*journal.Row)
}

func samples() []sample {
	const s = time.Second
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	return []sample{
		{0, "comments", "mia.k", "what camera is that?", 200, ms(14), nil},
		{2 * s, "messages", "leo_r", "ship to Canada?", 200, ms(22), nil},
		{2 * s, "message_reactions", "ana", "reacted love to mid.$cAA", 200, ms(9), nil},
		{3 * s, "messaging_seen", "ana", "read the conversation", 200, ms(6), nil},
		{6 * s, "comments", "unknown", "free followers", 0, 0, func(r *journal.Row) {
			r.Verdict, r.Secret, r.Answered, r.Forward, r.Attempts = webhook.Invalid, "", 401, false, 0
			r.Reason = "no known app secret makes this signature: another app secret, or the body changed on its way"
		}},
		{8 * s, "story_insights", "", "story 17890…412 exits 12 replies 3 reach 812", 200, ms(12), nil},
		{11 * s, "mentions", "cafe.lune", "mentioned you in comment 17865…039", 500, ms(81), nil},
		{11 * s, "mentions", "cafe.lune", "mentioned you in comment 17865…039", 200, ms(18), func(r *journal.Row) { r.Replayed, r.Attempts = true, 2 }},
		{17 * s, "comments", "sam", "still available?", 200, ms(44), func(r *journal.Row) { r.Events = 37 }},
		{21 * s, "messages", "", "12345…678 image attachment", 200, ms(11), func(r *journal.Row) { r.Source, r.Fixture = journal.Fired, "messages/image" }},
		{28 * s, "live_comments", "noor", "thanks!", 200, ms(3200), nil},
		{30 * s, "messaging_postbacks", "leo_r", `tapped "Start", payload GET_STARTED`, 0, ms(10), func(r *journal.Row) { r.Err = "connection refused" }},
		{30 * s, "comments", "mia.k", "日本語 love this 👍🏽", 204, ms(13), nil},
		{31 * s, "comments", "eve", "\x1b[31mred\x1b[0m \u202egnp.exe", 200, ms(8), nil},
		{32 * s, "messages", "ana", "(unsent)", 0, 0, func(r *journal.Row) { r.Attempts = 0 }},
	}
}

// sampleJournal holds the sample session.
func sampleJournal() *fakeJournal {
	j := newFakeJournal()
	for i, s := range samples() {
		id := int64(i + 1)
		row := journal.Row{
			ID: id, ReceivedAt: noon.Add(s.after), Source: journal.Live, Verdict: webhook.Verified, Secret: "instagram", Answered: 200,
			Size: 412, Forward: true, Indexed: true, Events: 1, Field: s.field, Username: s.user, Account: "17841405309211844",
			Summary: s.summary, Attempts: 1, Status: s.status, Took: s.took,
		}
		if s.user != "" {
			row.Summary = "@" + s.user + " " + s.summary
		}
		if s.change != nil {
			s.change(&row)
		}
		var attempts []journal.Attempt
		for n := range row.Attempts {
			attempts = append(attempts, sampleAttempt(&row, n+1))
		}
		body := sampleBody(s.field, s.user, s.summary, row.Events)
		row.Size = len(body)
		j.put(row, body, attempts...)
	}
	<-j.changed
	return j
}

func sampleAttempt(r *journal.Row, n int) journal.Attempt {
	a := journal.Attempt{
		ID: r.ID*10 + int64(n), Delivery: r.ID, N: n, At: r.ReceivedAt.Add(time.Duration(n) * time.Second), Took: r.Took,
		Target: "http://localhost:3000/api/ig", Replay: n > 1, Status: r.Status, Err: r.Err,
	}
	if n < r.Attempts {
		a.Status = 500
	}
	if a.Err == "" {
		a.Header = http.Header{"Content-Type": {"application/json"}, "Server": {"uvicorn"}, "Set-Cookie": {"session=not-for-the-screen"}}
		a.Body = []byte(`{"ok":true,"queued":1}`)
	}
	return a
}

// sampleMID is the mid of a byte-exact vector.
const sampleMID = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDk5MTAwMjAwMzAxOjM0MDI4MjM2Njg0MTcxMDMwMTI0NDI1ODYzNTM4NTUzODk5NTk1OTozMzAxOTY3NDE2OTMwMzg2MDk2MDQ2NDUwMjUxMzQ2NzM5MgZDZD"

// sampleBody is a body of a field, in its dialect.
func sampleBody(field, user, text string, events int) string {
	switch field {
	case "messages":
		return sampleItem(`"message":{"mid":"` + sampleMID + `","text":` + escape(text) + `}`)
	case "message_reactions":
		return sampleItem(`"reaction":{"mid":"` + sampleMID + `","action":"react","reaction":"love"}`)
	case "messaging_seen":
		return sampleItem(`"read":{"mid":"` + sampleMID + `"}`)
	case "messaging_postbacks":
		return sampleItem(`"postback":{"mid":"` + sampleMID + `","title":"Start","payload":"GET_STARTED"}`)
	}
	return sampleChanges(field, user, text, events)
}

// sampleItem is a body in the messaging dialect.
func sampleItem(item string) string {
	return `{"object":"instagram","entry":[{"time":1795269740367,"id":"17841405309211844","messaging":[{"sender":{"id":"1082736450918273"},"recipient":{"id":"17841405309211844"},"timestamp":1795269739456,` + item + `}]}]}`
}

// sampleChanges is a body in the changes dialect: with a space after each separator,
// and everything that is not ASCII escaped. It has keys nobody knows.
func sampleChanges(field, user, text string, events int) string {
	var b strings.Builder
	b.WriteString(`{"entry": [`)
	for i := range events {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `{"id": "17841405309211844", "time": 1795269740, "changes": [{"value": {"from": {"id": "1082736450918273", "username": %s}, "media": {"id": "123123123", "media_product_type": "FEED"}, "id": "1786579934808%04d", "text": %s, "parent_id": null, "flags": [], "likes": -1.5e3, "hidden": false}, "field": %q}]}`,
			escape(user), i, escape(text), field)
	}
	b.WriteString(`], "object": "instagram"}`)
	return b.String()
}

// escape writes a JSON string as Meta does, ASCII only.
func escape(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r < ' ' || r > '~':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// wordOf is the first word of a query.
func wordOf(q journal.Query) string {
	if words := q.Terms(); len(words) > 0 {
		return words[0]
	}
	return ""
}

func statsOf(rows []journal.Row) journal.Stats {
	s := journal.Stats{Deliveries: int64(len(rows)), Fields: map[string]int64{}, Verdicts: map[webhook.Verdict]int64{}}
	for _, r := range rows {
		s.Events += int64(r.Events)
		s.Verdicts[r.Verdict]++
		s.Fields[r.Field]++
		if r.Failed() {
			s.Failed++
		}
		if r.Pending() {
			s.Pending++
		}
	}
	return s
}
