package webhook

import (
	"slices"
	"strings"
)

// Field is a topic an app can subscribe to, with what is known about it. The
// catalogue is the table in fieldtable.go.
type Field struct {
	Name    string
	Dialect Dialect
	// Objects that deliver it: "instagram", "page".
	Objects []string
	// Shape says whether anyone has published what its deliveries look like. igloo
	// lists a field without a shape and never invents one.
	Shape bool
	About string // one line: what happened when it arrives

	Permissions Permissions
	Default     Default
	// Accepted says that the subscribed_apps endpoint of Instagram Login takes the
	// name. One name it does not take makes the whole call fail.
	Accepted bool
	// Twin is the same field on the other object: "messaging_referrals" of
	// "messaging_referral". Spellings are other names Meta's pages print for it.
	Twin      string
	Spellings []string

	Limits   []string // what it does not do, and what surprises people
	Evidence string   // how sure the shape is
}

// Permissions is a row of Meta's permission table: what an app of each product needs.
type Permissions struct {
	Instagram, Facebook, Messenger Grant
}

// Grant is what Meta's permission table prints for a field and a product. The zero
// value is its "x": not available.
type Grant struct {
	Names []string // permissions, all of them needed
	Note  string   // printed in their place, or what is odd about them
	// Advanced says that Meta names Advanced Access for it. Another of its pages
	// says that Standard Access is enough for accounts the business owns.
	Advanced bool
}

// Available reports whether the product delivers the field, by itself or within
// another one.
func (g Grant) Available() bool { return len(g.Names) > 0 || g.Note != "" }

// Of returns the grant of one product.
func (p Permissions) Of(l Login) Grant {
	switch l {
	case InstagramLogin:
		return p.Instagram
	case FacebookLogin:
		return p.Facebook
	case Messenger:
		return p.Messenger
	}
	return Grant{}
}

// Listed reports whether Meta's table has a row for the field.
func (p Permissions) Listed() bool {
	return p.Instagram.Available() || p.Facebook.Available() || p.Messenger.Available()
}

// Default says whether a field is subscribed without being asked for. The sources
// disagree, so read a subscription back.
type Default int

// The values of Default.
const (
	NotByDefault Default = iota
	// Disputed: Meta's pages count it among the default fields of an app with
	// Instagram Login; developers report that only messages is.
	Disputed
	ByDefault // by either account
)

// String returns "no", "disputed" or "yes".
func (d Default) String() string { return [...]string{"no", "disputed", "yes"}[d] }

// Fields returns the catalogue of fields, those with a known shape first.
func Fields() []Field { return slices.Clone(fields) }

// FieldNames returns the names of the catalogue.
func FieldNames() []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

// LookupField finds a field by its exact name.
func LookupField(name string) (Field, bool) {
	for i := range fields { // rows are large, so they are not copied to be looked at
		if fields[i].Name == name {
			return fields[i], true
		}
	}
	return Field{}, false
}

// FindField finds a field by its name as people write it: in any case, with dashes
// or spaces, or in one of its other spellings.
func FindField(name string) (Field, bool) {
	name = strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
	if f, ok := LookupField(name); ok {
		return f, true
	}
	for i := range fields {
		if slices.Contains(fields[i].Spellings, name) {
			return fields[i], true
		}
	}
	return Field{}, false
}

// AcceptedField finds the field that the subscribed_apps endpoint of Instagram Login
// takes for a name: the field itself, its twin there, or one it is delivered with.
func AcceptedField(name string) (Field, bool) {
	f, ok := FindField(name)
	switch {
	case !ok:
		return Field{}, false
	case f.Accepted:
		return f, true
	case f.Name == "message_echoes":
		return LookupField("messages")
	}
	twin, ok := LookupField(f.Twin)
	return twin, ok && twin.Accepted
}

// pageName returns the Messenger Platform's name of a messaging field of Instagram,
// where they differ.
func pageName(field string) string {
	if f, ok := LookupField(field); ok && f.Twin != "" && slices.Equal(f.Objects, onInstagram) {
		return f.Twin
	}
	return field
}
