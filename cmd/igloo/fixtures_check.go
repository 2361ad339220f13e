package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
)

func (b builder) fixturesCheck() *cobra.Command {
	c := &cobra.Command{
		Use: "check [PATH…]", Short: "Check fixture files: what is wrong, and where",
		Long: "Check fixture files, or the project's own folder. Exit code 3 when one is broken.",
		Example: `  igloo fixtures check
  igloo fixtures check testdata/webhooks my.json`,
	}
	c.RunE = b.run(func(c *command, _ *cobra.Command, args []string) error { return c.checkFixtures(args) })
	return c
}

func (c *command) checkFixtures(args []string) error {
	var all []fixtures.Fixture
	given := len(args) > 0
	if !given {
		args = []string{c.project.fixturesDir()}
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			hint := ""
			if !given {
				hint = "make one with samples: igloo fixtures init"
			}
			return withHint(fmt.Errorf("%s: no such file or folder", clean(arg)), hint)
		case err != nil:
			return err
		case !info.IsDir():
			all = append(all, fixtures.ReadFile(arg))
			continue
		}
		c.warnPackage(arg)
		set, err := fixtures.Load(arg)
		if err != nil {
			return err
		}
		for _, f := range set.All() {
			if !f.Builtin {
				all = append(all, f)
			}
		}
	}
	if len(all) == 0 { // all is well with none, which may not be what was meant
		fmt.Fprintf(c.stderr, "igloo: warning: no fixture files in %s: they end in .json, .yaml or .yml, and stand beside no Go source\n", clean(strings.Join(args, ", ")))
		return nil
	}
	broken := 0
	out := &lineWriter{out: c.stdout}
	for _, f := range all {
		if f.Err != nil {
			broken++
		}
		if c.JSON {
			if err := out.write(newFixtureLine(f)); err != nil {
				return err
			}
			continue
		}
		for _, fault := range f.Faults {
			fmt.Fprintln(c.stdout, oneLine(fault.Error()))
		}
		for _, w := range f.Warnings {
			fmt.Fprintf(c.stdout, "%s (warning)\n", oneLine(w.Error()))
		}
	}
	if broken > 0 {
		return &answerNoError{fmt.Sprintf("%d of %s broken", broken, plural(len(all), "fixture is", "fixtures are"))}
	}
	fmt.Fprintf(c.stderr, "igloo: %s fine\n", plural(len(all), "fixture is", "fixtures are"))
	return nil
}
