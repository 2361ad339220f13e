package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func parse(tb testing.TB, text string) journal.Query {
	tb.Helper()
	q, err := journal.ParseQuery(text, day.Add(time.Hour))
	if err != nil {
		tb.Fatalf("ParseQuery(%q) = %v", text, err)
	}
	return q
}

func message(n int, sender, text, extra string) journal.Delivery {
	return delivery(n, fmt.Sprintf(`{"object":"instagram","entry":[{"id":"17841405309211844","time":1795269740123,"messaging":[{"sender":{"id":%s},"recipient":{"id":"17841405309211844"},"timestamp":1795269740123,"message":{"mid":"m%d","text":%s%s}}]}]}`, quote(sender), n, quote(text), extra))
}

// queried is a small journal with one of everything.
func queried(tb testing.TB) *journal.Journal {
	tb.Helper()
	j, _ := start(tb, journal.Config{})
	forged := comment(4, "eve", "win a camera")
	forged.Verdict, forged.Secret, forged.Reason, forged.Forward, forged.Status = webhook.Invalid, "", "no known app secret fits", false, 401
	fired := comment(5, "Sam", "Crème brûlée 日本語 love 🔥🔥 this")
	fired.Source, fired.Fixture = journal.Fired, "comments"
	garbage := delivery(6, "<html>Forbidden teapot</html>")
	garbage.Verdict = webhook.Unsigned
	large := manyComments(tb, 300)
	large.ReceivedAt = day.Add(8 * time.Second)
	appendAll(tb, j,
		comment(1, "mia.k", "what camera is that?"),     // d1
		comment(2, "leo_r", "ship to Canada? lens cap"), // d2
		message(3, "778899", "Still available", ""),     // d3
		forged,  // d4
		fired,   // d5
		garbage, // d6
		message(7, "17841405309211844", "our camera ships", `,"is_echo":true`), // d7
		large, // d8
	)
	for _, a := range []journal.Attempt{
		attempt(1, 200, 14*time.Millisecond),
		attempt(2, 500, 81*time.Millisecond),
		attempt(3, 0, 2*time.Second),
		attempt(5, 404, time.Millisecond),
	} {
		if a.Status == 0 {
			a.Err = "connection refused"
		}
		if err := j.Record(tb.Context(), a); err != nil {
			tb.Fatal(err)
		}
	}
	again := attempt(5, 204, 60*time.Millisecond)
	again.Replay = true
	if err := j.Record(tb.Context(), again); err != nil {
		tb.Fatal(err)
	}
	settle(tb, j, 5)
	return j
}

