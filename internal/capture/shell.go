package capture

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// word is one word of a command, quotes and escapes taken away.
type word struct {
	text string
	line int // from 1
	// expands says that the shell would put something in place of a part of it: a
	// variable, or the output of a command.
	expands bool
}

// stage is one command of a pipeline.
type stage struct {
	words []word
	stdin *[]byte // from a here-document or here-string
}

// shellReader cuts a text into the pipelines a POSIX shell, or bash, would run. It
// expands nothing.
type shellReader struct {
	text []byte
	pos  int
	line int

	word    []byte
	started bool // a word has begun, possibly an empty one in quotes
	expands bool
	from    int // the line the word began on

	pipelines [][]stage
	pipeline  []stage
	stage     stage
	redirect  string   // the operator whose word comes next
	pending   []string // delimiters of here-documents that begin on the next line
	waiting   []*[]byte
}

// shellPipelines reads the commands of a text.
func shellPipelines(text []byte) ([][]stage, error) {
	s := &shellReader{text: text, line: 1}
	for s.pos < len(s.text) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.endPipeline()
	if len(s.pending) > 0 {
		return nil, &Error{Line: s.line, Reason: "the here-document " + quote(s.pending[0]) + " is not there"}
	}
	return s.pipelines, nil
}

// step reads one character, or one quoted piece.
func (s *shellReader) step() error {
	c := s.text[s.pos]
	switch c {
	case '\'', '"', '\\', '$', '`':
		if !s.started {
			s.started, s.from = true, s.line
		}
	}
	switch c {
	case '\'':
		return s.single()
	case '"':
		s.pos++
		return s.double()
	case '\\':
		s.backslash()
	case '$':
		return s.dollar()
	case '`':
		s.expands = true
		s.add(c)
	case ' ', '\t', '\r':
		s.endWord()
		s.pos++
	case '\n':
		s.endPipeline()
		s.pos++
		s.line++
		return s.hereDocuments()
	case '#':
		if s.started {
			s.add(c)
			break
		}
		for s.pos < len(s.text) && s.text[s.pos] != '\n' {
			s.pos++
		}
	case '|', '&', ';', '(', ')':
		s.operator(c)
	case '<', '>':
		s.redirection(c)
	default:
		s.add(c)
	}
	return nil
}

// add appends a character to the word.
func (s *shellReader) add(c byte) {
	if !s.started {
		s.started, s.from = true, s.line
	}
	if c == '\n' {
		s.line++
	}
	s.word = append(s.word, c)
	s.pos++
}

func (s *shellReader) unclosed(line int, quote string) error {
	return &Error{Line: line, Reason: "a quoted text is opened with " + quote + " and not closed", Want: "is the command copied whole?"}
}

// single reads '…', in which nothing is special.
func (s *shellReader) single() error {
	opened := s.line
	for s.pos++; s.pos < len(s.text); {
		if s.text[s.pos] == '\'' {
			s.pos++
			return nil
		}
		s.add(s.text[s.pos])
	}
	return s.unclosed(opened, "'")
}

// double reads the rest of "…".
func (s *shellReader) double() error {
	opened := s.line
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c == '\\' && s.pos+1 < len(s.text) && strings.IndexByte("$`\"\\\n", s.text[s.pos+1]) >= 0:
			s.pos++
			if s.text[s.pos] == '\n' {
				s.pos++
				s.line++
				continue
			}
			s.add(s.text[s.pos])
		default:
			s.expands = s.expands || c == '`' || c == '$' && s.expansionFollows()
			s.add(c)
		}
	}
	return s.unclosed(opened, `"`)
}

// expansionFollows reports whether the $ at the reader's place begins an expansion.
func (s *shellReader) expansionFollows() bool {
	if s.pos+1 >= len(s.text) {
		return false
	}
	c := s.text[s.pos+1]
	return c == '{' || c == '(' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// backslash reads an escape outside quotes. One before a line's end joins the lines.
func (s *shellReader) backslash() {
	s.pos++
	rest := s.text[s.pos:]
	switch {
	case len(rest) == 0:
	case rest[0] == '\n':
		s.join(1)
	case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
		s.join(2)
	default:
		s.add(rest[0])
	}
}

// join leaves out a line's end of n bytes.
func (s *shellReader) join(n int) {
	s.pos += n
	s.line++
	if len(s.word) == 0 { // the backslash began no word
		s.started = false
	}
}

func (s *shellReader) dollar() error {
	switch rest := string(s.text[s.pos:min(s.pos+2, len(s.text))]); rest {
	case "$'":
		s.pos += 2
		return s.ansi()
	case `$"`:
		s.pos += 2
		return s.double()
	}
	s.expands = s.expands || s.expansionFollows()
	s.add('$')
	return nil
}

// ansi reads the rest of $'…', whose escapes are those of C.
func (s *shellReader) ansi() error {
	opened := s.line
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '\'':
			s.pos++
			return nil
		case c == '\\' && s.pos+1 < len(s.text):
			s.pos++
			s.escape()
		default:
			s.add(c)
		}
	}
	return s.unclosed(opened, "$'")
}

