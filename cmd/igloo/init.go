package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"
)

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
# retention: 30d,1GB
`

func (b builder) init() *cobra.Command {
	c := &cobra.Command{Use: "init", Short: "Write igloo.yaml and a fixtures folder here", Args: cobra.NoArgs}
	c.RunE = b.run(func(c *command, _ *cobra.Command, _ []string) error {
		path, err := filepath.Abs(configFile)
		if err != nil {
			return fmt.Errorf("write %s: %w", configFile, err)
		}
		switch err := writeNew(path, []byte(starterConfig), sharedFile); {
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
