package main

import (
	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
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

Of an event, d42.3, the fixture has that event alone, in its entry. With --keep the body
is saved byte for byte, as it was received.`,
		Example: `  igloo fixtures save d42
  igloo fixtures save d42 --name comments/angry
  igloo fixtures save d42.3
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
		return c.withDelivery(cmd.Context(), args[0], func(_ *journal.Journal, d journal.Delivery, n int) error {
			body, err := savedBody(d, n, keep)
			if err != nil {
				return err
			}
			made, err := fixtureOf(body, d.Header, d.Secret, "Saved from "+journal.FormatID(d.ID, n), keep)
			if err != nil {
				return err
			}
			return c.writeFixtures(t, []madeFixture{made})
		})
	})
	return c
}

// savedBody is what of a delivery becomes a fixture: all of it, or its n-th event alone.
func savedBody(d journal.Delivery, n int, keep bool) ([]byte, error) {
	if n == 0 {
		return d.Body, nil
	}
	id := journal.FormatID(d.ID, 0)
	payload, err := webhook.Parse(d.Body)
	switch {
	case err != nil || n > len(payload.Events):
		return nil, noSuchEvent(journal.FormatID(d.ID, n), d.ID, len(payload.Events))
	case len(payload.Events) == 1:
		return d.Body, nil
	case keep:
		return nil, usagef("igloo fixtures save "+id+" --keep", "--keep saves the bytes that were received, and those are of all %d events of %s", len(payload.Events), id)
	}
	return fixtures.PickEvent(d.Body, n)
}
