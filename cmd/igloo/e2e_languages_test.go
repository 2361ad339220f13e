//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Apps in other languages, that know of signatures what Meta's documentation says,
// accept what igloo fires.
func TestAppsInOtherLanguages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ program, file string }{
		{"node", "app.mjs"},
		{"python3", "app.py"},
	} {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			binary := program(t, tt.program)
			s := withSecret(t)
			app, port := startForeign(t, s, binary, tt.file)

			// All bodies that a signature could break on: escapes, both dialects, sizes.
			names := []string{"comments", "messages/text", "messages/image", "story_insights", "mentions"}
			l := s.listen(t, "--forward-to", port)
			if code, stdout, stderr := s.run(t, append([]string{"fire"}, names...)...); code != exitDone {
				t.Errorf("fire through the session: exit code %d, want %d\n%s%s", code, exitDone, stdout, stderr)
			}
			l.end(t)
			direct := append([]string{"fire", "--to", "http://127.0.0.1:" + port + "/webhook"}, names...)
			if code, stdout, stderr := s.run(t, direct...); code != exitDone {
				t.Errorf("fire --to: exit code %d, want %d\n%s%s", code, exitDone, stdout, stderr)
			}
			app.awaitOutput(t, &app.stdout, "a line for each delivery", func(text string) bool {
				return strings.Count(text, "POST /webhook 200 instagram ") == 2*len(names)
			})

			other := newSandbox(t, "IGLOO_APP_SECRET=another-secret")
			code, stdout, stderr := other.run(t, direct...)
			if code != exitNo || strings.Count(stdout, ": 401 in") != len(names) || !strings.Contains(stderr, "did not accept 5 deliveries") {
				t.Errorf("fire --to with another secret: exit code %d, want %d and 401 for each\n%s%s", code, exitNo, stdout, stderr)
			}
		})
	}
}

// startForeign starts an app of testdata/apps on a free port.
func startForeign(t *testing.T, s *sandbox, binary, file string) (app *process, port string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "apps", file))
	if err != nil {
		t.Fatal(err)
	}
	app = s.startProgram(t, exec.Command(binary, path, "0"))
	app.awaitOutput(t, &app.stdout, "a port", func(text string) bool {
		_, err := fmt.Sscanf(text, "listening on %s\n", &port)
		return err == nil && strings.Contains(text, "\n")
	})
	return app, port
}
