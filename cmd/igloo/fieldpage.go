package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// fieldDocs is where the fields are told in prose.
const fieldDocs = "https://github.com/igloo-dev/igloo/blob/main/docs/webhooks.md"

// foldedKeys is how many keys a page lists in full; longer shapes show what is deep
// in them in one line.
const foldedKeys = 24

// fieldPage explains one field.
type fieldPage struct {
	w     io.Writer
	width int
}

func (p *fieldPage) write(f webhook.Field, asked string) {
	fmt.Fprintf(p.w, "%s\n", cut(f.Name+"  "+f.About, p.width))
	if asked != f.Name {
		fmt.Fprintf(p.w, "(asked for as %s)\n", quoteValue(asked))
	}
	fmt.Fprintln(p.w)
	p.say("object", strings.Join(f.Objects, ", "))
	if f.Shape {
		p.say("dialect", dialectText(f))
	}
	p.permissions(f)
	p.say("default", defaultText(f.Default))
	p.say("subscribe", subscribeText(f))
	if f.Twin != "" {
		other := map[bool]string{true: "under Messenger (object page)", false: "on Instagram"}[slices.Contains(f.Objects, "instagram")]
		p.say("", f.Twin+" is the same "+other)
	}
	p.say("evidence", f.Evidence)
	for i, limit := range f.Limits {
		p.say(map[bool]string{true: "limits"}[i == 0], "· "+limit)
	}
	p.keys(f)
	p.samples(f)
	p.say("more", fieldDocs+"#"+docsAnchor(f))
}

// docsAnchor is the place of a field in the documentation.
func docsAnchor(f webhook.Field) string {
	if f.Shape && slices.Contains(f.Objects, "instagram") && (f.Accepted || f.Dialect == webhook.Changes) {
		return f.Name
	}
	return "fields"
}

const pageIndent = 13

// say writes a text beside its title.
func (p *fieldPage) say(title, text string) {
	writeWrapped(p.w, fmt.Sprintf("%-*s", pageIndent, title), text, p.width)
}

func dialectText(f webhook.Field) string {
	if f.Dialect == webhook.Changes {
		return "changes: entry[].changes[] holds {value, field}; time in seconds"
	}
	if f.Name == "standby" {
		return "messaging: entry[].standby[] holds the items; times in milliseconds"
	}
	return "messaging: entry[].messaging[] holds the items, with sender, recipient and timestamp; times in milliseconds"
}

func (p *fieldPage) permissions(f webhook.Field) {
	if !f.Permissions.Listed() {
		p.say("permissions", "not in Meta's permission table")
		return
	}
	title := "permissions"
	for _, login := range logins {
		g := f.Permissions.Of(login.login)
		text := strings.Join(g.Names, ", ")
		if text != "" && g.Advanced {
			text += "; Advanced Access"
		}
		switch {
		case !g.Available():
			text = "not available"
		case text == "":
			text = g.Note
		case g.Note != "":
			text += " (" + g.Note + ")"
		}
		writeWrapped(p.w, fmt.Sprintf("%-*s%-20s", pageIndent, title, login.title), text, p.width)
		title = ""
	}
}

func defaultText(d webhook.Default) string {
	switch d {
	case webhook.ByDefault:
		return "subscribed by default"
	case webhook.Disputed:
		return "disputed: Meta's pages count it among the default fields, developers report messages alone; read the subscription back"
	case webhook.NotByDefault:
	}
	return "not subscribed by default"
}

func subscribeText(f webhook.Field) string {
	if f.Accepted {
		return "the subscribed_apps endpoint of Instagram Login takes the name"
	}
	text := "the subscribed_apps endpoint of Instagram Login refuses the name, and with it the whole call (error 100)"
	if instead, ok := webhook.AcceptedField(f.Name); ok {
		text += ": take " + instead.Name
	}
	return text
}

// samples names the built-in fixtures.
func (p *fieldPage) samples(f webhook.Field) {
	names := fixturesOf(f.Name)
	if len(names) == 0 {
		p.say("fixtures", "none")
		return
	}
	p.say("fixtures", strings.Join(names, ", "))
	one := names[0]
	if _, err := fixtures.Builtin().Get(f.Name); err == nil {
		one = f.Name
	}
	p.say("", "try one: igloo fire "+one)
}

