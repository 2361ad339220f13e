package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// fixtureTarget says where made fixtures go: a file, a name in the project's fixtures
// folder, or stdout. Without any, a free name in that folder.
type fixtureTarget struct {
	File   string
	Name   string
	Stdout bool
	YAML   bool
}

func (t *fixtureTarget) register(flags *pflag.FlagSet) {
	flags.StringVar(&t.Name, "name", "", "call it `NAME` in the project's fixtures folder")
	flags.BoolVar(&t.Stdout, "stdout", false, "print it and write no file")
	flags.BoolVar(&t.YAML, "yaml", false, "write YAML instead of JSON")
}

func (t *fixtureTarget) check() error {
	ways := 0
	for _, used := range []bool{t.File != "", t.Name != "", t.Stdout} {
		if used {
			ways++
		}
	}
	t.Name = filepath.ToSlash(t.Name)
	if fixtures.IsFixtureFile(t.Name) {
		t.YAML = path.Ext(t.Name) != ".json"
		t.Name = strings.TrimSuffix(t.Name, path.Ext(t.Name))
	}
	switch {
	case ways > 1:
		return usagef("one of: a file, --name NAME, --stdout", "the fixture can go to one place only")
	case t.Name != "" && (!fs.ValidPath(t.Name) || strings.HasPrefix(path.Base(t.Name), ".")):
		return usagef("a path below the fixtures folder: --name shop/order", "--name: %s is no name of a fixture", quoteValue(t.Name))
	case t.File != "" && !fixtures.IsFixtureFile(t.File):
		return usagef("end it in .json, .yaml or .yml", "%s is no name of a fixture file", quoteValue(t.File))
	case t.File != "":
		t.YAML = strings.ToLower(filepath.Ext(t.File)) != ".json"
	}
	return nil
}

// madeFixture is a fixture that is about to be written.
type madeFixture struct {
	fixtures.Fixture
	bare     bool // write the payload alone, byte for byte
	scrubbed bool // personal data was taken out
}

// fixtureOf makes a fixture of what somebody received: scrubbed of personal data, or
// with keep as it is. secretName is the app secret that signed it, "" when nobody knows;
// source says where it comes from, in the words of a description.
func fixtureOf(body []byte, header http.Header, secretName, source string, keep bool) (madeFixture, error) {
	switch {
	case len(body) == 0:
		return madeFixture{}, errors.New("the request has no body")
	case len(body) > fixtures.MaxFileSize:
		return madeFixture{}, tooLarge("the body has", len(body))
	}
	if payload, ok := fixtures.FromPreview(body); ok {
		body = payload
	}
	made := madeFixture{Fixture: fixtures.Fixture{Login: loginOf(secretName, header, body), Payload: body}, bare: keep}
	kind := ""
	if payload, err := webhook.Parse(body); err == nil && len(payload.Events) > 0 {
		made.Field, kind = payload.Events[0].Field, payload.Events[0].Kind
	}
	if keep {
		return made, nil
	}
	scrubbed, err := fixtures.Scrub(body)
	if err != nil {
		return made, withHint(fmt.Errorf("scrub the body: %w", err), "take it as it is: --keep")
	}
	if kind != "" && kind != made.Field {
		source += ": " + kind
	}
	made.Payload, made.Description, made.scrubbed = scrubbed, source, true
	// The only header of Meta's that differs between deliveries of a dialect, and tells
	// nothing about anybody.
	if version := header.Get(webhook.APIVersionHeader); version != "" && len(version) < 20 {
		made.Header = []fixtures.HeaderField{{Name: webhook.APIVersionHeader, Value: version}}
	}
	return made, nil
}

// tooLarge says that igloo could not read what it would write.
func tooLarge(what string, size int) error {
	return fmt.Errorf("%s %s, and a fixture holds %d MiB at most", what, bytesText(int64(size)), fixtures.MaxFileSize>>20)
}

