package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// untrusted lists the flags a cloned repository must not set: each could send the
// user's keys or traffic to somebody else, or read a file of the user's.
var untrusted = []string{"ngrok-connect-url", "ngrok-ca", "ngrok-policy", "forward-ca", "data-dir"}

// trustedHere reports whether a project's own igloo.yaml or .env may set a flag.
// data-dir is the exception of the list: it may move inside the project only.
func trustedHere(name, value string) bool {
	if name == "data-dir" {
		return filepath.IsLocal(value)
	}
	return !slices.Contains(untrusted, name)
}

// config is what is known about a run before its command starts: the project, and
// every value with the place it came from.
type config struct {
	project project
	env     map[string]string // the environment
	dotenv  map[string]string // the project's .env, the names igloo knows
	origin  map[string]string // flag name → where its value came from
	warns   []string          // for stderr, once
	layers  []layer           // where flags get their values, strongest first
}

// getenv returns an environment variable.
func (c *config) getenv(name string) string { return c.env[name] }

// lookup returns a variable of the environment, else of the project's .env.
func (c *config) lookup(name string) (value, from string) {
	if v := c.env[name]; v != "" {
		return v, "$" + name
	}
	if v := c.dotenv[name]; v != "" {
		return v, ".env (" + name + ")"
	}
	return "", ""
}

// loadConfig finds the project and gives every flag that was not typed its value
// from the environment, the project's .env, its igloo.yaml, or the user's
// configuration, in this order.
func loadConfig(environ []string, flags *pflag.FlagSet) (*config, error) {
	c := &config{env: map[string]string{}, origin: map[string]string{}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		c.env[name] = value
	}
	wd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	if c.project, err = findProject(wd); err != nil {
		return nil, err
	}
	if c.layers, err = c.readLayers(wd); err != nil {
		return nil, err
	}
	var problem error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			c.origin[f.Name] = "--" + f.Name
			return
		}
		for _, layer := range c.layers {
			value, where, ok := layer(f.Name)
			if !ok || problem != nil {
				continue
			}
			if err := f.Value.Set(value); err != nil {
				problem = usagef("", "%s: %s is not a value for %s: %s", where, quoteValue(value), f.Name, err)
			}
			f.Changed = true
			c.origin[f.Name] = where
			return
		}
	})
	if problem != nil {
		return nil, problem
	}
	dataDir := ""
	if f := flags.Lookup("data-dir"); f != nil {
		dataDir = f.Value.String()
		if f.Changed && c.origin["data-dir"] == "--data-dir" || strings.HasPrefix(c.origin["data-dir"], "$") {
			dataDir = absolute(wd, dataDir)
		}
	}
	return c, c.project.place(dataDir, c.getenv)
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// layer answers for one flag: its value, where it stands, and whether it is there.
type layer func(flag string) (value, where string, ok bool)

func (c *config) readLayers(wd string) ([]layer, error) {
	dir := wd
	if c.project.Config != "" {
		dir = c.project.Dir
	}
	var err error
	if c.dotenv, err = readDotenv(filepath.Join(dir, ".env")); err != nil {
		return nil, err
	}
	own, err := readYAML(c.project.Config)
	if err != nil {
		return nil, err
	}
	path, err := userConfig(c.getenv)
	if err != nil {
		path = "" // no home: nothing to read
	}
	user, err := readYAML(path)
	if err != nil {
		return nil, err
	}
	return []layer{
		func(flag string) (string, string, bool) {
			v, ok := c.env[envName(flag)]
			return v, "$" + envName(flag), ok && v != ""
		},
		c.ofProject(func(flag string) (string, string, bool) {
			v, ok := c.dotenv[envName(flag)]
			return v, ".env (" + envName(flag) + ")", ok && v != ""
		}),
		c.ofProject(own.lookup),
		user.lookup,
	}, nil
}

// ofProject drops what a cloned repository may not decide, and says so.
func (c *config) ofProject(from layer) layer {
	return func(flag string) (string, string, bool) {
		value, where, ok := from(flag)
		if ok && !trustedHere(flag, value) {
			c.warns = append(c.warns, fmt.Sprintf("%s sets %s, which a project may not: give --%s, %s or the user configuration", where, yamlName(flag), flag, envName(flag)))
			return "", "", false
		}
		return value, where, ok
	}
}

func envName(flag string) string {
	return "IGLOO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func yamlName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// dotenvNames are the names of .env igloo reads beside IGLOO_<FLAG>; everything
// else in the file is none of its business.
var dotenvNames = []string{
	"IGLOO_APP_SECRET", "IGLOO_VERIFY_TOKEN", "IGLOO_ACCESS_TOKEN",
	"APP_SECRET", "VERIFY_TOKEN", "TOKEN", "NGROK_AUTHTOKEN",
}

// readDotenv reads NAME=VALUE lines: comments, "export", single and double quotes.
func readDotenv(path string) (map[string]string, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the project's own .env
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, nil
		}
		return nil, fmt.Errorf("read .env: %w", err)
	}
	out := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || strings.HasPrefix(line, "#") || (!strings.HasPrefix(name, "IGLOO_") && !slices.Contains(dotenvNames, name)) {
			continue
		}
		out[name] = dotenvValue(strings.TrimSpace(value))
	}
	return out, nil
}

