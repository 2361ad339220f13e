package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// TestJournalTrouble has a journal that cannot be opened, in every way there is. igloo
// says why and what to type, and leaves the file alone.
func TestJournalTrouble(t *testing.T) {
	t.Parallel()
	s := withSecret(t)
	data := filepath.Join(s.dir, "data")
	path := filepath.Join(data, "journal.db")
	l := s.listen(t, "--data-dir", data)
	for range 3 {
		if code, stdout, stderr := s.run(t, "fire", "comments"); code != exitDone {
			t.Fatalf("fire: exit code %d\n%s%s", code, stdout, stderr)
		}
	}
	l.end(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := append([]byte(nil), whole...)
	binary.BigEndian.PutUint32(newer[60:], 99) // user_version
	torn := append([]byte(nil), whole[:2*4096]...)
	for _, tt := range []struct {
		name, says, hint string
		file             []byte
	}{
		{"newer", "the journal was written by a newer igloo: version 99", "update igloo, or start a new one with --data-dir DIR", newer},
		{"damaged", "the file is damaged or not a journal", "keep the file for a look with sqlite3", torn},
		{"another file", "the file is damaged or not a journal", "keep the file for a look with sqlite3", []byte(strings.Repeat("dear diary\n", 500))},
	} {
		if err := os.WriteFile(path, tt.file, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"listen", "--tunnel", "none", "--listen", "127.0.0.1:0"}, {"events", "list"}, {"events", "prune", "--before", "0s"}, {"replay", "d1", "--to", "http://127.0.0.1:1"}} {
			code, stdout, stderr := s.run(t, append(args, "--data-dir", data)...)
			if code != exitFailed || stdout != "" || !strings.Contains(stderr, "igloo: error: ") || !strings.Contains(stderr, tt.says) || !strings.Contains(stderr, tt.hint) {
				t.Errorf("%s, igloo %s: exit code %d, want %d\nstdout %s\nstderr %s", tt.name, strings.Join(args, " "), code, exitFailed, stdout, stderr)
			}
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(tt.file) {
			t.Errorf("%s: the file has changed, or %v", tt.name, err)
		}
	}

	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(c, "begin exclusive", nil); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := s.run(t, "listen", "--tunnel", "none", "--listen", "127.0.0.1:0", "--data-dir", data)
	if code != exitFailed || !strings.Contains(stderr, "the journal is locked by another process") || !strings.Contains(stderr, "close it and try again") {
		t.Errorf("locked: exit code %d\n%s", code, stderr)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := s.run(t, "events", "list", "--data-dir", data); code != exitDone || strings.Count(stdout, "\n") != 3 {
		t.Errorf("unlocked: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// TestJournalOnFullDisk fills a real disk, gives room, and makes it read-only.
func TestJournalOnFullDisk(t *testing.T) {
	t.Parallel()
	s := withSecret(t)
	disk := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	// A process with a disk of its own, which is gone with it.
	const script = `mount -t tmpfs -o size=3m tmpfs "$1" && echo mounted && while read -r line; do eval "$line"; echo done; done`
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", disk)
	commands, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("unshare is not installed")
	}
	inside := s.startProgram(t, cmd)
	mounted := false
	inside.awaitOutput(t, &inside.stdout, "a disk", func(text string) bool {
		mounted = strings.Contains(text, "mounted")
		return mounted || !running(inside)
	})
	if !mounted {
		t.Skipf("no disk of our own here: %s", inside.stderr.String())
	}
	done := 0
	do := func(line string) {
		t.Helper()
		done++
		if _, err := commands.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
		inside.awaitOutput(t, &inside.stdout, line, func(text string) bool { return strings.Count(text, "done\n") == done })
	}

	data := filepath.Join(disk, "data")
	do("igloo listen --json --tunnel none --listen 127.0.0.1:0 --data-dir " + data + " >" + s.dir + "/said 2>&1 & session=$!")
	poll(t, "a session", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.dir, "said"))
		return strings.Contains(string(text), `"session"`)
	})
	fire := func(want int, says string) {
		t.Helper()
		if code, stdout, stderr := s.run(t, "fire", "comments"); code != want || !strings.Contains(stdout+stderr, says) {
			t.Errorf("fire: exit code %d, want %d and %q\n%s%s", code, want, says, stdout, stderr)
		}
	}
	fire(exitDone, "as d1 verified")
	do("dd if=/dev/zero of=" + disk + "/fill bs=1k 2>/dev/null || true")
	fire(exitFailed, "answered 503")
	if said, _ := os.ReadFile(filepath.Join(s.dir, "said")); !strings.Contains(string(said), "no space left for the journal") {
		t.Errorf("the session says\n%s", said)
	}
	do("rm " + disk + "/fill")
	fire(exitDone, "as d2 verified")
	do("kill -INT $session; wait $session; echo ended $?")
	if !strings.Contains(inside.stdout.String(), "ended 0") {
		t.Errorf("the session ended badly\n%s", inside.stdout.String())
	}

	do("mount -o remount,ro " + disk)
	do("igloo events list --data-dir " + data + " >" + s.dir + "/list 2>&1; echo listed $?")
	if list, _ := os.ReadFile(filepath.Join(s.dir, "list")); !strings.Contains(inside.stdout.String(), "listed 0") || strings.Count(string(list), "\n") != 2 {
		t.Errorf("events list on a read-only disk says\n%s", list)
	}
	do("igloo listen --tunnel none --listen 127.0.0.1:0 --data-dir " + data + " >" + s.dir + "/ro 2>&1; echo listened $?")
	if said, _ := os.ReadFile(filepath.Join(s.dir, "ro")); !strings.Contains(inside.stdout.String(), "listened 1") || !strings.Contains(string(said), "read-only") || !strings.Contains(string(said), "choose a folder you can write to") {
		t.Errorf("listen on a read-only disk says\n%s", said)
	}
	do("igloo events prune --before 0s --data-dir " + data + " >" + s.dir + "/prune 2>&1; echo pruned $?")
	if said, _ := os.ReadFile(filepath.Join(s.dir, "prune")); !strings.Contains(inside.stdout.String(), "pruned 1") || !strings.Contains(string(said), "read-only") {
		t.Errorf("events prune on a read-only disk says\n%s", said)
	}
	_ = commands.Close()
	if code := inside.wait(t); code != exitDone {
		t.Errorf("exit code %d\n%s", code, inside.stderr.String())
	}
}

// running reports whether a process has not ended.
func running(p *process) bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}
