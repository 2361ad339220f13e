package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
)

func (b builder) fixtures() *cobra.Command {
	return b.group("fixtures", "The sample deliveries igloo can fire",
		b.fixturesList(), b.fixturesShow(), b.fixturesNew(), b.fixturesInit(), b.fixturesCheck(), b.fixturesSave(), b.fixturesImport())
}

// fixtureLine describes a fixture to programs.
type fixtureLine struct {
	Type        string `json:"type"` // "fixture"
	Name        string `json:"name"`
	Field       string `json:"field,omitempty"`
	Login       string `json:"login,omitempty"`
	Evidence    string `json:"evidence,omitempty"`
	NeverSent   bool   `json:"never_sent,omitempty"`
	Description string `json:"description,omitempty"`
	Builtin     bool   `json:"builtin"`
	Path        string `json:"path,omitempty"`
	Size        int    `json:"size"`
	Error       string `json:"error,omitempty"`
	Line        int    `json:"line,omitempty"`
	Column      int    `json:"column,omitempty"`

	Faults   []fixtureRemark `json:"faults,omitempty"`   // all that is wrong; error is the first
	Warnings []fixtureRemark `json:"warnings,omitempty"` // what is odd about one that can be fired
}

// fixtureRemark is one thing to say of a fixture's file.
type fixtureRemark struct {
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
}

func newFixtureLine(f fixtures.Fixture) fixtureLine {
	line := fixtureLine{
		Type: "fixture", Name: f.Name, Field: f.Field, Login: string(f.Login), Evidence: string(f.Evidence), NeverSent: f.NeverSent,
		Description: f.Description, Builtin: f.Builtin, Path: f.Path, Size: len(f.Payload),
	}
	for _, e := range f.Faults {
		line.Faults = append(line.Faults, fixtureRemark{e.Line, e.Column, e.Error()})
	}
	for _, e := range f.Warnings {
		line.Warnings = append(line.Warnings, fixtureRemark{e.Line, e.Column, e.Error()})
	}
	if f.Err != nil {
		line.Error = f.Err.Error()
		if broken, ok := errors.AsType[*fixtures.Error](f.Err); ok {
			line.Line, line.Column = broken.Line, broken.Column
		}
	}
	return line
}

func (b builder) fixturesList() *cobra.Command {
	c := &cobra.Command{
		Use: "list [NAME | PATTERN…]", Short: "List the fixtures: name, what it is, how sure its shape is",
		Long: `List the fixtures, all of them or those of names and patterns: "messages" lists messages and every
variant of it, 'messages/i*' those the pattern matches.

EVIDENCE says how sure a shape is. captured: a real delivery of it has been published.
documented: Meta's pages print it. assumed: inferred from its neighbours. documented,
never sent: Meta's pages print it, and deliveries look different. own: the project's.`,
		Example: `  igloo fixtures list
  igloo fixtures list messages
  igloo fixtures list 'page/*' --json`,
		ValidArgsFunction: b.completeFixtures,
	}
	c.RunE = b.run(func(c *command, _ *cobra.Command, args []string) error {
		all, err := listed(c.fixtures(), args)
		if err != nil {
			return err
		}
		if c.JSON {
			out := &lineWriter{out: c.stdout}
			for _, f := range all {
				if err := out.write(newFixtureLine(f)); err != nil {
					return err
				}
			}
			return nil
		}
		table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tFIELD\tLOGIN\tEVIDENCE\tDESCRIPTION")
		for _, f := range all {
			about := f.Description
			if f.Err != nil {
				about = "✗ " + oneLine(f.Err.Error())
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", cell(f.Name), cell(f.Field), f.Login, evidence(f), cell(about))
		}
		return table.Flush()
	})
	return c
}

// cell keeps a text inside its column.
func cell(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// listed returns the fixtures the arguments of fixtures list mean, each once, by name;
// without any all.
func listed(set *fixtures.Set, args []string) ([]fixtures.Fixture, error) {
	if len(args) == 0 {
		return set.All(), nil
	}
	var out []fixtures.Fixture
	for _, arg := range args {
		found, err := meant(set, arg)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	byName := func(a, b fixtures.Fixture) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(out, byName)
	return slices.CompactFunc(out, func(a, b fixtures.Fixture) bool { return a.Name == b.Name }), nil
}

// meant returns the fixtures of a name with its variants, or of a pattern.
func meant(set *fixtures.Set, arg string) ([]fixtures.Fixture, error) {
	name := strings.TrimSuffix(arg, "/")
	var out []fixtures.Fixture
	for _, f := range set.All() {
		if f.Name == name || strings.HasPrefix(f.Name, name+"/") {
			out = append(out, f)
		}
	}
	if out != nil {
		return out, nil
	}
	out, err := set.Match(arg)
	if missing, ok := errors.AsType[*fixtures.NotFoundError](err); ok && !strings.ContainsAny(arg, "*?[") {
		_, err = set.Get(missing.Name) // names the nearest
	}
	return out, err
}

// evidence says how sure a fixture's shape is.
func evidence(f fixtures.Fixture) string {
	switch {
	case !f.Builtin:
		return "own"
	case f.NeverSent:
		return string(f.Evidence) + ", never sent"
	}
	return string(f.Evidence)
}

func (b builder) fixturesShow() *cobra.Command {
	c := &cobra.Command{
		Use: "show NAME", Short: "Print a fixture's file", Args: exactly(1, "igloo fixtures show comments; igloo fixtures list names them"), ValidArgsFunction: b.completeFixtures,
		Long: `Print a fixture's file. To see the bytes that would be sent: igloo fire NAME --print http`,
	}
	c.RunE = b.run(func(c *command, _ *cobra.Command, args []string) error {
		found, err := c.fixtures().Resolve(args[0])
		if err != nil {
			return err
		}
		for _, f := range found {
			if c.JSON {
				line := struct {
					fixtureLine
					File string `json:"file"`
				}{newFixtureLine(f), string(f.File)}
				if err := (&lineWriter{out: c.stdout}).write(line); err != nil {
					return err
				}
				continue
			}
			if err := c.writeRaw(f.File); err != nil {
				return err
			}
		}
		return nil
	})
	return c
}

// completeFixtures completes the names of built-in and own fixtures.
func (b builder) completeFixtures(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	dir := "fixtures"
	if cfg, err := loadConfig(b.app.environ, cmd.Flags()); err == nil {
		dir = cfg.project.fixturesDir()
	}
	set, err := fixtures.Load(dir)
	if err != nil {
		set = fixtures.Builtin()
	}
	var out []string
	for _, f := range set.All() {
		if strings.HasPrefix(f.Name, prefix) {
			out = append(out, f.Name+"\t"+cell(f.Description))
		}
	}
	return out, cobra.ShellCompDirectiveDefault
}
