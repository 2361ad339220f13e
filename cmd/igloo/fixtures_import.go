package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/capture"
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
  the JSON of ngrok's agent API, webhook.site, webhook-tester, Pipedream
  the event of an AWS Lambda or Vercel function
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
	requests, err := captured(data)
	if err != nil {
		return fmt.Errorf("%s: %w", inputName(file), err)
	}
	var made []madeFixture
	skipped := 0
	for _, r := range requests {
		switch {
		case isPayload(r.Body):
		case len(requests) > 1: // of a browser or an inspector, which have others too
			skipped++
			continue
		case !keep:
			return withHint(fmt.Errorf("%s: the body is no payload of Meta's: it has neither \"object\" nor \"entry\"", inputName(file)), "take it as it is, to fire with --raw: --keep")
		}
		if r.Note != "" {
			fmt.Fprintf(c.stderr, "igloo: warning: request %d: %s\n", r.Number, oneLine(r.Note))
		}
		m, err := fixtureOf(r.Body, r.Header, "", "Imported", keep)
		if err != nil {
			return fmt.Errorf("%s: request %d: %w", inputName(file), r.Number, err)
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

// captured reads the requests of a text as somebody's program wrote it.
func captured(data []byte) ([]capture.Request, error) {
	text, wide := fromUTF16(data)
	requests, err := capture.Read(text)
	if err != nil {
		return nil, jsonInWords(text, err)
	}
	for i := range requests {
		if wide {
			requests[i].Note = strings.Trim(requests[i].Note+"; "+wideNote, "; ")
		}
	}
	return requests, nil
}

// jsonInWords says of JSON that can't be read what people would look for, where package
// fixtures knows it.
func jsonInWords(text []byte, err error) error {
	bad, ok := errors.AsType[*capture.Error](err)
	if !ok || bad.Column == 0 {
		return err
	}
	_, better := fixtures.ParseJSON(bytes.TrimPrefix(text, []byte("\ufeff")))
	if said, ok := errors.AsType[*fixtures.Error](better); ok && said.Line == bad.Line {
		return &capture.Error{Line: said.Line, Column: said.Column, Reason: said.Reason, Want: said.Want}
	}
	return err
}

// isPayload reports whether a body is what Meta sends, or previews: an object with a
// payload's keys, or the array Meta's pages print around one.
func isPayload(body []byte) bool {
	if _, ok := fixtures.FromPreview(body); ok {
		return true
	}
	root, err := fixtures.ParseJSON(body)
	if err != nil {
		return false
	}
	for _, object := range append(root.Elements(), root) {
		if object.Member("object") != nil || object.Member("entry") != nil {
			return true
		}
	}
	return false
}
