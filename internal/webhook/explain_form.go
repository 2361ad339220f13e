package webhook

import (
	"bytes"
	"encoding/base64"
	"hash/maphash"
	"net/url"
	"slices"
	"strings"
)

// The sizes of a body above which less is tried, so that a large one is explained in a
// fraction of a second: the work is the product of size, keys and forms.
const (
	maxThorough = 16 << 10  // no rare forms, and no spoilt keys on other forms than the body
	maxRewrite  = 256 << 10 // JSON is written anew only in the likeliest ways
)

// form is a text that may have been signed in the body's place.
type form struct {
	codes []string // what makes it differ from the body; none for the body itself
	text  []byte   // valid until the next form
	rare  bool     // it takes several changes, and is not tried with spoilt keys
}

// writer is a program's way of writing JSON.
type writer struct {
	codes []string
	style
}

// writers are the programs that people parse and re-write a body with, the likeliest
// first. Where two write the same, the first one is named.
var writers = []writer{
	{[]string{"json-stringify"}, style{layout: compact, slash: plain, unicode: plain}},
	{[]string{"json-encode"}, style{layout: compact, slash: escaped, unicode: escaped}},
	{[]string{"json-dumps"}, style{layout: spaced, slash: plain, unicode: escaped, extra: "\x7f"}},
	{[]string{"json-encode-slashes"}, style{layout: compact, slash: plain, unicode: escaped}},
	{[]string{"json-encode-unicode"}, style{layout: compact, slash: escaped, unicode: plain, extra: "\u2028\u2029"}},
	{[]string{"json-dumps-utf8"}, style{layout: spaced, slash: plain, unicode: plain}},
	{[]string{"messenger-escapes"}, style{layout: compact, slash: escaped, unicode: escaped, extra: "<@%", caps: true}},
	{[]string{"go-marshal"}, style{layout: compact, slash: plain, unicode: plain, extra: "<>&\u2028\u2029"}},
	{[]string{"go-marshal", "keys-sorted"}, style{layout: compact, slash: plain, unicode: plain, extra: "<>&\u2028\u2029", order: sorted}},
	{[]string{"gson"}, style{layout: compact, slash: plain, unicode: plain, extra: "<>&='\u2028\u2029"}},
	{[]string{"dotnet-json"}, style{layout: compact, slash: plain, unicode: upper, extra: "\"&'+<>`\x7f", caps: true}},
	{[]string{"json-dumps", "keys-sorted"}, style{layout: spaced, slash: plain, unicode: escaped, extra: "\x7f", order: sorted}},
	{[]string{"json-stringify", "keys-sorted"}, style{layout: compact, slash: plain, unicode: plain, order: sorted}},
	{[]string{"json-encode", "keys-sorted"}, style{layout: compact, slash: escaped, unicode: escaped, order: sorted}},
	{[]string{"json-encode-slashes", "keys-sorted"}, style{layout: compact, slash: plain, unicode: escaped, order: sorted}},
}

// likelyWriters is how many of the writers are tried on a large body.
const likelyWriters = 3

// The codes of single changes, which are joined where no program has a name.
var (
	layoutCodes  = map[layout]string{compact: "compact", spaced: "spaced", pretty2: "pretty-printed", pretty4: "pretty-printed", prettyTab: "pretty-printed"}
	slashCodes   = map[spelling]string{plain: "slashes-plain", escaped: "slashes-escaped"}
	unicodeCodes = map[spelling]string{plain: "unicode-plain", escaped: "unicode-escaped", upper: "unicode-upper-hex"}
)

// changes are the single changes of layout and spelling and their combinations, those
// with fewer changes first.
var changes = func() []writer {
	by := make([][]writer, 4) // by how many changes they are
	for l := asLaidOut; l <= prettyTab; l++ {
		for _, slash := range []spelling{asSpelt, plain, escaped} {
			for _, unicode := range []spelling{asSpelt, plain, escaped, upper} {
				w := writer{nil, style{layout: l, slash: slash, unicode: unicode}}
				for _, code := range []string{layoutCodes[l], slashCodes[slash], unicodeCodes[unicode]} {
					if code != "" {
						w.codes = append(w.codes, code)
					}
				}
				by[len(w.codes)] = append(by[len(w.codes)], w)
			}
		}
	}
	return slices.Concat(by[1:]...) // without the one that changes nothing
}()

// singleChanges is how many of changes are one change only.
const singleChanges = 10

// forms hands to try what may have been signed in the place of body, each text once:
// the body itself first, then the simpler change or the likelier mistake before another.
func forms(body []byte, try func(form)) {
	o := &offers{seed: maphash.MakeSeed(), seen: map[uint64]bool{}, try: try}
	o.offer(body)
	o.edges(body)
	o.constants()
	o.wrapped(body)
	o.json(body)
}

// offers hands forms on.
type offers struct {
	seed maphash.Seed
	seen map[uint64]bool
	rare bool // those that come now are
	try  func(form)
}

// offer hands a form on, unless another had the same text.
func (o *offers) offer(text []byte, codes ...string) {
	if sum := maphash.Bytes(o.seed, text); !o.seen[sum] {
		o.seen[sum] = true
		o.try(form{codes, text, o.rare})
	}
}

const bom = "\ufeff"

