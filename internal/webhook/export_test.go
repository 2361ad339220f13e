package webhook

import (
	"maps"
	"net/http"
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

// ExplainAll explains many signatures of one body at the cost of one: digests by a
// label, which then stands before the code.
func ExplainAll(body []byte, digests map[string][]byte, candidates []Candidate) []Explanation {
	e := explainer{header: http.Header{}, body: body, candidates: candidates}
	for label, digest := range digests {
		e.readings = append(e.readings, reading{digest: digest, codes: []string{label}})
	}
	e.search(forms)
	return e.explanations()
}
