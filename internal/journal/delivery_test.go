package journal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/journal"
)

func TestConversations(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string
	}{
		{"a message", `{"object":"instagram","entry":[{"id":"9","messaging":[{"sender":{"id":"1"},"recipient":{"id":"9"},"message":{"text":"hi"}}]}]}`, []string{"9/1"}},
		{"its echo", `{"object":"instagram","entry":[{"id":"9","messaging":[{"sender":{"id":"9"},"recipient":{"id":"1"},"message":{"text":"hi","is_echo":true}}]}]}`, []string{"9/1"}},
		{
			"a batch, each once",
			`{"object":"instagram","entry":[{"id":"9","messaging":[{"sender":{"id":"2"},"message":{}},{"sender":{"id":"1"},"message":{}},{"sender":{"id":"2"},"read":{}}]}]}`,
			[]string{"9/1", "9/2"},
		},
		{"no sender", `{"object":"instagram","entry":[{"id":"9","messaging":[{"read":{"mid":"m"}}]}]}`, []string{"9/"}},
		{"nobody", `{"object":"instagram"}`, []string{}},
		{"no payload", `hello`, nil},
		{"nothing", ``, nil},
	}
	for _, tt := range tests {
		got := journal.Delivery{Body: []byte(tt.body)}.Conversations()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
