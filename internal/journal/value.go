package journal

import (
	"math"
	"strings"
	"time"
)

// comparison splits "<", "<=", ">", ">=" and "=" off a value.
func comparison(value string) (op, rest string) {
	for _, op := range []string{">=", "<=", ">", "<", "="} {
		if rest, ok := strings.CutPrefix(value, op); ok {
			return op, rest
		}
	}
	return "", value
}

// bounds turns a comparison with the values from n up to, but not including, m into
// bounds lo <= x < hi within those of the values.
func bounds(op string, n, m, least, most int64) (lo, hi int64) {
	switch op {
	case ">=":
		return n, most
	case ">":
		return m, most
	case "<":
		return least, n
	case "<=":
		return least, m
	}
	return n, m
}

// statusOf reads 500, 5xx, ERR and comparisons. A comparison is about answers, so
// status:<400 does not include failures to get one.
func statusOf(value string) (t term, reason, hint string) {
	const least, most = 1, 1000
	op, rest := comparison(value)
	t.kind = statusTerm
	if strings.EqualFold(rest, "err") && (op == "" || op == "=") {
		t.lo, t.hi = 0, 1
		return t, "", ""
	}
	var n, m int64
	switch digits, class := strings.CutSuffix(strings.ToLower(rest), "xx"); {
	case class && len(digits) == 1 && '1' <= digits[0] && digits[0] <= '9':
		n = 100 * int64(digits[0]-'0')
		m = n + 100
	case !class:
		code, ok := parseInt64(rest)
		if !ok || code < 100 || code > 999 {
			return t, "not a status", "status:5xx"
		}
		n, m = code, code+1
	default:
		return t, "not a status", "status:5xx"
	}
	t.lo, t.hi = bounds(op, n, m, least, most)
	return t, "", ""
}

// tookOf reads >50ms and the like; without a sign it means at least.
func tookOf(value string) (t term, reason, hint string) {
	op, rest := comparison(value)
	d, err := time.ParseDuration(rest)
	if err != nil {
		if _, ok := parseInt64(rest); ok {
			return t, "a unit is missing", "took:" + op + rest + "ms"
		}
		return t, "not a duration", "took:>50ms"
	}
	if op == "" {
		op = ">="
	}
	t.kind = tookTerm
	t.lo, t.hi = bounds(op, int64(d), int64(d)+1, math.MinInt64, math.MaxInt64)
	return t, "", ""
}

// idOf reads d42, d42.3, 42, and d10-d20 or d10..d20 with both ends included.
func idOf(value string) (t term, reason, hint string) {
	first, last, isRange := strings.Cut(strings.Replace(value, "..", "-", 1), "-")
	lo, _, err := ParseID(first)
	hi := lo
	if err == nil && isRange {
		hi, _, err = ParseID(last)
	}
	if err != nil {
		return t, "not an id", "id:d42"
	}
	return term{kind: idRangeTerm, lo: lo, hi: hi + 1}, "", ""
}

// timeOf reads an age (10m, 3d), a time of today (14:02), a day (2026-11-21), or
// both (2026-11-21T14:02), in the location of now.
func timeOf(key, value string, now time.Time) (t term, reason, hint string) {
	at, ok := ParseTime(value, now)
	if !ok {
		return t, "not an age, a time or a day", key + ":10m"
	}
	t = term{kind: timeTerm, lo: math.MinInt64, hi: math.MaxInt64}
	if key == "since" {
		t.lo = at.UnixNano()
	} else {
		t.hi = at.UnixNano()
	}
	return t, "", ""
}

// ParseTime reads a time as since: and before: do: an age (10m, 3d, 2w), a time of
// today, a day, or a day and a time, in the location of now.
func ParseTime(value string, now time.Time) (time.Time, bool) {
	if at, ok := parseAge(value, now); ok {
		return at, true
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if clock, err := time.Parse(layout, value); err == nil {
			year, month, day := now.Date()
			return time.Date(year, month, day, clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location()), true
		}
	}
	value = strings.Replace(value, " ", "T", 1)
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, value, now.Location()); err == nil && inRange(at) {
			return at, true
		}
	}
	return time.Time{}, false
}

// parseAge reads a duration, or a number of days or weeks.
func parseAge(value string, now time.Time) (time.Time, bool) {
	for suffix, days := range map[string]int{"d": 1, "w": 7} {
		digits, ok := strings.CutSuffix(value, suffix)
		if !ok {
			continue
		}
		if n, ok := parseInt64(digits); ok && n < 36_500 {
			return now.AddDate(0, 0, -days*int(n)), true
		}
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return now.Add(-d), true
	}
	return time.Time{}, false
}

// inRange reports whether a time fits into nanoseconds since 1970.
func inRange(t time.Time) bool { return t.Year() > 1700 && t.Year() < 2200 }
