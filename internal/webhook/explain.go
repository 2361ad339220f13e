package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
)

// CandidateKind is what a key is meant for.
type CandidateKind int

// The kinds of keys that people sign with, by intention or not.
const (
	AppSecretKey CandidateKind = iota
	VerifyTokenKey
	AccessTokenKey
	DevelopmentKey // igloo's development secret, where a real one has taken its place
)

// Candidate is a key that a signature may have been made with.
type Candidate struct {
	// Name is the app secret's: "instagram", "meta", "development" or its place in
	// the list. The other kinds need none.
	Name  string
	Kind  CandidateKind
	Value secret.Value
}

// Candidates returns the app secrets of the keyring as candidates of [Explain].
func (k *Keyring) Candidates() []Candidate {
	out := make([]Candidate, 0, len(k.secrets))
	for _, s := range k.secrets {
		out = append(out, Candidate{Name: s.Name, Kind: AppSecretKey, Value: s.Value})
	}
	return out
}

// Explanation is one reason why a signature holds or fails. It never contains a key,
// a signature or a part of the body.
type Explanation struct {
	// Code says it to programs. docs/signatures.md lists the codes; several joined by
	// "+" when several things are wrong at once.
	Code   string
	Holds  bool   // the signature is good as it stands
	Guess  bool   // nothing fits, and this may be why
	Secret string // name of the candidate that made the signature; "" when none fits
	Text   string // one sentence, one line
	Fix    string // what to do about it; "" when there is nothing to do
}

// Explain finds out why a signature holds or fails. It signs the body with every
// candidate again as people's programs do by mistake, with the key spoilt in the usual
// ways, over the body as the usual libraries write it, and it reads the header as
// leniently as a person would. What fits is returned, the simplest first; when nothing
// does, what is wrong for certain, then the likeliest causes. There is at least one.
//
// header is the delivery's, body what was received or what somebody kept of it. A body
// of a kilobyte takes a few milliseconds, one of 5 MiB a second or two.
func Explain(header http.Header, body []byte, candidates []Candidate) []Explanation {
	e := explainer{header: header, body: body, candidates: candidates}
	readings, problem := readSignatures(header)
	if x, ok := e.sha512(); ok && len(readings) == 0 {
		return []Explanation{x}
	}
	if len(readings) == 0 {
		return []Explanation{{Code: problem, Text: headerCauses[problem].text, Fix: headerCauses[problem].fix}}
	}
	e.readings = readings
	if e.search(rawForm); !e.holds() {
		e.search(forms)
	}
	if len(e.fits) == 0 {
		return e.diagnose()
	}
	return e.explanations()
}

// fit is one combination that makes the signature.
type fit struct {
	candidate         *Candidate // nil: no key of anybody's
	header, key, body []string   // codes of what is wrong with each
}

func (f fit) codes() []string { return slices.Concat(f.header, f.key, f.body) }

// explainer is the work on one delivery.
type explainer struct {
	header     http.Header
	body       []byte
	candidates []Candidate
	readings   []reading
	fits       []*fit
	forms      int // forms of the body tried
}

// search signs every form of the body with every key. It does not stop at a fit, so
// that what it takes tells a stranger nothing.
func (e *explainer) search(forms func(body []byte, try func(form))) {
	e.fits = nil
	for _, legacy := range []bool{false, true} {
		readings := slices.DeleteFunc(slices.Clone(e.readings), func(r reading) bool { return r.sha1 != legacy })
		if len(readings) == 0 {
			continue
		}
		keys := signers(hashes[legacy], e.candidates)
		var sum []byte
		e.forms = 0
		forms(e.body, func(f form) {
			e.forms++
			for _, k := range keys {
				if !k.likely && (f.rare || len(f.codes) > 0 && len(e.body) > maxThorough) {
					continue
				}
				k.mac.Reset()
				k.mac.Write(f.text)
				sum = k.mac.Sum(sum[:0])
				e.note(readings, sum, fit{candidate: k.candidate, key: k.codes, body: f.codes})
			}
		})
		for _, b := range blunders(hashes[legacy], e.body, e.candidates) {
			e.note(readings, b.sum, fit{candidate: b.candidate, key: b.codes})
		}
	}
}

// note keeps a fit if sum is what one of the readings says.
func (e *explainer) note(readings []reading, sum []byte, f fit) {
	for _, r := range readings {
		if r.fits(sum) {
			found := f // only what fits escapes to the heap
			found.header = r.codes
			e.fits = append(e.fits, &found)
		}
	}
}

// rawForm is the body as it is.
func rawForm(body []byte, try func(form)) { try(form{text: body}) }

// holds reports whether an app secret fits with nothing wrong.
func (e *explainer) holds() bool {
	return slices.ContainsFunc(e.fits, func(f *fit) bool { return len(f.codes()) == 0 })
}

// explanations puts the fits into words, the simplest first.
func (e *explainer) explanations() []Explanation {
	slices.SortStableFunc(e.fits, func(a, b *fit) int { return len(a.codes()) - len(b.codes()) })
	var out []Explanation
	for _, f := range e.fits {
		x := e.explanation(f)
		if !slices.ContainsFunc(out, func(o Explanation) bool { return o.Code == x.Code && o.Secret == x.Secret }) {
			out = append(out, x)
		}
	}
	return out
}

func (e *explainer) explanation(f *fit) Explanation {
	codes := f.codes()
	if len(codes) > 0 {
		x := Explanation{Code: strings.Join(codes, "+"), Text: f.text(), Fix: f.fix()}
		if f.candidate != nil {
			x.Secret = f.candidate.secretName()
		}
		return x
	}
	x := Explanation{Code: "verified", Holds: true, Secret: f.candidate.Name}
	x.Text = fmt.Sprintf(otherCauses["verified"].text, f.candidate.Name)
	if warning := otherProduct(f.candidate.Name, e.header, e.body); warning != "" {
		x.Code, x.Text, x.Fix = "other-product", x.Text+"; "+warning, otherCauses["other-product"].fix
	}
	return x
}

// text is the sentence "made with KEY, over BODY, but HEADER".
func (f fit) text() string {
	var b strings.Builder
	b.WriteString("made with ")
	switch {
	case f.candidate != nil:
		b.WriteString(f.candidate.keyName())
	case slices.Contains(f.key, "not-hmac"):
		return "made with no key: the plain hash of the body, not an HMAC" + f.headerText()
	}
	for _, code := range f.key {
		if text := keyCauses[code].text; text != "" {
			b.WriteString(" " + text)
		}
	}
	for i, code := range f.body {
		switch {
		case i == 0:
			b.WriteString(", over " + bodyCauses[code].text)
		case bodyTails[code] != "":
			b.WriteString(", " + bodyTails[code])
		}
	}
	return strings.Replace(b.String(), "with  ", "with ", 1) + f.headerText()
}

// headerText is the part "but HEADER".
func (f fit) headerText() string {
	var b strings.Builder
	for i, code := range f.header {
		b.WriteString([]string{", but ", " and "}[min(i, 1)] + headerCauses[code].text)
	}
	return b.String()
}

// fix is what to do about each thing that is wrong, once.
func (f fit) fix() string {
	var out []string
	add := func(fix string) {
		if fix != "" && !slices.Contains(out, fix) {
			out = append(out, fix)
		}
	}
	for _, code := range f.key {
		add(keyCauses[code].fix)
	}
	for i, code := range f.body {
		if i == 0 || bodyCauses[code].fix != raw {
			add(bodyCauses[code].fix)
		}
	}
	for _, code := range f.header {
		add(headerCauses[code].fix)
	}
	return strings.Join(out, "; ")
}
