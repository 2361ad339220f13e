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
	"runtime"
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

// edit lets the user change a text until it is JSON. What can't be sent is kept in its
// file: nobody should have to type it again.
func (c *command) edit(ctx context.Context, name string, text []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "igloo-edit-")
	if err != nil {
		return nil, fmt.Errorf("edit %s: %w", name, err)
	}
	keep := false
	defer func() {
		if !keep {
			_ = os.RemoveAll(dir) // the system clears what is left there
		}
	}()
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
		again := false
		if isTerminal(c.stdin) {
			fmt.Fprintf(c.stderr, "igloo: %s\n", oneLine(err.Error()))
			if again = c.confirm("edit it again?"); !again {
				err = errors.New("nothing was sent")
			}
		}
		if !again {
			keep = true
			return nil, withHint(err, "what you wrote is kept; once it is right: igloo fire "+file)
		}
	}
}

// runEditor runs $VISUAL, else $EDITOR, else on a terminal vi.
func (c *command) runEditor(ctx context.Context, file string) error {
	line := cmp.Or(strings.TrimSpace(c.getenv("VISUAL")), strings.TrimSpace(c.getenv("EDITOR")))
	if line == "" {
		if !isTerminal(c.stdin) || !isTerminal(c.stdout) && !isTerminal(c.stderr) {
			return usagef("name one: EDITOR='code --wait' igloo fire --edit …, or change the payload with --set", "--edit needs a terminal for vi, or an editor in EDITOR")
		}
		line = "vi"
	}
	editor := editorCommand(ctx, line, file)
	editor.Stdin, editor.Stdout, editor.Stderr = c.stdin, c.stdout, c.stderr
	if !isTerminal(c.stdout) {
		editor.Stdout = c.stderr // stdout is data
	}
	if err := editor.Run(); err != nil {
		return withHint(fmt.Errorf("run the editor %q: %w", line, err), "name another: EDITOR=nano igloo fire --edit …")
	}
	return nil
}

// editorCommand runs an editor with a file as git does: through the shell, so that it
// may have arguments in quotes. Windows has no such shell, and its editors no quotes.
func editorCommand(ctx context.Context, line, file string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		words := strings.Fields(line)
		return exec.CommandContext(ctx, words[0], append(words[1:], file)...) //nolint:gosec // the user's own editor
	}
	return exec.CommandContext(ctx, "sh", "-c", line+` "$@"`, line, file) //nolint:gosec // as above
}

// confirm asks on the terminal. Enter is yes.
func (c *command) confirm(question string) bool {
	fmt.Fprintf(c.stderr, "igloo: %s [Y/n] ", question)
	answer, err := bufio.NewReader(c.stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return err == nil && (answer == "" || strings.HasPrefix(answer, "y"))
}