func TestQueries(t *testing.T) {
	j := queried(t)
	for _, test := range []struct {
		query string
		want  []int64
	}{
		{"", []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"  ", []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"camera", []int64{7, 4, 1}},
		{"CAM", []int64{7, 4, 1}},
		{"cam ships", []int64{7}},
		{"ship", []int64{7, 2}},
		{`"ship to"`, []int64{2}},
		{`"to ship"`, nil},
		{`"ship "`, []int64{2}}, // a space at the end: the whole word
		{`"camera is th"`, []int64{1}},
		{"-camera", []int64{8, 6, 5, 3, 2}},
		{"-camera -field:messages", []int64{8, 6, 5, 2}},
		{"creme", []int64{5}},
		{"BRÛLÉE", []int64{5}},
		{"日本", []int64{5}},
		{"本語", []int64{5}},
		{"本日", nil},
		{"🔥", []int64{5}},
		{"🍕", nil},
		{"mia", []int64{1}},
		{"f", nil}, // not the tags, which begin with field: and from:
		{"is", []int64{1}},
		{"mia.k", []int64{1}},
		{"@mia.k", []int64{1}},
		{"number299", []int64{8}},
		{"number30 user2", []int64{8}}, // 30 % 7 == 2: the same event
		{"number3 user4", []int64{8}},  // number3…
		{`"number30 " user3`, nil},     // not the same event
		{"teapot", nil},
		{"field:comments", []int64{8, 5, 4, 2, 1}},
		{"field:comment", []int64{8, 5, 4, 2, 1}},
		{"field:messages", []int64{7, 3}},
		{"-field:comments", []int64{7, 6, 3}},
		{"field:nothing", nil},
		{"from:@mia.k", []int64{1}},
		{"from:MIA.K", []int64{1}},
		{"from:mia", nil},
		{"from:sam", []int64{5}},
		{"from:@leo_r", []int64{2}},
		{"from:778899", []int64{3}},
		{"from:user3 number3", []int64{8}},
		{"verdict:invalid", []int64{4}},
		{"verdict:unsigned", []int64{6}},
		{"verdict:VERIFIED -is:fired", []int64{8, 7, 3, 2, 1}},
		{"-verdict:verified", []int64{6, 4}},
		{"is:live", []int64{8, 7, 6, 4, 3, 2, 1}},
		{"is:fired", []int64{5}},
		{"is:live is:fired", nil},
		{"is:echo", []int64{7}},
		{"is:failed", []int64{3, 2}},
		{"-is:failed", []int64{8, 7, 6, 5, 4, 1}},
		{"is:replay", []int64{5}},
		{"is:pending", []int64{8, 7, 6}},
		{"is:marked", []int64{5, 2}},
		{"-is:marked camera", []int64{7, 4, 1}},
		{"status:200", []int64{1}},
		{"status:2xx", []int64{5, 1}},
		{"status:5XX", []int64{2}},
		{"status:404", nil}, // the last attempt counts
		{"status:err", []int64{3}},
		{"status:>=400", []int64{2}},
		{"status:<300", []int64{5, 1}},
		{"status:>2xx", []int64{2}},
		{"-status:200", []int64{8, 7, 6, 5, 4, 3, 2}},
		{"took:>50ms", []int64{5, 3, 2}},
		{"took:<50ms", []int64{1}},
		{"took:1s", []int64{3}},
		{"took:>=60ms took:<=81ms", []int64{5, 2}},
		{"took:>1h", nil},
		{"-took:>50ms", []int64{8, 7, 6, 4, 1}},
		{"id:d5", []int64{5}},
		{"id:5", []int64{5}},
		{"id:d8.3", []int64{8}},
		{"id:d2-d4", []int64{4, 3, 2}},
		{"id:d2..d4", []int64{4, 3, 2}},
		{"-id:d2-d7", []int64{8, 1}},
		{"id:99", nil},
		{"since:14:00:05", []int64{8, 7, 6, 5}},
		{"since:2026-11-21T14:00:05", []int64{8, 7, 6, 5}},
		{"since:2026-11-21T15:00:05+01:00", []int64{8, 7, 6, 5}},
		{`since:"2026-11-21 14:00:05"`, []int64{8, 7, 6, 5}},
		{"before:14:00:02", []int64{1}},
		{"since:14:00:02 before:14:00:04", []int64{3, 2}},
		{"since:3595s", []int64{8, 7, 6, 5}}, // now is 15:00
		{"since:2026-11-22", nil},
		{"before:2026-11-21", nil},
		{"since:1d", []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"-since:14:00:02", []int64{1}},
		{"body:teapot", []int64{6}},
		{"body:TEAPOT", []int64{6}},
		{`body:"forbidden tea"`, []int64{6}},
		{"-body:instagram", []int64{6}},
		{"/tea(pot|cup)/", []int64{6}},
		{"/TEAPOT/", nil},
		{"/TEAPOT/i", []int64{6}},
		{`/<\/html>/`, []int64{6}},
		{"/is_echo|number17\\b/", []int64{8, 7}},
		{"-/instagram/ is:live", []int64{6}},
		{"camera body:eve", []int64{4}},
		{"camera is:failed", nil},
		{"lens status:500 from:leo_r took:>10ms verdict:verified is:live since:1d", []int64{2}},
	} {
		t.Run(test.query, func(t *testing.T) {
			q := parse(t, test.query)
			q.Marked = []int64{2, 5, 77}
			if diff := cmp.Diff(test.want, ids(t, j, q, journal.Page{})); diff != "" {
				t.Errorf("Rows() (-want +got):\n%s", diff)
			}
			backwards := slices.Clone(test.want)
			slices.Reverse(backwards)
			all := []int64{1, 2, 3, 4, 5, 6, 7, 8}
			if got, err := j.Match(t.Context(), q, all); err != nil || !slices.Equal(got, backwards) {
				t.Errorf("Match() = %v, %v, want %v", got, err, backwards)
			}
			if n, err := j.Count(t.Context(), q); err != nil || n != len(test.want) {
				t.Errorf("Count() = %d, %v, want %d", n, err, len(test.want))
			}
			// Page by page, in both directions.
			var pages []int64
			for page := (journal.Page{Limit: 1}); ; page.Before = pages[len(pages)-1] {
				next := ids(t, j, q, page)
				if len(next) == 0 {
					break
				}
				pages = append(pages, next...)
			}
			if !slices.Equal(pages, test.want) {
				t.Errorf("pages of one = %v, want %v", pages, test.want)
			}
			if got := ids(t, j, q, journal.Page{After: 2}); !slices.Equal(got, slices.DeleteFunc(backwards, func(id int64) bool { return id <= 2 })) {
				t.Errorf("Rows(After: 2) = %v", got)
			}
		})
	}
}

