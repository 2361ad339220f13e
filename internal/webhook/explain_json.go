package webhook

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// layout is how a JSON text is spread over lines and spaces.
type layout int

const (
	asLaidOut layout = iota // as it is
	compact                 // no space at all
	spaced                  // one space after "," and ":"
	pretty2                 // a line each, indented by two spaces
	pretty4
	prettyTab
)

var indents = map[layout]string{pretty2: "  ", pretty4: "    ", prettyTab: "\t"}

// spelling is how one kind of character is written inside a JSON string.
type spelling int

const (
	asSpelt spelling = iota // as it is
	plain                   // the character itself
	escaped                 // "\/", or \uXXXX in lower-case hex
	upper                   // \uXXXX in upper-case hex
)

// order is the order of an object's members.
type order int

const (
	asOrdered order = iota
	sorted          // by key, at every level
	metaOrder       // as Meta's senders write them, as far as igloo knows
)

// style is a way to write JSON.
type style struct {
	layout  layout
	slash   spelling
	unicode spelling // of what is not ASCII
	extra   string   // further characters to write as \uXXXX
	caps    bool     // those in upper-case hex
	order   order
	crlf    bool   // lines end with CRLF
	end     string // after the text
}

// jsonToken is a piece of a JSON text: a bracket, a comma or colon, white space, a
// string with its quotes, a number or a word.
type jsonToken []byte

// tokens splits a valid JSON text.
func tokens(text []byte) []jsonToken {
	var out []jsonToken
	for i := 0; i < len(text); {
		end := i + 1
		switch text[i] {
		case '"':
			end = closingQuote(text, i+1) + 1
		case '{', '}', '[', ']', ',', ':':
		case ' ', '\n', '\r', '\t':
			for end < len(text) && isSpace(text[end]) {
				end++
			}
		default:
			for end < len(text) && !isDelimiter(text[end]) {
				end++
			}
		}
		out = append(out, text[i:end])
		i = end
	}
	return out
}

func (t jsonToken) space() bool { return isSpace(t[0]) }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func (t jsonToken) opens() bool { return t[0] == '{' || t[0] == '[' }

func (t jsonToken) closes() bool { return t[0] == '}' || t[0] == ']' }

// maxRewritten bounds what one style may make of a text: indentation makes a deeply
// nested one grow with its square.
func maxRewritten(text int) int { return 4*text + 4096 }

// rewrite appends the text to dst in a style. It gives up, and ok is false, when the
// result would be out of proportion.
func rewrite(dst []byte, text []jsonToken, s style, limit int) (out []byte, ok bool) {
	newline := "\n"
	if s.crlf {
		newline = "\r\n"
	}
	indent, pretty := indents[s.layout]
	special := s.specials()
	depth, opened := 0, false
	line := func() {
		dst = append(dst, newline...)
		for i := 0; i < depth && len(dst) <= limit; i++ {
			dst = append(dst, indent...)
		}
	}
	for _, t := range text {
		switch {
		case t.space():
			if s.layout == asLaidOut {
				dst = append(dst, t...)
			}
			continue
		case t.closes():
			depth--
			if pretty && !opened {
				line()
			}
		case pretty && opened:
			line()
		}
		opened = t.opens()
		if t[0] == '"' {
			dst = s.appendString(dst, t, special)
		} else {
			dst = append(dst, t...)
		}
		switch {
		case opened:
			depth++
		case t[0] == ',' && pretty:
			line()
		case t[0] == ':' && pretty, (t[0] == ':' || t[0] == ',') && s.layout == spaced:
			dst = append(dst, ' ')
		}
		if len(dst) > limit {
			return dst, false
		}
	}
	return append(dst, s.end...), true
}

// specials are the bytes inside a string that a style may want in another spelling.
type specials [256]bool

func (s style) specials() *specials {
	var of specials
	if s.slash == asSpelt && s.unicode == asSpelt && s.extra == "" {
		return &of // not even escapes are read
	}
	for c := utf8.RuneSelf; c < len(of); c++ {
		of[c] = true
	}
	of['\\'], of['/'] = true, true
	for i := range len(s.extra) {
		of[s.extra[i]] = true
	}
	return &of
}

// appendString appends a JSON string, quotes included, in the style's spelling.
func (s style) appendString(dst, quoted []byte, special *specials) []byte {
	dst = append(dst, '"')
	for text := quoted[1 : len(quoted)-1]; len(text) > 0; {
		n := 0
		for n < len(text) && !special[text[n]] {
			n++
		}
		if n > 0 {
			dst, text = append(dst, text[:n]...), text[n:]
			continue
		}
		r, size := character(text)
		unit := text[:size]
		text = text[size:]
		switch {
		case r == '/' && s.slash == asSpelt, r >= utf8.RuneSelf && s.unicode == asSpelt, r < 0:
			dst = append(dst, unit...)
		case r == '/' && s.slash == escaped:
			dst = append(dst, '\\', '/')
		case s.extra != "" && bytes.ContainsRune([]byte(s.extra), r):
			dst = appendUnicode(dst, r, s.caps)
		case r >= utf8.RuneSelf && s.unicode == plain && !surrogate(r):
			dst = utf8.AppendRune(dst, r)
		case r >= utf8.RuneSelf:
			dst = appendUnicode(dst, r, s.unicode == upper)
		default:
			dst = appendASCII(dst, byte(r), s.unicode == upper)
		}
	}
	return append(dst, '"')
}

