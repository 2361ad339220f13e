package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// asker asks for one line after the other on a terminal.
type asker struct {
	lines chan string // closed when the input ends
	out   io.Writer
}

// newAsker reads the terminal in a goroutine, since a read can't be given up and Ctrl-C
// must end the question. It ends with the process.
func newAsker(in io.Reader, out io.Writer) *asker {
	a := &asker{lines: make(chan string), out: out}
	go func() {
		defer close(a.lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			a.lines <- scanner.Text()
		}
	}()
	return a
}

// errNoLine is the end of the input where an answer was expected.
var errNoLine = errors.New("the input ended before the last answer; nothing was written")

// line asks for a text. An empty answer is the default.
func (a *asker) line(ctx context.Context, question, otherwise string) (string, error) {
	if otherwise != "" {
		question += " [" + oneLine(otherwise) + "]"
	}
	fmt.Fprintf(a.out, "%s: ", question)
	select {
	case answer, ok := <-a.lines:
		if !ok {
			fmt.Fprintln(a.out)
			return "", errNoLine
		}
		if answer = strings.TrimSpace(answer); answer == "" {
			return otherwise, nil
		}
		return answer, nil
	case <-ctx.Done():
		fmt.Fprintln(a.out)
		return "", ctx.Err()
	}
}

// say prints a line between two questions.
func (a *asker) say(text string) { fmt.Fprintln(a.out, clean(text)) }
