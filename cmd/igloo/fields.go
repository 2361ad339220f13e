package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func (b builder) fields() *cobra.Command {
	c := &cobra.Command{
		Use:   "fields [FIELD…]",
		Short: "The fields Meta delivers, what each carries and needs",
		Long: `List the webhook fields of Instagram: which login delivers them, with which permissions,
what they carry. With names, explain those: permissions, limits, keys and fixtures.`,
		Example: `  igloo fields
  igloo fields comments
  igloo fields --json`,
		ValidArgsFunction: completeFields(false),
	}
	c.RunE = b.run(func(c *command, _ *cobra.Command, args []string) error {
		for i, arg := range args {
			if i > 0 && !c.JSON {
				fmt.Fprintln(c.stdout)
			}
			if err := c.explainField(arg); err != nil {
				return err
			}
		}
		if len(args) > 0 {
			return nil
		}
		return c.listFields()
	})
	return c
}

// grantLine is what one product needs for a field.
type grantLine struct {
	Available   bool     `json:"available"`
	Permissions []string `json:"permissions,omitempty"`
	Note        string   `json:"note,omitempty"`
	Access      string   `json:"access,omitempty"` // "advanced" when Meta names it
}

type keyLine struct {
	Path     string `json:"path"`
	Type     string `json:"type"`
	Optional bool   `json:"optional,omitempty"`
	About    string `json:"about,omitempty"`
}

// fieldLine describes a field to programs.
type fieldLine struct {
	Type        string                      `json:"type"` // "field"
	Name        string                      `json:"name"`
	About       string                      `json:"about,omitempty"`
	Objects     []string                    `json:"objects"`
	Dialect     string                      `json:"dialect,omitempty"`
	Shape       bool                        `json:"shape"` // its payload is known
	Grants      map[webhook.Login]grantLine `json:"grants,omitempty"`
	Default     string                      `json:"default"`
	Accepted    bool                        `json:"accepted"`
	Twin        string                      `json:"twin,omitempty"`
	Spellings   []string                    `json:"spellings,omitempty"`
	Limits      []string                    `json:"limits,omitempty"`
	Evidence    string                      `json:"evidence"`
	Keys        []keyLine                   `json:"keys,omitempty"`
	Attachments map[string][]keyLine        `json:"attachments,omitempty"` // payload by type
	Fixtures    []string                    `json:"fixtures,omitempty"`
}

func newFieldLine(f webhook.Field) fieldLine {
	line := fieldLine{
		Type: "field", Name: f.Name, About: f.About, Objects: f.Objects, Shape: f.Shape, Default: f.Default.String(),
		Accepted: f.Accepted, Twin: f.Twin, Spellings: f.Spellings, Limits: f.Limits, Evidence: f.Evidence,
		Keys: keyLines(webhook.Keys(f.Name)), Fixtures: fixturesOf(f.Name),
	}
	if f.Shape {
		line.Dialect = f.Dialect.String()
	}
	if f.Permissions.Listed() {
		line.Grants = map[webhook.Login]grantLine{}
		for _, login := range logins {
			g := f.Permissions.Of(login.login)
			grant := grantLine{Available: g.Available(), Permissions: g.Names, Note: g.Note}
			if g.Advanced {
				grant.Access = "advanced"
			}
			line.Grants[login.login] = grant
		}
	}
	if carriesAttachments(f.Name) {
		line.Attachments = map[string][]keyLine{}
		for name, keys := range webhook.AttachmentKeys() {
			line.Attachments[name] = keyLines(keys)
		}
	}
	return line
}

func keyLines(keys []webhook.Key) []keyLine {
	var out []keyLine
	for _, k := range keys {
		out = append(out, keyLine{k.Path, k.Type.String(), k.Optional, k.About})
	}
	return out
}

func carriesAttachments(field string) bool { return field == "messages" || field == "message_echoes" }

// fixturesOf returns the names of the built-in fixtures of a field.
func fixturesOf(field string) []string {
	var names []string
	for _, f := range fixtures.Builtin().All() {
		if f.Field == field {
			names = append(names, f.Name)
		}
	}
	return names
}

// logins are the columns of Meta's permission table.
var logins = []struct {
	login        webhook.Login
	short, title string
}{
	{webhook.InstagramLogin, "IG", "Instagram Login"},
	{webhook.FacebookLogin, "FB", "Facebook Login"},
	{webhook.Messenger, "MSGR", "Messenger Platform"},
}

func (c *command) listFields() error {
	all := webhook.Fields()
	if c.JSON {
		out := &lineWriter{out: c.stdout}
		for _, f := range all {
			if err := out.write(newFieldLine(f)); err != nil {
				return err
			}
		}
		return nil
	}
	t := fieldTable{w: c.stdout, width: c.columns(120)}
	t.write(all)
	return nil
}

// columns is the width of the terminal, or what to assume without one.
func (c *command) columns(without int) int {
	if out, ok := c.stdout.(*os.File); ok && term.IsTerminal(out.Fd()) {
		if width, _, err := term.GetSize(out.Fd()); err == nil && width > 0 {
			return width
		}
	}
	return without
}

func (c *command) explainField(name string) error {
	f, ok := webhook.FindField(name)
	if !ok {
		text := "no field " + quoteValue(name)
		if near := fixtures.Nearest(name, webhook.FieldNames()); near != "" {
			text += fmt.Sprintf(", did you mean %q?", near)
		}
		return withHint(fmt.Errorf("%s", text), "see what there is: igloo fields")
	}
	if c.JSON {
		return (&lineWriter{out: c.stdout}).write(newFieldLine(f))
	}
	p := fieldPage{w: c.stdout, width: min(c.columns(120), 120)}
	p.write(f, name)
	return nil
}

