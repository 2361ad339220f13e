package main

import "github.com/spf13/cobra"

// exactly returns a check that a command got n arguments; hint is a call that is right.
func exactly(n int, hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usagef(hint, "%s takes %s, not %d", c.CommandPath(), plural(n, "argument", "arguments"), len(args))
	}
}

// someArgs returns a check that a command got an argument.
func someArgs(hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return usagef(hint, "%s needs an argument", c.CommandPath())
	}
}
