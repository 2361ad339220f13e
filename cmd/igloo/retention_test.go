package main

import (
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

func TestParseRetention(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]struct {
		retention journal.Retention
		text      string
	}{
		"30d,1GB":   {journal.Retention{Age: 30 * day, Bytes: 1e9}, "30 days or 1.0 GB"},
		"1d":        {journal.Retention{Age: day}, "1 day"},
		"12h":       {journal.Retention{Age: 12 * time.Hour}, "12h0m0s"},
		"2w, 500MB": {journal.Retention{Age: 14 * day, Bytes: 5e8}, "14 days or 500.0 MB"},
		"1.5 gb":    {journal.Retention{Bytes: 15e8}, "1.5 GB"},
		"forever":   {journal.Retention{}, "forever"},
	} {
		got, err := parseRetention(text)
		if err != nil || got != want.retention {
			t.Errorf("parseRetention(%q) = %+v, %v, want %+v", text, got, err, want.retention)
		}
		if shown := retentionText(got); shown != want.text {
			t.Errorf("retentionText(%+v) = %q, want %q", got, shown, want.text)
		}
	}
	for _, text := range []string{"", "30", "30d,7d", "1GB,2GB", "0d", "-1d", "-1h", "GB", "-1GB", "1e30GB", "NaNGB", "99999999d", "30d;1GB", "1GB,", "never"} {
		if got, err := parseRetention(text); err == nil {
			t.Errorf("parseRetention(%q) = %+v, want an error", text, got)
		}
	}
}
