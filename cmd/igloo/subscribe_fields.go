package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// Meta takes a list of fields as a whole or not at all, and its error for a wrong name
// is easy to miss. So names are checked here first.

const (
	onInstagram = "instagram"
	onPage      = "page"
	// pageFeed is a field of every Page. It stands for any: a Page that is subscribed
	// to one gets the Instagram fields of its app.
	pageFeed = "feed"
)

// appFields are the names an app can subscribe to for Instagram.
func appFields() []string {
	var names []string
	for _, f := range webhook.Fields() {
		if slices.Contains(f.Objects, onInstagram) {
			names = append(names, f.Name)
		}
	}
	return names
}

// accountFields are the names an account's subscription takes.
func accountFields(login webhook.Login) []string {
	var names []string
	for _, f := range webhook.Fields() {
		if login == webhook.InstagramLogin && f.Accepted || login != webhook.InstagramLogin && slices.Contains(f.Objects, onPage) {
			names = append(names, f.Name)
		}
	}
	if login != webhook.InstagramLogin {
		names = append(names, pageFeed)
	}
	return names
}

// defaultFields is what a subscription asks for when nobody says: what Meta's pages
// count as the default of an app with Instagram Login, and a Page's field that the
// product has.
func defaultFields(login webhook.Login) []string {
	switch login {
	case webhook.FacebookLogin:
		return []string{pageFeed}
	case webhook.Messenger:
		return []string{"messages"}
	default:
	}
	var names []string
	for _, f := range webhook.Fields() {
		if f.Default != webhook.NotByDefault && slices.Contains(f.Objects, onInstagram) {
			names = append(names, f.Name)
		}
	}
	return names
}

// fieldList cleans a list that was typed: no spaces, no empty names, none twice.
func fieldList(typed []string) []string {
	var out []string
	for _, name := range typed {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// checkFields refuses the first name that Meta would not take. about ends the sentence
// about it.
func checkFields(names, allowed []string, about string) error {
	for _, name := range names {
		if slices.Contains(allowed, name) {
			continue
		}
		return usagef(fieldHint(name, allowed), "%s is not a field %s", quoteValue(name), about)
	}
	return nil
}

// fieldHint says what was probably meant by a name that is not allowed: another
// spelling, the same field of the other object, or one that looks alike.
func fieldHint(name string, allowed []string) string {
	const all = "see all fields: igloo fields"
	f, known := webhook.FindField(name)
	switch {
	case known && f.Name == "message_echoes" && slices.Contains(allowed, "messages"):
		return `did you mean "messages"? On Instagram echoes come with it`
	case known && slices.Contains(allowed, f.Name):
		return fmt.Sprintf("did you mean %q?", f.Name)
	case known && slices.Contains(allowed, f.Twin):
		return fmt.Sprintf("did you mean %q?", f.Twin)
	case known:
		return all
	}
	return nearestHint(name, allowed, all+", or send it as it is with --force")
}

// checkAccountFields is checkFields for an account. A Page refuses the fields that only
// Instagram has: they are turned on at the app.
func checkAccountFields(names []string, login webhook.Login) error {
	allowed := accountFields(login)
	if login == webhook.InstagramLogin {
		return checkFields(names, allowed, "that an account's subscription takes")
	}
	for _, name := range names {
		f, known := webhook.LookupField(name)
		if known && !slices.Contains(allowed, f.Name) {
			return usagef(fmt.Sprintf("turn it on at the app: igloo subscribe app --fields %s; the Page needs any field of its own: --fields %s", name, defaultFields(login)[0]),
				"a Page's subscription does not take %q, which is a field of Instagram only", name)
		}
	}
	return checkFields(names, allowed, "that a Page's subscription takes")
}
