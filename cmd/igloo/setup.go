package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for releases; builds from source say what they are
// made of.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

type versionLine struct {
	Type    string `json:"type"` // "version"
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (b builder) version() *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print igloo's version", Args: cobra.NoArgs}
	c.RunE = func(*cobra.Command, []string) error {
		line := versionLine{"version", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
		if b.shared.JSON {
			return (&lineWriter{out: b.app.stdout}).write(line)
		}
		_, err := fmt.Fprintf(b.app.stdout, "igloo %s (%s %s/%s)\n", line.Version, line.Go, line.OS, line.Arch)
		return err
	}
	return c
}

// starterConfig is the igloo.yaml that init writes. Every line is a comment: the
// defaults are good.
const starterConfig = `# igloo.yaml: how igloo runs in this project. Every key is a flag of igloo listen with
# underscores; flags, IGLOO_… variables and .env win over this file. All keys:
# docs/config.md. Secrets don't belong here: put IGLOO_APP_SECRET and
# IGLOO_VERIFY_TOKEN into .env, and .env into .gitignore.

# forward_to: http://localhost:3000/webhook
# path: /webhook
# tunnel: auto
# answer: igloo
# forward_concurrency: 16
`

func (b builder) init() *cobra.Command {
	c := &cobra.Command{Use: "init", Short: "Write igloo.yaml and a fixtures folder here", Args: cobra.NoArgs}
	c.RunE = b.run(func(c *command, _ *cobra.Command, _ []string) error {
		path, err := filepath.Abs(configFile)
		if err != nil {
			return fmt.Errorf("write %s: %w", configFile, err)
		}
		switch err := writeNew(path, []byte(starterConfig)); {
		case errors.Is(err, fs.ErrExist):
			fmt.Fprintf(c.stderr, "igloo: %s is there already, left as it is\n", configFile)
		case err != nil:
			return fmt.Errorf("write %s: %w", configFile, err)
		default:
			fmt.Fprintf(c.stderr, "igloo: wrote %s\n", configFile)
		}
		return c.initFixtures(filepath.Join(filepath.Dir(path), "fixtures"))
	})
	return c
}
