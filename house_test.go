// Package igloo_test holds the rules of the house: who may import whom, and what
// no package may do. It reads the source itself, because a test that asks the go
// command can pass from the test cache after a forbidden import.
package igloo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/igloo-dev/igloo"

// room is what one package may import besides the standard library.
type room struct {
	ours    []string // packages of this module, by folder
	foreign []string // other modules' packages: this path and all below it
	// talks means that the package reads flags and the environment, as a command does.
	talks bool
}

const (
	jsontext = "github.com/go-json-experiment/json/jsontext"
	yaml     = "github.com/goccy/go-yaml"
)

// house is the import table. Test files may import what they like. It is drawn in
// docs/architecture.md; a new row needs a noun of its own and two users.
var house = map[string]room{
	"internal/secret":  {},
	"internal/capture": {},
	"internal/webhook": {ours: []string{"internal/secret"}, foreign: []string{jsontext}},
	"internal/graph":   {ours: []string{"internal/secret"}},
	"internal/journal": {ours: []string{"internal/webhook"}, foreign: []string{"zombiezen.com/go/sqlite"}},
	"internal/forward": {ours: []string{"internal/journal"}},
	"internal/receiver": {
		ours: []string{"internal/journal", "internal/webhook", "internal/secret"},
	},
	"internal/check": {
		ours: []string{"simulator", "fixtures", "internal/webhook", "internal/secret"},
	},
	"internal/graph/graphtest": {},
	"fixtures": {
		ours:    []string{"internal/webhook"},
		foreign: []string{"github.com/fsnotify/fsnotify", jsontext, yaml},
	},
	"simulator": {ours: []string{"fixtures", "internal/webhook", "internal/secret"}},
	"tunnel": {
		ours:    []string{"internal/secret"},
		foreign: []string{"golang.ngrok.com/ngrok/v2", "golang.org/x/crypto"},
	},
	"tunnel/tunneltest": {
		ours: []string{"tunnel", "internal/secret"},
		foreign: []string{
			"golang.ngrok.com/muxado/v2", "golang.org/x/crypto", "github.com/letsencrypt/pebble/v2", "github.com/miekg/dns",
		},
	},
	"tui": {
		ours: []string{"internal/journal", "fixtures", "internal/webhook"},
		foreign: []string{
			"charm.land", "github.com/charmbracelet/x/ansi", "github.com/charmbracelet/colorprofile",
		},
	},
	"cmd/igloo": {
		ours: []string{
			"tunnel", "simulator", "fixtures", "tui", "internal/webhook", "internal/secret",
			"internal/journal", "internal/receiver", "internal/forward", "internal/graph", "internal/check",
			"internal/capture",
		},
		foreign: []string{
			"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/charmbracelet/x/term", "github.com/charmbracelet/colorprofile",
			"github.com/gofrs/flock", "golang.org/x/sync", "golang.org/x/sys", yaml,
		},
		talks: true,
	},
	"bench": {
		ours:    []string{"internal/journal", "internal/webhook", "internal/secret"},
		foreign: []string{"golang.org/x/sync", "golang.org/x/sys"},
		talks:   true,
	},
}

// noLinks are standard packages that look methods up by name while the program
// runs, so that the linker keeps every exported method of everything: +5.8 MB.
var noLinks = []string{"text/template", "html/template", "net/http/pprof"}

// environment is what only a command reads: everything else takes a Config.
var environment = []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args"}

// source is one parsed Go file.
type source struct {
	folder, name string // slash-separated, from the root
	test         bool
	file         *ast.File
}

func TestImports(t *testing.T) {
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		room, ok := house[src.folder]
		if !ok {
			t.Errorf("%s: the folder %q has no row in the import table of house_test.go; put the file into a package that has one, or add a row (a new package needs a noun of its own and two users)", src.name, src.folder)
			continue
		}
		for _, path := range imports(t, src) {
			ours, isOurs := strings.CutPrefix(path, module+"/")
			switch {
			case slices.Contains(noLinks, path):
				t.Errorf("%s imports %q, which makes the linker keep every method (+5.8 MB); format by hand", src.name, path)
			case path == "C":
				t.Errorf("%s imports \"C\"; igloo builds with CGO_ENABLED=0 everywhere", src.name)
			case path == "flag" && !room.talks:
				t.Errorf("%s imports %q; only cmd/igloo reads flags: take a field in the package's Config", src.name, path)
			case isOurs && !slices.Contains(room.ours, ours):
				t.Errorf("%s imports %q; %s may import of ours: %s. Turn the dependency round with a small interface here that cmd/igloo satisfies", src.name, path, src.folder, list(room.ours))
			case !isOurs && !standard(path) && !slices.ContainsFunc(room.foreign, holds(path)):
				t.Errorf("%s imports %q; %s may import of others: %s. Use the standard library, or name the dependency in docs/adr and in house_test.go", src.name, path, src.folder, list(room.foreign))
			}
		}
	}
}

