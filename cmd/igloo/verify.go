package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// finding is what verify says. Code is stable within a major version.
type finding struct {
	Type   string `json:"type"` // "verify"
	Code   string `json:"code"`
	Holds  bool   `json:"holds"`
	ID     string `json:"id,omitempty"`
	Secret string `json:"secret,omitempty"` // name of the app secret that fits
	Text   string `json:"text"`
	Fix    string `json:"fix,omitempty"`
}

func (b builder) verify() *cobra.Command {
	var body, signature string
	c := &cobra.Command{
		Use:   "verify [ID]",
		Short: "Say whether a signature holds, and which app secret made it",
		Long: `Say whether the signature of a recorded delivery, or of a body in a file, holds, and which
of the known app secrets made it. Exit code 3 when it does not.`,
		Example: `  igloo verify d42
  igloo verify --body body.json --signature sha256=…`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: b.completeDeliveries,
	}
	c.Flags().StringVar(&body, "body", "", "the raw body in `FILE`, - for standard input")
	c.Flags().StringVar(&signature, "signature", "", "the value of X-Hub-Signature-256: `sha256=…`")
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		byFile := body != "" || cmd.Flags().Changed("signature")
		switch {
		case byFile == (len(args) == 1):
			return usagef("igloo verify d42, or igloo verify --body FILE --signature sha256=…", "verify needs a delivery, or a body and its signature")
		case byFile && body == "":
			return usagef("add --body FILE", "a signature needs the body it was made over")
		case byFile:
			return c.verifyFile(body, signature)
		}
		return c.verifyRecorded(cmd.Context(), args[0])
	})
	return c
}

func (c *command) verifyFile(path, signature string) error {
	var data []byte
	var err error
	if path == "-" {
		data, err = io.ReadAll(io.LimitReader(c.stdin, 64<<20))
	} else {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	header := http.Header{}
	if signature != "" {
		header.Set(webhook.SignatureHeader, signature)
	}
	return c.judge("", header, data)
}

func (c *command) verifyRecorded(ctx context.Context, arg string) error {
	return c.withDelivery(ctx, arg, func(_ *journal.Journal, d journal.Delivery, _ int) error {
		return c.judge(journal.FormatID(d.ID, 0), d.Header, d.Body)
	})
}

func (c *command) judge(id string, header http.Header, body []byte) error {
	keys, err := c.keyring()
	if err != nil {
		return err
	}
	j := keys.Judge(header, body)
	f := finding{Type: "verify", Code: string(j.Verdict), Holds: j.Verdict == webhook.Verified, ID: id, Secret: j.Secret, Text: j.Reason}
	switch j.Verdict {
	case webhook.Verified:
		f.Text = "the signature holds: app secret " + j.Secret
		if j.Reason != "" {
			f.Text += "; " + j.Reason
		}
	case webhook.Unchecked:
		f.Text, f.Fix = "the signature was not made with the development secret, and no app secret is known", "set IGLOO_APP_SECRET to the app secret of the App Dashboard"
	case webhook.Invalid:
		f.Fix = "check the app secret (Instagram Login and Facebook Login have different ones), and hash the raw body, before any JSON parser"
	case webhook.Unsigned:
		f.Fix = "Meta signs every delivery; a proxy may drop the header, or this did not come from Meta"
	}
	if c.JSON {
		err = (&lineWriter{out: c.stdout}).write(f)
	} else {
		_, err = fmt.Fprintln(c.stdout, clean(f.Text))
	}
	switch {
	case err != nil:
		return err
	case f.Holds:
		return nil
	}
	if f.Fix != "" && !c.JSON {
		fmt.Fprintf(c.stderr, "igloo: hint: %s\n", f.Fix)
	}
	return &answerNoError{}
}