// appendASCII appends a character as every JSON writer does that has no wish of its own.
func appendASCII(dst []byte, c byte, caps bool) []byte {
	if i := bytes.IndexByte([]byte("\"\\\n\r\t\b\f"), c); i >= 0 {
		return append(dst, '\\', `"\nrtbf`[i])
	}
	if c < ' ' {
		return appendUnicode(dst, rune(c), caps)
	}
	return append(dst, c)
}

// appendUnicode appends \uXXXX, twice above U+FFFF.
func appendUnicode(dst []byte, r rune, caps bool) []byte {
	from := len(dst)
	if r > 0xFFFF {
		r -= 0x10000
		dst = appendEscape(dst, 0xD800+r>>10)
		r = 0xDC00 + r&0x3FF
	}
	dst = appendEscape(dst, r)
	if caps {
		for i := from; i < len(dst); i++ {
			if c := dst[i]; c >= 'a' && c <= 'f' {
				dst[i] = c - 'a' + 'A'
			}
		}
	}
	return dst
}

// character reads the first character of a JSON string's inside, written plainly or
// as an escape. A surrogate without its other half is returned as it is, a byte that
// is not UTF-8 as -1.
func character(text []byte) (r rune, size int) {
	switch {
	case text[0] != '\\':
		r, size = utf8.DecodeRune(text)
		if r == utf8.RuneError && size <= 1 {
			return -1, 1
		}
		return r, size
	case text[1] != 'u':
		if i := bytes.IndexByte([]byte("nrtbf"), text[1]); i >= 0 {
			return rune("\n\r\t\b\f"[i]), 2
		}
		return rune(text[1]), 2
	}
	r = hex4(text)
	if r >= 0xD800 && r < 0xDC00 && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if low := hex4(text[6:]); low >= 0xDC00 && low < 0xE000 {
			return 0x10000 + (r-0xD800)<<10 + low - 0xDC00, 12
		}
	}
	return r, 6
}

// hex4 reads \uXXXX, which a check of the whole text has found to be well formed.
func hex4(escape []byte) rune {
	n, _ := strconv.ParseUint(string(escape[2:6]), 16, 16)
	return rune(n)
}

func surrogate(r rune) bool { return r >= 0xD800 && r < 0xE000 }

// maxDepth is the nesting above which objects are left in their order. Meta's go to 9.
const maxDepth = 64

// depth returns how deeply a text is nested.
func depth(text []jsonToken) int {
	now, deepest := 0, 0
	for _, t := range text {
		switch {
		case t.opens():
			now++
			deepest = max(deepest, now)
		case t.closes():
			now--
		}
	}
	return deepest
}

// reorder returns the text with the members of its objects in another order, without
// its white space. compare tells of two keys which comes first.
func reorder(text []jsonToken, compare func(a, b []byte) int) []jsonToken {
	text = slices.DeleteFunc(slices.Clone(text), jsonToken.space)
	out, _ := reorderValue(nil, text, compare)
	return out
}

// reorderValue appends the first value of text to dst and returns what follows it.
func reorderValue(dst, text []jsonToken, compare func(a, b []byte) int) (out, rest []jsonToken) {
	if !text[0].opens() {
		return append(dst, text[0]), text[1:]
	}
	type item struct {
		key   []byte
		value []jsonToken // the key and colon of a member included
	}
	open, items := text[0], []*item(nil)
	for text = text[1:]; !text[0].closes(); {
		it := &item{}
		if open[0] == '{' {
			it.key, it.value, text = unquote(text[0]), append(it.value, text[:2]...), text[2:]
		}
		it.value, text = reorderValue(it.value, text, compare)
		items = append(items, it)
		if text[0][0] == ',' {
			text = text[1:]
		}
	}
	if open[0] == '{' {
		slices.SortStableFunc(items, func(a, b *item) int { return compare(a.key, b.key) })
	}
	dst = append(dst, open)
	for i, it := range items {
		if i > 0 {
			dst = append(dst, jsonToken(","))
		}
		dst = append(dst, it.value...)
	}
	return append(dst, text[0]), text[1:]
}

// metaKeys are the keys of a delivery in the order in which Meta's senders write them.
// One list serves all objects, because no two keys stand the other way round in two of
// them, but for url and title in the buttons of a template, which are left wrong. A Test delivery of the dashboard has "field" before "value".
var metaKeys = map[Dialect]string{
	Changes: "entry object from media id username self_ig_scoped_id time changes media_product_type ad_id ad_title " +
		"original_media_id parent_id text value field",
	Messaging: "object entry time ig_post_media_id reel_video_id story_media_id ref ad_id source type mid title " +
		"story_media_url url id messaging standby sender recipient timestamp text action attachments quick_reply reply_to " +
		"referral is_echo is_self is_deleted is_unsupported message reaction postback read message_edit emoji num_edit " +
		"payload ads_context_data",
}

// byMeta compares two keys by their place in metaKeys. Those igloo does not know come
// last, in the order they have.
func byMeta(d Dialect, test bool) func(a, b []byte) int {
	rank := map[string]int{}
	for i, key := range strings.Fields(metaKeys[d]) {
		rank[key] = i + 1
	}
	if test && d == Changes {
		rank["field"], rank["value"] = rank["value"], rank["field"]
	}
	place := func(key []byte) int {
		if n := rank[string(key)]; n > 0 {
			return n
		}
		return len(rank) + 1
	}
	return func(a, b []byte) int { return place(a) - place(b) }
}
