//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/journal"
)

// openJournal opens a session's journal as the next session does, after it ended.
func openJournal(t *testing.T, dataDir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Config{Path: filepath.Join(dataDir, "journal.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// deliveries reads everything a journal holds.
func deliveries(t *testing.T, j *journal.Journal) []journal.Delivery {
	t.Helper()
	var all []journal.Delivery
	for after := int64(0); ; after = all[len(all)-1].ID {
		some, err := j.Since(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
	}
}

// checkLog fails when a session logged that something did not work.
func checkLog(t *testing.T, dataDir string) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dataDir, "igloo.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "level=ERROR") {
			t.Errorf("the log says %s", line)
			return
		}
	}
}

// checkHidden fails when a secret is in any of the texts or in any file below a
// folder.
func checkHidden(t *testing.T, secrets []string, texts map[string]string, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				return nil // a session's own files come and go
			}
			texts[path] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for where, text := range texts {
		for _, secret := range secrets {
			if at := bytes.Index([]byte(text), []byte(secret)); at >= 0 {
				t.Errorf("%s holds the secret %s…, around %q", where, secret[:4], text[max(0, at-60):at])
			}
		}
	}
}
