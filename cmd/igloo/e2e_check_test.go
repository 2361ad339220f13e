//go:build unix

package main

import (
	"strings"
	"testing"
)

// Apps in other languages, that know of webhooks what Meta's documentation says, hold
// all that igloo asks of them, in less than five seconds.
func TestCheckOfAppsInOtherLanguages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ program, file string }{
		{"node", "app.mjs"},
		{"python3", "app.py"},
	} {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			binary := program(t, tt.program)
			s := newSandbox(t, "IGLOO_APP_SECRET=0123456789abcdef0123456789abcdef", "IGLOO_VERIFY_TOKEN=vt_Reference")
			_, port := startForeign(t, s, binary, tt.file)
			code, stdout, stderr := s.run(t, "check", port)
			if code != exitDone || !strings.Contains(stdout, "✓ all holds (41 passed, 5 sent and not judged, 1 skipped in ") {
				t.Errorf("check: exit code %d, want %d\n%s%s", code, exitDone, stdout, stderr)
			}

			other := newSandbox(t, "IGLOO_APP_SECRET=another-secret", "IGLOO_VERIFY_TOKEN=another-token")
			code, stdout, _ = other.run(t, "check", port)
			if code != exitNo || !strings.Contains(stdout, "✗ 2 checks do not hold: handshake (handshake-token), delivery (delivery-refused)") {
				t.Errorf("check with other keys: exit code %d, want %d and two reasons\n%s", code, exitNo, stdout)
			}
		})
	}
}
