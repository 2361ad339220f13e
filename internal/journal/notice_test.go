package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
)

// direct is a messaging item. sent is when Meta told of it and at when it happened, in
// milliseconds after day.
func direct(n int, sent, at int64, from, rest string) journal.Delivery {
	to := "17841405309211844"
	if from == to {
		to = "77"
	}
	return delivery(n, fmt.Sprintf(`{"object":"instagram","entry":[{"time":%d,"id":"17841405309211844","messaging":[{"sender":{"id":%q},"recipient":{"id":%q},"timestamp":%d,%s}]}]}`,
		day.UnixMilli()+sent, from, to, day.UnixMilli()+at, rest))
}

// said is a comment of the account itself, or of someone else, under comment 178.
func said(n int, seconds int64, id, from string) journal.Delivery {
	return delivery(n, fmt.Sprintf(`{"entry": [{"id": "17841405309211844", "time": %d, "changes": [{"value": {"from": {"id": %q, "username": "u"}, "media": {"id": "1", "media_product_type": "FEED"}, "id": %q, "parent_id": "178", "text": "hi"}, "field": "comments"}]}], "object": "instagram"}`,
		day.Unix()+seconds, from, id))
}

// noticed returns the marks of every delivery, oldest first.
func noticed(t *testing.T, j *journal.Journal) []string {
	t.Helper()
	rows, err := j.Rows(t.Context(), journal.Query{}, journal.Page{OldestFirst: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, strings.Join(r.Marks.Names(), " "))
	}
	return out
}

const account = "17841405309211844"

