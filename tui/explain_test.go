package tui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/tui"
)

// oddJournal holds what is worth a warning, the last two with bad signatures.
func oddJournal() *fakeJournal {
	j := newFakeJournal()
	bodies := []string{
		`{"entry": [{"id": "0", "time": 1790000123, "changes": [{"field": "messages", "value": {"sender": {"id": "12334"}, "recipient": {"id": "23245"}, "timestamp": "1527459824", "message": {"mid": "random_mid", "text": "random_text"}}}]}], "object": "instagram"}`,
		`{"object":"instagram","entry":[{"time":1795269740367,"id":"17841405309211844","messaging":[{"sender":{"id":"17841405309211844"},"recipient":{"id":"1082736450918273"},"timestamp":1795269739456,"message":{"mid":"` + sampleMID + `","text":"Thanks for writing","is_echo":true}}]}]}`,
		`{"object":"instagram","entry":[{"time":1795269740367,"id":"17841405309211844","messaging":[{"timestamp":1795269739456,"message_edit":{"mid":"` + sampleMID + `","num_edit":0}}]}]}`,
		`{"object":"instagram","entry":[{"time":1795269740367,"id":"17841405309211844","standby":[{"sender":{"id":"1082736450918273"},"recipient":{"id":"17841405309211844"},"timestamp":1795269739456,"message":{"mid":"m","text":"anyone there?","mood":"\u001b[31m"}}]}]}`,
		`{"entry": [{"id": "17841405309211844", "time": 1790000123, "changes": [{"value": {"who": "knows"}, "field": "follow"}]}], "object": "instagram"}`,
		sampleChanges("comments", "mia.k", "price?", 1),
		sampleChanges("comments", "mallory", "free followers", 1),
		sampleItem(`"message":{"mid":"m","text":"hello"}`),
	}
	for i, body := range bodies {
		payload, err := webhook.Parse([]byte(body))
		if err != nil {
			panic(err)
		}
		e := payload.Events[0]
		row := journal.Row{
			ID: int64(i + 1), ReceivedAt: noon.Add(time.Duration(i) * time.Second), Source: journal.Live, Verdict: webhook.Verified, Secret: "instagram", Answered: 200,
			Size: len(body), Forward: true, Indexed: true, Events: 1, Field: e.Field, Kind: e.Kind, Flags: e.Flags, Username: e.Username, Account: e.Account, Summary: e.Summary,
			Attempts: 1, Status: 200, Took: 12 * time.Millisecond,
		}
		switch i {
		case 6:
			row.Verdict, row.Reason = webhook.Invalid, "no known app secret makes this signature: another app secret, or the body changed on its way"
		case 7:
			row.Verdict, row.Reason = webhook.Unsigned, "no X-Hub-Signature-256 header"
		}
		if i > 5 {
			row.Secret, row.Answered, row.Forward, row.Attempts = "", 401, false, 0
			row.Status, row.Took = 0, 0
		}
		var attempts []journal.Attempt
		for n := range row.Attempts {
			attempts = append(attempts, sampleAttempt(&row, n+1))
		}
		j.put(row, body, attempts...)
	}
	<-j.changed
	return j
}

func sampleExplain(journal.Delivery) []webhook.Explanation {
	return []webhook.Explanation{
		{Code: "body-compact+other-secret", Secret: "meta", Text: "The signature fits the app secret meta over the body written again without spaces, so something between Meta and igloo parsed and rewrote it.", Fix: "Hash the raw body, before any JSON parser, and pass it on as it came."},
		{Code: "other-body", Guess: true, Text: "The body is another delivery's.", Fix: "Keep signature and body together."},
	}
}

