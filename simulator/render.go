package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Shape is the form of a delivery.
type Shape string

// The shapes. The zero Shape is Real.
const (
	Real Shape = "real" // as Meta sends when something happens
	Test Shape = "test" // as the dashboard's Test button sends, with its fixed values
)

// Options says how a fixture becomes a request.
type Options struct {
	Vars    map[string]string // values of {{var:NAME}}
	Changes []Change          // applied in order, after placeholders
	Batch   int               // events in the delivery, at most [MaxBatch]; 0 = as in the fixture
	Shape   Shape
	Login   webhook.Login // product that is imitated; "" = the fixture's

	// Raw sends the file's bytes untouched: no dialect, no change. Fresh gives a
	// bare fixture's events new ids and times; a wrapped one has them anyway.
	Raw, Fresh bool

	// MessengerEscapes writes "<", "@" and "%" as verifiers of Facebook Pages have seen
	// them: see [webhook.EncodeMessenger]. Only the messaging dialect takes it.
	MessengerEscapes bool

	// Seed and Now make the run of [Render]; a [Run] has its own. With a seed other
	// than 0, ids and times are the same every time. Now fixes the time alone.
	Seed uint64
	Now  time.Time
}

func (o Options) check() error {
	switch {
	case o.Raw && (len(o.Changes) > 0 || o.Batch > 1 || o.Fresh || o.Shape == Test || o.MessengerEscapes):
		return errors.New("raw sends the file as it is: it takes no change, batch, new ids, test shape or escapes")
	case o.Shape != "" && o.Shape != Real && o.Shape != Test:
		return fmt.Errorf("unknown shape %q, want %q or %q", o.Shape, Real, Test)
	case o.Batch < 0 || o.Batch > MaxBatch:
		return fmt.Errorf("a batch of %d events, want 1 to %d", o.Batch, MaxBatch)
	}
	switch o.Login {
	case "", webhook.InstagramLogin, webhook.FacebookLogin, webhook.Messenger:
		return nil
	}
	return fmt.Errorf("unknown login %q, want %q, %q or %q", o.Login, webhook.InstagramLogin, webhook.FacebookLogin, webhook.Messenger)
}

// Render makes one request of a fixture, in a run of its own. It is not signed yet.
func Render(f fixtures.Fixture, o Options) (*Request, error) {
	var clock func() time.Time
	if !o.Now.IsZero() {
		clock = func() time.Time { return o.Now }
	}
	t, err := NewRun(o.Seed, clock).Compile(f, o)
	if err != nil {
		return nil, err
	}
	return t.Render(), nil
}

// Compile prepares a fixture to be rendered again and again in the run. All checks
// happen here: [Template.Render] can't fail.
func (r *Run) Compile(f fixtures.Fixture, o Options) (*Template, error) {
	t, err := r.compile(f, o)
	if err != nil {
		return nil, fmt.Errorf("fixture %q: %w", f.Name, err)
	}
	return t, nil
}

func (r *Run) compile(f fixtures.Fixture, o Options) (*Template, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	name, login := f.Name, f.Login
	if o.Login != "" {
		login = o.Login
	}
	if o.Raw {
		return compileRaw(r, f, login)
	}
	if f.Err != nil {
		return nil, f.Err
	}
	if o.Shape == Test {
		form, err := fixtures.TestForm(f.Field, login)
		if err != nil {
			return nil, err
		}
		f = form
	}
	payload, err := fixtures.ParseJSON(f.Payload)
	if err != nil {
		return nil, err
	}
	c := newCompiler(r, payload, o)
	if err := c.batch(o.Batch); err != nil {
		return nil, err
	}
	switch {
	case f.Wrapped:
		if err := c.expand(payload, place{scope: delivery}); err != nil {
			return nil, err
		}
	case o.Fresh:
		c.freshen()
	}
	for _, change := range o.Changes {
		if err := c.apply(change); err != nil {
			return nil, err
		}
	}
	dialect := dialectOf(payload, f.Field)
	if o.MessengerEscapes && dialect == webhook.Changes {
		return nil, errors.New("messenger escapes belong to the messaging dialect, and this is in the changes dialect")
	}
	t := &Template{
		run:     r,
		request: Request{Fixture: name, Field: f.Field, Login: login, Dialect: dialect},
	}
	t.request.Header = header(dialect, isTest(payload))
	for _, h := range f.Header {
		t.request.Header = setHeader(t.request.Header, h)
	}
	return t, c.finish(t, dialect, o.MessengerEscapes)
}

// compileRaw takes the file as it is, even one that is not JSON: that may be the
// point.
func compileRaw(r *Run, f fixtures.Fixture, login webhook.Login) (*Template, error) {
	if f.Wrapped || f.Builtin {
		return nil, errors.New("raw needs a bare fixture, whose file is the body; this one is wrapped")
	}
	if f.File == nil {
		return nil, cmp.Or(f.Err, errors.New("raw sends the fixture's file, and nothing of it was read"))
	}
	t := &Template{run: r, request: Request{Fixture: f.Name, Field: f.Field, Login: login}}
	test := false
	if payload, err := fixtures.ParseJSON(f.Payload); err == nil {
		t.request.Dialect, test = dialectOf(payload, f.Field), isTest(payload)
	}
	t.request.Header = header(t.request.Dialect, test)
	t.segments = []segment{{literal: f.File, slot: end}}
	t.setSlots(nil)
	return t, nil
}

// dialectOf tells who sends a payload: the list its entries have decides, since the
// dashboard's Test puts direct messages into the changes dialect. Without a list
// it is the field's own dialect.
func dialectOf(payload *fixtures.Node, field string) webhook.Dialect {
	for entry := range entries(payload) {
		switch {
		case entry.Member(string(webhook.InMessaging)) != nil, entry.Member(string(webhook.InStandby)) != nil:
			return webhook.Messaging
		case entry.Member(string(webhook.InChanges)) != nil, entry.Member(string(webhook.InChangedFields)) != nil:
			return webhook.Changes
		}
	}
	known, _ := webhook.LookupField(field)
	return known.Dialect
}

// isTest reports whether a payload is one of the dashboard's Test button.
func isTest(payload *fixtures.Node) bool {
	for entry := range entries(payload) {
		if id := entry.Member("id"); id != nil && id.Text == "0" {
			return true
		}
	}
	return false
}
