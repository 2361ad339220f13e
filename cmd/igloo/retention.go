package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/igloo-dev/igloo/internal/journal"
)

// defaultRetention is what a journal keeps unless it is told otherwise.
const defaultRetention = "30d,1GB"

// keepEverything is the retention without a bound.
const keepEverything = "forever"

// retentionHint is how to write one.
const retentionHint = "an age, a size, or both: 30d,1GB; forever keeps everything"

// parseRetention reads "30d,1GB": what is older or does not fit goes.
func parseRetention(text string) (journal.Retention, error) {
	var r journal.Retention
	if strings.TrimSpace(text) == keepEverything {
		return r, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if age, ok := parseAge(part); ok && r.Age == 0 {
			r.Age = age
		} else if size, ok := parseSize(part); ok && r.Bytes == 0 {
			r.Bytes = size
		} else {
			return r, fmt.Errorf("%s is neither an age nor a size", quoteValue(part))
		}
	}
	return r, nil
}

// parseAge reads 30d, 2w, 12h.
func parseAge(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			n, err := strconv.Atoi(digits)
			return time.Duration(n) * unit, err == nil && n > 0 && n <= 36_500
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

// parseSize reads 500MB, 1.5 GB.
func parseSize(text string) (int64, bool) {
	for _, unit := range []struct {
		suffix string
		bytes  float64
	}{{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}} {
		if digits, ok := strings.CutSuffix(strings.ToLower(text), unit.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
			return int64(n * unit.bytes), err == nil && n*unit.bytes >= 1 && n*unit.bytes < math.MaxInt64/2
		}
	}
	return 0, false
}

// retentionText is a retention for people.
func retentionText(r journal.Retention) string {
	var parts []string
	if r.Age > 0 {
		parts = append(parts, ageText(r.Age))
	}
	if r.Bytes > 0 {
		parts = append(parts, bytesText(r.Bytes))
	}
	if len(parts) == 0 {
		return keepEverything
	}
	return strings.Join(parts, " or ")
}

func ageText(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return plural(int(d/day), "day", "days")
	}
	return d.String()
}

func registerRetention(flags *pflag.FlagSet, value *string) {
	flags.StringVar(value, "retention", defaultRetention, "keep deliveries for `HOW` long and how much of them: 30d,1GB or forever")
}

// retention is what the configuration says, for commands that do not have the flag.
func (c *command) retention() (journal.Retention, error) {
	var text string
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	registerRetention(flags, &text)
	cfg, err := loadConfig(c.app.environ, flags)
	if err != nil {
		return journal.Retention{}, err
	}
	return checkedRetention(text, cfg.origin["retention"])
}

// checkedRetention is parseRetention with the place of the text in the error.
func checkedRetention(text, where string) (journal.Retention, error) {
	r, err := parseRetention(text)
	if err != nil {
		return r, usagef(retentionHint, "%s: %s", where, err)
	}
	return r, nil
}

// prune removes at the start of a session what its retention does not keep. Nobody
// waits for it.
func (s *session) prune(ctx context.Context) error {
	excess, err := s.journal.Excess(ctx, s.retention, time.Now())
	if err == nil && excess.UpTo > 0 {
		began := time.Now()
		s.log.Info("pruning the journal", "deliveries", excess.Deliveries, "retention", retentionText(s.retention))
		if err = s.journal.Prune(ctx, excess.UpTo, false); err == nil {
			s.log.Info("pruned the journal", "deliveries", excess.Deliveries, "took", time.Since(began))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.noticed.Warn("cannot prune the journal", "err", err)
	}
	return nil // the next start tries again
}