func TestNoticed(t *testing.T) {
	message := func(mid string) string { return fmt.Sprintf(`"message":{"mid":%q,"text":"hi"}`, mid) }
	echo := func(mid string) string { return fmt.Sprintf(`"message":{"mid":%q,"text":"hi","is_echo":true}`, mid) }
	const hollow = `"message_edit":{"mid":"m1","num_edit":0}`
	for _, tt := range []struct {
		name       string
		deliveries []journal.Delivery
		want       []string
	}{
		{"a later try", []journal.Delivery{direct(1, 500, 0, "77", message("m1")), direct(40, 40_500, 0, "77", message("m1")), direct(41, 41_000, 0, "77", message("m2"))}, []string{"", "duplicate", ""}},
		{"a comment again", []journal.Delivery{said(1, 1, "5", "9"), said(2, 1, "6", "9"), said(9, 9, "5", "9")}, []string{"", "", "duplicate"}},
		{"a reaction and a deletion are no duplicates", []journal.Delivery{
			direct(1, 500, 0, "77", message("m1")), direct(2, 2500, 2000, "77", `"reaction":{"mid":"m1","action":"react","reaction":"love","emoji":"x"}`),
			direct(3, 3500, 3000, "77", `"message":{"mid":"m1","is_deleted":true}`),
		}, []string{"", "", ""}},
		{"an unknown key", []journal.Delivery{direct(1, 500, 0, "77", `"message":{"mid":"m1","sticker":1}`), direct(2, 500, 0, "77", message("m2"))}, []string{"differs", ""}},
		{"an unknown key around the events", []journal.Delivery{delivery(1, `{"object":"instagram","version":2,"entry":[]}`)}, []string{"differs"}},
		{"no JSON", []journal.Delivery{delivery(1, `x`)}, []string{""}},
		{"a Test", []journal.Delivery{delivery(1, `{"entry": [{"id": "0", "time": 1790000124, "changes": [{"field": "comments", "value": {"id": "17865799348089039", "parent_id": "1231231234", "text": "This is an example.", "from": {"id": "232323232", "username": "test"}, "media": {"id": "123123123", "media_product_type": "FEED"}}}]}], "object": "instagram"}`)}, []string{"test"}},
		{"a field without its value", []journal.Delivery{delivery(1, `{"object":"instagram","entry":[{"time":1,"id":"17841","changed_fields":["comments"]}]}`)}, []string{"unsubscribed"}},
		{"an edit without its message", []journal.Delivery{direct(1, 500, 0, "77", hollow), direct(2, 900, 0, "77", message("m2"))}, []string{"unsubscribed", ""}},
		{"an edit before its message", []journal.Delivery{direct(1, 500, 0, "77", hollow), direct(2, 900, 0, "77", message("m1"))}, []string{"", ""}},
		{"an edit after its message", []journal.Delivery{direct(1, 500, 0, "77", message("m1")), direct(2, 900, 0, "77", hollow)}, []string{"", ""}},
		{"the app answers itself", []journal.Delivery{
			direct(1, 500, 0, "77", message("m1")),
			direct(2, 2500, 2000, account, echo("m2")), direct(4, 4500, 4000, account, echo("m3")), direct(6, 6500, 6000, account, echo("m4")),
			direct(7, 7000, 6900, "77", `"read":{"mid":"m4"}`),
			direct(8, 8500, 8000, account, echo("m5")),
			direct(10, 10_500, 10_000, account, echo("m6")), direct(11, 11_000, 10_900, "77", message("m7")), direct(12, 12_500, 12_000, account, echo("m8")),
		}, []string{"", "", "", "", "", "loop", "loop", "", ""}},
		{"an answer in parts", []journal.Delivery{
			direct(1, 900, 100, account, echo("m1")), direct(1, 1000, 200, account, echo("m2")), direct(1, 1100, 300, account, echo("m3")), direct(1, 1200, 400, account, echo("m4")), direct(1, 1300, 500, account, echo("m5")),
		}, []string{"", "", "", "", ""}},
		{"somebody typing", []journal.Delivery{
			direct(1, 500, 0, account, echo("m1")), direct(9, 9500, 9000, account, echo("m2")), direct(17, 17_500, 17_000, account, echo("m3")), direct(25, 25_500, 25_000, account, echo("m4")), direct(33, 33_500, 33_000, account, echo("m5")),
		}, []string{"", "", "", "", ""}},
		{"own replies in one thread", []journal.Delivery{said(1, 1, "1", account), said(3, 3, "2", account), said(5, 5, "3", account), said(7, 7, "4", account)}, []string{"", "", "", "loop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, _ := start(t, journal.Config{})
			appendAll(t, j, tt.deliveries...)
			settle(t, j, 0)
			if diff := cmp.Diff(tt.want, noticed(t, j)); diff != "" {
				t.Errorf("marks (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNotices reads the sentences, the counts and the filters.
func TestNotices(t *testing.T) {
	path := fileIn(t)
	j, stop := start(t, journal.Config{Path: path})
	appendAll(t, j, direct(1, 500, 0, "77", `"message":{"mid":"m1","text":"hi"}`))
	settle(t, j, 0)
	stop()
	// What a former session has seen is known.
	j, _ = start(t, journal.Config{Path: path})
	appendAll(t, j, direct(13, 12_500, 0, "77", `"message":{"mid":"m1","text":"hi","sticker":1}`), direct(14, 14_000, 14_000, "77", `"message_edit":{"mid":"m2","num_edit":0}`))
	for id, took := range map[int64]time.Duration{1: 2500 * time.Millisecond, 2: 6 * time.Second, 3: 2 * time.Second} {
		if err := j.Record(t.Context(), attempt(id, 200, took)); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, j, 3)
	want := map[int64][]journal.Notice{
		1: {{Delivery: 1, Mark: journal.Slow, Text: "The app took 2.5s of about 5s that Meta waits: answer first, work later."}},
		2: {
			{Delivery: 2, Mark: journal.Differs, Text: "Its shape is not the known one: igloo events diff d2. Meta changed something, or igloo does not know it yet; it is recorded and forwarded as it came."},
			{Delivery: 2, Event: 1, Mark: journal.Duplicate, Text: "The same event as d1.1, 12s later. Meta sends again what was not answered with 200 in time, and sometimes what was: an app should drop what it has seen, by the id of the comment, or by the mid and what happened."},
			{Delivery: 2, Mark: journal.Slow | journal.TooSlow, Text: "The app took 6s. Meta waits about 5s, then it sends the delivery again: answer first, work later."},
		},
		3: {{Delivery: 3, Event: 1, Mark: journal.Unsubscribed, Text: "An edit without a text, and its message has not come: the messages field is probably not enabled on the app. Enable it in the App Dashboard, or see igloo subscribe list."}},
		4: nil,
	}
	for id, notices := range want {
		got, err := j.Notices(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(notices, got); diff != "" {
			t.Errorf("Notices(%d) (-want +got):\n%s", id, diff)
		}
	}
	changes, err := j.Changes(t.Context(), journal.Cursor{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[2][:2], changes.Noticed); diff != "" {
		t.Errorf("Changes().Noticed (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{
		"is:duplicate": "[2]", "is:differs": "[2]", "is:unsubscribed": "[3]", "is:loop": "[]", "is:slow": "[2 1]", "-is:duplicate": "[3 1]",
		"is:duplicate is:differs": "[2]", "is:duplicate is:unsubscribed": "[]", "is:hollow_edit": "[3]", "is:duplicate field:messages": "[2]", "-is:slow is:unsubscribed": "[3]",
	} {
		if got := fmt.Sprint(ids(t, j, parse(t, query), journal.Page{})); got != want {
			t.Errorf("Rows(%q) = %s, want %s", query, got, want)
		}
		if n := countQuery(t, j, query); fmt.Sprint(n) != fmt.Sprint(len(ids(t, j, parse(t, query), journal.Page{}))) {
			t.Errorf("Count(%q) = %d, want as many as are listed", query, n)
		}
	}
	counts, err := j.Noticed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[journal.Mark]int64{journal.Duplicate: 1, journal.Differs: 1, journal.Unsubscribed: 1}, counts); diff != "" {
		t.Errorf("Noticed() (-want +got):\n%s", diff)
	}
}

func TestMarkLabel(t *testing.T) {
	for mark, want := range map[journal.Mark]string{
		0: "", journal.Test: "", journal.Duplicate | journal.Slow: "again slow", journal.Slow | journal.TooSlow: "too slow", journal.Loop | journal.Differs | journal.Unsubscribed: "loop new shape",
	} {
		if got := mark.Label(); got != want {
			t.Errorf("Label of %v = %q, want %q", mark.Names(), got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	j, _ := start(t, journal.Config{})
	for i := range 200 {
		d := comment(i, "mia", "hi")
		if i >= 100 {
			d = message(i, "77", "hi", "")
		}
		id := appendAll(t, j, d)[0]
		a := attempt(id, 200, time.Duration(i%100+1)*time.Millisecond)
		switch i {
		case 5:
			a.Status, a.Err = 0, "refused"
		case 6:
			a.Replay = true
		case 7:
			a.Status = 500
		case 8:
			a.Took = 3 * time.Second
		case 9:
			a.Took = 20 * time.Second
		}
		if err := j.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, j, 200)
	got, err := j.Answers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const ms = time.Millisecond
	want := journal.Answers{
		Fields: map[string]journal.Pace{
			"comments": {Answers: 98, P50: 53 * ms, P95: 98 * ms, P99: 20 * time.Second, Max: 20 * time.Second},
			"messages": {Answers: 100, P50: 50 * ms, P95: 95 * ms, P99: 99 * ms, Max: 100 * ms},
		},
		Slow: 2, TooSlow: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Answers() (-want +got):\n%s", diff)
	}
}
