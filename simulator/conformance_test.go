package simulator_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// TestEveryFileIsAFixture finds files nobody lists and fixtures without a file.
func TestEveryFileIsAFixture(t *testing.T) {
	listed := map[string]bool{}
	for _, f := range fixtures.Builtin().All() {
		listed[f.Name] = true
	}
	err := fs.WalkDir(os.DirFS("../fixtures/data"), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, isJSON := strings.CutSuffix(file, ".json")
		if !isJSON || !listed[name] {
			t.Errorf("fixtures/data/%s is no fixture", file)
		}
		delete(listed, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range listed {
		t.Errorf("fixture %q has no file", name)
	}
}

// TestEveryFixture renders, signs, verifies and parses each built-in fixture: it is
// the field it claims to be, in the dialect and for the product it claims.
func TestEveryFixture(t *testing.T) {
	secret := simulator.NewSecret(key)
	for _, f := range fixtures.Builtin().All() {
		t.Run(f.Name, func(t *testing.T) {
			if f.Err != nil || len(f.Warnings) > 0 {
				t.Fatalf("Err = %v, Warnings = %v", f.Err, f.Warnings)
			}
			if f.Description == "" || f.Evidence == "" || f.Login == "" || !f.Wrapped || !f.Builtin {
				t.Errorf("description %q, evidence %q, login %q, wrapped %t, built-in %t", f.Description, f.Evidence, f.Login, f.Wrapped, f.Builtin)
			}
			r, err := simulator.Render(f, simulator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r.Sign(secret)
			if err := webhook.Verify(secret, r.Body, r.Get(webhook.SignatureHeader)); err != nil {
				t.Errorf("Verify: %v", err)
			}
			if err := webhook.VerifySHA1(secret, r.Body, r.Get(webhook.SHA1SignatureHeader)); err != nil {
				t.Errorf("VerifySHA1: %v", err)
			}
			if strings.Contains(string(r.Body), "{{") || strings.Contains(string(r.Body), "iglooslot") {
				t.Errorf("a placeholder is left: %s", r.Body)
			}
			checkEvents(t, f, r)
			checkProduct(t, f, r)
		})
	}
}

func checkEvents(t *testing.T, f fixtures.Fixture, r *simulator.Request) {
	t.Helper()
	payload, err := webhook.Parse(r.Body)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if len(payload.Events) != 1 {
		t.Fatalf("%d events, want 1", len(payload.Events))
	}
	e := payload.Events[0]
	if test := strings.HasPrefix(f.Name, "test/"); test != (e.Flags&webhook.Test != 0) {
		t.Errorf("Test flag %t for %q", !test, f.Name)
	}
}

// checkProduct asserts that a fixture whose product can be told is for that product:
// another app secret would sign it.
func checkProduct(t *testing.T, f fixtures.Fixture, r *simulator.Request) {
	t.Helper()
	header := http.Header{}
	for _, h := range r.Header {
		header.Set(h.Name, h.Value)
	}
	secret := simulator.NewSecret(key)
	keyring, err := webhook.NewKeyring(webhook.AppSecret{Name: f.Login.SecretName(), Value: secret})
	if err != nil {
		t.Fatal(err)
	}
	if j := keyring.Judge(header, r.Body); j.Verdict != webhook.Verified || j.Reason != "" {
		t.Errorf("Judge = %+v, want verified without a warning", j)
	}
	known, _ := webhook.LookupField(f.Field)
	if want := known.Dialect; r.Dialect != want && !strings.HasPrefix(f.Name, "test/") && !f.NeverSent {
		t.Errorf("dialect %v, want %v", r.Dialect, want)
	}
	if body := string(r.Body); strings.Contains(body, `": `) != (r.Dialect == webhook.Changes) {
		t.Errorf("the body is not in the %v dialect: %s", r.Dialect, body)
	}
}

// TestEveryFieldHasAFixture covers the catalogue: what Instagram delivers and whose
// shape is known can be fired.
func TestEveryFieldHasAFixture(t *testing.T) {
	have := map[string]bool{}
	for _, f := range fixtures.Builtin().All() {
		have[f.Field] = true
	}
	for _, field := range webhook.Fields() {
		onInstagram := false
		for _, object := range field.Objects {
			onInstagram = onInstagram || object == "instagram"
		}
		if field.Shape && onInstagram && !have[field.Name] {
			t.Errorf("field %q has no fixture", field.Name)
		}
	}
}

// docRow is a row of the tables of docs/fixtures.md that names a fixture.
var docRow = regexp.MustCompile("(?m)^\\| `([a-z_/]+)` \\|.*(captured|documented|assumed|never sent) \\|$")

// TestEveryFixtureIsInTheDocs keeps the tables of docs/fixtures.md complete and true.
func TestEveryFixtureIsInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/fixtures.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range docRow.FindAllStringSubmatch(string(page), -1) {
		rows[m[1]] = m[0]
	}
	for _, f := range fixtures.Builtin().All() {
		evidence := string(f.Evidence)
		if f.NeverSent {
			evidence += ", never sent"
		}
		want := fmt.Sprintf("| `%s` | %s | %s | %s |", f.Name, f.Description, f.Login, evidence)
		if got := rows[f.Name]; got != want {
			t.Errorf("docs/fixtures.md says %q, want %s", got, want)
		}
		delete(rows, f.Name)
	}
	for name := range rows {
		t.Errorf("docs/fixtures.md lists `%s`, which is no fixture", name)
	}
	for _, p := range fixtures.Placeholders() {
		if !strings.Contains(string(page), "`{{"+p.Name) {
			t.Errorf("docs/fixtures.md does not explain {{%s}}", p.Name)
		}
	}
}
