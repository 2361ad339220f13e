package simulator

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
)

// Op is what a [Change] does.
type Op int

// The operations.
const (
	Set     Op = iota // give a value, keeping the JSON type of the old one
	Unset             // take a key or an element away
	SetJSON           // give a value written in JSON
)

// Change alters a payload after its placeholders.
//
// The path starts at the event: "text", "from.username",
// "message.attachments[0].type". A single name is looked for in the whole event
// when it is not there, and taken when it is unique. "$." starts at the top of the
// payload. In a batch a change applies to every event that has the path, or with
// "[n]" in front to one, counted from 0.
type Change struct {
	Op    Op
	Path  string
	Value string
	// Add allows a path that is not there yet. A value that is added by Set is a
	// string.
	Add bool
}

// ParseChange reads the argument of a flag: "PATH=VALUE", or a path alone when op
// is [Unset].
func ParseChange(op Op, arg string, add bool) (Change, error) {
	if op == Unset {
		return Change{Op: op, Path: arg, Add: add}, nil
	}
	name, value, ok := strings.Cut(arg, "=")
	if !ok {
		return Change{}, &ChangeError{Path: arg, Reason: "want PATH=VALUE"}
	}
	return Change{Op: op, Path: name, Value: value, Add: add}, nil
}

// ChangeError says why a change can't be made.
type ChangeError struct {
	Path   string
	Reason string
	Near   string // the path that was probably meant, "" when none is close

	missing bool // the path leads nowhere; in a batch another event may have it
}

// Error names the path, the reason and the nearest path.
func (e *ChangeError) Error() string {
	text := fmt.Sprintf("change %q: %s", e.Path, e.Reason)
	if e.Near != "" {
		text += fmt.Sprintf(", did you mean %q?", e.Near)
	}
	return text
}

// apply makes one change to the tree.
func (c *compiler) apply(change Change) error {
	p, err := parsePath(change.Path)
	if err != nil {
		return err
	}
	if change.Op == SetJSON {
		if _, err := fixtures.ParseJSON([]byte(change.Value)); err != nil {
			return &ChangeError{Path: change.Path, Reason: fmt.Sprintf("the value is not JSON: %v", err)}
		}
	}
	roots, err := c.roots(p)
	if err != nil {
		return err
	}
	var missing error
	done := 0
	for _, root := range roots {
		err := c.applyTo(root, p, change)
		if e, ok := errors.AsType[*ChangeError](err); ok && e.missing {
			missing = err
			continue
		}
		if err != nil {
			return err
		}
		done++
	}
	if done == 0 {
		return missing
	}
	return nil
}

// roots returns the nodes a path starts at.
func (c *compiler) roots(p path) ([]*fixtures.Node, error) {
	switch {
	case p.top:
		return []*fixtures.Node{c.payload}, nil
	case len(c.events) == 0:
		return nil, &ChangeError{Path: p.text, Reason: "the payload has no event; start at its top", Near: "$." + p.text}
	case p.event >= len(c.events):
		return nil, &ChangeError{Path: p.text, Reason: fmt.Sprintf("the last of %d events is [%d]", len(c.events), len(c.events)-1)}
	case p.event != every:
		return []*fixtures.Node{c.events[p.event].root}, nil
	}
	roots := make([]*fixtures.Node, len(c.events))
	for i, e := range c.events {
		roots[i] = e.root
	}
	return roots, nil
}

// applyTo makes a change to one event, or to the payload.
func (c *compiler) applyTo(root *fixtures.Node, p path, change Change) error {
	steps := p.steps
	if !p.top && len(steps) == 1 && root.Member(steps[0].key) == nil && steps[0].key != "" {
		switch found := findName(root, steps[0].key); len(found) {
		case 0:
		case 1:
			steps = found[0]
		default:
			return &ChangeError{Path: p.text, Reason: fmt.Sprintf("the name stands at %q and %q", join(found[0]), join(found[1]))}
		}
	}
	parent := root
	for i, s := range steps[:len(steps)-1] {
		next := follow(parent, s)
		if next == nil {
			if !change.Add || change.Op == Unset {
				return c.unknown(root, p)
			}
			next = &fixtures.Node{Kind: fixtures.Object}
			if steps[i+1].key == "" {
				next.Kind = fixtures.Array
			}
			if err := put(parent, s, next); err != "" {
				return &ChangeError{Path: p.text, Reason: err}
			}
		}
		parent = next
	}
	return c.change(root, parent, steps[len(steps)-1], p, change)
}

