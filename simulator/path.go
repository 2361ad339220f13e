package simulator

import (
	"fmt"
	"strconv"
	"strings"
)

// step is one step of a path: a key, or an index.
type step struct {
	key   string
	index int // when key is ""
}

func (s step) String() string {
	if s.key == "" {
		return "[" + strconv.Itoa(s.index) + "]"
	}
	return s.key
}

// path is a parsed path of a change.
type path struct {
	text  string
	top   bool // it began with "$."
	event int  // it began with "[n]"; else every
	steps []step
}

// every stands for all events of a delivery.
const every = -1

// parsePath reads "text", "from.username", "attachments[0].payload.url",
// "$.entry[0].id", `app_roles["1.2"]`, and "[2].text" for the third event.
func parsePath(text string) (path, error) {
	p := path{text: text, event: every}
	rest := text
	if after, ok := strings.CutPrefix(rest, "$."); ok {
		p.top, rest = true, after
	} else if rest == "$" {
		rest = "" // the top itself
	}
	fail := func(reason string) (path, error) {
		return path{}, &ChangeError{Path: text, Reason: reason}
	}
	for first := true; rest != ""; first = false {
		if rest[0] == '[' {
			s, after, err := parseBracket(rest)
			if err != "" {
				return fail(err)
			}
			rest = after
			if first && !p.top && s.key == "" {
				p.event = s.index
			} else {
				p.steps = append(p.steps, s)
			}
		} else {
			if !first {
				if rest[0] != '.' {
					return fail("want \".\" or \"[\" before " + strconv.Quote(rest))
				}
				rest = rest[1:]
			}
			i := strings.IndexAny(rest, ".[")
			if i < 0 {
				i = len(rest)
			}
			if i == 0 {
				return fail("a name is missing")
			}
			p.steps = append(p.steps, step{key: rest[:i]})
			rest = rest[i:]
		}
	}
	if len(p.steps) == 0 {
		return fail("it names no value")
	}
	return p, nil
}

// parseBracket reads "[12]" or `["key"]` at the start of text. reason is "" when
// it could.
func parseBracket(text string) (s step, rest, reason string) {
	if strings.HasPrefix(text, `["`) {
		quoted, err := strconv.QuotedPrefix(text[1:])
		after, closed := strings.CutPrefix(text[min(1+len(quoted), len(text)):], "]")
		if err != nil || !closed {
			return step{}, "", `["…"] is not closed`
		}
		key, err := strconv.Unquote(quoted)
		if err != nil || key == "" {
			return step{}, "", "a key is missing"
		}
		return step{key: key}, after, ""
	}
	inner, after, closed := strings.Cut(text[1:], "]")
	index, err := strconv.Atoi(inner)
	if !closed || err != nil || index < 0 || inner != strconv.Itoa(index) {
		return step{}, "", fmt.Sprintf("[%s] is no index", inner)
	}
	return step{index: index}, after, ""
}

// join writes steps as a path.
func join(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		switch {
		case s.key == "":
			b.WriteString(s.String())
		case strings.ContainsAny(s.key, `.[]"`):
			b.WriteString("[" + strconv.Quote(s.key) + "]")
		case i == 0:
			b.WriteString(s.key)
		default:
			b.WriteString("." + s.key)
		}
	}
	return b.String()
}