func ids(tb testing.TB, j *journal.Journal, q journal.Query, p journal.Page) []int64 {
	tb.Helper()
	rows, err := j.Rows(tb.Context(), q, p)
	if err != nil {
		tb.Fatal(err)
	}
	var out []int64
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return out
}

func TestQueryErrors(t *testing.T) {
	for _, test := range []struct {
		query string
		want  journal.QueryError
	}{
		{"camera fild:comments", journal.QueryError{Pos: 7, Word: "fild:comments", Hint: "field:"}},
		{"https://x", journal.QueryError{Word: "https://x", Hint: `"https://x"`}},
		{"is:faild", journal.QueryError{Word: "is:faild", Hint: "is:failed"}},
		{"is:zzzzzzz", journal.QueryError{Word: "is:zzzzzzz"}},
		{"-verdict:verifed", journal.QueryError{Word: "-verdict:verifed", Hint: "verdict:verified"}},
		{"status:abc", journal.QueryError{Word: "status:abc", Hint: "status:5xx"}},
		{"status:99", journal.QueryError{Word: "status:99", Hint: "status:5xx"}},
		{"status:xx", journal.QueryError{Word: "status:xx", Hint: "status:5xx"}},
		{"took:>50", journal.QueryError{Word: "took:>50", Hint: "took:>50ms"}},
		{"took:long", journal.QueryError{Word: "took:long", Hint: "took:>50ms"}},
		{"id:dd", journal.QueryError{Word: "id:dd", Hint: "id:d42"}},
		{"since:yesterday", journal.QueryError{Word: "since:yesterday", Hint: "since:10m"}},
		{"before:9999999999999999999h", journal.QueryError{Word: "before:9999999999999999999h", Hint: "before:10m"}},
		{"field:", journal.QueryError{Word: "field:"}},
		{`"open`, journal.QueryError{Word: `"open`}},
		{"/open", journal.QueryError{Word: "/open"}},
		{"/(/", journal.QueryError{Word: "/(/"}},
		{"/a/x", journal.QueryError{Word: "/a/x", Hint: "/a/i"}},
		{`"a"b`, journal.QueryError{Word: `"a"b`}},
		{"a ...", journal.QueryError{Pos: 2, Word: "..."}},
	} {
		_, err := journal.ParseQuery(test.query, day)
		got, ok := errors.AsType[*journal.QueryError](err)
		if !ok {
			t.Errorf("ParseQuery(%q) = %v, want a QueryError", test.query, err)
			continue
		}
		if got.Reason == "" || got.Error() == "" {
			t.Errorf("ParseQuery(%q) gives no reason", test.query)
		}
		test.want.Reason = got.Reason
		if diff := cmp.Diff(test.want, *got); diff != "" {
			t.Errorf("ParseQuery(%q) (-want +got):\n%s", test.query, diff)
		}
	}
}

