package main

import (
	"net/http"
	"testing"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// TestLoginOf tells whose delivery a body is: the one product's that sends such, else
// that of the app secret that fits.
func TestLoginOf(t *testing.T) {
	const (
		comment   = `{"entry": [{"id": "17841499100200301", "time": 1790000123, "changes": [{"value": {"id": "1"}, "field": "comments"}]}], "object": "instagram"}`
		mention   = `{"entry": [{"id": "17841499100200301", "time": 1790000123, "changes": [{"value": {"media_id": "1"}, "field": "mentions"}]}], "object": "instagram"}`
		direct    = `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[{"sender":{"id":"2"},"message":{"mid":"m","text":"hi"}}]}]}`
		test      = `{"entry": [{"id": "0", "time": 1790000123, "changes": [{"field": "messages", "value": {"message": {"mid": "random_mid"}}}]}], "object": "instagram"}`
		page      = `{"object":"page","entry":[{"time":1790000124367,"id":"108000000000001","messaging":[{"sender":{"id":"2"},"message":{"mid":"m","text":"hi"}}]}]}`
		user      = `{"entry": [{"time": 1790000123, "id": "1", "uid": "1", "changed_fields": ["photos"]}], "object": "user"}`
		policy    = `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[{"policy_enforcement":{"action":"warning"}}]}]}`
		unnamed   = "#1"
		instagram = "instagram"
		meta      = "meta"
	)
	tests := []struct {
		name, body, secret string
		want               webhook.Login
	}{
		{"comment", comment, instagram, webhook.InstagramLogin},
		{"comment", comment, meta, webhook.FacebookLogin},
		{"comment", comment, unnamed, ""},
		{"mention", mention, instagram, webhook.FacebookLogin},
		{"direct message", direct, instagram, webhook.InstagramLogin},
		{"direct message", direct, meta, webhook.Messenger},
		{"direct message", direct, "", ""},
		{"Test of Instagram Login", test, meta, webhook.InstagramLogin},
		{"page", page, instagram, webhook.Messenger},
		{"page", page, unnamed, webhook.Messenger},
		{"user", user, instagram, webhook.FacebookLogin},
		{"policy", policy, instagram, webhook.Messenger},
		{"no JSON", "a=b", instagram, ""},
		{"no event", `{"object":"instagram","entry":[]}`, "", ""},
	}
	for _, tt := range tests {
		if got := loginOf(tt.secret, http.Header{}, []byte(tt.body)); got != tt.want {
			t.Errorf("loginOf(%s, signed with %q) = %q, want %q", tt.name, tt.secret, got, tt.want)
		}
	}
	unversioned := http.Header{"Facebook-Api-Version": {"unversioned"}}
	if got := loginOf(instagram, unversioned, []byte(direct)); got != webhook.Messenger {
		t.Errorf("loginOf(the Messenger product's Test) = %q, want %q", got, webhook.Messenger)
	}
}
