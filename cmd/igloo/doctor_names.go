package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// misnamed says which names in .env look like igloo's and are none, and which of its app
// secrets were to have a name that igloo does not take for one. It quotes no value.
func (c *config) misnamed() []string {
	known := slices.Clone(dotenvNames)
	eachConfigFlag(func(f *pflag.Flag) { known = append(known, envName(f.Name)) })
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c.dotenv)) {
		if strings.HasPrefix(name, ownPrefix) && !slices.Contains(known, name) {
			out = append(out, fmt.Sprintf(".env has %s, which igloo does not know: %s", quoteValue(name), nearestHint(name, known, "its names are in docs/config.md")))
		}
	}
	list, from := c.secretText("IGLOO_APP_SECRET", "APP_SECRET")
	for i, item := range strings.Split(list, ",") {
		if word, name := secretPrefix(item); name != "" {
			out = append(out, fmt.Sprintf("app secret %d of %s begins with %q, which names none: write %s=…", i+1, from, word, name))
		}
	}
	return out
}

// secretPrefix returns the word that was to name an app secret, with the name it should
// have been; both "" when there is no such word. The words are igloo's own, so that no
// part of a secret is quoted.
func secretPrefix(item string) (word, name string) {
	i := strings.IndexAny(item, "=:")
	if i < 0 {
		return "", ""
	}
	before := strings.ToLower(strings.Trim(strings.TrimSpace(item[:i]), `"'`))
	name = map[string]string{
		"instagram": "instagram", "insta": "instagram", "ig": "instagram", "instagram_login": "instagram",
		"meta": "meta", "facebook": "meta", "fb": "meta", "messenger": "meta", "page": "meta",
	}[before]
	if name == "" || strings.HasPrefix(strings.TrimSpace(item), name+"=") {
		return "", ""
	}
	return before + item[i:i+1], name
}

// checkNames is doctor's word on them.
func (e *examination) checkNames(context.Context) []checkLine {
	var lines []checkLine
	for _, text := range e.misnamed() {
		lines = append(lines, warning("name", "", "%s", text))
	}
	return lines
}