// loginOf is the product that sent a delivery, "" when nothing says. What only one
// product sends is that product's, whichever of the user's app secrets fits: it may be
// the only one igloo knows. Of the rest the secret that made the signature tells.
func loginOf(secretName string, header http.Header, body []byte) webhook.Login {
	bare, err := fixtures.Parse("body.json", body)
	payload, _ := webhook.Parse(body)
	if err != nil || len(payload.Events) == 0 {
		return ""
	}
	first := payload.Events[0]
	field, _ := webhook.LookupField(first.Field)
	switch {
	case bare.Login != webhook.InstagramLogin:
		return bare.Login
	case header.Get(webhook.APIVersionHeader) == "unversioned": // the Test of the Messenger product
		return webhook.Messenger
	case field.Dialect == webhook.Messaging && first.Section == webhook.InChanges: // the Test of Instagram Login
		return webhook.InstagramLogin
	case secretName == webhook.InstagramLogin.SecretName():
		return webhook.InstagramLogin
	case secretName == webhook.FacebookLogin.SecretName() && field.Dialect == webhook.Changes:
		return webhook.FacebookLogin
	case secretName == webhook.Messenger.SecretName():
		return webhook.Messenger
	}
	return ""
}

// writeFixtures writes made fixtures and says where. Nothing that exists is written
// over, and nothing is written unless all can be.
func (c *command) writeFixtures(t fixtureTarget, made []madeFixture) error {
	switch {
	case len(made) > 1 && t.Stdout:
		return usagef("write them: --name NAME gives NAME-1, NAME-2, …", "--stdout prints one fixture, and these are %d", len(made))
	case len(made) > 1 && t.File != "":
		return usagef("leave the file out, or name them: --name NAME gives NAME-1, NAME-2, …", "%d fixtures don't fit in one file", len(made))
	}
	paths, err := c.fixturePaths(t, made)
	if err != nil {
		return err
	}
	files := make([][]byte, len(made))
	for i, m := range made {
		if files[i], err = c.fixtureBytes(m, t, paths[i]); err != nil {
			return err
		}
	}
	if t.Stdout {
		c.warnOf(fixtures.Parse("the fixture"+extension(t), files[0]))
		return c.writeRaw(files[0])
	}
	for i, m := range made {
		if err := os.MkdirAll(filepath.Dir(paths[i]), 0o755); err != nil { //nolint:gosec // the user's project
			return fmt.Errorf("make the fixtures folder: %w", err)
		}
		mode := sharedFile
		if m.bare {
			mode = privateFile
		}
		if err := writeNew(paths[i], files[i], mode); err != nil {
			return fmt.Errorf("write the fixture: %w", err)
		}
		if err := c.sayWritten(paths[i], m); err != nil {
			return err
		}
	}
	if made[0].scrubbed && !c.JSON {
		fmt.Fprintln(c.stderr, "igloo: personal data is taken out; look it over before you share it")
	}
	return nil
}

// fixtureBytes returns the bytes of a fixture's file.
func (c *command) fixtureBytes(m madeFixture, t fixtureTarget, file string) ([]byte, error) {
	if m.bare {
		return m.Payload, nil
	}
	layout := fixtures.Layout{YAML: t.YAML}
	if name, ok := c.fixtureName(file); ok {
		if _, err := os.Stat(filepath.Join(c.project.fixturesDir(), fixtures.SchemaFile)); err == nil {
			layout.Schema = schemaBeside(name)
		}
	}
	data, err := fixtures.Format(m.Fixture, layout)
	if err != nil {
		return nil, err
	}
	// What igloo writes, igloo must read.
	if len(data) > fixtures.MaxFileSize {
		return nil, withHint(tooLarge("the fixture would have", len(data)), "take the body as it is: --keep")
	}
	if _, err := fixtures.Parse("the fixture"+extension(t), data); err != nil {
		return nil, withHint(err, "") // there is no file to check
	}
	return data, nil
}

func extension(t fixtureTarget) string {
	if t.YAML {
		return ".yaml"
	}
	return ".json"
}

