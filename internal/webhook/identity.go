package webhook

// Identity is the same for two events that tell of the same thing, such as one that
// came again because the first try was not answered: Meta says to drop those by the id
// of the comment or of the message, never by request. It is 0 for events that have
// nothing to know them by, and for the dashboard's Tests, which all look alike.
//
// A deletion, a reaction and an edit have the mid of the message they are about, so
// what happened counts, too.
func (e Event) Identity() uint64 {
	if e.Flags&Test != 0 {
		return 0
	}
	switch e.Section {
	case InChanges:
		value := member(e.Raw, "value")
		for _, key := range []string{"id", "comment_id"} {
			if id := member(value, key); id != nil {
				return newFingerprint(e).add(e.Field).addBytes(id).sum()
			}
		}
		return newFingerprint(e).add(e.Field).addBytes(value).sum()
	case InMessaging, InStandby:
		key, object := eventObject(e.Raw)
		mid := member(object, "mid")
		switch {
		case mid == nil:
			return newFingerprint(e).addBytes(e.Raw).sum()
		case key == "message" && e.Flags&Deleted == 0:
			return newFingerprint(e).add("message").addBytes(mid).sum()
		case key == "message":
			return newFingerprint(e).add("deleted").addBytes(mid).sum()
		}
		return newFingerprint(e).add(key).addBytes(object).addBytes(member(e.Raw, "timestamp")).sum()
	case InEntry, InChangedFields:
	}
	return 0
}

// MessageIdentity is the [Event.Identity] of the message that an event is about, 0 when
// it is about none.
func (e Event) MessageIdentity() uint64 {
	_, object := eventObject(e.Raw)
	mid := member(object, "mid")
	if mid == nil || e.Section != InMessaging && e.Section != InStandby {
		return 0
	}
	return newFingerprint(e).add("message").addBytes(mid).sum()
}

// Thread names what an answer to the event would be part of: the conversation of a
// message, the thread under a comment. It is "" when the event names none.
func (e Event) Thread() string {
	if e.Section != InChanges {
		return e.Conversation()
	}
	value := member(e.Raw, "value")
	for _, key := range []string{"parent_id", "id"} {
		if id := text(member(value, key)); id != "" {
			return e.Account + "/" + e.Field + "/" + clip(id, maxMID)
		}
	}
	return ""
}

// fingerprint is a 64-bit FNV-1a hash. It is kept in journals, so it stays what it is.
type fingerprint uint64

func newFingerprint(e Event) fingerprint {
	return fingerprint(14695981039346656037).add(e.Object).add(e.Account)
}

func (f fingerprint) byte(c byte) fingerprint { return (f ^ fingerprint(c)) * 1099511628211 }

// add hashes a text and its end.
func (f fingerprint) add(s string) fingerprint {
	for i := range len(s) {
		f = f.byte(s[i])
	}
	return f.byte(0)
}

func (f fingerprint) addBytes(b []byte) fingerprint {
	for _, c := range b {
		f = f.byte(c)
	}
	return f.byte(0)
}

// sum is never 0.
func (f fingerprint) sum() uint64 { return uint64(max(f, 1)) }

// Shapes tells events of a known shape from others. It remembers what it has compared,
// because a journal compares every event and nearly all look alike. The zero Shapes is
// ready to use, by one goroutine.
type Shapes struct{ seen map[fingerprint]bool }

// maxShapes bounds what Shapes remembers.
const maxShapes = 4096

// Differ reports whether [Compare] finds a difference.
func (s *Shapes) Differ(e Event) bool {
	seed := newFingerprint(Event{Object: e.Object}).add(string(e.Section)).add(e.Field).byte(byte(e.Flags & Test))
	return s.differ(seed.outline(e.Raw, false), func() bool { return len(Compare(e)) > 0 })
}

// EnvelopeDiffers reports whether [CompareEnvelope] finds a difference in a body that
// [Parse] has read.
func (s *Shapes) EnvelopeDiffers(body []byte) bool {
	return s.differ(fingerprint(1).outline(body, true), func() bool { return len(CompareEnvelope(body)) > 0 })
}

func (s *Shapes) differ(shape fingerprint, compare func() bool) bool {
	differs, ok := s.seen[shape]
	if !ok {
		differs = compare()
		if len(s.seen) >= maxShapes || s.seen == nil {
			s.seen = make(map[fingerprint]bool)
		}
		s.seen[shape] = differs
	}
	return differs
}

// outline hashes the keys of a JSON text and the types of its values, and what an
// attachment is called, which decides what it carries. With envelope it leaves out what
// is in the lists of events.
func (f fingerprint) outline(text []byte, envelope bool) fingerprint {
	key := ""
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\n', '\r', '\t', ':':
		case '"':
			end := closingQuote(text, i+1)
			value := text[i+1 : end]
			i = end
			switch next := skipSpaceTo(text, end+1); {
			case next < len(text) && text[next] == ':':
				key = string(value)
				f = f.add(key)
			case key == "type":
				f = f.addBytes(value)
			default:
				f = f.byte('s')
			}
		case '[':
			if envelope && (key == string(InChanges) || key == string(InMessaging) || key == string(InStandby)) {
				i = skipValue(text, i) - 1
			}
			f = f.byte('[')
		case '{', '}', ']', ',', 't', 'f', 'n':
			f = f.byte(c)
			if c == 't' || c == 'f' || c == 'n' {
				i = skipValue(text, i) - 1
			}
		default:
			f = f.byte('0')
			i = skipValue(text, i) - 1
		}
	}
	return f
}

// skipSpaceTo is skipSpace for a text that may end.
func skipSpaceTo(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}