// completeFields completes the name of a field, of one with a known shape if that is
// needed.
func completeFields(shape bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, f := range webhook.Fields() {
			if (len(args) == 0 || !shape) && strings.HasPrefix(f.Name, prefix) && (f.Shape || !shape) {
				out = append(out, f.Name+"\t"+cmp.Or(f.About, "payload unknown"))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// fieldTable lists the fields, one a line.
type fieldTable struct {
	w     io.Writer
	width int
}

// narrowTable is the width below which the table does without what the page of a
// field says.
const narrowTable = 100

func (t *fieldTable) write(all []webhook.Field) {
	var unknown []string
	groups := []struct {
		title string
		holds func(webhook.Field) bool
	}{
		{"COMMENTS  object instagram, changes dialect", func(f webhook.Field) bool { return f.Dialect == webhook.Changes }},
		{"DIRECT MESSAGES  object instagram, messaging dialect", func(f webhook.Field) bool { return slices.Contains(f.Objects, "instagram") }},
		{"MESSENGER  object page, messaging dialect", func(webhook.Field) bool { return true }},
	}
	all = slices.DeleteFunc(all, func(f webhook.Field) bool {
		if !f.Shape {
			unknown = append(unknown, f.Name)
		}
		return !f.Shape
	})
	for i, group := range groups {
		if i > 0 {
			fmt.Fprintln(t.w)
		}
		t.head(group.title)
		rest := all[:0:0]
		for _, f := range all {
			if !group.holds(f) {
				rest = append(rest, f)
				continue
			}
			t.row(f)
		}
		all = rest
	}
	fmt.Fprintln(t.w)
	t.legend(unknown)
}

func (t *fieldTable) head(title string) {
	fmt.Fprintln(t.w, title)
	t.line("FIELD", [3]string{"IG", "FB", "MSGR"}, "DEFAULT", "FIXTURES", "WHEN")
}

func (t *fieldTable) row(f webhook.Field) {
	var marks [3]string
	for i, login := range logins {
		switch g := f.Permissions.Of(login.login); {
		case !f.Permissions.Listed():
			marks[i] = "?"
		case len(g.Names) > 0:
			marks[i] = "✓"
		case g.Available():
			marks[i] = "in"
		default:
			marks[i] = "–"
		}
	}
	byDefault := map[webhook.Default]string{webhook.ByDefault: "yes", webhook.Disputed: "?"}[f.Default]
	t.line(f.Name, marks, cmp.Or(byDefault, "–"), fmt.Sprint(len(fixturesOf(f.Name))), f.About)
}

func (t *fieldTable) line(name string, marks [3]string, byDefault, count, about string) {
	line := fmt.Sprintf("  %-28s  %-2s  %-2s  %-4s  ", name, marks[0], marks[1], marks[2])
	if t.width >= narrowTable {
		line += fmt.Sprintf("%-7s  %8s  ", byDefault, count)
	}
	fmt.Fprintln(t.w, cut(line+about, t.width))
}

func (t *fieldTable) legend(unknown []string) {
	say := func(lead, text string) { writeWrapped(t.w, lead, text, t.width) }
	say("IG, FB, MSGR  ", "Instagram Login, Facebook Login, Messenger Platform: ✓ with permissions of its own, in = comes within another field, – not available, ? not in Meta's table")
	if t.width >= narrowTable {
		say("DEFAULT       ", "subscribed without being asked for; ? Meta's pages say so, developers report otherwise: read it back")
	}
	say("unknown       ", "nobody has published a payload, so there is no fixture: "+strings.Join(unknown, ", "))
	fmt.Fprintln(t.w)
	for _, login := range logins {
		lead := fmt.Sprintf("%-5s ", login.short)
		for _, set := range permissionSets(login.login) {
			say(lead, strings.Join(set.permissions, ", ")+": "+strings.Join(set.fields, ", "))
			lead = "      "
		}
	}
	fmt.Fprintf(t.w, "\nMore about one: igloo fields comments\n")
}

type permissionSet struct{ permissions, fields []string }

// permissionSets groups the fields by the permissions a product needs for them.
func permissionSets(login webhook.Login) []permissionSet {
	var sets []permissionSet
	for _, f := range webhook.Fields() {
		names := f.Permissions.Of(login).Names
		if len(names) == 0 {
			continue
		}
		i := slices.IndexFunc(sets, func(s permissionSet) bool { return slices.Equal(s.permissions, names) })
		if i < 0 {
			sets, i = append(sets, permissionSet{permissions: names}), len(sets)
		}
		sets[i].fields = append(sets[i].fields, f.Name)
	}
	return sets
}

// cut shortens a line to a width in characters.
func cut(line string, width int) string {
	if runes := []rune(line); len(runes) > width && width > 0 {
		return string(runes[:width-1]) + "…"
	}
	return line
}

// writeWrapped writes a text after a lead, broken between words; further lines are
// indented as far as the lead reaches.
func writeWrapped(w io.Writer, lead, text string, width int) {
	indent := len([]rune(lead))
	line, used := lead, indent
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		if used > indent && used+1+n > width {
			fmt.Fprintln(w, line)
			line, used = strings.Repeat(" ", indent), indent
		}
		if used > indent {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	fmt.Fprintln(w, line)
}