func TestExplainWhenOpened(t *testing.T) {
	var asked []int64
	o := options{journal: oddJournal, width: 120, height: 36}
	o.explain = func(d journal.Delivery) []webhook.Explanation {
		asked = append(asked, d.ID)
		time.Sleep(time.Second)
		return sampleExplain(d)
	}
	onScreen(t, o, func(s *screen) {
		s.expect("no X-Hub-Signature-256 header", "checking …")
		s.pass(2 * time.Second)
		s.expect("✗ not signed", "body-compact+other-secret", "5 has 1 more", "The signature fits the app secret meta over the body", "→ Hash the raw body, before any JSON parser")
		s.refute("checking …")
		s.press("k")
		s.expect("checking …")
		s.press("k") // leaves before the answer
		s.pass(2 * time.Second)
		s.refute("checking …", "body-compact")
		s.expect("signature valid")
		s.press("j")
		s.expect("signature invalid", "body-compact+other-secret")
		s.press("j", "5")
		s.expect("✗ body-compact+other-secret", "the likeliest causes:", "· other-body", "→ Keep signature and body together.", "d8.1 · messages")
		if len(asked) != 2 || asked[0] != 8 || asked[1] != 7 {
			t.Errorf("asked for %v, want each of the two once", asked)
		}
	})
}

// Rows of different faults differ where they begin.
func TestRowsOfBadSignatures(t *testing.T) {
	onScreen(t, options{journal: func() *fakeJournal {
		j := newFakeJournal()
		for i, reason := range []string{
			"uppercase-hex: made with the Instagram app secret, but the header has upper-case hex",
			"no-prefix: made with the Instagram app secret, but the header lacks \"sha256=\"",
			"malformed signature: 4 characters after \"sha256=\", want 64",
		} {
			j.put(journal.Row{
				ID: int64(i + 1), ReceivedAt: noon, Verdict: webhook.Invalid, Reason: reason, Indexed: true,
				Events: 1, Field: "comments", Username: "mia.k", Summary: "@mia.k price?", Size: 233,
			}, "{}")
			<-j.changed
		}
		return j
	}, width: 80, height: 24}, func(s *screen) {
		s.expect("comments    uppercase-hex · @mia.k price?", "comments    no-prefix · @mia.k price?", "comments    malformed signature: 4 characters after")
	})
}

func TestEventTab(t *testing.T) {
	onScreen(t, options{journal: oddJournal, width: 120, height: 36}, func(s *screen) {
		s.press("g", "5")
		s.expect("d1.1 · messages", "! Test delivery of the dashboard", "shape: as known")
		s.press("j")
		s.expect("! Echo: the business sent this message", "mid, account: 17841499100200301", "mid, conversation: 460367961908983", "mid, sent: 2026-09-21T14:15:23.456137Z")
		s.press("j*2")
		s.expect("! On standby: another app owns", "shape: message.mood is not known (string)")
		s.press("j")
		s.expect("d5.1 · follow", "! igloo does not know the shape")
		s.refute("shape: as known")
	})
	j := newFakeJournal
	onScreen(t, options{journal: func() *fakeJournal {
		f := j()
		row := journal.Row{ID: 1, ReceivedAt: noon, Verdict: webhook.Verified, Indexed: true, Events: 2000}
		f.put(row, sampleChanges("comments", "a", "b", 200))
		<-f.changed
		return f
	}, width: 120, height: 36}, func(s *screen) {
		s.press("enter", "5", "G")
		s.expect("150 more events; the Body tab has them")
	})
}

func TestProseWraps(t *testing.T) {
	onScreen(t, options{journal: oddJournal, width: 60, height: 16, theme: tui.None}, func(s *screen) {
		s.press("g", "enter", "5", "w")
		for line := range strings.SplitSeq(s.text(), "\n") {
			if !strings.HasPrefix(line, "│") {
				continue
			}
			if strings.HasSuffix(strings.TrimRight(strings.Trim(line, "│"), " "), "…") {
				t.Errorf("cut: %q", line)
			}
		}
		s.expect("! Test delivery of the dashboard: its entry id is 0 or")
	})
}
