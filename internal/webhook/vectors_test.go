package webhook_test

import (
	"os"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
)

// vectorKey signs the vectors. It is Meta's form, 32 hexadecimal characters, and
// used as text.
var vectorKey = secret.New("0123456789abcdef0123456789abcdef")

type vector struct {
	name         string
	body         []byte
	sha1, sha256 string
}

// vectors reads testdata/vectors.txt.
func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	var out []vector
	for ; len(lines) >= 4; lines = lines[4:] {
		out = append(out, vector{lines[0], []byte(lines[1]), lines[2], lines[3]})
	}
	if len(out) != 8 {
		t.Fatalf("%d vectors, want 8", len(out))
	}
	return out
}
