package webhook

import (
	"strings"
	"unicode/utf8"
)

// The longest texts an event keeps, in characters. Real ones are far below; the
// whole text stays in Raw.
const (
	maxSummary = 160
	maxName    = 64   // field, kind, ids, username
	maxText    = 8000 // Meta's own limit is 2200 for a comment, 1000 bytes for a message
)

// describe fills in Kind, Text, Summary and the flags that come from an event's
// content. value is the change's value or the messaging item.
func describe(e Event, value []byte) Event {
	what := ""
	switch {
	case e.Flags&WithoutValue != 0:
		what = "changed; the subscription does not include values"
	case e.Flags&Unknown != 0:
		what = unknown(&e, value)
	default:
		if key, object := eventObject(value); key != "" {
			what = messagingItem(&e, key, value, object)
		} else {
			what = change(&e, value)
		}
	}
	for _, name := range []*string{&e.Object, &e.Field, &e.Kind, &e.Account, &e.Party, &e.Username} {
		*name = clip(*name, maxName)
	}
	e.Text = clip(e.Text, maxText)
	e.Summary = summary(e, what)
	return e
}

// clip cuts s to n characters, the last one an ellipsis.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	i := 0
	for range n - 1 {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s[:i] + "…"
}

// summary puts who before what and bounds the line.
func summary(e Event, what string) string {
	line := what
	if who := e.who(); who != "" {
		line = who + " " + what
	}
	return clip(strings.Join(strings.Fields(clip(line, 2*maxSummary)), " "), maxSummary)
}

// who names the other party: the username, else the id cut in the middle.
func (e Event) who() string {
	switch {
	case e.Username != "":
		return "@" + e.Username
	case e.Flags&Echo != 0 && e.Party != "":
		return "to " + shortID(e.Party)
	}
	return shortID(e.Party)
}

// shortID keeps both ends of a long id: the middle is what people don't compare.
func shortID(id string) string {
	if len(id) <= 12 {
		return id
	}
	return id[:5] + "…" + id[len(id)-3:]
}

func unknown(e *Event, value []byte) string {
	e.Text = ""
	switch {
	case e.Field != "":
		return "a field igloo does not know the shape of: " + e.Field
	case e.Section == InMessaging || e.Section == InStandby:
		for key := range members(value) {
			switch key := string(key); key {
			case "sender", "recipient", "timestamp":
			default:
				return "an event igloo does not know: " + key
			}
		}
	}
	return "an event igloo does not know"
}

// change describes the fields of the changes dialect.
func change(e *Event, value []byte) string {
	if sampleChange(e.Field, value) {
		e.Flags |= Test
	}
	switch e.Field {
	case "mentions":
		media := shortID(text(member(value, "media_id")))
		if comment := text(member(value, "comment_id")); comment != "" {
			e.Kind = "comment"
			return "mentioned you in comment " + shortID(comment)
		}
		e.Kind = "caption"
		return "mentioned you in the caption of " + media
	case "story_insights":
		return storyFigures(value)
	}
	return comment(e, value)
}

// storyFigures lists the counts of a story in the order they came.
func storyFigures(value []byte) string {
	var b strings.Builder
	b.WriteString("story " + shortID(text(member(value, "media_id"))))
	for key, figure := range members(value) {
		key, count := string(key), text(figure)
		if key == "media_id" {
			continue
		}
		if count == "-1" { // Meta's way not to say
			count = "<5"
		}
		b.WriteString(" " + strings.ReplaceAll(key, "_", " ") + " " + count)
	}
	return b.String()
}

// comment describes a comment: where it stands, when that is not an ordinary post,
// then what it says.
func comment(e *Event, value []byte) string {
	e.Text = text(member(value, "text"))
	media := member(value, "media")
	place := ""
	switch kind := text(member(media, "media_product_type")); {
	case member(media, "original_media_id") != nil:
		e.Kind, place = "boosted", "on a boosted post: "
	case kind == "AD" || member(media, "ad_id") != nil:
		e.Kind, place = "ad", "on an ad: "
	case kind == "LIVE" && e.Field != "live_comments":
		e.Kind, place = "live", "on a live broadcast: "
	case kind != "" && kind != "FEED":
		e.Kind = strings.ToLower(kind)
	}
	if text(member(value, "parent_id")) != "" {
		e.Kind = "reply"
	}
	if member(value, "text") == nil {
		return place + "commented without text (a GIF or sticker)"
	}
	return place + e.Text
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