// edges offers the body with another beginning, end, or line ends.
func (o *offers) edges(body []byte) {
	lf := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	bare := bytes.TrimPrefix(body, []byte(bom))
	o.offer(bytes.TrimRight(body, "\r\n"), "newline-added")
	o.offer(slices.Concat(body, []byte("\n")), "newline-missing")
	o.offer(slices.Concat(body, []byte("\r\n")), "newline-missing")
	o.offer(lf, "crlf-added")
	o.offer(bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n")), "crlf-missing")
	o.offer(bare, "bom-added")
	o.offer(slices.Concat([]byte(bom), body), "bom-missing")
	o.offer(bytes.TrimSpace(body), "space-added")
	o.offer(bytes.TrimSpace(bare), "bom-added", "space-added")
}

// constants offers what programs sign when they have no body at hand.
func (o *offers) constants() {
	o.offer(nil, "empty-signed")
	for _, text := range []string{"[object Object]", "{}", "null", "undefined", "None"} {
		o.offer([]byte(text), "placeholder-signed")
	}
}

// wrapped offers the body taken out of another notation, or put into one.
func (o *offers) wrapped(body []byte) {
	core := bytes.TrimSpace(body)
	if decoded, err := base64.StdEncoding.DecodeString(string(core)); err == nil {
		o.offer(decoded, "base64-body")
	}
	if len(core) > 1 && core[0] == '"' && checkJSON(core) == nil {
		o.offer(unquote(core), "quoted-body")
	}
	if len(core) > 0 && core[0] != '{' && core[0] != '[' {
		for _, value := range formValues(string(core)) {
			o.offer([]byte(value), "form-body")
		}
	}
	if len(body) <= maxRewrite {
		o.offer([]byte("payload="+url.QueryEscape(string(body))), "form-signed")
		o.offer([]byte(base64.StdEncoding.EncodeToString(body)), "base64-signed")
		o.offer(quote(body), "quoted-signed")
		o.offer(bytesRepr(body), "bytes-repr")
	}
}

// formValues returns the fields of an HTML form, in order: names too, because a parser
// of forms takes a body without "=" for a name.
func formValues(body string) []string {
	const most = 8
	var out []string
	for field := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(field, "=")
		for _, text := range []string{value, name} {
			if text, err := url.QueryUnescape(text); err == nil && text != "" && len(out) < most {
				out = append(out, text)
			}
		}
	}
	return out
}

// quote returns text as JSON.stringify writes a string.
func quote(text []byte) []byte {
	out := append(make([]byte, 0, len(text)+len(text)/8+2), '"')
	for _, c := range text {
		out = appendASCII(out, c, false)
	}
	return append(out, '"')
}

// json offers the body's JSON written anew.
func (o *offers) json(body []byte) {
	core := bytes.TrimSpace(bytes.TrimPrefix(body, []byte(bom)))
	if checkJSON(core) != nil {
		return
	}
	r := rewriter{offers: o, text: tokens(core), limit: maxRewritten(len(core))}
	shallow := depth(r.text) <= maxDepth
	if dialect, test, known := dialectOf(core); known {
		r.write(writer{[]string{"reserialized"}, metaStyle(dialect, asOrdered)})
		if shallow && len(core) <= maxRewrite {
			r.metaOrdered = reorder(r.text, byMeta(dialect, test))
			r.write(writer{[]string{"reserialized"}, metaStyle(dialect, metaOrder)})
		}
	}
	if len(core) > maxRewrite {
		r.all(writers[:likelyWriters], false, "")
		return
	}
	if shallow {
		r.sorted = reorder(r.text, bytes.Compare)
	}
	r.all(writers, false, "")
	r.all(changes[:singleChanges], false, "")
	o.offer(dictRepr(r.text), "dict-repr")
	if o.rare = true; len(core) > maxThorough {
		return
	}
	r.all(changes[singleChanges:], false, "")
	for _, end := range []string{"\n", "\r\n"} {
		r.all(writers, false, end)
	}
	r.all(changes, false, "\n")
	windows := slices.DeleteFunc(slices.Clone(changes), func(w writer) bool { return indents[w.layout] == "" || w.slash == escaped })
	r.all(windows, true, "")
	r.all(windows, true, "\r\n")
}

// dialectOf tells from a JSON text's shape which of Meta's senders it comes from, and
// whether the dashboard's Test button sent it.
func dialectOf(text []byte) (d Dialect, test, known bool) {
	for entry := range elements(member(text, "entry")) {
		test = string(member(entry, "id")) == `"0"`
		switch {
		case member(entry, "changes") != nil:
			return Changes, test, true
		case member(entry, "messaging") != nil, member(entry, "standby") != nil:
			return Messaging, test, true
		}
	}
	return 0, false, false
}

// metaStyle is how Meta's sender of a dialect writes, as [Encode] does.
func metaStyle(d Dialect, o order) style {
	if d == Messaging {
		return style{layout: compact, slash: escaped, unicode: escaped, order: o}
	}
	return style{layout: spaced, slash: plain, unicode: escaped, extra: "\x7f", order: o}
}

// rewriter offers one JSON text in many styles.
type rewriter struct {
	*offers
	text, sorted, metaOrdered []jsonToken // nil: not to be had
	limit                     int
	buf                       []byte
}

// all offers the text as each of the writers writes it, with these line ends.
func (r *rewriter) all(ws []writer, crlf bool, end string) {
	for _, w := range ws {
		w.crlf, w.end = crlf, end
		if crlf {
			w.codes = append(slices.Clip(w.codes), "crlf-missing")
		}
		if end != "" {
			w.codes = append(slices.Clip(w.codes), "newline-missing")
		}
		r.write(w)
	}
}

func (r *rewriter) write(w writer) {
	text := map[order][]jsonToken{asOrdered: r.text, sorted: r.sorted, metaOrder: r.metaOrdered}[w.order]
	if text == nil {
		return
	}
	var ok bool
	if r.buf, ok = rewrite(r.buf[:0], text, w.style, r.limit); ok {
		r.offer(r.buf, w.codes...)
	}
}
