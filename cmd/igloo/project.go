package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
)

// configFile is the name of a project's configuration file; its folder is the project.
const configFile = "igloo.yaml"

// project is the folder igloo works for, and where it keeps what belongs to it.
type project struct {
	Dir     string // folder of igloo.yaml, else the git root, else the working directory
	Config  string // path of its igloo.yaml, "" when there is none
	DataDir string // journal, development secret, verify token; user-only

	unplaced error // why there is no DataDir; for those who need it
}

// findProject looks from dir upward.
func findProject(dir string) (project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return project{}, fmt.Errorf("find project: %w", err)
	}
	for _, mark := range []string{configFile, ".git"} {
		for at := dir; ; at = filepath.Dir(at) {
			if _, err := os.Stat(filepath.Join(at, mark)); err == nil {
				p := project{Dir: at}
				if mark == configFile {
					p.Config = filepath.Join(at, configFile)
				}
				return p, nil
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return project{Dir: dir}, nil
}

// place sets the data directory: dir when given, else the project's own in the
// user's state dir. Without a place create says so.
func (p *project) place(dir string, env func(string) string) {
	if dir == "" {
		state, err := stateDir(env)
		if err != nil {
			p.unplaced = err
			return
		}
		p.DataDir = filepath.Join(state, "projects", safeName(filepath.Base(p.Dir))+"-"+shortHash(p.Dir))
		return
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.Dir, dir)
	}
	p.DataDir = filepath.Clean(dir)
}

// create makes the data directory, for the user only.
func (p *project) create() error {
	if p.unplaced != nil {
		return p.unplaced
	}
	if err := os.MkdirAll(p.DataDir, 0o700); err != nil {
		return withHint(fmt.Errorf("create the data directory: %w", err), "choose a folder you can write to: --data-dir DIR")
	}
	return nil
}

// fixturesDir is the folder of the project's own fixtures.
func (p *project) fixturesDir() string { return filepath.Join(p.Dir, "fixtures") }

func (p *project) journalPath() string { return filepath.Join(p.DataDir, "journal.db") }

func (p *project) logPath() string { return filepath.Join(p.DataDir, "igloo.log") }

// key names the project's session in the runtime dir.
func (p *project) key() string { return shortHash(p.DataDir) }

// keep returns the secret text in a file of the data directory, and makes it with
// generate the first time.
func (p *project) keep(name string, generate func() string) (secret.Value, error) {
	path := filepath.Join(p.DataDir, name)
	data, err := os.ReadFile(path)
	if err == nil {
		if text := strings.TrimSpace(string(data)); text != "" {
			return secret.New(text), nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return secret.Value{}, fmt.Errorf("read %s: %w", name, err)
	}
	text := generate()
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		return secret.Value{}, fmt.Errorf("keep %s: %w", name, err)
	}
	return secret.New(text), nil
}

// The files of what igloo makes for a project.
const (
	developmentSecretFile = "development-secret"
	verifyTokenFile       = "verify-token"
)

// made returns what igloo has made for the project before, empty when it has not.
func (p *project) made(name string) secret.Value {
	data, err := os.ReadFile(filepath.Join(p.DataDir, name))
	if err != nil {
		return secret.Value{}
	}
	return secret.New(strings.TrimSpace(string(data)))
}

// developmentSecret is the app secret of a project that has none of its own.
func (p *project) developmentSecret() (secret.Value, error) {
	return p.keep(developmentSecretFile, func() string { return randomHex(16) })
}

// verifyToken is the verify token igloo makes for a project. It is short and plain:
// people paste it into the dashboard.
func (p *project) verifyToken() (secret.Value, error) {
	return p.keep(verifyTokenFile, func() string { return "vt_" + randomHex(8) })
}

// stateDir is igloo's folder for what it must keep between runs.
func stateDir(env func(string) string) (string, error) {
	if dir := env("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "igloo"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := env("LocalAppData"); dir != "" {
			return filepath.Join(dir, "igloo"), nil
		}
	}
	home, err := homeDir(env)
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "igloo"), nil
}

// userConfig is the path of the user's own configuration.
func userConfig(env func(string) string) (string, error) {
	if dir := env("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "igloo", "config.yaml"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := env("AppData"); dir != "" {
			return filepath.Join(dir, "igloo", "config.yaml"), nil
		}
	}
	home, err := homeDir(env)
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".config", "igloo", "config.yaml"), nil
}

// runtimeDir is where the sockets of running sessions live, for the user only.
func runtimeDir(env func(string) string) (string, error) {
	if dir := env("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return filepath.Join(dir, "igloo"), nil
		}
	}
	state, err := stateDir(env)
	if err != nil {
		return "", err
	}
	return filepath.Join(state, "run"), nil
}

func homeDir(env func(string) string) (string, error) {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	if home := env(name); home != "" {
		return home, nil
	}
	return "", withHint(fmt.Errorf("$%s is not set, so there is no place to keep the journal", name), "name one: --data-dir DIR")
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:5])
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// safeName makes a folder name readable in the state dir whatever characters it has.
func safeName(name string) string {
	name = strings.Trim(unsafeInName.ReplaceAllString(name, "-"), "-.")
	if len(name) > 40 {
		name = name[:40]
	}
	if name == "" {
		return "root"
	}
	return name
}

func randomHex(n int) string {
	buf := make([]byte, n)
	_, _ = rand.Read(buf) // never fails, by its documentation
	return hex.EncodeToString(buf)
}
