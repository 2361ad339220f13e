package simulator_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

func parse(t testing.TB, text string) fixtures.Fixture {
	t.Helper()
	f, err := fixtures.Parse("x.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func render(t testing.TB, f fixtures.Fixture, o simulator.Options) string {
	t.Helper()
	r, err := simulator.Render(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Body)
}

// at returns the text of a value: at(body, "entry", "0", "id").
func at(t testing.TB, body string, steps ...string) string {
	t.Helper()
	n, err := fixtures.ParseJSON([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		next := n.Member(s)
		var i int
		if _, err := fmt.Sscan(s, &i); err == nil && i < len(n.Items) {
			next = n.Items[i]
		}
		if next == nil {
			t.Fatalf("no %q of %q in %s", s, steps, body)
		}
		n = next
	}
	return n.Text
}

// TestIDs holds the ids against the shapes of published deliveries.
func TestIDs(t *testing.T) {
	const text = `{"payload": {"object": "instagram", "entry": [{"time": "{{now.ms}}", "id": "{{account.id}}", "messaging": [{
		"sender": {"id": "{{user.id}}"}, "timestamp": "{{now.ms}}", "s": "{{now.s}}", "username": "{{user.username}}",
		"media": "{{media.id}}", "comment": "{{comment.id}}", "story": "{{story.id}}", "ad": "{{ad.id}}", "cdn": "{{cdn.url}}",
		"message": {"mid": "{{mid}}"}, "self": "{{user.id:self}}", "mixed": "at {{now.s}} by {{user.id}}"}]}]}}`
	shapes := map[string]string{
		"media":    `^(178|179|180|181|182|183|184)\d{14}$`,
		"comment":  `^(178|179|180|181|182|183)\d{14}$`,
		"story":    `^18\d{15}$|^17[89]\d{14}$`,
		"ad":       `^238\d{14}$`,
		"s":        `^\d{10}$`,
		"username": `^[a-z.]+\d\d$`,
		"self":     `^\d{16}$`,
		"mixed":    `^at \d{10} by \d{16}$`,
		"cdn":      `^https://lookaside\.fbsbx\.com/ig_messaging_cdn/\?asset_id=\d{17}&signature=Ab[A-Za-z0-9_-]{168}$`,
	}
	item := []string{"entry", "0", "messaging", "0"}
	for range 50 {
		body := render(t, parse(t, text), simulator.Options{})
		for name, shape := range shapes {
			if got := at(t, body, append(item, name)...); !regexp.MustCompile(shape).MatchString(got) {
				t.Errorf("%s = %q, want %s", name, got, shape)
			}
		}
		account := at(t, body, "entry", "0", "id")
		if !regexp.MustCompile(`^17841\d{12}$`).MatchString(account) {
			t.Errorf("account id %q", account)
		}
		user := at(t, body, append(item, "sender", "id")...)
		if !regexp.MustCompile(`^9[1-9]\d{14}$`).MatchString(user) {
			t.Errorf("user id %q", user)
		}
		var asFloat float64
		if _, err := fmt.Sscan(user, &asFloat); err != nil || fmt.Sprintf("%.0f", asFloat) == user {
			t.Errorf("user id %q survives a float", user)
		}
		checkMID(t, at(t, body, append(item, "message", "mid")...), account, at(t, body, append(item, "timestamp")...))
		if strings.Contains(body, `"timestamp":"`) || strings.Contains(body, `"time":"`) || strings.Contains(body, `"s":"`) {
			t.Errorf("a time is a string: %s", body)
		}
	}
}

func checkMID(t testing.TB, mid, account, millis string) webhook.MessageID {
	t.Helper()
	id, err := webhook.ParseMID(mid)
	if err != nil {
		t.Fatalf("ParseMID(%q): %v", mid, err)
	}
	if id.Account != account || fmt.Sprint(id.At.UnixMilli()) != millis {
		t.Errorf("mid of account %q at %d, want %q at %s", id.Account, id.At.UnixMilli(), account, millis)
	}
	if len(mid) != 164 {
		t.Errorf("a mid of %d characters, want 164", len(mid))
	}
	return id
}

// TestRun fires a conversation: the same people throughout, new ids in every event,
// and a reaction to the first message.
func TestRun(t *testing.T) {
	run := simulator.NewRun(0, nil)
	compile := func(name string) *simulator.Template {
		tpl, err := run.Compile(builtin(t, name), simulator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return tpl
	}
	text, reaction := compile("messages"), compile("message_reactions")
	mids, accounts, users, threads := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[uint64]bool{}
	first := ""
	const n = 2000
	for range n {
		body := string(text.Render().Body)
		mid := at(t, body, "entry", "0", "messaging", "0", "message", "mid")
		if first == "" {
			first = mid
		}
		account := at(t, body, "entry", "0", "id")
		id := checkMID(t, mid, account, at(t, body, "entry", "0", "messaging", "0", "timestamp"))
		mids[mid], accounts[account], threads[id.Thread] = true, true, true
		users[at(t, body, "entry", "0", "messaging", "0", "sender", "id")] = true
	}
	if len(mids) != n || len(accounts) != 1 || len(users) != 1 || len(threads) != 1 {
		t.Errorf("%d mids, %d accounts, %d users, %d threads of %d deliveries, want each mid new and the rest the same",
			len(mids), len(accounts), len(users), len(threads), n)
	}
	for range 2 {
		if got := at(t, string(reaction.Render().Body), "entry", "0", "messaging", "0", "reaction", "mid"); got != first {
			t.Errorf("the reaction is to %q, want the first message %q", got, first)
		}
	}
}

// TestFirstMID asks for an earlier message before there is one.
func TestFirstMID(t *testing.T) {
	body := render(t, builtin(t, "messages/reply"), simulator.Options{})
	message := []string{"entry", "0", "messaging", "0", "message"}
	own, err := webhook.ParseMID(at(t, body, append(message, "mid")...))
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := webhook.ParseMID(at(t, body, append(message, "reply_to", "mid")...))
	if err != nil {
		t.Fatal(err)
	}
	if earlier.Account != own.Account || earlier.Thread != own.Thread || !earlier.At.Before(own.At) {
		t.Errorf("reply to %+v in %+v, want the same conversation, earlier", earlier, own)
	}
}

func TestTimes(t *testing.T) {
	now := time.UnixMilli(1790000124367)
	body := render(t, builtin(t, "messages"), simulator.Options{Now: now})
	if got := at(t, body, "entry", "0", "time"); got != "1790000124367" {
		t.Errorf("entry time %s, want now", got)
	}
	if got := at(t, body, "entry", "0", "messaging", "0", "timestamp"); got != "1790000123456" {
		t.Errorf("timestamp %s, want a moment before", got)
	}
	body = render(t, builtin(t, "comments"), simulator.Options{Now: now})
	if got := at(t, body, "entry", "0", "time"); got != "1790000124" {
		t.Errorf("entry time %s, want now in seconds", got)
	}
}

// TestSeed renders every fixture twice with a seed, and with another.
func TestSeed(t *testing.T) {
	var sequences [3][]string
	for i, seed := range []uint64{7, 7, 8} {
		run := simulator.NewRun(seed, nil)
		for _, f := range fixtures.Builtin().All() {
			tpl, err := run.Compile(f, simulator.Options{Batch: 3})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				sequences[i] = append(sequences[i], string(tpl.Render().Body))
			}
		}
	}
	if diff := cmp.Diff(sequences[0], sequences[1]); diff != "" {
		t.Errorf("the same seed gives other bytes:\n%s", diff)
	}
	if cmp.Equal(sequences[0], sequences[2]) {
		t.Error("another seed gives the same bytes")
	}
}

// TestTemplateIsEncode holds templates against the encoder: filling in gives what
// encoding the whole would have given.
func TestTemplateIsEncode(t *testing.T) {
	for _, f := range fixtures.Builtin().All() {
		r, err := simulator.Render(f, simulator.Options{Batch: 2})
		if err != nil {
			t.Fatal(err)
		}
		want, err := webhook.Encode(nil, r.Body, r.Dialect)
		if err != nil {
			t.Fatalf("%s: %v in %s", f.Name, err, r.Body)
		}
		if diff := cmp.Diff(string(want), string(r.Body)); diff != "" {
			t.Errorf("%s (-encoded +rendered):\n%s", f.Name, diff)
		}
	}
}

func TestVars(t *testing.T) {
	f := parse(t, `{"payload": {"entry": [], "a": "{{var:NAME}}/{{var:OTHER|é|x}}", "b": "{{var:EMPTY|}}", "c": "{{var:N|5}}"}}`)
	got := render(t, f, simulator.Options{Vars: map[string]string{"NAME": `"{{mid}}" iglooslot0.`, "N": "7"}})
	if want := `{"entry": [], "a": "\"{{mid}}\" iglooslot0./\u00e9|x", "b": "", "c": "7"}`; got != want {
		t.Errorf("body\n got %s\nwant %s", got, want)
	}
	_, err := simulator.Render(f, simulator.Options{})
	if want := `fixture "x": variable "NAME" has no value`; fmt.Sprint(err) != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// TestFresh renews a captured body and keeps what the app knows.
func TestFresh(t *testing.T) {
	v := readVectors(t)
	message := []string{"entry", "0", "messaging", "0"}
	now := time.UnixMilli(1800000000000)
	fresh := func(body string) string { return render(t, parse(t, body), simulator.Options{Fresh: true, Now: now}) }

	got := fresh(v["V4"].body)
	old, err := webhook.ParseMID(vectorMID)
	if err != nil {
		t.Fatal(err)
	}
	id := checkMID(t, at(t, got, append(message, "message", "mid")...), "17841499100200301", "1799999999089")
	if id.Thread != old.Thread {
		t.Errorf("thread %d, want the old one %d", id.Thread, old.Thread)
	}
	if at(t, got, append(message, "timestamp")...) != "1799999999089" || at(t, got, "entry", "0", "time") != "1800000000000" {
		t.Errorf("times in %s", got)
	}
	if a, b := at(t, got, append(message, "message", "reply_to", "story", "id")...), "18112233905846170"; a != b {
		t.Errorf("story id %s, want %s as before", a, b)
	}
	if len(got) != len(v["V4"].body) {
		t.Errorf("%d bytes, want %d as before", len(got), len(v["V4"].body))
	}

	got = fresh(v["V1"].body)
	if id := at(t, got, "entry", "0", "changes", "0", "value", "id"); id == "17906421385120336" || len(id) != 17 {
		t.Errorf("comment id %q, want a new one", id)
	}
	if at(t, got, "entry", "0", "changes", "0", "value", "media", "id") != "18064310520917744" {
		t.Errorf("the media changed: %s", got)
	}
	if at(t, got, "entry", "0", "time") != "1800000000" {
		t.Errorf("entry time in %s, want seconds", got)
	}

	// A reaction refers to a message that is not part of the delivery.
	if got := at(t, fresh(v["V5"].body), append(message, "reaction", "mid")...); got != earlierMID {
		t.Errorf("reaction to %q, want the message it was to", got)
	}
	// The dashboard's Test has seconds in a string.
	if got := fresh(v["V6"].body); !strings.Contains(got, `"timestamp": "1799999999"`) {
		t.Errorf("timestamp in %s, want a string of seconds", got)
	}
	// Within one delivery, references follow.
	pair := `{"object":"instagram","entry":[{"time":1790000124367,"id":"1","messaging":[` +
		`{"timestamp":1790000123456,"message":{"mid":"A"}},{"timestamp":1790000123457,"reaction":{"mid":"A"}},{"timestamp":1790000123457,"message":{"mid":"B","is_deleted":true}}]}]}`
	got = fresh(pair)
	if a, b := at(t, got, append(message, "message", "mid")...), at(t, got, "entry", "0", "messaging", "1", "reaction", "mid"); a == "A" || a != b {
		t.Errorf("message %q, reaction to %q, want the same new mid", a, b)
	}
	if got := at(t, got, "entry", "0", "messaging", "2", "message", "mid"); got != "B" {
		t.Errorf("the deletion is of %q, want B", got)
	}
}

func TestHeaders(t *testing.T) {
	names := func(r *simulator.Request) string {
		var out []string
		for _, h := range r.Header {
			out = append(out, h.Name)
		}
		return strings.Join(out, " ")
	}
	const (
		changes   = "Host User-Agent Content-Length Accept Content-Type X-Hub-Signature X-Hub-Signature-256"
		messaging = "Host Content-Length Accept Accept-Encoding User-Agent Content-Type X-Hub-Signature X-Hub-Signature-256 Facebook-API-Version"
	)
	tests := []struct {
		fixture     string
		options     simulator.Options
		want, agent string
		version     string
	}{
		{"comments", simulator.Options{}, changes, "Webhooks/1.0 (https://fb.me/webhooks)", ""},
		{"messages", simulator.Options{}, messaging, "facebookexternalua", "v23.0"},
		{"messages", simulator.Options{Shape: simulator.Test}, changes, "Webhooks/1.0 (https://fb.me/webhooks)", ""},
		{"messages", simulator.Options{Shape: simulator.Test, Login: webhook.Messenger}, messaging, "facebookexternalua", "unversioned"},
	}
	for _, tt := range tests {
		r, err := simulator.Render(builtin(t, tt.fixture), tt.options)
		if err != nil {
			t.Fatal(err)
		}
		r.Sign(simulator.NewSecret(key))
		if got := names(r); got != tt.want {
			t.Errorf("%s %+v: headers\n got %s\nwant %s", tt.fixture, tt.options, got, tt.want)
		}
		if got := r.Get("user-agent"); got != tt.agent {
			t.Errorf("User-Agent %q, want %q", got, tt.agent)
		}
		if got := r.Get("facebook-api-version"); got != tt.version {
			t.Errorf("Facebook-API-Version %q, want %q", got, tt.version)
		}
	}
	f := parse(t, `{"headers": {"user-agent": "mine", "X-Extra": "1"}, "payload": {"entry": []}}`)
	r, err := simulator.Render(f, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(r), "Host user-agent Content-Length Accept Content-Type X-Hub-Signature X-Hub-Signature-256 X-Extra"; got != want {
		t.Errorf("with own headers\n got %s\nwant %s", got, want)
	}
}

func TestRaw(t *testing.T) {
	const body = " {\"entry\": [ {\"messaging\": []}],\"object\":\"é\"}\r\n\n"
	r, err := simulator.Render(parse(t, body), simulator.Options{Raw: true})
	if err != nil || string(r.Body) != body || r.Dialect != webhook.Messaging {
		t.Errorf("Raw = %q in dialect %v, %v, want the file", r.Body, r.Dialect, err)
	}
	broken, _ := fixtures.Parse("x.json", []byte("not JSON"))
	r, err = simulator.Render(broken, simulator.Options{Raw: true})
	if err != nil || string(r.Body) != "not JSON" {
		t.Errorf("Raw of a broken file = %q, %v, want the file", r.Body, err)
	}
	for name, o := range map[string]simulator.Options{
		"change": {Raw: true, Changes: set(t, "a=b")}, "fresh": {Raw: true, Fresh: true},
		"batch": {Raw: true, Batch: 2}, "shape": {Raw: true, Shape: simulator.Test},
	} {
		if _, err := simulator.Render(parse(t, body), o); err == nil {
			t.Errorf("raw with %s is no error", name)
		}
	}
	if _, err := simulator.Render(builtin(t, "comments"), simulator.Options{Raw: true}); err == nil {
		t.Error("raw of a wrapped fixture is no error")
	}
	// The reason stays behind when a fixture goes to another process; so must not an
	// empty body go out in its place.
	if r, err := simulator.Render(fixtures.Fixture{Name: "unread"}, simulator.Options{Raw: true}); err == nil {
		t.Errorf("raw of a file that was not read = %q, want an error", r.Body)
	}
}

func TestRenderErrors(t *testing.T) {
	broken, _ := fixtures.Parse("x.json", []byte("{"))
	tests := []struct {
		fixture fixtures.Fixture
		options simulator.Options
		want    string
	}{
		{broken, simulator.Options{}, `fixture "x": x.json:1:2: the file ends inside a value; is a bracket or quote missing?`},
		{builtin(t, "comments"), simulator.Options{Batch: 1001}, `fixture "comments": a batch of 1001 events, want 1 to 1000`},
		{builtin(t, "comments"), simulator.Options{Shape: "fake"}, `fixture "comments": unknown shape "fake", want "real" or "test"`},
		{builtin(t, "comments"), simulator.Options{Login: "whatsapp"}, `fixture "comments": unknown login "whatsapp", want "instagram", "facebook" or "messenger"`},
		{builtin(t, "standby"), simulator.Options{Shape: simulator.Test}, `fixture "standby": no Test delivery of field "standby" is known`},
	}
	for _, tt := range tests {
		_, err := simulator.Render(tt.fixture, tt.options)
		if fmt.Sprint(err) != tt.want {
			t.Errorf("Render(%q, %+v): %v, want %s", tt.fixture.Name, tt.options, err, tt.want)
		}
	}
	_, err := simulator.Render(broken, simulator.Options{})
	if _, ok := errors.AsType[*fixtures.Error](err); !ok {
		t.Errorf("the error of a broken fixture is a %T, want a *fixtures.Error inside", err)
	}
}

func TestLogin(t *testing.T) {
	for _, tt := range []struct {
		fixture string
		login   webhook.Login
		want    webhook.Login
	}{
		{"comments", "", webhook.InstagramLogin},
		{"comments", webhook.FacebookLogin, webhook.FacebookLogin},
		{"mentions", "", webhook.FacebookLogin},
		{"response_feedback", "", webhook.Messenger},
	} {
		r, err := simulator.Render(builtin(t, tt.fixture), simulator.Options{Login: tt.login})
		if err != nil || r.Login != tt.want {
			t.Errorf("%s with login %q: %q, %v, want %q", tt.fixture, tt.login, r.Login, err, tt.want)
		}
	}
}
