package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
)

func (b builder) fixturesInit() *cobra.Command {
	c := &cobra.Command{
		Use: "init [DIR]", Short: "Copy built-in fixtures into the project, to edit", Args: cobra.MaximumNArgs(1),
		Long: `Copy built-in fixtures into the project's fixtures folder, with the JSON Schema editors
use. Files that exist are left alone.`,
		Example: `  igloo fixtures init
  igloo fixtures init testdata/webhooks`,
	}
	c.RunE = b.run(func(c *command, _ *cobra.Command, args []string) error {
		dir := c.project.fixturesDir()
		if len(args) == 1 {
			dir = args[0]
		}
		return c.initFixtures(dir)
	})
	return c
}

// starters are the fixtures fixtures init copies: one of each kind people edit.
var starters = []string{"comments", "comments/reply", "messages/text", "messages/image", "message_reactions", "messaging_postbacks"}

func (c *command) initFixtures(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the user's project, meant to be shared
		return fmt.Errorf("make the fixtures folder: %w", err)
	}
	files := map[string][]byte{fixtures.SchemaFile: []byte(fixtures.Schema())}
	for _, name := range starters {
		f, err := fixtures.Builtin().Get(name)
		if err != nil {
			return err
		}
		// The copy names the schema beside it, so that editors need no network.
		if files[f.Name+".json"], err = fixtures.Format(f, fixtures.Layout{Schema: schemaBeside(f.Name)}); err != nil {
			return err
		}
	}
	written, kept := 0, 0
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as above
			return fmt.Errorf("make the fixtures folder: %w", err)
		}
		switch err := writeNew(path, data, sharedFile); {
		case errors.Is(err, fs.ErrExist):
			kept++
		case err != nil:
			return fmt.Errorf("write %s: %w", name, err)
		default:
			written++
		}
	}
	fmt.Fprintf(c.stderr, "igloo: wrote %s to %s", plural(written, "file", "files"), dir)
	if kept > 0 {
		fmt.Fprintf(c.stderr, ", left %d that were there", kept)
	}
	fmt.Fprintln(c.stderr)
	c.warnPackage(dir)
	return nil
}

// schemaBeside is the way from a fixture of a name to the schema of its folder.
func schemaBeside(name string) string {
	return strings.Repeat("../", strings.Count(name, "/")) + fixtures.SchemaFile
}

// The permissions of files in the user's project.
const (
	sharedFile  fs.FileMode = 0o644 // to be committed and shared
	privateFile fs.FileMode = 0o600 // with people's messages in it
)

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
