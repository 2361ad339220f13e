package webhook_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// TestPermissions holds the catalogue to Meta's permission table, written out:
// https://developers.facebook.com/docs/instagram-platform/webhooks.
func TestPermissions(t *testing.T) {
	const (
		no         = "x"
		igComments = "instagram_business_basic, instagram_business_manage_comments"
		igMessages = "instagram_business_basic, instagram_business_manage_messages"
		fbComments = "instagram_basic, instagram_manage_comments, pages_manage_metadata, pages_read_engagement, pages_show_list"
		messenger  = "instagram_basic, instagram_manage_messages, pages_manage_metadata, pages_read_engagement, pages_show_list"
		fbInsights = "instagram_basic, instagram_manage_insights, pages_manage_metadata, pages_read_engagement, pages_show_list"
	)
	table := []struct{ field, instagram, facebook, messenger string }{
		{"comments", igComments, fbComments, no},
		{"live_comments", igComments, fbComments, no},
		{"mentions", "Included in the comments webhook notification", fbComments, no},
		{"message_echoes", igComments, no, "Included in the messages webhook notification"},
		{"message_reactions", igMessages, no, messenger},
		{"messages", igMessages, no, messenger},
		{"messaging_handover", igMessages, no, messenger},
		{"messaging_optins", igMessages, no, no},
		{"messaging_policy_enforcement", no, no, messenger},
		{"messaging_postbacks", igMessages, no, messenger},
		{"messaging_referral", igMessages, no, messenger},
		{"messaging_seen", igMessages, no, messenger},
		{"response_feedback", no, no, messenger},
		{"standby", igMessages, no, messenger},
		{"story_insights", no, fbInsights, no},
	}
	listed := map[string]bool{}
	for _, row := range table {
		listed[row.field] = true
		f, ok := webhook.LookupField(row.field)
		if !ok {
			t.Errorf("no field %q", row.field)
			continue
		}
		for login, want := range map[webhook.Login]string{
			webhook.InstagramLogin: row.instagram, webhook.FacebookLogin: row.facebook, webhook.Messenger: row.messenger,
		} {
			grant := f.Permissions.Of(login)
			got := strings.Join(grant.Names, ", ")
			if got == "" {
				got = grant.Note
			}
			if got == "" {
				got = no
			}
			if got != want {
				t.Errorf("%s under %s needs %q, want %q", row.field, login, got, want)
			}
			if grant.Available() != (want != no) {
				t.Errorf("%s under %s: available %t", row.field, login, grant.Available())
			}
		}
	}
	for _, f := range webhook.Fields() {
		if f.Permissions.Listed() != listed[f.Name] {
			t.Errorf("%s: listed %t in Meta's table, want %t", f.Name, f.Permissions.Listed(), listed[f.Name])
		}
	}
	echoes, _ := webhook.LookupField("message_echoes")
	if !strings.Contains(echoes.Permissions.Instagram.Note, "instagram_business_manage_messages would be expected") {
		t.Errorf("the odd permission of message_echoes is not noted: %q", echoes.Permissions.Instagram.Note)
	}
}

// TestAccepted holds the catalogue to what the subscribed_apps endpoint of Instagram
// Login names in its error text.
func TestAccepted(t *testing.T) {
	want := []string{
		"agent_messages", "comment_poll_response", "comments", "creator_marketplace_invited_creator_onboarding", "creator_marketplace_projects",
		"delta", "follow", "live_comments", "mentions", "message_edit", "message_reactions", "messages", "messaging_handover", "messaging_optins",
		"messaging_postbacks", "messaging_referral", "messaging_seen", "onboarding_welcome_message_series", "share_to_story", "standby",
		"story_insights", "story_poll_response", "story_reactions",
	}
	var got, disputed []string
	for _, f := range webhook.Fields() {
		if f.Accepted {
			got = append(got, f.Name)
		}
		if f.Default != webhook.NotByDefault {
			disputed = append(disputed, f.Name+" "+f.Default.String())
		}
	}
	slices.Sort(got)
	slices.Sort(disputed)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
	wantDefault := []string{
		"comments disputed", "live_comments disputed", "message_reactions disputed", "messages yes", "messaging_optins disputed",
		"messaging_postbacks disputed", "messaging_referral disputed", "messaging_seen disputed",
	}
	if diff := cmp.Diff(wantDefault, disputed); diff != "" {
		t.Errorf("default (-want +got):\n%s", diff)
	}
}