func TestQueryTerms(t *testing.T) {
	q := parse(t, ` camera  -from:"a b" /x y/i `)
	if diff := cmp.Diff([]string{"camera", `-from:"a b"`, "/x y/i"}, q.Terms()); diff != "" {
		t.Errorf("Terms() (-want +got):\n%s", diff)
	}
	if got, want := q.Without(1).String(), "camera /x y/i"; got != want {
		t.Errorf("Without(1) = %q, want %q", got, want)
	}
	if q.Empty() || !parse(t, "").Empty() {
		t.Error("Empty() is wrong")
	}
}

// TestHostileSearch searches for texts that mean something to SQL or to the full-text
// query language. Nothing in them does; all find what holds them.
func TestHostileSearch(t *testing.T) {
	j, _ := start(t, journal.Config{})
	texts := []string{
		`robert'); drop table delivery; --`, `" OR ""`, `NEAR(a b, 2)`, `words:a`, `^a`, `a AND NOT b`, `a*`, `{a b}: c`,
		`%_%`, "nul\x00byte", "a\nb", `\`, `'`, `''`, "bad \xff utf8", "\ue000field", "field comments", "is:echo", "x from:mia y", strings.Repeat("long", 100),
		"\x1b[31mred", "İstanbul ẞ ﬀ", "e\u0301", "👩‍👩‍👧 👍🏽",
	}
	for i, text := range texts {
		appendAll(t, j, comment(i, text, text), message(i, text, text, ""))
	}
	settle(t, j, 0)
	for i, text := range texts {
		quoted := `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
		for _, query := range []string{quoted, "-" + quoted, "from:" + quoted, "field:" + quoted, "body:" + quoted} {
			q, err := journal.ParseQuery(query, day)
			if _, ok := errors.AsType[*journal.QueryError](err); ok {
				continue // nothing but signs
			}
			got := ids(t, j, q, journal.Page{})
			scanned, err := j.Scan(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(scanned)
			if !slices.Equal(got, scanned) {
				t.Errorf("Rows(%q) = %v, without an index %v", query, got, scanned)
			}
			if query == quoted && !slices.Contains(got, int64(2*i+1)) {
				t.Errorf("Rows(%q) = %v, want d%d among them", query, got, 2*i+1)
			}
		}
	}
	// A text that looks like a tag is not one.
	if got := ids(t, j, parse(t, "is:echo"), journal.Page{}); got != nil {
		t.Errorf("Rows(is:echo) = %v, want none", got)
	}
	if got := ids(t, j, parse(t, "from:mia"), journal.Page{}); got != nil {
		t.Errorf("Rows(from:mia) = %v, want none", got)
	}
}

// TestSourcesAgree asks random queries of a journal and compares the answer, found
// through whichever index, with a look at every delivery.
func TestSourcesAgree(t *testing.T) {
	j, _ := start(t, journal.Config{})
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	const n = 160
	attempts := int64(0)
	for i := range n {
		d := comment(i, pick("mia", "leo", "ana"), pick("camera", "cameras", "lens", "a lens")+" "+pick("please", "now"))
		if r.IntN(3) == 0 {
			d = message(i, pick("77", "78"), pick("camera", "hello", "hello lens"), pick("", `,"is_echo":true`))
		}
		d.Verdict = webhook.Verdict(pick("verified", "verified", "invalid", "unsigned"))
		d.Source = journal.Source(pick("live", "fired"))
		d.Forward = r.IntN(4) > 0
		id := appendAll(t, j, d)[0]
		for range r.IntN(3) {
			a := attempt(id, []int{0, 200, 204, 404, 500, 502}[r.IntN(6)], time.Duration(r.IntN(100))*time.Millisecond)
			a.Replay = r.IntN(3) == 0
			if err := j.Record(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			attempts++
		}
		if i == n*3/4 {
			settle(t, j, attempts)
		}
	}
	// The attempts are in the file; not all deliveries have to be indexed.
	waitFor(t, j, func() bool {
		now, err := j.Now(t.Context())
		return err != nil || now.Attempt >= attempts
	})
	for range 100 {
		var terms []string
		for range 1 + r.IntN(4) {
			terms = append(terms, pick("", "", "-")+pick("camera", "cam", "lens", `"a lens"`, "l", "field:comments", "field:messages", "from:mia", "from:77",
				"is:echo", "verdict:verified", "verdict:invalid", "is:live", "is:fired", "is:failed", "is:pending", "is:replay", "is:marked",
				"is:differs", "is:duplicate", "is:loop", "is:slow", "status:200", "status:4xx", "status:ERR", "status:>400", "took:>50ms", "took:<20ms", "took:>5ms", "id:d50-d120", "since:14:02", "before:14:05", "body:lens", "/hello|now/"))
		}
		q := parse(t, strings.Join(terms, " "))
		q.Marked = []int64{3, 30, 99, 150}
		want, err := j.Scan(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := j.Count(t.Context(), q); err != nil || n != len(want) {
			t.Errorf("Count(%q) = %d, %v, want %d", q, n, err, len(want))
		}
		if got := ids(t, j, q, journal.Page{After: 1, Limit: 1000}); !slices.Equal(got, slices.DeleteFunc(slices.Clone(want), func(id int64) bool { return id == 1 })) {
			t.Errorf("Rows(%q, ascending) = %v, want %v", q, got, want)
		}
		slices.Reverse(want)
		if got := ids(t, j, q, journal.Page{Limit: 1000}); !slices.Equal(got, want) {
			t.Errorf("Rows(%q) = %v, want %v", q, got, want)
		}
	}
}

func TestQueryEndsWithContext(t *testing.T) {
	j := queried(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the next key was pressed")
	cancel(why)
	for _, query := range []string{"", "camera", "/x/"} {
		if _, err := j.Rows(ctx, parse(t, query), journal.Page{}); !errors.Is(err, why) {
			t.Errorf("Rows(%q) = %v, want %v", query, err, why)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{
		"camera", `"ship to" -from:@mia.k`, "status:>=400 took:>50ms is:failed", "since:14:02 before:2026-11-21", "/re/i", `body:"a b"`,
		"id:d42.3", "-", `-"`, "is:", ":", "日本 🔥", `a:b`, "/", `"\"`, "since:99999h", "took:>1e300s", "field:reactions",
	} {
		f.Add(seed)
	}
	j := queried(f)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := journal.ParseQuery(text, day)
		if err != nil {
			qe, ok := errors.AsType[*journal.QueryError](err)
			if !ok || qe.Reason == "" || qe.Pos < 0 || qe.Pos+len(qe.Word) > len(text) || text[qe.Pos:qe.Pos+len(qe.Word)] != qe.Word {
				t.Fatalf("ParseQuery(%q) = %#v", text, err)
			}
			return
		}
		if _, err := j.Rows(t.Context(), q, journal.Page{}); err != nil {
			t.Errorf("Rows(%q) = %v", text, err)
		}
		if _, err := j.Count(t.Context(), q); err != nil {
			t.Errorf("Count(%q) = %v", text, err)
		}
		again, err := journal.ParseQuery(q.String(), day)
		if err != nil || !slices.Equal(again.Terms(), q.Terms()) {
			t.Errorf("ParseQuery(%q) = %q, %v, want %q", q, again, err, q)
		}
	})
}

func TestID(t *testing.T) {
	for _, test := range []struct {
		text     string
		delivery int64
		n        int
	}{
		{"d42", 42, 0},
		{"42", 42, 0},
		{"d42.3", 42, 3},
		{"7.10000", 7, 10000},
		{"", 0, 0},
		{"d", 0, 0},
		{"d0", 0, 0},
		{"d-1", 0, 0},
		{"d+1", 0, 0},
		{"d1.", 0, 0},
		{"d1.0", 0, 0},
		{"d1.2.3", 0, 0},
		{"d1.99999", 0, 0},
		{"e1", 0, 0},
		{"d1 ", 0, 0},
		{"d99999999999999999999", 0, 0},
	} {
		id, n, err := journal.ParseID(test.text)
		if id != test.delivery || n != test.n || (err == nil) != (test.delivery > 0) {
			t.Errorf("ParseID(%q) = %d, %d, %v, want %d, %d", test.text, id, n, err, test.delivery, test.n)
		}
		if err == nil && strings.TrimPrefix(test.text, "d") != strings.TrimPrefix(journal.FormatID(id, n), "d") {
			t.Errorf("FormatID(%d, %d) = %q, want %q", id, n, journal.FormatID(id, n), test.text)
		}
	}
}
