package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// printHelp writes a command's help. It is plain code instead of a template: a
// reachable text/template costs the binary six megabytes
// (docs/adr/0002-raised-pins.md).
func printHelp(c *cobra.Command) {
	w := c.OutOrStdout()
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", about, usageLine(c))
	if c.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	if children := visible(c); len(children) > 0 {
		fmt.Fprintf(w, "\nCommands:\n")
		width := 0
		for _, child := range children {
			width = max(width, len(child.Name()))
		}
		for _, child := range children {
			fmt.Fprintf(w, "  %-*s  %s\n", width, child.Name(), child.Short)
		}
	}
	printFlags(w, "Flags", c.LocalNonPersistentFlags())
	shared := pflag.NewFlagSet("", pflag.ContinueOnError)
	shared.AddFlagSet(c.InheritedFlags())
	shared.AddFlagSet(c.PersistentFlags())
	printFlags(w, "Shared flags", shared)
	if c.Name() == "listen" || !c.HasParent() {
		fmt.Fprintf(w, "\nEvery flag of listen and every shared flag can also be set by IGLOO_<FLAG>, by .env and\nby %s. Exit codes: 0 done, 1 could not be done, 2 wrong usage, 3 the answer is\nno, 130 interrupted.\n", configFile)
	}
	if len(visible(c)) > 0 {
		fmt.Fprintf(w, "\nMore about a command: %s COMMAND --help\n", c.CommandPath())
	}
}

func usageLine(c *cobra.Command) string {
	if len(visible(c)) > 0 && c.HasParent() {
		return c.CommandPath() + " COMMAND"
	}
	line := c.CommandPath() + strings.TrimPrefix(c.Use, c.Name())
	if !c.HasParent() {
		return line + " [COMMAND] [flags]"
	}
	return line + " [flags]"
}

func visible(c *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, child := range c.Commands() {
		if !child.Hidden && child.Name() != "help" {
			out = append(out, child)
		}
	}
	return out
}

func printFlags(w io.Writer, title string, flags *pflag.FlagSet) {
	var names, texts []string
	width := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		arg, usage := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if arg != "" && f.Value.Type() != "bool" {
			name += " " + arg
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		names, texts = append(names, name), append(texts, usage)
		width = max(width, len(name))
	})
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for i, name := range names {
		fmt.Fprintf(w, "  %-*s  %s\n", width, name, texts[i])
	}
}