func TestFieldsArePlausible(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range webhook.Fields() {
		if seen[f.Name] {
			t.Errorf("%s stands twice in the catalogue", f.Name)
		}
		seen[f.Name] = true
		if len(f.Objects) == 0 || f.Evidence == "" {
			t.Errorf("%s: objects %q, evidence %q", f.Name, f.Objects, f.Evidence)
		}
		if f.Shape && (f.About == "" || webhook.Keys(f.Name) == nil && f.Name != "standby") {
			t.Errorf("%s has a shape, about %q and %d keys", f.Name, f.About, len(webhook.Keys(f.Name)))
		}
		if !f.Shape && webhook.Keys(f.Name) != nil {
			t.Errorf("%s has keys although its shape is unknown", f.Name)
		}
		if twin, ok := webhook.LookupField(f.Twin); f.Twin != "" && (!ok || twin.Twin != f.Name) {
			t.Errorf("%s has the twin %q, which does not have it", f.Name, f.Twin)
		}
	}
}

func TestFindField(t *testing.T) {
	tests := []struct{ name, find, accepted string }{
		{"comments", "comments", "comments"},
		{" Live-Comments ", "live_comments", "live_comments"},
		{"messaging_reactions", "message_reactions", "message_reactions"},
		{"messaging_referrals", "messaging_referrals", "messaging_referral"},
		{"messaging_handovers", "messaging_handovers", "messaging_handover"},
		{"message_edits", "message_edits", "message_edit"},
		{"message_reads", "message_reads", "messaging_seen"},
		{"message_echoes", "message_echoes", "messages"},
		{"messaging_policy_enforcement", "messaging_policy_enforcement", ""},
		{"likes", "", ""},
	}
	for _, tt := range tests {
		if got, ok := webhook.FindField(tt.name); got.Name != tt.find || ok != (tt.find != "") {
			t.Errorf("FindField(%q) = %q, %t, want %q", tt.name, got.Name, ok, tt.find)
		}
		if got, ok := webhook.AcceptedField(tt.name); ok != (tt.accepted != "") || ok && got.Name != tt.accepted {
			t.Errorf("AcceptedField(%q) = %q, %t, want %q", tt.name, got.Name, ok, tt.accepted)
		}
	}
}

// TestEveryFieldIsInTheDocs keeps docs/webhooks.md and the catalogue the same, both
// ways.
func TestEveryFieldIsInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Fields\n")
	section, _, _ = strings.Cut(section, "\n## ")
	row := regexp.MustCompile("^\\| `([a-z_]+)` \\|")
	documented := map[string]bool{}
	for line := range strings.Lines(section) {
		if found := row.FindStringSubmatch(line); found != nil {
			documented[found[1]] = true
		}
	}
	for _, f := range webhook.Fields() {
		if !documented[f.Name] {
			t.Errorf("docs/webhooks.md, Fields, has no row for `%s`", f.Name)
		}
		delete(documented, f.Name)
	}
	for name := range documented {
		t.Errorf("docs/webhooks.md, Fields, has a row for `%s`, which is no field", name)
	}
}

func TestFlags(t *testing.T) {
	all := webhook.Test | webhook.Echo | webhook.Own | webhook.Deleted | webhook.OnStandby | webhook.NoSender | webhook.HollowEdit | webhook.Unknown | webhook.WithoutValue
	want := []string{"test", "echo", "own", "deleted", "standby", "no_sender", "hollow_edit", "unknown", "without_value"}
	if diff := cmp.Diff(want, all.Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
	if got, want := all.Label(), "test echo own standby no sender hollow unknown no value"; got != want {
		t.Errorf("Label = %q, want %q", got, want)
	}
	if got, want := webhook.Flag(0).Label(), ""; got != want || webhook.Flag(0).Texts() != nil {
		t.Errorf("Label of nothing = %q, Texts %q", got, webhook.Flag(0).Texts())
	}
	if got, want := (webhook.Echo | webhook.Own).Label(), "echo own"; got != want {
		t.Errorf("Label = %q, want %q", got, want)
	}
	texts := all.Texts()
	if len(texts) != len(want) {
		t.Fatalf("%d texts for %d flags", len(texts), len(want))
	}
	if strings.Contains(texts[0], "under messaging") { // the Messenger product's Test has them there already
		t.Errorf("text of a Test = %q, want what holds for each", texts[0])
	}
	starts := []string{"Test delivery of the dashboard", "Echo", "The account's own", "Unsent", "On standby", "No sender", "An edit with num_edit 0", "igloo does not know", "Only the name"}
	for i, text := range texts {
		if !strings.HasPrefix(text, starts[i]) || !strings.HasSuffix(text, ".") {
			t.Errorf("text of %s = %q, want a sentence that starts with %q", want[i], text, starts[i])
		}
	}
}
