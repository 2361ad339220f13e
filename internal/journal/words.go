package journal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// The full-text index holds words and tags. A word is a run of letters and digits,
// folded to lower case without diacritics; an ideograph or an emoji is a word of its
// own. A tag is a fact to filter by, ":field:comments" or ":from:mia.k". Words never
// hold a colon, so that neither a word nor the beginning of one finds a tag.
//
// Splitting and folding is done here and not by SQLite's tokenizer, because a query
// must also be able to test one event's words without the index.

const (
	maxWord  = 64      // bytes; longer words are cut, here and in queries
	maxWords = 8 << 10 // bytes of one event's words; people write at most 2200 characters
)

// eventWords returns the words and tags of an event, separated by spaces, and calls
// word for each word.
func eventWords(buf []byte, e *webhook.Event, word func([]byte)) []byte {
	buf = appendWords(buf, e.Text, word)
	buf = appendWords(buf, e.Username, word)
	buf = appendTag(buf, "field", e.Field)
	buf = appendTag(buf, "from", e.Username)
	buf = appendTag(buf, "from", e.Party)
	for _, f := range flagNames {
		if e.Flags&f.flag != 0 {
			buf = appendTag(buf, "is", f.name)
		}
	}
	return buf
}

// flagNames are the flags a query can ask for.
var flagNames = []struct {
	name string
	flag webhook.Flag
}{
	{"test", webhook.Test},
	{"echo", webhook.Echo},
	{"own", webhook.Own},
	{"deleted", webhook.Deleted},
	{"standby", webhook.OnStandby},
	{"no_sender", webhook.NoSender},
	{"hollow_edit", webhook.HollowEdit},
	{"without_value", webhook.WithoutValue},
	{"unknown", webhook.Unknown},
}

// appendWords appends the words of text to dst, separated by spaces, and calls word
// for each.
func appendWords(dst []byte, text string, word func([]byte)) []byte {
	start := -1 // of the word in hand
	end := func() {
		if start < 0 {
			return
		}
		if len(dst)-start > maxWord {
			dst = dst[:start+cutRune(dst[start:], maxWord)]
		}
		word(dst[start:])
		start = -1
	}
	begin := func() {
		if len(dst) > 0 {
			dst = append(dst, ' ')
		}
		start = len(dst)
	}
	for _, r := range text {
		if len(dst) > maxWords {
			break
		}
		switch kind, folded := fold(r); kind {
		case inWord:
			if start < 0 {
				begin()
			}
			dst = utf8.AppendRune(dst, folded)
		case aloneWord:
			end()
			begin()
			dst = utf8.AppendRune(dst, folded)
			end()
		case between:
			end()
		case ignored:
		}
	}
	end()
	return dst
}

func cutRune(b []byte, n int) int {
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return n
}

type runeKind int

const (
	between   runeKind = iota // ends a word
	inWord                    // part of a word
	aloneWord                 // a word of its own
	ignored                   // as if it were not there
)

// alone are the scripts written without spaces.
var alone = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

func fold(r rune) (runeKind, rune) {
	switch {
	case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
		return inWord, r
	case 'A' <= r && r <= 'Z':
		return inWord, r + 'a' - 'A'
	case r < 0x80 || r == utf8.RuneError:
		return between, r
	case 0x300 <= r && r <= 0x36f, r == '\u200d', 0xfe00 <= r && r <= 0xfe0f, 0x1f3fb <= r && r <= 0x1f3ff:
		// Combining accents; the joiners and modifiers of emoji.
		return ignored, r
	case unicode.Is(unicode.So, r), unicode.IsOneOf(alone, r):
		return aloneWord, r
	case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
		return inWord, unaccented(unicode.ToLower(r))
	}
	return between, r
}

// accents lists the accented letters of the Latin script by their plain letter.
var accents = map[rune]string{
	'a': "àáâãäåāăąǎạảấầẩẫậắằẳẵặ", 'c': "çćĉċč", 'd': "ďđ", 'e': "èéêëēĕėęěẹẻẽếềểễệ", 'g': "ĝğġģ",
	'h': "ĥħ", 'i': "ìíîïĩīĭįıǐỉị", 'j': "ĵ", 'k': "ķ", 'l': "ĺļľŀł", 'n': "ñńņňŋ",
	'o': "òóôõöøōŏőǒọỏốồổỗộơớờởỡợ", 'r': "ŕŗř", 's': "śŝşšș", 't': "ţťŧț", 'u': "ùúûüũūŭůűųǔụủưứừửữự",
	'w': "ŵ", 'y': "ýÿŷỳỵỷỹ", 'z': "źżž",
}

var plainLetters = func() map[rune]rune {
	m := make(map[rune]rune)
	for plain, letters := range accents {
		for _, r := range letters {
			m[r] = plain
		}
	}
	return m
}()

func unaccented(r rune) rune {
	if r < 0x250 || 0x1e00 <= r && r < 0x1f00 {
		if plain, ok := plainLetters[r]; ok {
			return plain
		}
	}
	return r
}

// appendTag appends the tag of a fact, unless value is "".
func appendTag(dst []byte, kind, value string) []byte {
	if value == "" {
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, ' ')
	}
	dst = append(dst, ':')
	dst = append(append(dst, kind...), ':')
	const hex = "0123456789abcdef"
	for i, c := range []byte(lower(value)) {
		switch {
		case i >= 4*maxWord: // hostile; a tag this long is cut in queries, too
			return dst
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c >= 0x80, c == '.', c == '_', c == '-':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// lower is strings.ToLower, which also makes the text valid UTF-8.
func lower(s string) string { return strings.ToLower(strings.ToValidUTF8(s, "\ufffd")) }
