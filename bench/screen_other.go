//go:build !linux

package main

import (
	"context"
	"errors"
	"time"
)

// screen is a session with a terminal of its own; see screen_linux.go.
type screen struct {
	*process
	address string
}

func (l *lab) startScreen(context.Context, string, *app) (*screen, error) {
	return nil, errors.New("the benchmarks run on Linux only")
}

func (*screen) await(context.Context, string, time.Duration) error { return nil }

func (*screen) forget() {}

func (*screen) close() {}
