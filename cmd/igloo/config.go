package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/tunnel"
)

// untrusted lists the flags a cloned repository must not set: each could send the
// user's keys or traffic to somebody else, or read a file of the user's.
var untrusted = []string{
	"ngrok-connect-url", "ngrok-ca", "ngrok-policy", "forward-ca", "data-dir", "graph-facebook-url", "graph-instagram-url",
	"ssh-key", "ssh-remote", "tls-cert", "tls-key", "tls-listen", "mtls-ca", "acme-directory", "acme-ca",
}

// trustedHere reports whether a project's own igloo.yaml or .env may set a flag.
// data-dir is the exception of the list: it may move inside the project only. So is
// tunnel, which may name a service, and no server of somebody's.
func trustedHere(name, value string) bool {
	switch name {
	case "data-dir":
		return filepath.IsLocal(value)
	case "tunnel":
		return !slices.ContainsFunc(strings.Split(value, ","), func(one string) bool {
			server, isSSH := strings.CutPrefix(strings.TrimSpace(one), tunnelSSH+":")
			return isSSH && !slices.Contains(tunnel.SSHPresets(), server)
		})
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
	outside []layer           // what sets flags beside the command line, the strongest first
}

// environ returns the environment as NAME=value, sorted.
func (c *config) environ() []string {
	var env []string
	for name, value := range c.env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
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

// loadConfig finds the project and gives every shared flag and every flag of listen
// that was not typed its value from the environment, the project's .env, its
// igloo.yaml, or the user's configuration, in this order. The flags of other commands
// say what to do once: were they read from a cloned repository's .env, IGLOO_TO could
// send recorded messages to somebody else.
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
	if c.outside, err = c.layers(wd); err != nil {
		return nil, err
	}
	configurable := map[string]bool{}
	eachConfigFlag(func(f *pflag.Flag) { configurable[f.Name] = true })
	var problem error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			c.origin[f.Name] = "--" + f.Name
			return
		}
		if !configurable[f.Name] {
			return
		}
		for _, layer := range c.outside {
			value, where, ok := layer(f.Name)
			if !ok || problem != nil {
				continue
			}
			if err := f.Value.Set(value); err != nil {
				problem = usagef("", "%s: %s is not %s, as %s wants", where, quoteValue(value), kindOf(f), yamlName(f.Name))
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
		if c.origin["data-dir"] == "--data-dir" || strings.HasPrefix(c.origin["data-dir"], "$") {
			dataDir = absolute(wd, dataDir)
		}
	}
	c.project.place(dataDir, c.getenv)
	return c, nil
}

// setting returns what a flag of another command is set to outside the command line, ""
// when nothing sets it.
func (c *config) setting(flag string) string {
	for _, layer := range c.outside {
		if value, _, ok := layer(flag); ok {
			return value
		}
	}
	return ""
}

// kindOf is what a flag takes, for people.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int", "uint64", "float64":
		return "a number"
	}
	return "a text"
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// layer answers for one flag: its value, where it stands, and whether it is there.
type layer func(flag string) (value, where string, ok bool)

func (c *config) layers(wd string) ([]layer, error) {
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

// eachConfigFlag calls f with the shared flags, those of listen and those that say
// which app is meant, all of which can also be set outside the command line.
func eachConfigFlag(f func(*pflag.Flag)) {
	var shared sharedFlags
	var listen listenFlags
	var graph graphFlags
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	shared.register(flags)
	listen.register(flags)
	graph.register(flags)
	flags.VisitAll(f)
}

// configKeys are the keys of igloo.yaml. What is typed for one run has none.
func configKeys() []string {
	var keys []string
	eachConfigFlag(func(f *pflag.Flag) {
		if f.Name != "demo" && f.Name != "json" {
			keys = append(keys, yamlName(f.Name))
		}
	})
	slices.Sort(keys)
	return keys
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func quoteValue(value string) string { return fmt.Sprintf("%q", clean(value)) }
