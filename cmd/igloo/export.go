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

// The notations of an export. igloo fixtures import reads all of them.
const (
	asNDJSON = "ndjson"
	asHAR    = "har"
	asCurl   = "curl"
	asHTTP   = "http"
)

func (b builder) eventsExport() *cobra.Command {
	var e exporter
	c := &cobra.Command{
		Use: "export", Short: "Print recorded deliveries for other programs",
		Long: `Print recorded deliveries for other programs:

  ndjson   one JSON object a line, with the attempts; docs/json.md lists the fields
  har      HTTP Archive 1.2, for browsers and proxies, with the app's last answer
  curl     a command each, for a POSIX shell
  http     raw requests, one after the other

Bodies are exported byte for byte, signatures too, so that igloo fixtures import reads
back what was received. Credentials that a proxy added (Authorization, cookies) are
left out. People's messages are not: look before you share a file.`,
		Example: `  igloo events export > deliveries.ndjson
  igloo events export --format har --filter since:1h > hour.har
  igloo events export --format curl --filter id:d42 --to http://localhost:3000/webhook`,
		Args: cobra.NoArgs,
	}
	queryFlags(c, &e.filter, nil)
	c.Flags().StringVar(&e.format, "format", asNDJSON, "`FORMAT`: ndjson, har, curl or http")
	c.Flags().StringVar(&e.to, "to", "http://localhost:3000/webhook", "`URL` of the curl commands")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, _ []string) error {
		e.command, e.out = c, &lineWriter{out: c.stdout}
		if cmd.Flags().Changed("to") && e.format != asCurl {
			return usagef("add --format curl", "--to is the URL of curl commands")
		}
		return e.run(cmd.Context())
	})
	return c
}

// exporter prints deliveries in one notation.
type exporter struct {
	*command
	filter, format, to string

	out    *lineWriter
	target *url.URL
	n      int // deliveries so far
}

func (e *exporter) run(ctx context.Context) error {
	if !slices.Contains([]string{asNDJSON, asHAR, asCurl, asHTTP}, e.format) {
		return usagef("one of: ndjson, har, curl, http", "--format: no such format %s", quoteValue(e.format))
	}
	var err error
	if e.target, err = simulator.ParseURL(e.to); err != nil {
		return usagef("a whole URL: --to http://localhost:3000/webhook", "--to: %s", err)
	}
	if e.format == asHTTP && isTerminal(e.stdout) {
		return usagef("igloo events export --format http > requests.http", "raw requests go to a file or a program, not to a terminal, which may obey what is in them")
	}
	j, err := e.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	return e.export(ctx, j)
}

// export prints what a journal has.
func (e *exporter) export(ctx context.Context, j *journal.Journal) error {
	write := map[string]func(context.Context, *journal.Journal, journal.Delivery) error{
		asNDJSON: e.ndjson, asHAR: e.har, asCurl: e.curl, asHTTP: e.http,
	}[e.format]
	if e.format == asHAR {
		if err := e.beginHAR(); err != nil {
			return err
		}
	}
	err := e.eachRow(ctx, j, e.filter, -1, func(r journal.Row) error {
		d, err := j.Delivery(ctx, r.ID)
		if err != nil {
			return err
		}
		e.n++
		return write(ctx, j, d)
	})
	if err == nil && e.format == asHAR {
		err = e.endHAR()
	}
	return err
}

func (e *exporter) ndjson(ctx context.Context, j *journal.Journal, d journal.Delivery) error {
	line, err := wholeDelivery(ctx, j, d)
	if err != nil {
		return err
	}
	return e.out.write(line)
}

func (e *exporter) curl(_ context.Context, _ *journal.Journal, d journal.Delivery) error {
	command, err := curlCommand(e.target, d)
	if err != nil {
		return err
	}
	return e.print(command + "\n")
}

// http prints a raw request. The empty line after its body is nobody's: it keeps the
// next request line apart, as RFC 9112 allows.
func (e *exporter) http(_ context.Context, _ *journal.Journal, d journal.Delivery) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", d.Method, d.URI, d.Host)
	for _, field := range exportedHeader(d) {
		fmt.Fprintf(&b, "%s: %s\r\n", field.Name, field.Value)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s\r\n", len(d.Body), d.Body)
	return e.print(b.String())
}

func (e *exporter) print(text string) error {
	if _, err := fmt.Fprint(e.stdout, text); err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	return nil
}

// exportedHeader is the received header without credentials, and without what belongs
// to the connection or is worked out from the body anew.
func exportedHeader(d journal.Delivery) []fixtures.HeaderField {
	var out []fixtures.HeaderField
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		if name == "Content-Length" || name == "Connection" || journal.Credential(name) {
			continue
		}
		for _, value := range d.Header[name] {
			out = append(out, fixtures.HeaderField{Name: wireName(name), Value: value})
		}
	}
	return out
}

// curlCommand is a delivery as a curl command.
func curlCommand(target *url.URL, d journal.Delivery) (string, error) {
	request := &simulator.Request{Fixture: journal.FormatID(d.ID, 0), Body: d.Body}
	request.Header = slices.DeleteFunc(exportedHeader(d), func(f fixtures.HeaderField) bool {
		return strings.HasPrefix(f.Name, "X-Forwarded-") // about another way than the one to target
	})
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
