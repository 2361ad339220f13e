// Command bench measures igloo on this machine, beside yardsticks that run in the
// same minutes: a tuned Go ReverseProxy, nginx and mitmdump.
//
//	go run ./bench [flags] [relay] [start] [journal] [burst] [fire]
//
// Without names it runs all five. Only ratios and loopback times are worth
// comparing; absolute figures hold for one machine and one hour. Everything stays
// on loopback, every load is bounded, and the programs it starts end with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// limit ends a run that hangs, with everything it started.
const limit = 15 * time.Minute

// options are what the user asked for.
type options struct {
	igloo      string // an igloo binary; "" = build one
	quick      bool   // shorter and noisier, to see that it works
	million    bool   // measure a journal of a million deliveries, too
	yardsticks bool   // leave igloo out
	out        string // folder of the report
	names      []string
}

// benchmark is one part of a run.
type benchmark struct {
	name string
	run  func(context.Context, *lab, *report) error
}

// benchmarks returns the parts in the order they run.
func benchmarks() []benchmark {
	return []benchmark{
		{"start", measureStart},
		{"relay", measureRelay},
		{"burst", measureBurst},
		{"fire", measureFire},
		{"journal", measureJournal},
	}
}

func main() {
	if len(os.Args) > 1 {
		if play, ok := roles()[os.Args[1]]; ok {
			exit(play(os.Args[2:]))
		}
	}
	opts, err := parseOptions(os.Args[1:])
	if err != nil {
		os.Exit(2) // the flag package has said why
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s", limit))
	defer cancel()
	exit(run(ctx, opts, os.Stdout, os.Stderr))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.igloo, "igloo", os.Getenv("IGLOO_BIN"), "measure this igloo `file` instead of building one")
	flags.BoolVar(&o.quick, "quick", false, "shorter and noisier: shows that everything works")
	flags.BoolVar(&o.million, "million", false, "fill a journal with a million deliveries and fire as many, too")
	flags.BoolVar(&o.yardsticks, "yardsticks", false, "measure the yardsticks alone, without igloo")
	flags.StringVar(&o.out, "out", filepath.Join("bench", "out"), "write report.md into this `folder`")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o.names = flags.Args()
	for _, name := range o.names {
		if !slices.ContainsFunc(benchmarks(), func(b benchmark) bool { return b.name == name }) {
			err := fmt.Errorf("no benchmark is named %q", name)
			fmt.Fprintln(flags.Output(), "bench:", err)
			return options{}, err
		}
	}
	if o.yardsticks {
		o.names = []string{"relay"}
	}
	return o, nil
}

// run measures and writes the report. What was measured before an error or a
// signal is reported all the same.
func run(ctx context.Context, o options, stdout, stderr io.Writer) error {
	l, err := newLab(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer l.close()
	r := &report{}
	r.machine()
	var failed error
	for _, b := range benchmarks() {
		if len(o.names) > 0 && !slices.Contains(o.names, b.name) {
			continue
		}
		began := time.Now()
		err := b.run(ctx, l, r)
		l.say("%s: done in %s", b.name, time.Since(began).Round(time.Second))
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", b.name, err))
		}
		if ctx.Err() != nil {
			failed = errors.Join(failed, context.Cause(ctx))
			break
		}
	}
	text := r.markdown()
	if _, err := io.WriteString(stdout, text); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, save(o.out, text))
}

func save(folder, text string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "report.md"), []byte(strings.TrimSpace(text)+"\n"), 0o644)
}