// fixturePaths chooses the files. None of them exists.
func (c *command) fixturePaths(t fixtureTarget, made []madeFixture) ([]string, error) {
	if t.File != "" {
		whole, err := filepath.Abs(t.File)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", quoteValue(t.File), err)
		}
		t.File = whole
	}
	var paths []string
	taken := map[string]bool{}
	for i, m := range made {
		file := t.File
		switch {
		case t.Stdout:
			return make([]string, len(made)), nil
		case t.Name != "" && len(made) > 1:
			file = c.fixtureFile(fmt.Sprintf("%s-%d", t.Name, i+1), t)
		case t.Name != "":
			file = c.fixtureFile(t.Name, t)
		case file == "":
			file = c.freeFixture(m, t, taken)
		}
		if twin := existing(file); twin != "" {
			return nil, withHint(fmt.Errorf("%s is there already, and igloo does not write over it", clean(c.shortPath(twin))), "choose another name: --name NAME")
		}
		taken[file] = true
		paths = append(paths, file)
	}
	return paths, nil
}

func (c *command) fixtureFile(name string, t fixtureTarget) string {
	return filepath.Join(c.project.fixturesDir(), filepath.FromSlash(name)+extension(t))
}

// fixtureName returns the name a file has in the project's fixtures folder.
func (c *command) fixtureName(file string) (name string, ok bool) {
	rel, err := filepath.Rel(c.project.fixturesDir(), file)
	if err != nil || file == "" || !filepath.IsLocal(rel) {
		return "", false
	}
	return strings.TrimSuffix(filepath.ToSlash(rel), filepath.Ext(rel)), true
}

// freeFixture returns a file that is free: the field and the next number.
func (c *command) freeFixture(m madeFixture, t fixtureTarget, taken map[string]bool) string {
	stem := safeName(m.Field)
	if m.Field == "" {
		stem = "delivery"
	}
	for n := 1; ; n++ {
		if file := c.fixtureFile(fmt.Sprintf("%s-%d", stem, n), t); !taken[file] && existing(file) == "" {
			return file
		}
	}
}

// existing returns the file that already has the name of a fixture's file, in any of
// the languages; "" when it is free.
func existing(file string) string {
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	for _, candidate := range []string{file, stem + ".json", stem + ".yaml", stem + ".yml"} {
		if _, err := os.Lstat(candidate); !errors.Is(err, fs.ErrNotExist) {
			return candidate
		}
	}
	return ""
}

// sayWritten prints a fixture's path, and what to do with it.
func (c *command) sayWritten(file string, m madeFixture) error {
	f := fixtures.ReadFile(file)
	arg := c.shortPath(file)
	if name, ok := c.fixtureName(file); ok {
		f.Name = name
		if own, err := c.fixtures().Get(f.Name); err == nil && own.Path == file {
			arg = f.Name
		}
	}
	if c.JSON {
		return (&lineWriter{out: c.stdout}).write(newFixtureLine(f))
	}
	if _, err := fmt.Fprintln(c.stdout, clean(c.shortPath(file))); err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	c.warnOf(f, f.Err)
	if _, ok := c.fixtureName(file); ok {
		c.warnPackage(c.project.fixturesDir())
	}
	raw := ""
	if f.Err != nil {
		raw = " --raw"
	}
	if m.bare {
		fmt.Fprintln(c.stderr, "igloo: it is as it was received, with what it says of people")
	}
	fmt.Fprintf(c.stderr, "igloo: fire it: igloo fire %s%s\n", clean(arg), raw)
	return nil
}

// warnPackage says that fixtures in a folder are not found, when it holds Go source.
func (c *command) warnPackage(dir string) {
	if fixtures.IsPackage(dir) {
		fmt.Fprintf(c.stderr, "igloo: warning: %s holds Go source, so igloo takes it for a package and lists no fixture of it\n", clean(c.shortPath(dir)))
	}
}

// warnOf says what is odd about a fixture that was made, and why it can't be fired.
func (c *command) warnOf(f fixtures.Fixture, err error) {
	for _, w := range f.Warnings {
		fmt.Fprintf(c.stderr, "igloo: warning: %s\n", oneLine(w.Error()))
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "igloo: warning: %s\n", oneLine(err.Error()))
	}
}

// shortPath is a path as people in this folder would type it.
func (c *command) shortPath(file string) string {
	wd, err := os.Getwd()
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(wd, file); err == nil && filepath.IsLocal(rel) {
		return "." + string(filepath.Separator) + rel
	}
	return file
}
