package webhook

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxDifferences bounds what [Compare] and [CompareEnvelope] return.
const MaxDifferences = 50

// Type is the JSON types a value may have.
type Type uint8

const (
	obj Type = 1 << iota
	arr
	str
	num
	boolean
	null
)

var typeNames = []string{"object", "array", "string", "number", "boolean", "null"}

// String names the types: "string", "number or string".
func (t Type) String() string {
	var names []string
	for bit, name := range typeNames {
		if t&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// typeOf returns the type of a JSON value.
func typeOf(value []byte) Type {
	switch value[0] {
	case '{':
		return obj
	case '[':
		return arr
	case '"':
		return str
	case 't', 'f':
		return boolean
	case 'n':
		return null
	}
	return num
}

// Key is one member of a known shape.
type Key struct {
	// Path from the event's value or item, with "[]" for the elements of a list and
	// "*" for any name: "message.attachments[].type".
	Path     string
	Type     Type
	Optional bool
	About    string
}

// Keys returns the known shape of a field, nil when nobody has published one: the
// members of value in the changes dialect, of the messaging item in the messaging
// dialect, without the sender, recipient and timestamp that all of them have.
func Keys(field string) []Key {
	f, ok := LookupField(field)
	switch {
	case !ok || !f.Shape:
		return nil
	case f.Dialect == Changes:
		return slices.Clone(values[field])
	case field == "standby":
		return nil // any other item
	}
	var out []Key
	for _, item := range items {
		if item.event == "policy-enforcement" {
			continue // the old spelling
		}
		if item.field == field || item.pageField == field {
			out = append(out, item.keys(slices.Equal(f.Objects, onPage))...)
		}
	}
	return out
}

// AttachmentKeys returns the known shapes of an attachment's payload by its type. A
// type without keys has no payload, or none that is known.
func AttachmentKeys() map[string][]Key {
	out := make(map[string][]Key, len(attachments))
	for name, keys := range attachments {
		out[name] = slices.Clone(keys)
	}
	return out
}

// DifferenceKind says how a seen shape differs from the known one.
type DifferenceKind string

// The kinds of differences.
const (
	UnknownKey   DifferenceKind = "unknown_key"
	MissingKey   DifferenceKind = "missing_key"
	OtherType    DifferenceKind = "other_type"
	UnknownValue DifferenceKind = "unknown_value"
)

// Difference is one place where a seen shape is not the known one. It says that Meta
// changed something, or that igloo's knowledge is incomplete; never that a delivery
// is wrong. Its texts come from the sender: escape them before a terminal.
type Difference struct {
	Path string // "value.media.ad_name", "message.attachments[0].type"
	Kind DifferenceKind
	Want string // the known types; "" when the key is unknown
	Got  string // the type that came, or the unknown value; "" when the key is missing
}

// String is the difference as a sentence.
func (d Difference) String() string {
	switch d.Kind {
	case UnknownKey:
		return fmt.Sprintf("%s is not known (%s)", d.Path, d.Got)
	case MissingKey:
		return fmt.Sprintf("%s is missing (%s)", d.Path, d.Want)
	case OtherType:
		return fmt.Sprintf("%s is %s, known as %s", d.Path, d.Got, d.Want)
	case UnknownValue:
	}
	return fmt.Sprintf("%s has a value that is not known: %s", d.Path, d.Got)
}

// Compare holds an event against the known shape of its kind and returns what
// differs, at most [MaxDifferences]. Events of an unknown shape have none.
func Compare(e Event) []Difference {
	c := comparer{onPage: e.Object == "page"}
	switch e.Section {
	case InChanges:
		c.walk(changeKeys, "", "", e.Raw)
		value := member(e.Raw, "value")
		if keys := values[text(member(e.Raw, "field"))]; keys != nil {
			c.walk(keys, "", "value", value)
		} else if key, _ := eventObject(value); key != "" {
			c.item(e, key, "value", value)
		}
	case InMessaging, InStandby:
		if key, _ := eventObject(e.Raw); key != "" {
			c.item(e, key, "", e.Raw)
		}
	case InEntry, InChangedFields: // seen by CompareEnvelope
	}
	return c.out
}

// CompareEnvelope holds what surrounds the events of a body, the payload and its
// entries, against the known shape. A body that is not JSON has no differences.
func CompareEnvelope(body []byte) []Difference {
	if checkJSON(body) != nil {
		return nil
	}
	c := comparer{}
	top := bytes.TrimSpace(body)
	if typeOf(top) != obj {
		c.add(Difference{Path: "$", Kind: OtherType, Want: obj.String(), Got: typeOf(top).String()})
	}
	c.walk(envelopeKeys, "", "", top)
	for element := range elements(top) {
		c.walk(envelopeKeys, "", "[]", element)
	}
	return c.out
}

// comparer collects differences. Its walk goes as deep as the known shape does.
type comparer struct {
	out    []Difference
	onPage bool // the object is page
	// withheld is a path whose absence is no surprise.
	withheld string
}

func (c *comparer) full() bool { return len(c.out) >= MaxDifferences }

func (c *comparer) add(d Difference) {
	if !c.full() {
		c.out = append(c.out, d)
	}
}

// item compares a messaging item whose event object is key.
func (c *comparer) item(e Event, key, at string, item []byte) {
	known, ok := itemOf(key)
	keys := known.keys(c.onPage)
	if !ok || keys == nil {
		return
	}
	if e.Section == InStandby {
		c.withheld = "postback.payload"
	}
	head := known.head
	if e.Flags&Test != 0 {
		head = testHead(head)
	}
	c.walk(slices.Concat(head, keys), "", at, item)
}

// walk compares one object. prefix is its place in the known shape, at its place in
// the delivery.
func (c *comparer) walk(keys []Key, prefix, at string, object []byte) {
	seen := make([]bool, len(keys))
	for name, value := range members(object) {
		if c.full() {
			return
		}
		shown := joinPath(at, clip(string(name), maxName))
		i := findKey(keys, prefix, string(name))
		if i < 0 {
			c.add(Difference{Path: shown, Kind: UnknownKey, Got: typeOf(value).String()})
			continue
		}
		seen[i] = true
		c.value(keys, keys[i], shown, value)
	}
	for i, k := range keys {
		name, ok := childOf(k.Path, prefix)
		if ok && !seen[i] && !k.Optional && k.Path != c.withheld && len(object) > 0 && object[0] == '{' {
			c.add(Difference{Path: joinPath(at, name), Kind: MissingKey, Want: k.Type.String()})
		}
	}
}

// value compares one value with its key and goes on below it.
func (c *comparer) value(keys []Key, k Key, at string, value []byte) {
	if typeOf(value)&k.Type == 0 {
		c.add(Difference{Path: at, Kind: OtherType, Want: k.Type.String(), Got: typeOf(value).String()})
		return
	}
	if hasChildren(keys, k.Path) {
		c.walk(keys, k.Path, at, value)
	}
	element := slices.IndexFunc(keys, func(other Key) bool { return other.Path == k.Path+"[]" })
	if element < 0 {
		return
	}
	n := 0
	for item := range elements(value) {
		if c.full() {
			return
		}
		place := at + "[" + strconv.Itoa(n) + "]"
		c.value(keys, keys[element], place, item)
		if k.Path == "message.attachments" {
			c.attachment(place, item)
		}
		n++
	}
}

// attachment compares the payload of an attachment with what its type carries.
func (c *comparer) attachment(at string, item []byte) {
	name, payload := text(member(item, "type")), member(item, "payload")
	keys, known := attachments[name]
	if own, ok := pageAttachments[name]; ok && c.onPage {
		keys = own
	}
	switch {
	case name == "": // missing, and noticed
	case !known:
		c.add(Difference{Path: at + ".type", Kind: UnknownValue, Got: strconv.Quote(clip(name, maxName))})
	case keys != nil && payload == nil:
		c.add(Difference{Path: at + ".payload", Kind: MissingKey, Want: obj.String()})
	case keys != nil:
		c.walk(keys, "", at+".payload", payload)
	}
}

// findKey returns the place of a member's key, by its name or by "*".
func findKey(keys []Key, prefix, name string) int {
	wildcard := -1
	for i, k := range keys {
		switch child, ok := childOf(k.Path, prefix); {
		case ok && child == name:
			return i
		case ok && child == "*":
			wildcard = i
		}
	}
	return wildcard
}

// childOf returns the name of a path directly under prefix.
func childOf(path, prefix string) (name string, ok bool) {
	if prefix != "" {
		if path, ok = strings.CutPrefix(path, prefix); !ok {
			return "", false
		}
		if path, ok = strings.CutPrefix(path, "."); !ok {
			return "", false
		}
	}
	return path, !strings.ContainsAny(path, ".[")
}

func hasChildren(keys []Key, path string) bool {
	return slices.ContainsFunc(keys, func(k Key) bool {
		_, ok := childOf(k.Path, path)
		return ok
	})
}

func joinPath(at, name string) string {
	if name == "" {
		name = `""` // what a hostile sender calls a key
	}
	if at == "" {
		return name
	}
	return at + "." + name
}
