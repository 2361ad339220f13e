package capture_test

import (
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/capture"
	"github.com/igloo-dev/igloo/simulator"
)

// TestReadWhatIglooPrints reads every built-in fixture as igloo prints it: the bytes
// come back.
func TestReadWhatIglooPrints(t *testing.T) {
	target := &url.URL{Scheme: "http", Host: "localhost:3000", Path: "/webhook"}
	for _, f := range fixtures.Builtin().All() {
		request, err := simulator.Render(f, simulator.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		request.Sign(simulator.NewSecret("0123456789abcdef0123456789abcdef"))
		signature := request.Get("X-Hub-Signature-256")
		curl, err := request.Curl(target)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := request.AppendHTTP(nil, target)
		if err != nil {
			t.Fatal(err)
		}
		line, err := request.MarshalRequest(target)
		if err != nil {
			t.Fatal(err)
		}
		for notation, text := range map[string][]byte{"curl": []byte(curl + "\n"), "http": append(raw, '\n'), "json": line} {
			got, err := capture.Read(text)
			if err != nil || len(got) != 1 {
				t.Errorf("%s as %s: %d requests, %v", f.Name, notation, len(got), err)
				continue
			}
			if diff := cmp.Diff(string(request.Body), string(got[0].Body)); diff != "" {
				t.Errorf("%s as %s (-sent +read):\n%s", f.Name, notation, diff)
			}
			if got[0].Header.Get("X-Hub-Signature-256") != signature || got[0].Note != "" {
				t.Errorf("%s as %s: header %v, note %q", f.Name, notation, got[0].Header, got[0].Note)
			}
		}
	}
}

// TestShellAgreesWithBash lets the real shell cut the same commands into words.
func TestShellAgreesWithBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	commands := []string{
		`curl x -d 'a b'"c d"e\ f`,
		`curl x -d "a\"b\\c\$d\e` + "\\\n" + `f"`,
		`curl x -d $'a\'b\\c\n\t\x41\101\u00e9\U0001f44b\q'`,
		`curl x -d ''`,
		`curl x -d a#b # c`,
		`curl x \` + "\n" + `  -d \` + "\n" + `'a'`,
		`X=1 curl x -d 'it'\''s' > /dev/null; true`,
		`curl x -d '$HOME'`,
		"curl x -d 'two\nlines' | cat",
		"true && curl x -d a=b",
		`curl x -d {a}`,
	}
	for _, command := range commands {
		// The function prints what follows -d, as curl would send it.
		script := `curl() { while [ $# -gt 0 ]; do if [ "$1" = -d ]; then printf %s "$2" >&3; fi; shift; done; }; exec 3>&1; ` + command
		cmd := exec.CommandContext(t.Context(), bash, "-c", script)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8") // for \u
		want, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		got, err := capture.Read([]byte(command))
		if err != nil || len(got) != 1 {
			t.Errorf("Read(%s) = %d requests, %v", command, len(got), err)
			continue
		}
		if string(got[0].Body) != string(want) {
			t.Errorf("Read(%s) body = %q, bash says %q", command, got[0].Body, want)
		}
	}
}
