package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
)

func (b builder) fixturesSave() *cobra.Command {
	var t fixtureTarget
	var keep bool
	c := &cobra.Command{
		Use: "save ID [FILE]", Short: "Make a fixture of a recorded delivery, without the personal data in it",
		Long: `Make a fixture of a recorded delivery, in the project's fixtures folder or in a file.

Personal data is taken out: ids and times become placeholders, the same id the same one,
so that references still hold; names, usernames and texts become x and 0 of the same
length, with their accents, emoji, slashes and line breaks; URLs lead to example.com; of
the headers only Facebook-API-Version stays. Payloads of buttons and refs of links are
your own and stay: look the file over before you share it.

With --keep the body is saved byte for byte, as it was received.`,
		Example: `  igloo fixtures save d42
  igloo fixtures save d42 --name comments/angry
  igloo fixtures save d42 testdata/delivery.json --keep`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 2 {
				return nil
			}
			return usagef("igloo fixtures save d42; igloo events list names them", "%s needs the id of a delivery, and at most a file", c.CommandPath())
		},
		ValidArgsFunction: b.completeDeliveries,
	}
	t.register(c.Flags())
	c.Flags().BoolVar(&keep, "keep", false, "save the body as it is, with all personal data")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			t.File = args[1]
		}
		if err := t.check(); err != nil {
			return err
		}
		if keep && t.YAML {
			return usagef("leave one of them out", "--keep saves the bytes that were received, which are not YAML")
		}
		return c.withDelivery(cmd.Context(), args[0], func(_ *journal.Journal, d journal.Delivery, _ int) error {
			made, err := fixtureOf(d.Body, d.Header, d.Secret, fmt.Sprintf("Saved from %s", journal.FormatID(d.ID, 0)), keep)
			if err != nil {
				return err
			}
			return c.writeFixtures(t, []madeFixture{made})
		})
	})
	return c
}
