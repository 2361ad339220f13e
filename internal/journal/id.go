package journal

import (
	"fmt"
	"strconv"
	"strings"
)

// FormatID prints the id of a delivery, d42, or of its nth event, d42.3, when n is
// not 0.
func FormatID(delivery int64, n int) string {
	id := "d" + strconv.FormatInt(delivery, 10)
	if n == 0 {
		return id
	}
	return id + "." + strconv.Itoa(n)
}

// ParseID reads what [FormatID] prints; the "d" may be missing. n is 0 for a delivery.
func ParseID(s string) (delivery int64, n int, err error) {
	digits, event, hasEvent := strings.Cut(strings.TrimPrefix(s, "d"), ".")
	id, ok := parsePositive(digits, 63-eventBits)
	if !ok {
		return 0, 0, fmt.Errorf("%q is not an id like d42 or d42.3", s)
	}
	if !hasEvent {
		return id, 0, nil
	}
	place, ok := parsePositive(event, eventBits)
	if !ok {
		return 0, 0, fmt.Errorf("%q is not an id like d42 or d42.3", s)
	}
	return id, int(place), nil
}

func parsePositive(s string, bits int) (int64, bool) {
	if s == "" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, bits+1) // and the sign
	return n, err == nil && n > 0
}
