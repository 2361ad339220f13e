package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// newFixture is what fixtures new is asked for.
type newFixture struct {
	field, from, text, about string
	target                   fixtureTarget
}

func (b builder) fixturesNew() *cobra.Command {
	var n newFixture
	c := &cobra.Command{
		Use: "new [FIELD]", Short: "Make a fixture from a field, to edit",
		Long: `Make a fixture from a field, in the project's fixtures folder. It begins as a copy of a
built-in fixture of the field, or of the one --from names. On a terminal igloo asks for
what is not given; elsewhere it takes the defaults.`,
		Example: `  igloo fixtures new
  igloo fixtures new comments --text 'Do you ship to Porto?'
  igloo fixtures new --from messages/image --name shop/photo --yaml`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: completeFields(true),
	}
	flags := c.Flags()
	flags.StringVar(&n.from, "from", "", "copy the fixture of this `NAME`")
	flags.StringVar(&n.text, "text", "", "what the person writes: `TEXT`")
	flags.StringVar(&n.about, "description", "", "one line for lists: `TEXT`")
	n.target.register(flags)
	c.RunE = b.run(func(c *command, cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			n.field = args[0]
		}
		if err := n.target.check(); err != nil {
			return err
		}
		var ask *asker
		if isTerminal(c.stdin) && isTerminal(c.stdout) && !c.JSON {
			ask = newAsker(c.stdin, c.stderr)
		}
		return c.newFixture(cmd.Context(), n, ask)
	})
	return c
}

// newFixture makes the fixture. Nothing is written before everything is known, so that
// an interrupted conversation leaves nothing behind. ask is nil when nobody answers.
func (c *command) newFixture(ctx context.Context, n newFixture, ask *asker) error {
	f, err := c.copied(ctx, n, ask)
	if err != nil {
		return err
	}
	root, err := fixtures.ParseJSON(f.Payload)
	if err != nil {
		return fmt.Errorf("copy fixture %q: %w", f.Name, err)
	}
	said := writtenText(root)
	if n.text != "" && said == nil {
		return usagef("leave --text out, or take another: --from NAME", "fixture %q has no text", f.Name)
	}
	made := madeFixture{Fixture: fixtures.Fixture{Description: f.Description, Field: f.Field, Login: f.Login, Header: f.Header}}
	if n.about != "" {
		made.Description = n.about
	}
	if ask != nil {
		if n.text == "" && said != nil {
			if n.text, err = ask.line(ctx, "Text", said.Text); err != nil {
				return err
			}
		}
		if n.about == "" {
			if made.Description, err = ask.line(ctx, "Description", made.Description); err != nil {
				return err
			}
		}
		if err := c.askName(ctx, &n.target, made, ask); err != nil {
			return err
		}
	}
	if n.text != "" && n.text != said.Text {
		said.Text, said.Spelled = n.text, ""
	}
	made.Payload = root.AppendJSON(nil)
	return c.writeFixtures(n.target, []madeFixture{made})
}

// askName asks for a name unless the command line says where the fixture goes.
func (c *command) askName(ctx context.Context, t *fixtureTarget, made madeFixture, ask *asker) error {
	if t.Name != "" || t.Stdout {
		return nil
	}
	name, _ := c.fixtureName(c.freeFixture(made, *t, nil))
	for {
		answer, err := ask.line(ctx, "Name", name)
		if err != nil {
			return err
		}
		t.Name = answer
		if err := t.check(); err != nil {
			ask.say(err.Error())
			continue
		}
		twin := existing(c.fixtureFile(t.Name, *t))
		if twin == "" {
			return nil
		}
		ask.say(c.shortPath(twin) + " is there already")
	}
}

