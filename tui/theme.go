package tui

import (
	"fmt"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Theme names a palette.
type Theme string

// The themes. Auto is Dark until the terminal says that its background is light.
const (
	Auto  Theme = ""
	Dark  Theme = "dark"
	Light Theme = "light"
	ANSI  Theme = "ansi" // the terminal's own 16 colours
	None  Theme = "none" // no colour; bold, underline and reverse stay
)

// ParseTheme reads the name of a theme; "auto" and "" are [Auto].
func ParseTheme(name string) (Theme, error) {
	switch t := Theme(name); t {
	case Auto, Dark, Light, ANSI, None:
		return t, nil
	case "auto":
		return Auto, nil
	}
	return Auto, fmt.Errorf("no theme %q: dark, light, ansi or none", name)
}

// style is the start of a piece of text: the same look on a plain row and on the
// selected one, whose background every piece has to carry, because a reset inside
// the row would end it.
type style struct{ plain, selected string }

// styles is a palette, made once per theme. Colour only repeats what a symbol or
// a word already says.
type styles struct {
	text, dim, strong     style
	key, str, num, lit    style // of JSON; key is also the accent
	ok, warn, bad, replay style
	frame, focus, behind  style // behind an overlay
	tab, brand            style
	match                 style
}

// colors are the indexes of a palette in the 256 colours, dark and light. Each
// keeps a contrast of 4.5 on common backgrounds and on the selected row.
type colors struct {
	key, str, num, lit, dim, ok, warn, bad, frame, selection int
}

// newStyles returns the palette of a theme. dark is what the terminal said about
// its background; it decides for [Auto] only.
func newStyles(theme Theme, dark bool) styles {
	switch theme {
	case None:
		return plainStyles()
	case ANSI:
		return coloredStyles(colors{key: 6, str: 2, num: 3, lit: 5, dim: -1, ok: 2, warn: 3, bad: 1, frame: 8, selection: -1})
	case Light:
		dark = false
	case Dark:
		dark = true
	case Auto:
	}
	pick := lipgloss.LightDark(dark)
	index := func(onDark, onLight int) int {
		return int(pick(ansi.IndexedColor(onLight), ansi.IndexedColor(onDark)).(ansi.IndexedColor)) //nolint:gosec // 0 to 255
	}
	return coloredStyles(colors{
		key: index(110, 25), str: index(150, 22), num: index(216, 94), lit: index(176, 90),
		dim: index(248, 240), ok: index(114, 22), warn: index(179, 94), bad: index(210, 124),
		frame: index(240, 250), selection: index(237, 254),
	})
}

func coloredStyles(c colors) styles {
	onSelected := func(s ansi.Style) ansi.Style {
		if c.selection < 0 {
			return s.Reverse(true)
		}
		return s.BackgroundColor(ansi.IndexedColor(c.selection)) //nolint:gosec // 0 to 255
	}
	make := func(color int, more func(ansi.Style) ansi.Style) style {
		var s ansi.Style
		if color >= 0 {
			s = s.ForegroundColor(ansi.IndexedColor(color)) //nolint:gosec // 0 to 255
		}
		if more != nil {
			s = more(s)
		}
		return style{plain: sequence(s), selected: sequence(onSelected(s))}
	}
	bold, underline := ansi.Style.Bold, func(s ansi.Style) ansi.Style { return s.Bold().Underline(true) }
	reverse := func(s ansi.Style) ansi.Style { return s.Bold().Reverse(true) }
	return styles{
		text: make(-1, nil), dim: make(c.dim, nil), strong: make(-1, bold),
		key: make(c.key, nil), str: make(c.str, nil), num: make(c.num, nil), lit: make(c.lit, nil),
		ok: make(c.ok, nil), warn: make(c.warn, nil), bad: make(c.bad, bold), replay: make(c.lit, nil),
		frame: make(c.frame, nil), focus: make(c.key, nil), behind: make(c.frame, nil),
		tab: make(c.key, underline), brand: make(c.key, reverse), match: make(c.warn, reverse),
	}
}

func plainStyles() styles {
	plain := style{selected: sequence(ansi.Style{}.Reverse(true))}
	bold := style{plain: sequence(ansi.Style{}.Bold()), selected: sequence(ansi.Style{}.Bold().Reverse(true))}
	under := style{plain: sequence(ansi.Style{}.Bold().Underline(true)), selected: bold.selected}
	turned := style{plain: sequence(ansi.Style{}.Bold().Reverse(true)), selected: under.plain}
	return styles{
		text: plain, dim: plain, strong: bold, key: plain, str: plain, num: plain, lit: plain,
		ok: plain, warn: bold, bad: bold, replay: plain, frame: plain, focus: bold, behind: plain,
		tab: under, brand: turned, match: turned,
	}
}

func sequence(s ansi.Style) string {
	if len(s) == 0 {
		return ""
	}
	return s.String()
}

// symbols are the characters that are not letters. Meaning is never by colour
// alone, so each state has its own.
type symbols struct {
	yes, no, unchecked           string
	cursor, fixture, again       string
	on, off, below, arrow, times string
	dots, dot, pending, none     string
	branch                       string
	corner                       [4]string // top left, top right, bottom left, bottom right
	across, down                 string
}

func newSymbols(ascii bool) symbols {
	if ascii {
		return symbols{
			yes: "+", no: "x", unchecked: "-", cursor: ">", fixture: "*", again: "r",
			on: "@", off: "o", below: "v", arrow: "->", times: "x",
			dots: "~", dot: ".", pending: "...", none: "-", branch: "|",
			corner: [4]string{"+", "+", "+", "+"}, across: "-", down: "|",
		}
	}
	return symbols{
		yes: "✓", no: "✗", unchecked: "–", cursor: "▌", fixture: "◆", again: "↻",
		on: "●", off: "○", below: "▼", arrow: "→", times: "×",
		dots: "…", dot: "·", pending: "···", none: "–", branch: "│",
		corner: [4]string{"╭", "╮", "╰", "╯"}, across: "─", down: "│",
	}
}

// unshown is the character [stable] puts where something cannot be drawn.
func (s symbols) unshown() rune { return []rune(s.dot)[0] }
