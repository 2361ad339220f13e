package journal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// Query selects deliveries. The zero Query selects all. [ParseQuery] makes one from
// text.
type Query struct {
	// Marked are the deliveries that "is:marked" stands for.
	Marked []int64

	terms []term
}

// QueryError says which word of a query is wrong and why.
type QueryError struct {
	Pos    int    // byte offset of Word
	Word   string // as typed
	Reason string
	Hint   string // what may have been meant; "" when nothing comes near
}

// Error returns the reason, with the word and the hint.
func (e *QueryError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%q: %s", e.Word, e.Reason)
	}
	return fmt.Sprintf("%q: %s, did you mean %q?", e.Word, e.Reason, e.Hint)
}

// ParseQuery reads the query language of igloo:
//
//	ship canada "black lens"   full text: words that begin so; words in this order
//	field:comments             an event of the field; a short name will do
//	from:@mia.k  from:1789     by username or id of the other side
//	is:live                    live fired replay failed problem pending marked slow
//	                           duplicate loop differs unsubscribed
//	                           test echo own deleted standby no_sender hollow_edit
//	                           without_value unknown
//	verdict:invalid            verified unchecked invalid unsigned
//	status:500 5xx ERR >=400   of the last attempt
//	took:>50ms                 of the last attempt; also >= < <=
//	id:d42  id:d10-d20
//	since:10m  before:14:02    an age, a time of today, a day, a day and a time
//	body:text  /re/  /re/i     looks through the bodies: slow
//	-word                      not
//
// All terms must hold. Those about events (words, field, from, and is:test to
// is:unknown) must hold for one and the same event. Ages and times of day are
// relative to now, in its location. The error is a [*QueryError].
func ParseQuery(text string, now time.Time) (Query, error) {
	var q Query
	for pos := 0; ; {
		w, next, err := scanWord(text, pos)
		if err != nil {
			return Query{}, err
		}
		if w.text == "" {
			return q, nil
		}
		pos = next
		t, reason, hint := w.term(now)
		if reason != "" {
			return Query{}, &QueryError{Pos: w.pos, Word: w.text, Reason: reason, Hint: hint}
		}
		t.text, t.not = w.text, w.not
		q.terms = append(q.terms, t)
	}
}

// Empty reports whether q selects everything.
func (q Query) Empty() bool { return len(q.terms) == 0 }

// Terms returns the words of the query as they were typed.
func (q Query) Terms() []string {
	out := make([]string, len(q.terms))
	for i, t := range q.terms {
		out[i] = t.text
	}
	return out
}

// String returns the query as text.
func (q Query) String() string { return strings.Join(q.Terms(), " ") }

// Without returns the query without its ith term. It serves to find out which word
// of a query leaves nothing over.
func (q Query) Without(i int) Query {
	q.terms = slices.Delete(slices.Clone(q.terms), i, i+1)
	return q
}

// word is one word of a query, taken apart.
type word struct {
	pos    int
	text   string // as typed
	not    bool
	key    string // before the colon; "" for none
	value  string // without quotes or slashes
	quoted bool
	re     bool
	flags  string // after the closing slash
}

// scanWord reads the word at or after pos. Its text is "" at the end.
func scanWord(s string, pos int) (w word, next int, err error) {
	for pos < len(s) && isSpace(s[pos]) {
		pos++
	}
	w.pos = pos
	i := pos
	if i < len(s)-1 && s[i] == '-' && !isSpace(s[i+1]) {
		w.not = true
		i++
	}
	if key, ok := scanKey(s[i:]); ok {
		w.key = key
		i += len(key) + 1
	}
	closed := true
	switch {
	case i < len(s) && s[i] == '"':
		w.quoted = true
		w.value, i, closed = scanQuoted(s, i, '"')
	case i < len(s) && s[i] == '/' && (w.key == "" || w.key == "body"):
		w.re = true
		w.value, i, closed = scanQuoted(s, i, '/')
	}
	rest := i
	for i < len(s) && !isSpace(s[i]) {
		i++
	}
	w.text = s[pos:i]
	switch {
	case !closed && w.re:
		err = &QueryError{Pos: pos, Word: w.text, Reason: "a regular expression ends with /"}
	case !closed:
		err = &QueryError{Pos: pos, Word: w.text, Reason: "the quote is not closed"}
	case w.re:
		w.flags = s[rest:i]
	case w.quoted && rest < i:
		err = &QueryError{Pos: pos, Word: w.text, Reason: "a space is missing after the quote"}
	case !w.quoted:
		w.value = s[rest:i]
	}
	return w, i, err
}

// scanKey returns the name before the first colon of a word.
func scanKey(s string) (string, bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':':
			return s[:i], i > 0
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		default:
			return "", false
		}
	}
	return "", false
}

// scanQuoted reads from the opening quote at i to the closing one. A backslash before
// a quote makes it part of the value; other backslashes stay.
func scanQuoted(s string, i int, quote byte) (value string, next int, closed bool) {
	var b strings.Builder
	for i++; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), i + 1, true
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == quote:
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), i, false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Keys returns the names that may stand before a colon, for completion.
func Keys() []string {
	return []string{"before", "body", "field", "from", "id", "is", "since", "status", "took", "verdict"}
}

// States returns what may follow "is:".
func States() []string {
	states := []string{"failed", "fired", "live", "marked", "pending", "problem", "replay", "slow"}
	for _, m := range stored {
		states = append(states, m.name)
	}
	for _, f := range flagNames {
		states = append(states, f.name)
	}
	slices.Sort(states)
	return states
}

// fieldName resolves a short name of a field: "reactions" is message_reactions. A
// name the catalogue does not know is taken as it is; Meta may have new ones.
func fieldName(name string) string {
	name = strings.ToLower(name)
	if _, ok := webhook.LookupField(name); ok {
		return name
	}
	for _, long := range []string{"message_" + name, "messaging_" + name, name + "s", "messaging_" + name + "s", "message_" + name + "s"} {
		if _, ok := webhook.LookupField(long); ok {
			return long
		}
	}
	return name
}

// nearest returns the candidate closest to word, "" when none is close.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", 1+len(word)/3
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), c); d <= bestDistance {
			best, bestDistance = c, d-1
		}
		if bestDistance < 0 {
			break
		}
	}
	return best
}

// distance is the number of letters to change, insert, drop or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	var before, above, row []int
	above = make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row = make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}

// parseInt64 reads digits only.
func parseInt64(s string) (int64, bool) {
	if s == "" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}
