//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// hostileTexts are comments by people who know that a developer reads them in a
// terminal.
var hostileTexts = []string{
	"\x1b[2J\x1b[1;1Hyour terminal was cleared",
	"\x1b]0;a title\x07\x1b]2;another\x1b\\",
	"\x1b]52;c;cm0gLXJmIC8=\x07",
	"\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
	"\u009b31mred by a C1 byte\u009b0m\u0090q\u009c",
	"user\u202egnp.exe\u2066\u2069\u200b\u200f\ufeff",
	"nul\x00nul\x7f\b\b\b\rovertyped\v\f",
	"line\u2028and\u2029paragraph\nand\n\nmore",
	"tags\U000e0061\U000e0062",
}

// comment is the body of a comment with a text, in a name, in an id and in the text
// itself.
func comment(t *testing.T, text string) string {
	t.Helper()
	value, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"object":"instagram","entry":[{"id":"17841405309211844","time":1795269740,"changes":[{"field":"comments","value":`+
		`{"id":%[1]s,"from":{"id":"232323232","username":%[1]s},"media":{"id":"123123123","media_product_type":"FEED"},"text":%[1]s}}]}]}`, value)
}

// printable reports the first character of a text that may move a cursor, change a
// terminal or reorder what is beside it.
func printable(text string) (bad rune, ok bool) {
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar) {
			return r, false
		}
	}
	return 0, true
}

// postHostile posts every hostile text: signed, unsigned, as a field's name, and in
// what is no JSON at all.
func postHostile(t *testing.T, client *http.Client, callbackURL string) (n int) {
	t.Helper()
	post := func(body, signature string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, callbackURL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if signature != "" {
			req.Header.Set("X-Hub-Signature-256", signature)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		n++
	}
	for _, text := range hostileTexts {
		body := comment(t, text)
		field := strings.Replace(body, `"comments"`, fmt.Sprintf("%q", strings.ToValidUTF8(text, "")), 1)
		for _, body := range []string{body, field, text, "{" + text} {
			post(body, signed(body))
		}
		post(body, "")
		post(body, "sha256="+"\u009b\u202e")
	}
	return n
}

func TestHostileTextInPlainMode(t *testing.T) {
	t.Parallel()
	// An answer of the app is somebody else's text too.
	app := newDevelopersApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Title", "\u009b2J\u202e")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(strings.Join(hostileTexts, " ")))
	})
	s := withSecret(t)
	p := s.start(t, "listen", "--ui", "plain", "--listen", "127.0.0.1:0", "--tunnel", "none", "--forward-to", app.URL())
	var ingress string
	p.awaitOutput(t, &p.stderr, "the local callback URL", func(text string) bool {
		_, rest, ok := strings.Cut(text, "callback URL on this machine: ")
		ingress, _, _ = strings.Cut(rest, "\n")
		return ok && strings.Contains(rest, "\n")
	})
	n := postHostile(t, http.DefaultClient, ingress)
	p.awaitOutput(t, &p.stdout, fmt.Sprintf("%d lines", n), func(text string) bool { return strings.Count(text, "\n") >= n })
	p.signal(t, os.Interrupt)
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
	if got := strings.Count(p.stdout.String(), "\n"); got != n {
		t.Errorf("%d lines for %d deliveries:\n%s", got, n, p.stdout.String())
	}
	outputs := map[string]string{"listen": p.stdout.String(), "listen, stderr": p.stderr.String()}
	for _, args := range [][]string{
		{"events", "list"}, {"events", "search", "terminal"}, {"events", "show", "d1"}, {"events", "show", "d7"}, {"events", "show", "d34"}, {"events", "stats"}, {"verify", "d5"},
	} {
		_, stdout, stderr := s.run(t, args...)
		outputs[strings.Join(args, " ")] = stdout + stderr
	}
	for name, text := range outputs {
		for line := range strings.Lines(text) {
			if bad, ok := printable(line); !ok {
				t.Errorf("%s prints %q in the line %q", name, bad, line)
				break
			}
		}
	}
}

// What is printed as it is goes to a terminal cleaned, and to a program as it is.
func TestRawBytesOnATerminal(t *testing.T) {
	t.Parallel()
	body := comment(t, "\u009b2Jgone\u202e")
	for _, args := range []string{"fixtures show ./hostile.json", "fire ./hostile.json --raw --print http", "fixtures import ./hostile.json --keep --stdout"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			if err := os.WriteFile(filepath.Join(s.dir, "hostile.json"), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, stdout, _ := s.run(t, strings.Fields(args)...); !strings.Contains(stdout, body) {
				t.Errorf("igloo %s prints %q to a program, want the body %q", args, stdout, body)
			}
			s.ask(t, args).see(t, "·2Jgone")
		})
	}
}

// In the terminal UI hostile text stays in its cell.
func TestHostileTextInTerminal(t *testing.T) {
	t.Parallel()
	if !atFullSpeed(t) {
		return
	}
	app := newDevelopersApp(t, nil)
	v, h := withSecret(t).open(t, 120, 36, "--tunnel", "none", "--forward-to", app.URL())
	v.see(t, "Waiting for the first event")
	title := v.do(t, "display-message", "-p", "#{pane_title}")
	n := postHostile(t, http.DefaultClient, h.Ingress)
	v.see(t, fmt.Sprintf("Deliveries %d", n))
	for range 4 {
		for _, tab := range []string{"1", "2", "3", "4", "5"} {
			v.press(t, tab)
		}
		v.press(t, "k", "k", "k")
	}
	v.press(t, "g", "4")
	v.see(t, `▌.* 200`)
	screen := v.screen(t)
	for line := range strings.SplitSeq(screen, "\n") {
		if bad, ok := printable(line); !ok {
			t.Errorf("the screen shows %q in %q", bad, line)
		}
	}
	if !strings.HasPrefix(screen, " igloo ") || !strings.Contains(screen, "╯") {
		t.Errorf("the screen is not whole:\n%s", screen)
	}
	if now := v.do(t, "display-message", "-p", "#{pane_title}"); now != title {
		t.Errorf("the terminal's title is %q, was %q", now, title)
	}
	if buffers := v.do(t, "list-buffers"); buffers != "" {
		t.Errorf("the clipboard holds %q", buffers)
	}
	v.press(t, "q")
	v.checkRestored(t, exitDone)
}
