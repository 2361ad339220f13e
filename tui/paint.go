package tui

import (
	"strconv"
	"strings"
)

// piece is a part of a line that has one colour.
type piece struct {
	style    style
	from, to int
}

// row draws one row of the pager into the pen: the row-th of those in the window
// whose line is at place, after one cell for the cursor.
func (p *pager) row(out *pen, place, row int, focus bool) {
	line := p.at(place)
	text := p.doc.line(line)
	from, to, indent := 0, len(text), 0
	switch {
	case p.wrap:
		breaks := p.breaks(place)
		from = breaks[row]
		if row+1 < len(breaks) {
			to = breaks[row+1]
		}
		if p.prose { // the space between two words may stand outside
			to = from + len(strings.TrimRight(text[from:to], " "))
		}
	case p.side > 0:
		var cell int
		from, cell = p.cells.seek(text, p.side)
		indent = cell - p.side
		fallthrough
	default:
		to = min(to, from+len(prefix(text[from:], (out.left+1)*maxCellBytes)))
	}
	out.selected = focus && place == p.cursor
	if out.selected {
		out.put(out.key, out.cursor)
	} else {
		out.gap(1)
	}
	out.gap(indent)
	p.paint(out, p.doc.kinds[line], text, from, to)
	if p.folded[line] && row+1 == p.tall(place) {
		closes := p.doc.closes[line]
		out.put(out.dim, " "+out.dots+" "+strconv.Itoa(closes-line-1)+" lines ")
		out.put(out.text, strings.TrimLeft(p.doc.line(closes), " "))
	}
}

// paint draws the bytes from to to of a line.
func (p *pager) paint(out *pen, kind lineKind, text string, from, to int) {
	var pieces []piece
	switch kind {
	case jsonLine:
		pieces = jsonPieces(&out.styles, text, to)
	case headerLine:
		if colon := strings.IndexByte(text, ':'); colon > 0 {
			pieces = []piece{{out.key, 0, colon}, {out.dim, colon, colon + 1}, {out.text, colon + 1, len(text)}}
		}
	case titleLine:
		pieces = []piece{{out.strong, 0, len(text)}}
	case dimLine:
		pieces = []piece{{out.dim, 0, len(text)}}
	case goodLine:
		pieces = []piece{{out.ok, 0, len(text)}}
	case warnLine:
		pieces = []piece{{out.warn, 0, len(text)}}
	case badLine:
		pieces = []piece{{out.bad, 0, len(text)}}
	case plainLine:
	}
	if pieces == nil {
		pieces = []piece{{out.text, 0, len(text)}}
	}
	for _, piece := range pieces {
		a, b := max(piece.from, from), min(piece.to, to)
		if a < b {
			p.highlight(out, piece.style, text[a:b])
		}
	}
}

// highlight draws a text with what was searched for marked. A match across two
// colours is not marked; the line is found all the same.
func (p *pager) highlight(out *pen, st style, text string) {
	for p.query != "" {
		at := indexFold(text, p.query)
		if at < 0 {
			break
		}
		out.put(st, text[:at])
		out.put(out.match, text[at:at+len(p.query)])
		text = text[at+len(p.query):]
	}
	out.put(st, text)
}

// indexFold is strings.Index, ASCII letters in any case.
func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		j := 0
		for j < len(sub) && lower(s[i+j]) == lower(sub[j]) {
			j++
		}
		if j == len(sub) {
			return i
		}
	}
	return -1
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// jsonPieces colours a line of laid out JSON up to byte limit. Laid out JSON never
// splits a token over lines, so a line needs nothing from the lines before it.
func jsonPieces(st *styles, line string, limit int) []piece {
	pieces := make([]piece, 0, 8)
	for i := 0; i < limit; {
		start := i
		switch c := line[i]; {
		case c == ' ':
			for i < limit && line[i] == ' ' {
				i++
			}
			pieces = append(pieces, piece{st.text, start, i})
		case c == '"':
			i = stringEnd(line, i, limit)
			color := st.str
			if i < len(line) && line[i] == ':' {
				color = st.key
			}
			pieces = append(pieces, piece{color, start, i})
		case c == '-' || c >= '0' && c <= '9':
			i = wordEnd(line, i, limit)
			pieces = append(pieces, piece{st.num, start, i})
		case c >= 'a' && c <= 'z':
			i = wordEnd(line, i, limit)
			pieces = append(pieces, piece{st.lit, start, i})
		default:
			i++
			pieces = append(pieces, piece{st.dim, start, i})
		}
	}
	return pieces
}

func stringEnd(line string, i, limit int) int {
	for i++; i < limit; i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return min(i, limit)
}

func wordEnd(line string, i, limit int) int {
	for i < limit && !strings.ContainsRune(" ,:[]{}\"", rune(line[i])) {
		i++
	}
	return i
}
