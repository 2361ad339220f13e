package capture

import "bytes"

// isCmdExe reports whether a command is quoted for Windows' cmd.exe, whose escape
// character is the caret.
func isCmdExe(text []byte) bool {
	carets := bytes.Contains(text, []byte("^\n")) || bytes.Contains(text, []byte("^\r\n")) || bytes.Contains(text, []byte(` ^"`))
	quoted := bytes.IndexAny(text, `'"`)
	return carets && (quoted < 0 || text[quoted] == '"')
}

// chromeQuote is how Chrome copies a quote for cmd.exe. It escapes with carets inside
// quotes too, and doubles every backslash, which cmd.exe and curl.exe would not undo:
// what the browser saw is read, not what Windows would make of it.
var chromeQuote = []byte(`^\^"`)

// cmdPipelines reads the commands of a text as cmd.exe and then the C runtime of
// Windows would: the first takes the carets away, the second the quotes.
func cmdPipelines(text []byte) ([][]stage, error) {
	c := cmdReader{chrome: bytes.Contains(text, chromeQuote), number: 1, from: 1}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	for i := 0; i < len(text); i++ {
		ch := text[i]
		switch {
		case ch == '^' && (!c.quoted || c.chrome) && i+1 < len(text):
			i++
			if text[i] == '\n' { // joins the lines; what follows is literal
				c.number++
				if i++; i == len(text) {
					continue
				}
			}
			c.add(text[i])
		case !c.quoted && (ch == '\n' || ch == '&' || ch == '|'):
			if ch == '\n' {
				c.number++
			}
			if err := c.end(); err != nil {
				return nil, err
			}
		default:
			c.quoted = c.quoted != (ch == '"')
			c.add(ch)
		}
	}
	return c.pipelines, c.end()
}

// cmdReader gathers the commands of a text for cmd.exe.
type cmdReader struct {
	chrome    bool
	line      []byte // the command so far
	number    int    // of the line being read, from 1
	from      int    // of the command's first line
	quoted    bool
	pipelines [][]stage
}

func (c *cmdReader) add(ch byte) {
	if ch == '\n' {
		c.number++
	}
	c.line = append(c.line, ch)
}

// end ends a command.
func (c *cmdReader) end() error {
	words, err := c.words()
	if len(words) > 0 {
		c.pipelines = append(c.pipelines, []stage{{words: words}})
	}
	c.line, c.from, c.quoted = nil, c.number, false
	return err
}

// words cuts the command into words by the rules of the C runtime: two quotes inside
// quotes are one, and backslashes matter before a quote.
func (c *cmdReader) words() ([]word, error) {
	var out []word
	var text []byte
	started, quoted := false, false
	end := func() {
		if started {
			out = append(out, word{text: string(text), line: c.from})
		}
		text, started = nil, false
	}
	for rest := c.line; len(rest) > 0; {
		used := 1
		switch ch := rest[0]; {
		case ch == '\\':
			var piece []byte
			piece, used = c.backslashes(rest)
			text, started = append(text, piece...), true
		case ch == '"' && quoted && len(rest) > 1 && rest[1] == '"':
			text, used = append(text, '"'), 2
		case ch == '"':
			started, quoted = true, !quoted
		case (ch == ' ' || ch == '\t') && !quoted:
			end()
		default:
			text, started = append(text, ch), true
		}
		rest = rest[used:]
	}
	if quoted {
		return nil, &Error{Line: c.from, Reason: `a quoted text is opened with " and not closed`, Want: "is the command copied whole?"}
	}
	end()
	return out, nil
}

// backslashes reads the backslashes a text begins with, and the quote that the last of
// them escapes. They are literal unless a quote follows, or Chrome doubled them.
func (c *cmdReader) backslashes(text []byte) (piece []byte, used int) {
	n := len(text) - len(bytes.TrimLeft(text, `\`))
	quote := n < len(text) && text[n] == '"'
	if !quote && !c.chrome {
		return text[:n], n
	}
	piece = bytes.Repeat([]byte{'\\'}, n/2)
	switch {
	case n%2 == 0:
		return piece, n
	case quote:
		return append(piece, '"'), n + 1
	}
	return append(piece, '\\'), n
}