// The API of jsontext is experimental until it is in the standard library, so a
// change of it must stay a change of one file in each package.
func TestJSONTextInOneFile(t *testing.T) {
	first := map[string]string{}
	for _, src := range sources(t) {
		if src.test || !slices.Contains(imports(t, src), jsontext) {
			continue
		}
		if other, ok := first[src.folder]; ok {
			t.Errorf("%s and %s both import %q; keep it in one file of the package", other, src.name, jsontext)
		}
		first[src.folder] = src.name
	}
}

func TestPackageComments(t *testing.T) {
	const promise = "The package makes no API promise before v1."
	comments, names := map[string][]string{}, map[string]string{}
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		names[src.folder] = src.file.Name.Name
		if text := src.file.Doc.Text(); text != "" {
			comments[src.folder] = append(comments[src.folder], text)
		}
	}
	for folder, name := range names {
		if len(comments[folder]) != 1 {
			t.Errorf("package %s has %d package comments, want 1: say what it is in the file named like the package, or in doc.go", folder, len(comments[folder]))
			continue
		}
		text, command := comments[folder][0], name == "main"
		switch {
		case command && !strings.HasPrefix(text, "Command "+path.Base(folder)+" "):
			t.Errorf("the package comment of %s does not start with \"Command %s \"", folder, path.Base(folder))
		case !command && !strings.HasPrefix(text, "Package "+name+" "):
			t.Errorf("the package comment of %s does not start with \"Package %s \"", folder, name)
		case !command && !strings.HasSuffix(strings.Join(strings.Fields(text), " "), promise):
			t.Errorf("the package comment of %s does not end with %q", folder, promise)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, src := range sources(t) {
		for _, decl := range src.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function, which every start pays for; build the value in a constructor or in a package variable", src.name)
			}
		}
	}
}

func TestOnlyCommandsReadTheEnvironment(t *testing.T) {
	for _, src := range sources(t) {
		if src.test || house[src.folder].talks {
			continue
		}
		ast.Inspect(src.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains(environment, sel.Sel.Name) {
				t.Errorf("%s uses os.%s; only cmd/igloo reads flags, environment and files of settings: take a field in the package's Config", src.name, sel.Sel.Name)
			}
			return true
		})
	}
}

// A path of somebody's machine in the repository means that something works there
// and nowhere else.
func TestNoMachinePaths(t *testing.T) {
	machine := regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(work|root|home|Users)/[\w.-]+`)
	walk(t, func(name string) {
		if path.Ext(name) == ".gif" || path.Ext(name) == ".png" {
			return
		}
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			if found := machine.FindString(line); found != "" {
				t.Errorf("%s:%d holds a path of one machine, %q; make it relative, or take it from the user", name, i+1, strings.TrimSpace(found))
			}
		}
	})
}

// Every command that the README's examples type must be one: the word is the Use of a
// command, or an alias.
func TestREADMECommands(t *testing.T) {
	known := map[string]bool{}
	for _, src := range sources(t) {
		if src.folder == "cmd/igloo" && !src.test {
			for _, text := range literals(src.file) {
				name, _, _ := strings.Cut(text, " ")
				known[name] = true
			}
		}
	}
	example := regexp.MustCompile(`^(?:\$ )?igloo ([a-z]+)`)
	fenced := false
	for line := range strings.Lines(string(read(t, "README.md"))) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if found := example.FindStringSubmatch(line); fenced && found != nil && !known[found[1]] {
			t.Errorf("README.md says %q; no command has that name", found[0])
		}
	}
}

// literals returns the values of a file's string literals.
func literals(file *ast.File) []string {
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	files := token.NewFileSet()
	walk(t, func(name string) {
		if path.Ext(name) != ".go" || path.Dir(name) == "." {
			return
		}
		file, err := parser.ParseFile(files, name, read(t, name), parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("parse %s: %v", name, err)
		}
		out = append(out, source{
			folder: path.Dir(name), name: name, file: file, test: strings.HasSuffix(name, "_test.go"),
		})
	})
	if len(out) == 0 {
		t.Fatal("no Go files found; run the test from the root of the repository")
	}
	return out
}

// walk calls visit with every file of the repository that git would keep: not with
// what builds and benchmarks leave behind, nor with the tools' own module.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	left := []string{".git", "dist", "bench/out", "tools"}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(left, name) || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.Type().IsRegular() && !built(name):
			visit(name)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read the repository: %v", err)
	}
}

// built reports whether the file is one that a build or a test run leaves behind.
func built(name string) bool {
	return name == "igloo" || slices.Contains([]string{".test", ".prof", ".exe"}, path.Ext(name))
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("read a source file: %v", err)
	}
	return data
}

func imports(t *testing.T, src source) []string {
	t.Helper()
	var out []string
	for _, spec := range src.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: import %s: %v", src.name, spec.Path.Value, err)
		}
		out = append(out, name)
	}
	return out
}

// standard reports whether an import path is one of the standard library: no other
// has a first element without a dot.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}

// holds returns whether an entry of the table covers the import path.
func holds(name string) func(string) bool {
	return func(entry string) bool {
		return name == entry || strings.HasPrefix(name, entry+"/")
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