// copied chooses the fixture that is copied.
func (c *command) copied(ctx context.Context, n newFixture, ask *asker) (fixtures.Fixture, error) {
	if n.from != "" {
		f, err := c.fixtures().Get(n.from)
		if err == nil && n.field != "" && f.Field != n.field {
			return f, usagef("leave one of them out", "fixture %q is of field %q, not of %q", f.Name, f.Field, n.field)
		}
		if err == nil && f.Err != nil {
			return f, f.Err
		}
		return f, err
	}
	variants, err := c.variants(ctx, &n, ask)
	if err != nil {
		return fixtures.Fixture{}, err
	}
	if ask == nil || len(variants) == 1 {
		return variants[0], nil
	}
	ask.say("Variants of " + n.field + ":")
	names := make([]string, len(variants))
	for i, v := range variants {
		names[i] = v.Name
		ask.say(fmt.Sprintf("  %-28s %s", v.Name, v.Description))
	}
	for {
		name, err := ask.line(ctx, "Copy", names[0])
		if err != nil {
			return fixtures.Fixture{}, err
		}
		if i := slices.Index(names, name); i >= 0 {
			return variants[i], nil
		}
		ask.say(nearestHint(name, names, "one of those above"))
	}
}

// variants returns what there is to copy of the field, which is asked for when nobody
// named one, until there is something.
func (c *command) variants(ctx context.Context, n *newFixture, ask *asker) ([]fixtures.Fixture, error) {
	if n.field != "" {
		return variantsOf(n.field)
	}
	if ask == nil {
		return nil, usagef("igloo fixtures new comments; igloo fixtures list names what there is", "new needs a field, or --from NAME")
	}
	ask.say("Fields:")
	writeWrapped(ask.out, "  ", strings.Join(copiedFields(), ", "), min(c.columns(80), 100))
	for {
		var err error
		if n.field, err = ask.line(ctx, "Field", "comments"); err != nil {
			return nil, err
		}
		found, err := variantsOf(n.field)
		if err == nil {
			return found, nil
		}
		ask.say(strings.Join(slices.DeleteFunc([]string{err.Error(), hintOf(err)}, func(text string) bool { return text == "" }), "; "))
	}
}

// copiedFields are the fields that have something to copy.
func copiedFields() []string {
	return slices.DeleteFunc(webhook.FieldNames(), func(name string) bool {
		_, err := variantsOf(name)
		return err != nil
	})
}

// variantsOf lists the built-in fixtures of a field, at least one: the usual one first,
// those of a Page last.
func variantsOf(name string) ([]fixtures.Fixture, error) {
	if _, known := webhook.LookupField(name); !known {
		return nil, usagef(nearestHint(name, webhook.FieldNames(), "igloo fields lists them"), "no field is called %s", quoteValue(name))
	}
	usual := "page/" + name
	if f, err := fixtures.Builtin().Get(name); err == nil {
		usual = f.Name
	}
	var first, others, pages []fixtures.Fixture
	for _, f := range fixtures.Builtin().All() {
		switch {
		case f.Field != name || f.NeverSent || strings.HasPrefix(f.Name, "test/"):
		case f.Name == usual:
			first = append(first, f)
		case strings.HasPrefix(f.Name, "page/"):
			pages = append(pages, f)
		default:
			others = append(others, f)
		}
	}
	if all := slices.Concat(first, others, pages); len(all) > 0 {
		return all, nil
	}
	return nil, withHint(fmt.Errorf("nobody has published what a delivery of %q looks like, and igloo does not invent one", name),
		"when you receive one, keep it: igloo fixtures save ID")
}

// writtenText returns what a person wrote in the first event, nil when there is nothing.
func writtenText(root *fixtures.Node) *fixtures.Node {
	for _, entry := range root.Member("entry").Elements() {
		for _, item := range entry.Member("changes").Elements() {
			if text := item.Member("value").Member("text"); text != nil && text.Kind == fixtures.String {
				return text
			}
		}
		for _, section := range []webhook.Section{webhook.InMessaging, webhook.InStandby} {
			for _, item := range entry.Member(string(section)).Elements() {
				for _, event := range []string{"message", "message_edit"} {
					if text := item.Member(event).Member("text"); text != nil && text.Kind == fixtures.String {
						return text
					}
				}
			}
		}
	}
	return nil
}
