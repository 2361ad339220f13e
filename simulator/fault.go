package simulator

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Fault is one way in which a delivery is not what Meta would send. The zero Fault is
// none.
type Fault string

// The faults. In each of them one thing is wrong and the rest is as it should be.
const (
	NoSignature    Fault = "no-signature"
	WrongSignature Fault = "wrong-signature"
	WrongSecret    Fault = "wrong-secret"
	SHA1Only       Fault = "sha1-only"
	SwappedHeaders Fault = "swapped-headers"
	AlteredBody    Fault = "altered-body"
	UppercaseHex   Fault = "uppercase-hex"
	NoPrefix       Fault = "no-prefix"
	Truncated      Fault = "truncated"
	SlowBody       Fault = "slow-body"
	CloseEarly     Fault = "close-early"
	FormEncoded    Fault = "form-encoded"
	NewlineAdded   Fault = "newline-added"
)

// faultKind is what igloo knows of a fault.
type faultKind struct {
	fault Fault
	text  string
	// apply breaks a signed request, and may be nil where the client does it.
	apply func(*Request)
	// wire: the fault lies in how the request is written, not in what it says.
	wire bool
	// harmless: nothing speaks against accepting the delivery.
	harmless bool
}

// faultKinds returns every fault, in the order people read them.
func faultKinds() []faultKind {
	return []faultKind{
		{fault: NoSignature, text: "neither signature header", apply: unsign},
		{fault: WrongSignature, text: "signatures of the right form with a wrong last digit", apply: alterSignatures},
		{fault: WrongSecret, text: "signed with another app's secret", apply: signAsStranger},
		{fault: SHA1Only, text: "only the legacy header X-Hub-Signature", apply: unsignSHA256},
		{fault: SwappedHeaders, text: "each signature in the other's header", apply: swapSignatures},
		{fault: AlteredBody, text: "a digit of the body changed after signing", apply: alterBody},
		{fault: UppercaseHex, text: "signatures in upper-case hex; Meta writes lower case", apply: upperSignatures},
		{fault: NoPrefix, text: "signatures without sha256= and sha1=", apply: stripPrefixes},
		{fault: Truncated, text: "half of the body, then the end of the connection", wire: true},
		{fault: SlowBody, text: "the body in small pieces over 8 s; all else is right", wire: true, harmless: true},
		{fault: CloseEarly, text: "the connection closed before the answer; all else is right", wire: true, harmless: true},
		{fault: FormEncoded, text: "the signed JSON as the field \"payload\" of a form", apply: encodeForm},
		{fault: NewlineAdded, text: "a newline after the signed body", apply: addNewline},
	}
}

// Faults returns every fault.
func Faults() []Fault {
	kinds := faultKinds()
	all := make([]Fault, len(kinds))
	for i, kind := range kinds {
		all[i] = kind.fault
	}
	return all
}

// FaultError is a name that no fault has.
type FaultError struct {
	Name string
	Near string // the name that was probably meant, "" when none is close
}

// Error names the fault and the nearest there is.
func (e *FaultError) Error() string {
	text := fmt.Sprintf("unknown fault %q", e.Name)
	if e.Near != "" {
		text += fmt.Sprintf(", did you mean %q?", e.Near)
	}
	return text
}

// ParseFault returns the fault of a name. The error is a [*FaultError].
func ParseFault(name string) (Fault, error) {
	if _, ok := Fault(name).kind(); ok {
		return Fault(name), nil
	}
	var names []string
	for _, f := range Faults() {
		names = append(names, string(f))
	}
	return "", &FaultError{Name: name, Near: fixtures.Nearest(strings.ToLower(name), names)}
}

func (f Fault) kind() (faultKind, bool) {
	for _, kind := range faultKinds() {
		if kind.fault == f {
			return kind, true
		}
	}
	return faultKind{}, false
}

// Description says in a line what the delivery is like.
func (f Fault) Description() string {
	kind, _ := f.kind()
	return kind.text
}

// OnWire reports whether the fault lies in how the request is written to the
// connection. It reaches only who is connected to: a proxy in between reads the
// request whole, or gives up, before the app sees anything.
func (f Fault) OnWire() bool {
	kind, _ := f.kind()
	return kind.wire
}

// ToRefuse reports whether an app that does everything right refuses the delivery,
// with any status but 2xx.
func (f Fault) ToRefuse() bool {
	kind, ok := f.kind()
	return ok && !kind.harmless
}

// Break makes a signed request faulty: call it after [Request.Sign]. What lies in the
// writing is left to the [Client]. Without a fault it does nothing. The error is a
// [*FaultError].
func (r *Request) Break(f Fault) error {
	if f == "" {
		return nil
	}
	if _, err := ParseFault(string(f)); err != nil {
		return err
	}
	kind, _ := f.kind()
	if r.Fault = f; kind.apply != nil {
		kind.apply(r)
	}
	return nil
}

func unsign(r *Request) {
	r.Set(webhook.SHA1SignatureHeader, "")
	r.Set(webhook.SignatureHeader, "")
}

func unsignSHA256(r *Request) { r.Set(webhook.SignatureHeader, "") }

// eachSignature changes the values of both signature headers.
func eachSignature(r *Request, change func(prefix, digits string) string) {
	for _, name := range []string{webhook.SHA1SignatureHeader, webhook.SignatureHeader} {
		prefix, digits, found := strings.Cut(r.Get(name), "=")
		if found {
			r.Set(name, change(prefix+"=", digits))
		}
	}
}

// alterSignatures exchanges the last digit: an app that compares only a beginning is
// found out.
func alterSignatures(r *Request) {
	eachSignature(r, func(prefix, digits string) string {
		last := "0"
		if strings.HasSuffix(digits, last) {
			last = "1"
		}
		return prefix + digits[:len(digits)-1] + last
	})
}

// strangersSecret is what [WrongSecret] signs with. It is no secret of anybody.
const strangersSecret = "igloo's stranger: another secret"

func signAsStranger(r *Request) { r.Sign(NewSecret(strangersSecret)) }

func swapSignatures(r *Request) {
	sha1, sha256 := r.Get(webhook.SHA1SignatureHeader), r.Get(webhook.SignatureHeader)
	r.Set(webhook.SHA1SignatureHeader, sha256)
	r.Set(webhook.SignatureHeader, sha1)
}

func upperSignatures(r *Request) {
	eachSignature(r, func(prefix, digits string) string { return prefix + strings.ToUpper(digits) })
}

func stripPrefixes(r *Request) {
	eachSignature(r, func(_, digits string) string { return digits })
}

// alterBody changes the last decimal digit, so that JSON stays JSON. A body without
// one gets a space at its end.
func alterBody(r *Request) {
	i := bytes.LastIndexAny(r.Body, "0123456789")
	if i < 0 {
		r.Body = append(bytes.Clone(r.Body), ' ')
		return
	}
	r.Body = bytes.Clone(r.Body)
	if r.Body[i]++; r.Body[i] > '9' {
		r.Body[i] = '1' // not 0, which a number can't begin with
	}
}

func encodeForm(r *Request) {
	r.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = []byte("payload=" + url.QueryEscape(string(r.Body)))
}

func addNewline(r *Request) { r.Body = append(bytes.Clone(r.Body), '\n') }
