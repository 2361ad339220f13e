package tunnel

import (
	"context"
	"log/slog"
)

// sdkLog passes the ngrok library's messages on as debug messages: what in them
// matters to a user arrives as an event too. Some of them carry texts of the
// service, so everything is redacted.
type sdkLog struct {
	next   slog.Handler
	redact func(string) string
}

// Enabled reports whether debug messages are wanted.
func (h *sdkLog) Enabled(ctx context.Context, _ slog.Level) bool {
	return h.next.Enabled(ctx, slog.LevelDebug)
}

// Handle passes r on.
func (h *sdkLog) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, slog.LevelDebug, "ngrok: "+h.redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a, ok := h.clean(a); ok {
			out.AddAttrs(a)
		}
		return true
	})
	return h.next.Handle(ctx, out)
}

// WithAttrs returns a handler whose messages carry attrs.
func (h *sdkLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	var clean []slog.Attr
	for _, a := range attrs {
		if a, ok := h.clean(a); ok {
			clean = append(clean, a)
		}
	}
	return &sdkLog{next: h.next.WithAttrs(clean), redact: h.redact}
}

// WithGroup returns a handler that puts its attributes into a group.
func (h *sdkLog) WithGroup(name string) slog.Handler {
	return &sdkLog{next: h.next.WithGroup(name), redact: h.redact}
}

// clean makes a redacted text of an attribute. Whole requests and answers are
// left out: they hold the user's traffic policy, which may hold passwords.
func (h *sdkLog) clean(a slog.Attr) (slog.Attr, bool) {
	if a.Key == "req" || a.Key == "resp" {
		return slog.Attr{}, false
	}
	return slog.String(a.Key, h.redact(a.Value.Resolve().String())), true
}
