package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/capture"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// finding is one thing verify says. Its codes are in docs/signatures.md, stable within
// a major version.
type finding struct {
	Type    string          `json:"type"` // "verify"
	Code    string          `json:"code"`
	Holds   bool            `json:"holds"`
	Verdict webhook.Verdict `json:"verdict"`
	Guess   bool            `json:"guess,omitempty"` // nothing fits, and this may be why
	ID      string          `json:"id,omitempty"`
	Request int             `json:"request,omitempty"` // its number, where several were read
	Secret  string          `json:"secret,omitempty"`  // name of the key that made the signature
	Text    string          `json:"text"`
	Fix     string          `json:"fix,omitempty"`
}

// verifyHint is every way to call verify.
const verifyHint = "igloo verify d42, or igloo verify --body FILE --signature 'sha256=…', or a request or curl command on standard input"

func (b builder) verify() *cobra.Command {
	var body, signature string
	c := &cobra.Command{
		Use:   "verify [ID]",
		Short: "Say whether a signature holds, and if not, exactly why",
		Long: `Say whether a signature holds, and if not, exactly why: of a recorded delivery, of a body in
a file, or of a raw HTTP request, curl command, HAR or inspector's export on standard input.

igloo signs the body again with every key it knows (app secrets, verify token, access token),
spoilt in the ways people spoil keys, over the body as the usual programs rewrite it, and names
what fits. The signature may be Meta's, or what your own code computed. docs/signatures.md
explains every code. Exit code 3 when the signature does not hold.`,
		Example: `  igloo verify d42
  igloo verify --body body.json --signature 'sha256=…'
  pbpaste | igloo verify
  igloo verify < request.http`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: b.completeDeliveries,
	}
	c.Flags().StringVar(&body, "body", "", "the raw body in `FILE`, - for standard input")
	c.Flags().StringVar(&signature, "signature", "", "the value of X-Hub-Signature-256: `sha256=…`")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		signed := cmd.Flags().Changed("signature")
		switch {
		case len(args) == 1 && (body != "" || signed):
			return usagef(verifyHint, "verify takes a delivery, or a body and its signature, not both")
		case len(args) == 1:
			return c.verifyRecorded(cmd.Context(), args[0])
		case body != "":
			return c.verifyFile(cmd.Context(), body, signature, signed)
		case signed:
			return usagef("add --body FILE, or --body - to read it from standard input", "a signature needs the body it was made over")
		}
		return c.verifyPasted(cmd.Context())
	})
	return c
}

func (c *command) verifyRecorded(ctx context.Context, arg string) error {
	if _, _, err := journal.ParseID(arg); err != nil {
		if _, missing := os.Stat(arg); missing == nil {
			return usagef(fmt.Sprintf("igloo verify --body %s --signature 'sha256=…', or igloo verify < %[1]s for a whole request", clean(arg)), "%q is a file, not a delivery", arg)
		}
	}
	return c.withDelivery(ctx, arg, func(_ *journal.Journal, d journal.Delivery, _ int) error {
		return c.verifyAll([]subject{{id: journal.FormatID(d.ID, 0), header: d.Header, body: d.Body}})
	})
}

// verifyFile verifies the body in a file. Without a signature the file may also hold a
// whole request.
func (c *command) verifyFile(ctx context.Context, path, signature string, signed bool) error {
	data, err := c.readInput(ctx, path, "paste the body")
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if !signed {
		if requests, err := captured(data); err == nil && len(requests[0].Header) > 0 {
			return c.verifyRequests(requests)
		}
		return usagef("add --signature 'sha256=…', the value of X-Hub-Signature-256", "a body needs the signature that came with it")
	}
	data, wide := fromUTF16(data)
	s := subject{header: signatureHeader(signature), body: data}
	if wide {
		s.note = wideNote
	}
	return c.verifyAll([]subject{s})
}

