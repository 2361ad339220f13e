package main

import (
	"testing"
	"time"
)

func TestProgressText(t *testing.T) {
	tests := []struct {
		done, expected, failed int
		took                   time.Duration
		columns                int
		want                   string
	}{
		{50, 100, 0, time.Second, 80, "███████████████░░░░░░░░░░░░░░░ 50 of 100, 50/s"},
		{100, 100, 3, 2 * time.Second, 80, "██████████████████████████████ 100 of 100, 50/s, 3 failed"},
		{500, 1000, 0, time.Second, 40, "██████████░░░░░░░░░░ 500 of 1000, 500/s"},
		{500, 1000, 120, time.Second, 40, "500 of 1000, 500/s, 120 failed"},
		{0, 100, 0, 0, 20, "0 of 100, 0/s"},
	}
	for _, tt := range tests {
		if got := progressText(tt.done, tt.expected, tt.failed, tt.took, tt.columns); got != tt.want {
			t.Errorf("progressText(%d, %d, %d, %v, %d) = %q, want %q", tt.done, tt.expected, tt.failed, tt.took, tt.columns, got, tt.want)
		}
	}
}