func dotenvValue(value string) string {
	for _, quote := range []string{`"`, `'`} {
		if rest, ok := strings.CutPrefix(value, quote); ok {
			if text, _, ok := strings.Cut(rest, quote); ok {
				return text
			}
		}
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}

// yamlFile is a flat configuration file.
type yamlFile struct {
	path   string
	values map[string]string
	lines  map[string]int
}

func (f *yamlFile) lookup(flag string) (value, where string, ok bool) {
	if f == nil {
		return "", "", false
	}
	value, ok = f.values[yamlName(flag)]
	return value, fmt.Sprintf("%s:%d", filepath.Base(f.path), f.lines[yamlName(flag)]), ok
}

// readYAML reads a configuration file; a missing one is nil. Every key is a flag's
// name with underscores, every value a scalar or a list of scalars.
func readYAML(path string) (*yamlFile, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path) //nolint:gosec // the configuration file itself
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	name := filepath.Base(path)
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, usagef("", "%s: %s", name, firstLine(err.Error()))
	}
	out := &yamlFile{path: path, values: map[string]string{}, lines: map[string]int{}}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		pairs, ok := mappingOf(doc.Body)
		if !ok {
			return nil, usagef("every line is a key and a value: forward_to: 3000", "%s:%d: not a mapping", name, doc.Body.GetToken().Position.Line)
		}
		for _, pair := range pairs {
			key, line := pair.Key.String(), pair.Key.GetToken().Position.Line
			value, ok := scalarOf(pair.Value)
			if !slices.Contains(configKeys(), key) {
				return nil, usagef(nearestHint(key, configKeys(), "the keys are in docs/config.md"), "%s:%d: unknown key %q", name, line, key)
			}
			if !ok {
				return nil, usagef("", "%s:%d: %s takes one value or a list of values", name, line, key)
			}
			out.values[key], out.lines[key] = value, line
		}
	}
	return out, nil
}

func mappingOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil, true
	}
	return nil, false
}

// scalarOf returns a scalar as it is written, a list joined with commas.
func scalarOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.SequenceNode:
		var items []string
		for _, item := range n.Values {
			text, ok := scalarOf(item)
			if !ok {
				return "", false
			}
			items = append(items, text)
		}
		return strings.Join(items, ","), true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// configKeys are the keys of igloo.yaml: the shared flags and those of listen.
func configKeys() []string {
	var keys []string
	var s sharedFlags
	var l listenFlags
	for _, set := range []func(*pflag.FlagSet){s.register, l.register} {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		set(flags)
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Name != "demo" && f.Name != "json" {
				keys = append(keys, yamlName(f.Name))
			}
		})
	}
	slices.Sort(keys)
	return keys
}

// secrets are the user's own keys, with the place each came from.
type secrets struct {
	App             []webhook.AppSecret
	AppFrom         string // "" when the user gave none
	VerifyToken     secret.Value
	VerifyTokenFrom string // "" when igloo made it
	Authtoken       secret.Value
	AuthtokenFrom   string
	values          []secret.Value // all of them, for redaction
}

// loadSecrets reads the secrets. The generic names count only in the project's .env:
// in the environment they may belong to anything.
func (c *config) loadSecrets() (secrets, error) {
	var s secrets
	if list, from := c.secretText("IGLOO_APP_SECRET", "APP_SECRET"); list != "" {
		keys, err := webhook.ParseAppSecrets(list)
		if err != nil {
			return s, usagef("separate several with commas: IGLOO_APP_SECRET=instagram=…,meta=…", "%s: %s", from, err)
		}
		s.App, s.AppFrom = keys, from
		for _, k := range keys {
			s.values = append(s.values, k.Value)
		}
	}
	token, from := c.secretText("IGLOO_VERIFY_TOKEN", "VERIFY_TOKEN", "TOKEN")
	s.VerifyToken, s.VerifyTokenFrom = secret.New(token), from
	if token, from := c.lookup("NGROK_AUTHTOKEN"); token != "" {
		s.Authtoken, s.AuthtokenFrom = secret.New(token), from
	} else if token, path := ngrokConfigToken(c.getenv); token != "" {
		s.Authtoken, s.AuthtokenFrom = secret.New(token), path
	}
	s.values = append(s.values, s.VerifyToken, s.Authtoken)
	return s, nil
}

// secretText returns a secret by its own name, else by a generic one of .env.
func (c *config) secretText(name string, generic ...string) (text, from string) {
	if text, from := c.lookup(name); text != "" {
		return text, from
	}
	for _, other := range generic {
		if text := c.dotenv[other]; text != "" {
			return text, ".env (" + other + ")"
		}
	}
	return "", ""
}

// ngrokConfigToken returns the authtoken of ngrok's own configuration file, in its
// second and third version.
func ngrokConfigToken(env func(string) string) (token, path string) {
	home, err := homeDir(env)
	if err != nil {
		return "", ""
	}
	for _, path := range []string{
		filepath.Join(home, ".config", "ngrok", "ngrok.yml"),
		filepath.Join(home, "Library", "Application Support", "ngrok", "ngrok.yml"),
		filepath.Join(env("LocalAppData"), "ngrok", "ngrok.yml"),
		filepath.Join(home, ".ngrok2", "ngrok.yml"),
	} {
		data, err := os.ReadFile(path) //nolint:gosec // ngrok's own file, read for its authtoken
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "authtoken:"); ok {
				if token := dotenvValue(strings.TrimSpace(value)); token != "" {
					return token, path
				}
			}
		}
	}
	return "", ""
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func quoteValue(value string) string { return fmt.Sprintf("%q", clean(value)) }
