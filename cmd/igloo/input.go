package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/igloo-dev/igloo/internal/capture"
)

// readInput reads the file an argument names, - for standard input, of which paste says
// what it should be.
func (c *command) readInput(ctx context.Context, file, paste string) ([]byte, error) {
	if file == "-" {
		return c.readStdin(ctx, paste)
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // only read
	return readBounded(in)
}

// readStdin reads standard input, and says what to do when that is a terminal.
func (c *command) readStdin(ctx context.Context, paste string) ([]byte, error) {
	if isTerminal(c.stdin) {
		fmt.Fprintf(c.stderr, "igloo: %s, then press Enter and Ctrl-D (on Windows Ctrl-Z and Enter)\n", paste)
	}
	type input struct {
		data []byte
		err  error
	}
	read := make(chan input, 1)
	// A terminal can't be interrupted while it is read; the goroutine ends with igloo.
	go func() {
		data, err := readBounded(c.stdin)
		read <- input{data, err}
	}()
	select {
	case in := <-read:
		return in.data, in.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errTooMuch is an input larger than what package capture reads.
var errTooMuch = errors.New("more than 64 MiB; cut out the request")

func readBounded(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, capture.MaxSize+1))
	if err == nil && len(data) > capture.MaxSize {
		return nil, errTooMuch
	}
	return data, err
}

func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return clean(file)
}
