package tui

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// writer writes the documents of a parcel.
type writer struct {
	look look
	zone *time.Location
}

// documents fills in the parcel's documents, taking over those of the known one
// that cannot have changed.
func (w *writer) documents(p, known *parcel, dot rune) {
	body := p.delivery.Body
	if known != nil {
		p.docs, p.about, p.rough = known.docs, known.about, known.rough
	} else {
		p.rough = len(body) > inlineBody
		if p.rough {
			p.docs[bodyTab] = rawDocument([]byte(prefix(string(body[:inlineBody]), inlineBody)), dot)
		} else {
			p.docs[bodyTab] = bodyDocument(body, dot)
			p.about = w.events(&p.delivery)
		}
		p.docs[headersTab] = w.headers(&p.delivery)
		p.docs[rawTab] = rawDocument(body, dot)
	}
	p.docs[responseTab] = w.responses(p)
}

func (w *writer) builder() *documentBuilder { return &documentBuilder{dot: w.look.unshown()} }

// headers is the Headers tab: the signature with its judgement first, the rest
// sorted. The signature is the one received; what it should have been is never
// computed for the screen.
func (w *writer) headers(d *journal.Delivery) *document {
	b := w.builder()
	for _, value := range d.Header.Values(webhook.SignatureHeader) {
		b.add(headerLine, webhook.SignatureHeader+": "+value)
	}
	kind, mark := w.judgement(d.Verdict)
	text, why := verdictText(d)
	b.add(kind, mark+" "+text)
	if why != "" {
		b.add(dimLine, "  "+why)
	}
	b.add(plainLine, "")
	b.add(titleLine, d.Method+" "+d.URI+" "+d.Proto)
	b.add(headerLine, "Host: "+d.Host)
	w.sorted(b, d.Header, webhook.SignatureHeader)
	b.add(plainLine, "")
	b.add(dimLine, "received "+when(d.ReceivedAt, w.zone)+" from "+d.Remote)
	return b.document()
}

func (w *writer) sorted(b *documentBuilder, header http.Header, except string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if strings.EqualFold(name, except) {
			continue
		}
		for _, value := range header[name] {
			b.add(headerLine, name+": "+masked(name, value))
		}
	}
}

// masked hides the values of headers that carry credentials.
func masked(name, value string) string {
	if journal.Credential(name) {
		return "(" + size(len(value)) + ", not shown)"
	}
	return value
}

func (w *writer) judgement(v webhook.Verdict) (lineKind, string) {
	switch v {
	case webhook.Verified:
		return goodLine, w.look.yes
	case webhook.Unchecked:
		return plainLine, w.look.unchecked
	case webhook.Invalid, webhook.Unsigned:
	}
	return badLine, w.look.no
}

// verdictText is the verdict in words, and its explanation when there is one.
func verdictText(d *journal.Delivery) (text, why string) {
	if d.Verdict == webhook.Verified {
		return "signature valid, app secret " + d.Secret, d.Reason
	}
	if d.Reason == "" {
		return verdictWords(d.Verdict), ""
	}
	text, why, _ = strings.Cut(d.Reason, ": ")
	return text, why
}

// verdictWords is a verdict that is not verified, in words.
func verdictWords(v webhook.Verdict) string {
	if v == webhook.Unsigned {
		return "not signed"
	}
	return "signature " + string(v)
}

// responses is the Response tab: the newest attempt in full, then all of them.
func (w *writer) responses(p *parcel) *document {
	b := w.builder()
	d := &p.delivery
	if len(p.attempts) == 0 {
		text := "not sent to the app"
		if d.Forward {
			text = "waiting for its turn"
		}
		b.add(dimLine, text)
	} else {
		w.response(b, &p.attempts[len(p.attempts)-1])
	}
	if len(p.attempts) > 1 {
		b.add(plainLine, "")
		b.add(titleLine, plural(len(p.attempts), "attempt"))
		for _, a := range slices.Backward(p.attempts) {
			b.add(attemptKind(&a), w.attempt(&a))
		}
	}
	b.add(plainLine, "")
	b.add(dimLine, "igloo answered the sender "+strconv.Itoa(d.Status))
	return b.document()
}

// response writes what the app answered to one attempt.
func (w *writer) response(b *documentBuilder, a *journal.Attempt) {
	b.add(dimLine, w.look.arrow+" "+a.Target)
	b.add(attemptKind(a), w.attempt(a))
	if a.Err != "" {
		return
	}
	b.add(plainLine, "")
	w.sorted(b, a.Header, "")
	b.add(plainLine, "")
	switch {
	case len(a.Body) == 0:
		b.add(dimLine, "no body")
	case json.Valid(a.Body):
		b.append(bodyDocument(a.Body, b.dot))
	default:
		b.append(rawDocument(a.Body, b.dot))
	}
	if a.Truncated {
		b.add(dimLine, "the answer was longer; its first "+size(len(a.Body))+" are recorded")
	}
}

func attemptKind(a *journal.Attempt) lineKind {
	if a.OK() {
		return goodLine
	}
	return badLine
}

// attempt is one attempt in a line.
func (w *writer) attempt(a *journal.Attempt) string {
	mark := ""
	if a.Replay {
		mark = " " + w.look.again + " replay"
	}
	outcome := strconv.Itoa(a.Status) + " " + http.StatusText(a.Status)
	if a.Err != "" {
		outcome = "ERR " + a.Err
	}
	return "#" + strconv.Itoa(a.N) + " " + a.At.In(w.zone).Format(time.TimeOnly) + mark + "  " + strings.TrimSpace(outcome) + "  " + took(a.Took)
}
