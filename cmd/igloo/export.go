package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

func (b builder) eventsExport() *cobra.Command {
	var filter, format, to string
	c := &cobra.Command{
		Use: "export", Short: "Print recorded deliveries for other programs",
		Example: `  igloo events export --format ndjson > deliveries.ndjson
  igloo events export --format curl --filter id:d42 --to http://localhost:3000/webhook`,
		Args: cobra.NoArgs,
	}
	queryFlags(c, &filter, nil)
	c.Flags().StringVar(&format, "format", "ndjson", "`FORMAT`: ndjson or curl")
	c.Flags().StringVar(&to, "to", "http://localhost:3000/webhook", "`URL` of the curl commands")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		return c.exportEvents(cmd.Context(), filter, format, to)
	})
	return c
}

func (c *command) exportEvents(ctx context.Context, filter, format, to string) error {
	if format != "ndjson" && format != "curl" {
		return usagef("one of: ndjson, curl", "--format: no such format %s", quoteValue(format))
	}
	target, err := simulator.ParseURL(to)
	if err != nil {
		return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
	}
	j, err := c.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	out := &lineWriter{out: c.stdout}
	return c.eachRow(ctx, j, filter, -1, func(r journal.Row) error {
		d, err := j.Delivery(ctx, r.ID)
		if err != nil {
			return err
		}
		if format == "curl" {
			command, err := curlCommand(target, d)
			if err == nil {
				_, err = fmt.Fprintln(c.stdout, command)
			}
			return err
		}
		line, err := wholeDelivery(ctx, j, d)
		if err != nil {
			return err
		}
		return out.write(line)
	})
}

// curlCommand is a delivery as a curl command with the received headers, credentials
// left out.
func curlCommand(target *url.URL, d journal.Delivery) (string, error) {
	request := &simulator.Request{Fixture: journal.FormatID(d.ID, 0), Body: d.Body}
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		if name == "Content-Length" || name == "Connection" || strings.HasPrefix(name, "X-Forwarded-") || journal.Credential(name) {
			continue
		}
		for _, value := range d.Header[name] {
			request.Header = append(request.Header, fixtures.HeaderField{Name: wireName(name), Value: value})
		}
	}
	return request.Curl(target)
}

// Curl is what the TUI copies.
func (s *session) Curl(d journal.Delivery) (string, error) {
	target := s.target
	if target == nil {
		local, err := url.Parse(s.localURL())
		if err != nil {
			return "", err
		}
		target = local
	}
	return curlCommand(target, d)
}

// wireName spells the headers Meta spells its own way.
func wireName(name string) string {
	if name == http.CanonicalHeaderKey(webhook.APIVersionHeader) {
		return webhook.APIVersionHeader
	}
	return name
}