// keys lists the known shape.
func (p *fieldPage) keys(f webhook.Field) {
	keys := webhook.Keys(f.Name)
	switch {
	case f.Name == "standby":
		p.say("keys", "those of the other messaging fields")
		return
	case len(keys) == 0:
		p.say("keys", "unknown")
		return
	}
	title := map[bool]string{true: "keys of value", false: "keys of the item"}[f.Dialect == webhook.Changes]
	fmt.Fprintf(p.w, "\n%s (? is not always there)\n", title)
	depth := 0
	if len(keys) > foldedKeys {
		depth = 2
	}
	p.keyTable(keys, depth)
	if carriesAttachments(f.Name) {
		fmt.Fprintf(p.w, "\npayload of an attachment by its type\n")
		p.attachments()
	}
	fmt.Fprintln(p.w)
}

// keyTable writes keys with their types. With a depth, what is below it is named in
// its parent's line.
func (p *fieldPage) keyTable(keys []webhook.Key, depth int) {
	type row struct{ path, kind, about string }
	var rows []row
	widest, widestKind := 0, 0
	for i, k := range keys {
		level := strings.Count(k.Path, ".") + 1
		if depth > 0 && level > depth || hidden(keys, i) {
			continue
		}
		r := row{strings.TrimSuffix(k.Path, "[]"), k.Type.String(), k.About}
		if k.Optional {
			r.path += " ?"
		}
		if inner := members(keys, k.Path); depth == level && inner != "" {
			r.about = strings.TrimPrefix(r.about+": "+inner, ": ")
		}
		rows = append(rows, r)
		widest, widestKind = max(widest, len(r.path)), max(widestKind, len(r.kind))
	}
	for _, r := range rows {
		lead := fmt.Sprintf("  %-*s  %-*s  ", widest, r.path, widestKind, r.kind)
		if r.about == "" {
			fmt.Fprintln(p.w, strings.TrimRight(lead, " "))
			continue
		}
		writeWrapped(p.w, lead, r.about, p.width)
	}
}

// hidden reports whether a key says nothing that the keys below it do not say: an
// object, or the element of a list, without a word about it.
func hidden(keys []webhook.Key, i int) bool {
	if strings.HasSuffix(keys[i].Path, "[]") {
		return true
	}
	return keys[i].About == "" && !keys[i].Optional && members(keys, keys[i].Path) != "" && !strings.Contains(keys[i].Path, ".")
}

// members names what stands in an object or in the elements of a list, one level
// down.
func members(keys []webhook.Key, path string) string {
	var names []string
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k.Path, path)
		if !ok {
			continue
		}
		if rest, ok = strings.CutPrefix(strings.TrimPrefix(rest, "[]"), "."); !ok || strings.ContainsAny(rest, ".[") {
			continue
		}
		if k.Optional {
			rest += "?"
		}
		if inner := members(keys, k.Path); inner != "" {
			rest += " " + inner
		}
		names = append(names, rest)
	}
	if names == nil {
		return ""
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// attachments lists the payloads, types with the same one together.
func (p *fieldPage) attachments() {
	var payloads []string // in the order of the first type that has them
	types := map[string][]string{}
	shapes := webhook.AttachmentKeys()
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		var parts []string
		for _, k := range shapes[name] {
			if strings.Contains(k.Path, ".") {
				continue
			}
			part := k.Path
			if k.Optional {
				part += "?"
			}
			if inner := members(shapes[name], k.Path); inner != "" {
				part += " " + inner
			}
			parts = append(parts, part)
		}
		payload := strings.Join(parts, ", ")
		if types[payload] == nil {
			payloads = append(payloads, payload)
		}
		types[payload] = append(types[payload], name)
	}
	for _, payload := range payloads {
		text := payload
		if text == "" {
			text = "none, or none that is known"
		}
		writeWrapped(p.w, "  ", strings.Join(types[payload], ", ")+": "+text, p.width)
	}
}
