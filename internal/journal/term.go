package journal

import (
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// term is one condition of a query.
type term struct {
	text string // as typed
	not  bool
	kind termKind

	words   []string       // eventTerm: words in this order, the last one a beginning unless exact; or one tag
	exact   bool           // the last word is complete
	name    string         // verdictTerm, sourceTerm
	lo, hi  int64          // statusTerm, tookTerm, idRangeTerm, timeTerm: lo <= x < hi; noticeTerm: lo is the kind
	ids     []int64        // idsTerm
	pattern *regexp.Regexp // bodyTerm
	literal string         // bodyTerm, lower case
}

type termKind int

const (
	eventTerm   termKind = iota // one event has the words, or the tag
	verdictTerm                 // delivery.verdict
	sourceTerm                  // delivery.source
	statusTerm                  // status of the last attempt
	failedTerm                  // the last attempt was not accepted
	problemTerm                 // failed, or the signature does not hold
	tookTerm                    // time of the last attempt
	replayTerm                  // the last attempt was a replay
	pendingTerm                 // no attempt yet
	markedTerm                  // Query.Marked
	idsTerm                     // one of ids
	idRangeTerm                 // delivery.id
	timeTerm                    // delivery.at
	noticeTerm                  // something was noticed of the delivery
	bodyTerm                    // scan of the body
)

func idTerm(ids []int64) term { return term{kind: idsTerm, ids: ids} }

// term reads a word. reason is "" when it makes sense.
func (w word) term(now time.Time) (t term, reason, hint string) {
	if w.re {
		return regexpTerm(w)
	}
	if w.key == "" {
		return wordsTerm(w.value, w.quoted)
	}
	key := strings.ToLower(w.key)
	if w.value == "" {
		return term{}, "a value is missing after the colon", ""
	}
	switch key {
	case "field":
		return tagTerm("field", fieldName(w.value)), "", ""
	case "from":
		return tagTerm("from", strings.TrimPrefix(w.value, "@")), "", ""
	case "is":
		return isTerm(w.value)
	case "verdict":
		return verdictOf(w.value)
	case "status":
		return statusOf(w.value)
	case "took":
		return tookOf(w.value)
	case "id":
		return idOf(w.value)
	case "since", "before":
		return timeOf(key, w.value, now)
	case "body":
		return term{kind: bodyTerm, literal: strings.ToLower(w.value)}, "", ""
	}
	if near := nearest(key, Keys()); near != "" {
		return term{}, "unknown key", near + ":"
	}
	return term{}, "unknown key; put text with a colon in quotes", `"` + w.key + ":" + w.value + `"`
}

func wordsTerm(text string, quoted bool) (t term, reason, hint string) {
	t = term{kind: eventTerm}
	appendWords(nil, text, func(word []byte) { t.words = append(t.words, string(word)) })
	if len(t.words) == 0 {
		return t, "there is no letter or digit to search for", ""
	}
	// A quote that ends after a space wants the whole word.
	t.exact = quoted && isSpace(text[len(text)-1])
	return t, "", ""
}

func tagTerm(kind, value string) term {
	return term{kind: eventTerm, words: []string{string(appendTag(nil, kind, value))}, exact: true}
}

func regexpTerm(w word) (t term, reason, hint string) {
	pattern := w.value
	switch w.flags {
	case "":
	case "i":
		pattern = "(?i)" + pattern
	default:
		return term{}, "only i may follow a regular expression", "/" + w.value + "/i"
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return term{}, strings.TrimPrefix(err.Error(), "error parsing regexp: "), ""
	}
	return term{kind: bodyTerm, pattern: re}, "", ""
}

func isTerm(value string) (t term, reason, hint string) {
	switch state := strings.ToLower(value); state {
	case "live", "fired":
		return term{kind: sourceTerm, name: state}, "", ""
	case "replay":
		return term{kind: replayTerm}, "", ""
	case "failed":
		return term{kind: failedTerm}, "", ""
	case "problem":
		return term{kind: problemTerm}, "", ""
	case "pending":
		return term{kind: pendingTerm}, "", ""
	case "marked":
		return term{kind: markedTerm}, "", ""
	case "slow":
		return term{kind: tookTerm, lo: int64(SlowAnswer) + 1, hi: math.MaxInt64}, "", ""
	default:
		for _, f := range flagNames {
			if f.name == state {
				return tagTerm("is", state), "", ""
			}
		}
		for _, m := range stored {
			if m.name == state {
				return term{kind: noticeTerm, lo: m.mark.kind()}, "", ""
			}
		}
	}
	return term{}, "unknown state", prefixed("is:", nearest(value, States()))
}

var verdicts = []string{string(webhook.Verified), string(webhook.Unchecked), string(webhook.Invalid), string(webhook.Unsigned)}

func verdictOf(value string) (t term, reason, hint string) {
	for _, v := range verdicts {
		if strings.EqualFold(value, v) {
			return term{kind: verdictTerm, name: v}, "", ""
		}
	}
	return term{}, "unknown verdict", prefixed("verdict:", nearest(value, verdicts))
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
