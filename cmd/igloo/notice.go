package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// noticeHandler is a log handler that also tells the screen what will work badly: a
// user looks at the screen, and the disk of the log file may be the one that is full.
type noticeHandler struct {
	slog.Handler
	board *noticeBoard
}

// Enabled lets warnings through whatever the log file takes.
func (h noticeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.Handler.Enabled(ctx, level)
}

// Handle logs a record, and posts a warning or an error.
func (h noticeHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		var facts []string
		r.Attrs(func(a slog.Attr) bool {
			facts = append(facts, fmt.Sprintf("%s %s", a.Key, a.Value))
			return true
		})
		text := r.Message
		if len(facts) > 0 {
			text += " (" + strings.Join(facts, ", ") + ")"
		}
		h.board.post(r.Message, text)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the board.
func (h noticeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return noticeHandler{h.Handler.WithAttrs(attrs), h.board}
}

// WithGroup keeps the board.
func (h noticeHandler) WithGroup(name string) slog.Handler {
	return noticeHandler{h.Handler.WithGroup(name), h.board}
}

// noticeBoard passes notices to the screen, each kind at most every noticeEvery.
type noticeBoard struct {
	mu     sync.Mutex
	show   func(text string) // nil until there is a screen
	early  []string          // posted before
	posted map[string]time.Time
}

const (
	noticeEvery = 10 * time.Second
	maxEarly    = 20
)

func (b *noticeBoard) post(kind, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.posted[kind]) < noticeEvery {
		return
	}
	if b.posted == nil {
		b.posted = map[string]time.Time{}
	}
	b.posted[kind] = now
	switch {
	case b.show != nil:
		b.show(oneLine(text))
	case len(b.early) < maxEarly:
		b.early = append(b.early, oneLine(text))
	}
}

// open gives the board a screen.
func (b *noticeBoard) open(show func(text string)) {
	b.mu.Lock()
	early := slices.Clone(b.early)
	b.early, b.show = nil, show
	b.mu.Unlock()
	for _, text := range early {
		show(text)
	}
}