// plainEscapes are the escapes of $'…' that stand for one byte.
var plainEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'a': 7, 'b': 8, 'e': 27, 'E': 27, 'f': 12, 'v': 11, '\\': '\\', '\'': '\'', '"': '"', '?': '?'}

// escape reads what follows a backslash in $'…'.
func (s *shellReader) escape() {
	c := s.text[s.pos]
	if plain, ok := plainEscapes[c]; ok {
		s.pos++
		s.word = append(s.word, plain)
		return
	}
	switch {
	case c == 'x':
		if n, size := s.digits(s.pos+1, 2, 16); size > 0 {
			s.word = append(s.word, byte(n&0xff))
			s.pos += 1 + size
			return
		}
	case c == 'u' || c == 'U':
		most := 4
		if c == 'U' {
			most = 8
		}
		if n, size := s.digits(s.pos+1, most, 16); size > 0 {
			s.pos += 1 + size
			s.word = utf8.AppendRune(s.word, s.pair(n))
			return
		}
	case c >= '0' && c <= '7':
		n, size := s.digits(s.pos, 3, 8)
		s.word = append(s.word, byte(n&0xff))
		s.pos += size
		return
	}
	s.word = append(s.word, '\\')
	s.add(c)
}

// pair completes half a surrogate pair: browsers write an emoji as two escapes.
func (s *shellReader) pair(r rune) rune {
	if !utf16.IsSurrogate(r) || s.pos+1 >= len(s.text) || s.text[s.pos] != '\\' || s.text[s.pos+1] != 'u' {
		return r
	}
	low, size := s.digits(s.pos+2, 4, 16)
	if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
		s.pos += 2 + size
		return whole
	}
	return r
}

// digits reads at most so many digits of a base.
func (s *shellReader) digits(at, most int, base rune) (value rune, size int) {
	for size < most && at+size < len(s.text) {
		digit := digitValue(s.text[at+size])
		if digit >= base {
			break
		}
		value, size = value*base+digit, size+1
	}
	return value, size
}

// digitValue returns what a hexadecimal digit stands for, 16 when it is none.
func digitValue(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}

// operator ends a command.
func (s *shellReader) operator(c byte) {
	if c == '|' && s.pos+1 < len(s.text) && s.text[s.pos+1] != '|' {
		s.endStage()
		s.pos++
		return
	}
	s.endPipeline()
	s.pos++
}

// redirection reads an operator such as "2>" or "<<"; its word comes next.
func (s *shellReader) redirection(c byte) {
	if strings.Trim(string(s.word), "0123456789") == "" {
		s.word, s.started = nil, false // the number of the stream
	}
	s.endWord()
	start := s.pos
	for s.pos < len(s.text) && s.pos < start+3 && strings.IndexByte("<>&-", s.text[s.pos]) >= 0 {
		s.pos++
	}
	s.redirect = string(s.text[start:s.pos])
	if c == '>' {
		s.redirect = ">"
	}
}

func (s *shellReader) endWord() {
	if !s.started {
		return
	}
	w := word{string(s.word), s.from, s.expands}
	s.word, s.started, s.expands = nil, false, false
	switch s.redirect {
	case "":
		s.stage.words = append(s.stage.words, w)
	case "<<", "<<-":
		document := new([]byte)
		s.stage.stdin = document
		s.pending, s.waiting = append(s.pending, w.text), append(s.waiting, document)
	case "<<<":
		text := []byte(w.text + "\n")
		s.stage.stdin = &text
	}
	s.redirect = ""
}

func (s *shellReader) endStage() {
	s.endWord()
	if len(s.stage.words) > 0 {
		s.pipeline = append(s.pipeline, s.stage)
	}
	s.stage, s.redirect = stage{}, ""
}

func (s *shellReader) endPipeline() {
	s.endStage()
	if len(s.pipeline) > 0 {
		s.pipelines = append(s.pipelines, s.pipeline)
	}
	s.pipeline = nil
}

// hereDocuments reads the documents that begin on this line.
func (s *shellReader) hereDocuments() error {
	for i, delimiter := range s.pending {
		opened, start := s.line, s.pos
		for {
			if s.pos >= len(s.text) {
				return &Error{Line: opened, Reason: "a here-document is not closed by a line " + quote(delimiter)}
			}
			line := s.text[s.pos:]
			if end := bytes.IndexByte(line, '\n'); end >= 0 {
				line = line[:end+1]
			}
			at := s.pos
			s.pos += len(line)
			s.line++
			if strings.TrimSpace(string(line)) == delimiter {
				*s.waiting[i] = s.text[start:at]
				break
			}
		}
	}
	s.pending, s.waiting = nil, nil
	return nil
}
