package webhook

import (
	"maps"
	"slices"
)

// ExplanationCodes returns every code an explanation may have.
func ExplanationCodes() []string {
	var out []string
	for _, table := range []map[string]cause{headerCauses, keyCauses, bodyCauses, otherCauses} {
		out = slices.AppendSeq(out, maps.Keys(table))
	}
	return slices.Sorted(slices.Values(out))
}