// change makes the change at the last step of a path.
func (c *compiler) change(root, parent *fixtures.Node, last step, p path, change Change) error {
	old := follow(parent, last)
	if old == nil && (!change.Add || change.Op == Unset) {
		return c.unknown(root, p)
	}
	switch change.Op {
	case Unset:
		if last.key == "" {
			parent.Items = slices.Delete(parent.Items, last.index, last.index+1)
		} else {
			parent.Members = slices.DeleteFunc(parent.Members, func(m fixtures.Member) bool { return m.Name == last.key })
		}
		return nil
	case SetJSON:
		value, err := fixtures.ParseJSON([]byte(change.Value)) // a copy for each event
		if err != nil {
			return err
		}
		return c.replace(parent, last, old, value, p)
	default:
		value, reason := valueLike(old, change.Value)
		if reason != "" {
			return &ChangeError{Path: p.text, Reason: reason}
		}
		return c.replace(parent, last, old, value, p)
	}
}

// replace puts a value in the place of the old one, in the same node: an event may
// be known by it.
func (c *compiler) replace(parent *fixtures.Node, last step, old, value *fixtures.Node, p path) error {
	if old != nil {
		*old = *value
		return nil
	}
	if reason := put(parent, last, value); reason != "" {
		return &ChangeError{Path: p.text, Reason: reason}
	}
	return nil
}

// valueLike returns text as a value of the old one's type.
func valueLike(old *fixtures.Node, text string) (*fixtures.Node, string) {
	if old == nil {
		return fixtures.StringNode(text), ""
	}
	switch old.Kind {
	case fixtures.Number:
		if n, err := fixtures.ParseJSON([]byte(text)); err != nil || n.Kind != fixtures.Number {
			return nil, fmt.Sprintf("it is a number, and %q is none; set it as JSON to change its type", text)
		}
		return &fixtures.Node{Kind: fixtures.Number, Text: strings.TrimSpace(text)}, ""
	case fixtures.Bool:
		if text != "true" && text != "false" {
			return nil, fmt.Sprintf("it is true or false, not %q", text)
		}
		return &fixtures.Node{Kind: fixtures.Bool, Text: text}, ""
	case fixtures.Array, fixtures.Object:
		return nil, fmt.Sprintf("it is %s; set it as JSON or name a value inside", old.Kind)
	default: // of null too: nothing says otherwise
		return fixtures.StringNode(text), ""
	}
}

// follow takes one step, nil when it leads nowhere.
func follow(n *fixtures.Node, s step) *fixtures.Node {
	if s.key != "" {
		return n.Member(s.key)
	}
	if n.Kind != fixtures.Array || s.index >= len(n.Items) {
		return nil
	}
	return n.Items[s.index]
}

// put adds a value; reason says why it can't.
func put(n *fixtures.Node, s step, value *fixtures.Node) (reason string) {
	switch {
	case s.key != "" && n.Kind == fixtures.Object:
		n.Members = append(n.Members, fixtures.Member{Name: s.key, Value: value})
	case s.key == "" && n.Kind == fixtures.Array && s.index == len(n.Items):
		n.Items = append(n.Items, value)
	case s.key == "" && n.Kind == fixtures.Array:
		return fmt.Sprintf("%s leaves a gap, the next is [%d]", s, len(n.Items))
	default:
		return fmt.Sprintf("%s can't be added to %s", s, n.Kind)
	}
	return ""
}

// findName lists the paths below n that end in a key.
func findName(n *fixtures.Node, name string) [][]step {
	var found [][]step
	for steps := range allPaths(n) {
		if steps[len(steps)-1].key == name {
			found = append(found, slices.Clone(steps))
		}
	}
	return found
}

// allPaths yields the path of every value below n. The slice is reused.
func allPaths(n *fixtures.Node) iter.Seq[[]step] {
	return func(yield func([]step) bool) { walkPaths(n, nil, yield) }
}

func walkPaths(n *fixtures.Node, at []step, yield func([]step) bool) bool {
	for i, item := range n.Items {
		if below := append(at, step{index: i}); !yield(below) || !walkPaths(item, below, yield) {
			return false
		}
	}
	for _, m := range n.Members {
		if below := append(at, step{key: m.Name}); !yield(below) || !walkPaths(m.Value, below, yield) {
			return false
		}
	}
	return true
}

// unknown is the error of a path that leads nowhere, with the nearest that leads
// somewhere.
func (c *compiler) unknown(root *fixtures.Node, p path) error {
	e := &ChangeError{Path: p.text, Reason: "there is no such path", missing: true}
	prefix := ""
	if p.top {
		prefix = "$."
	}
	var paths, names []string
	for steps := range allPaths(root) {
		paths = append(paths, join(steps))
		names = append(names, steps[len(steps)-1].key)
	}
	if near := fixtures.Nearest(join(p.steps), paths); near != "" {
		e.Near = prefix + near
	} else if near := fixtures.Nearest(p.steps[len(p.steps)-1].key, names); near != "" {
		e.Near = prefix + paths[slices.Index(names, near)]
	}
	return e
}
