package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/simulator"
)

// editOrder opens each fixture of an order in the user's editor, rendered: what is
// saved is sent, in the field's dialect.
func (c *command) editOrder(ctx context.Context, order *fireOrder) error {
	if order.Options.Raw {
		return usagef("leave one of them out", "--raw sends the file as it is, and --edit changes it")
	}
	for i, f := range order.Fixtures {
		request, err := simulator.Render(f, order.Options)
		if err != nil {
			return changeError(err)
		}
		var text bytes.Buffer
		if err := json.Indent(&text, request.Body, "", "  "); err != nil {
			return fmt.Errorf("edit %s: %w", f.Name, err)
		}
		text.WriteByte('\n')
		payload, err := c.edit(ctx, f.Name, text.Bytes())
		if err != nil {
			return err
		}
		f.Payload, f.Wrapped, f.Builtin = payload, false, false
		f.Login, f.Field = request.Login, request.Field
		order.Fixtures[i] = f
	}
	// What they ask for is in the payload now.
	order.Options.Changes, order.Options.Batch, order.Options.Shape = nil, 0, simulator.Real
	return nil
}

// edit lets the user change a text until it is JSON.
func (c *command) edit(ctx context.Context, name string, text []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "igloo-edit-")
	if err != nil {
		return nil, fmt.Errorf("edit %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system clears what is left there
	file := filepath.Join(dir, safeName(name)+".json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("edit %s: %w", name, err)
	}
	for {
		if err := c.runEditor(ctx, file); err != nil {
			return nil, err
		}
		edited, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("edit %s: %w", name, err)
		}
		if len(bytes.TrimSpace(edited)) == 0 {
			return nil, errors.New("the payload is empty, so nothing was sent")
		}
		if _, err = fixtures.ParseJSON(edited); err == nil {
			return edited, nil
		}
		err = fmt.Errorf("the edited payload of %s is not JSON: %w", name, err)
		if !isTerminal(c.stdin) {
			return nil, err
		}
		fmt.Fprintf(c.stderr, "igloo: %s\n", oneLine(err.Error()))
		if !c.confirm("edit it again?") {
			return nil, errors.New("nothing was sent")
		}
	}
}

// runEditor runs $VISUAL, else $EDITOR, else vi, which may have arguments: "code --wait".
func (c *command) runEditor(ctx context.Context, file string) error {
	words := strings.Fields(cmp.Or(strings.TrimSpace(c.getenv("VISUAL")), strings.TrimSpace(c.getenv("EDITOR")), "vi"))
	editor := exec.CommandContext(ctx, words[0], append(words[1:], file)...) //nolint:gosec // the user's own editor
	editor.Stdin, editor.Stdout, editor.Stderr = c.stdin, c.stdout, c.stderr
	if !isTerminal(c.stdout) {
		editor.Stdout = c.stderr // stdout is data
	}
	if err := editor.Run(); err != nil {
		return withHint(fmt.Errorf("run the editor %q: %w", words[0], err), "name another: EDITOR=nano igloo fire --edit …")
	}
	return nil
}

// confirm asks on the terminal. Enter is yes.
func (c *command) confirm(question string) bool {
	fmt.Fprintf(c.stderr, "igloo: %s [Y/n] ", question)
	answer, err := bufio.NewReader(c.stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return err == nil && (answer == "" || strings.HasPrefix(answer, "y"))
}
