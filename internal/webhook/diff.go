package webhook

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Diff is what differs between two JSON texts, such as two tries of one delivery: first
// the bytes, which is what a signature is over, then the meaning.
type Diff struct {
	Same bool // byte for byte
	At   int  // offset of the first byte that differs; the length of the shorter when it only ends earlier
	// Writing is where the texts are written differently, whatever they mean.
	Writing []WritingDiff
	// Changes are the values that differ, key by key, at most [MaxDifferences]. They
	// are empty when one of the texts is not JSON.
	Changes []Change
	JSON    bool // both are JSON, so that no Changes means the same
}

// WritingDiff is one way of writing JSON in which two texts differ.
type WritingDiff struct {
	What string // "spaces", "slashes", "other characters", "order of keys"
	A, B string
}

// Change is one value that differs. A and B are as they stand in the texts, cut when
// long: untrusted text, escape it before a terminal.
type Change struct {
	Path string // "entry[0].changes[0].value.text"
	A    string // "" when only the second text has it
	B    string // "" when only the first text has it
}

// maxShown is the length of a value in a [Change], in bytes.
const maxShown = 200

// DiffJSON compares two texts, bodies or events of them.
func DiffJSON(a, b []byte) Diff {
	d := Diff{Same: bytes.Equal(a, b), At: commonPrefix(a, b), JSON: checkJSON(a) == nil && checkJSON(b) == nil}
	if d.Same || !d.JSON {
		return d
	}
	a, b = bytes.TrimSpace(a), bytes.TrimSpace(b)
	styleA, styleB := styleOf(a), styleOf(b)
	d.writing("spaces", styleA.spaces, styleB.spaces)
	d.writing("slashes", styleA.slashes, styleB.slashes)
	d.writing("other characters", styleA.others, styleB.others)
	d.value("", a, b)
	return d
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// writing adds a difference unless one of the texts gives no occasion for it.
func (d *Diff) writing(what, a, b string) {
	if a != b && a != "" && b != "" {
		d.Writing = append(d.Writing, WritingDiff{what, a, b})
	}
}

// writingStyle is how a JSON text is written; "" where nothing in it tells.
type writingStyle struct{ spaces, slashes, others string }

func styleOf(text []byte) writingStyle {
	s := writingStyle{spaces: "none"}
	see := func(style *string, way string) {
		if *style != "" && *style != way {
			way = "both ways"
		}
		*style = way
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			s.spaces = "on lines"
		case c == ' ' && s.spaces == "none":
			s.spaces = "after separators"
		case c == '"':
			end := closingQuote(text, i+1)
			for i++; i < end; i++ {
				switch c := text[i]; {
				case c == '/':
					see(&s.slashes, "plain")
				case c >= 0x80:
					see(&s.others, "UTF-8")
				case c == '\\':
					i++
					switch text[i] {
					case '/':
						see(&s.slashes, "escaped")
					case 'u':
						see(&s.others, "escaped")
					}
				}
			}
		}
	}
	return s
}

func (d *Diff) change(path string, a, b []byte) {
	if len(d.Changes) < MaxDifferences {
		d.Changes = append(d.Changes, Change{strings.TrimPrefix(path, "."), clip(string(a), maxShown), clip(string(b), maxShown)})
	}
}

// value compares two values at a place.
func (d *Diff) value(path string, a, b []byte) {
	switch {
	case bytes.Equal(a, b) || len(d.Changes) == MaxDifferences:
	case a[0] == '{' && b[0] == '{':
		d.object(path, a, b)
	case a[0] == '[' && b[0] == '[':
		d.list(path, a, b)
	case a[0] == '"' && b[0] == '"' && bytes.Equal(unquote(a), unquote(b)): // written differently
	default:
		d.change(path, a, b)
	}
}

func (d *Diff) object(path string, a, b []byte) {
	inB, orderB := map[string][]byte{}, []string(nil)
	for key, value := range members(b) {
		if _, twice := inB[string(key)]; !twice {
			orderB = append(orderB, string(key))
		}
		inB[string(key)] = value
	}
	inA, orderA := map[string]bool{}, []string(nil)
	for key, value := range members(a) {
		name := string(key)
		at := path + "." + joinPath("", clip(name, maxName))
		other, ok := inB[name]
		switch {
		case inA[name]:
			continue
		case ok:
			orderA = append(orderA, name)
			d.value(at, value, other)
		default:
			d.change(at, value, nil)
		}
		inA[name] = true
	}
	var common []string
	for _, name := range orderB {
		if inA[name] {
			common = append(common, name)
		} else {
			d.change(path+"."+joinPath("", clip(name, maxName)), nil, inB[name])
		}
	}
	ordered := slices.ContainsFunc(d.Writing, func(w WritingDiff) bool { return w.What == "order of keys" })
	if !ordered && !slices.Equal(orderA, common) {
		d.writing("order of keys", clip(strings.Join(orderA, " "), maxShown), clip(strings.Join(common, " "), maxShown))
	}
}

func (d *Diff) list(path string, a, b []byte) {
	var others [][]byte
	for value := range elements(b) {
		others = append(others, value)
	}
	n := 0
	for value := range elements(a) {
		at := path + "[" + strconv.Itoa(n) + "]"
		if n < len(others) {
			d.value(at, value, others[n])
		} else {
			d.change(at, value, nil)
		}
		n++
	}
	for ; n < len(others); n++ {
		d.change(path+"["+strconv.Itoa(n)+"]", nil, others[n])
	}
}