// signatureHeader makes a header of what was typed: the value, or the whole line.
func signatureHeader(typed string) http.Header {
	name, value := webhook.SignatureHeader, typed
	if before, after, ok := strings.Cut(typed, ":"); ok && strings.HasPrefix(strings.ToLower(before), "x-hub-signature") {
		name, value = before, strings.TrimSpace(after)
	} else if strings.HasPrefix(typed, "sha1=") {
		name = webhook.SHA1SignatureHeader
	}
	header := http.Header{}
	header.Set(name, value)
	return header
}

// verifyPasted verifies the requests on standard input.
func (c *command) verifyPasted(ctx context.Context) error {
	data, err := c.readStdin(ctx, "paste a raw HTTP request with its headers, or a curl command")
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	requests, err := captured(data)
	if err != nil {
		return withHint(fmt.Errorf("read standard input: %w", err), verifyHint)
	}
	return c.verifyRequests(requests)
}

func (c *command) verifyRequests(requests []capture.Request) error {
	var subjects []subject
	for i, r := range requests {
		if len(r.Header) == 0 {
			return withHint(errors.New("this is a body without its headers, so there is no signature to verify"), "igloo verify --body FILE --signature 'sha256=…'")
		}
		s := subject{header: r.Header, body: r.Body, note: r.Note}
		if len(requests) > 1 {
			s.number = i + 1
		}
		subjects = append(subjects, s)
	}
	return c.verifyAll(subjects)
}

// subject is one signature to verify, with the body it is said to be of.
type subject struct {
	id     string // of a recorded delivery
	number int    // of a request among several, from 1
	note   string // what to know before the body is trusted
	header http.Header
	body   []byte
}

// verifyAll prints what there is to say of each signature. That one does not hold is an
// answer of no.
func (c *command) verifyAll(subjects []subject) error {
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	own, err := c.loadSecrets()
	if err != nil {
		return err
	}
	candidates := own.candidates(keys, &c.project)
	lines := &lineWriter{out: c.stdout}
	allHold := true
	for _, s := range subjects {
		verdict := keys.Judge(s.header, s.body).Verdict
		found := webhook.Explain(s.header, s.body, candidates)
		if s.note != "" && !found[0].Holds && !strings.HasPrefix(found[0].Code, "body-") {
			fmt.Fprintf(c.stderr, "igloo: warning: %s\n", oneLine(s.note))
		}
		allHold = allHold && found[0].Holds
		if !c.JSON {
			c.printFindings(s, found)
			continue
		}
		for _, x := range found {
			if err := lines.write(finding{"verify", x.Code, x.Holds, verdict, x.Guess, s.id, s.number, x.Secret, x.Text, x.Fix}); err != nil {
				return err
			}
		}
	}
	if !allHold {
		return &answerNoError{}
	}
	return nil
}

// printFindings prints the verdict, what fits, and what may be the cause.
func (c *command) printFindings(s subject, found []webhook.Explanation) {
	about := ""
	switch {
	case s.id != "":
		about = s.id + ": "
	case s.number > 0:
		about = fmt.Sprintf("request %d: ", s.number)
	}
	if !found[0].Holds {
		fmt.Fprintf(c.stdout, "✗ %sthe signature does not hold\n", about)
	}
	guesses := false
	for _, x := range found {
		switch mark := "  "; {
		case x.Holds:
			fmt.Fprintf(c.stdout, "✓ %s%s (%s)\n", about, clean(x.Text), x.Code)
		default:
			if x.Guess && !guesses {
				guesses = true
				fmt.Fprintln(c.stdout, "  the likeliest causes:")
			}
			if x.Guess {
				mark = "  · "
			}
			fmt.Fprintf(c.stdout, "%s%s (%s)\n", mark, clean(x.Text), x.Code)
		}
		if x.Fix != "" {
			fmt.Fprintf(c.stdout, "    → %s\n", clean(x.Fix))
		}
	}
}
