package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/capture"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func (b builder) fixturesImport() *cobra.Command {
	var t fixtureTarget
	var keep bool
	c := &cobra.Command{
		Use: "import FILE [TO]", Short: "Make fixtures of requests that were captured elsewhere",
		Long: `Make fixtures of requests that were captured elsewhere; - reads standard input. FILE holds

  a body as it was logged, or the dashboard's preview of a Test
  a raw HTTP request
  curl commands, for a POSIX shell or for cmd.exe
  a HAR file
  the JSON of ngrok's agent API, webhook.site, webhook-tester, Pipedream, an AWS Lambda event
  lines of igloo --json

Of several requests each becomes a fixture. Personal data is taken out as fixtures save
does it; --keep leaves the bodies as they are.`,
		Example: `  igloo fixtures import body.json
  igloo fixtures import session.har --name real
  curl -s localhost:4040/api/requests/http | igloo fixtures import -`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 2 {
				return nil
			}
			return usagef("igloo fixtures import FILE, - for standard input", "%s needs a file, and at most one to write", c.CommandPath())
		},
	}
	t.register(c.Flags())
	c.Flags().BoolVar(&keep, "keep", false, "leave the bodies as they are, with all personal data")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			t.File = args[1]
		}
		if err := t.check(); err != nil {
			return err
		}
		if keep && t.YAML {
			return usagef("leave one of them out", "--keep takes the bytes that were captured, which are not YAML")
		}
		return c.importFixtures(cmd.Context(), args[0], t, keep)
	})
	return c
}

func (c *command) importFixtures(ctx context.Context, file string, t fixtureTarget, keep bool) error {
	data, err := c.readInput(ctx, file, "paste a request, or a payload")
	if err != nil {
		return fmt.Errorf("read the capture: %w", err)
	}
	if len(data) == 0 {
		return withHint(errors.New(inputName(file)+" is empty"), "see what can be imported: igloo fixtures import --help")
	}
	requests, err := capture.Read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", inputName(file), err)
	}
	var made []madeFixture
	skipped := 0
	for i, r := range requests {
		// A session of a browser or an inspector has other requests too. One that stands
		// alone was chosen by the user.
		if len(requests) > 1 && !isDelivery(r.Body) {
			skipped++
			continue
		}
		if r.Note != "" {
			fmt.Fprintf(c.stderr, "igloo: warning: request %d of %d: %s\n", i+1, len(requests), oneLine(r.Note))
		}
		m, err := fixtureOf(r.Body, r.Header, "", "Imported", keep)
		if err != nil {
			return fmt.Errorf("%s: request %d: %w", inputName(file), i+1, err)
		}
		made = append(made, m)
	}
	if skipped > 0 {
		fmt.Fprintf(c.stderr, "igloo: passed over %s without a payload of Meta's\n", plural(skipped, "request", "requests"))
	}
	if len(made) == 0 {
		return withHint(fmt.Errorf("%s: none of the %d requests is a delivery", inputName(file), len(requests)), "a payload has \"object\" and \"entry\"; for something else give igloo the one request")
	}
	return c.writeFixtures(t, made)
}

// isDelivery reports whether a body is what Meta sends, or previews.
func isDelivery(body []byte) bool {
	if _, ok := fixtures.FromPreview(body); ok {
		return true
	}
	payload, err := webhook.Parse(body)
	return err == nil && payload.Entries > 0
}
