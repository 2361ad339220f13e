package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"

	"github.com/igloo-dev/igloo/internal/graph"
)

func (e *examination) checkProject(context.Context) []checkLine {
	text := "project " + e.project.Dir
	if e.project.Config == "" {
		text += ", without " + configFile
	} else {
		text += ", configured by " + configFile
	}
	var set []string
	for flag, where := range e.origin {
		if where != "--"+flag {
			set = append(set, flag+" from "+where)
		}
	}
	if slices.Sort(set); len(set) > 0 {
		text += ": " + strings.Join(set, ", ")
	} else {
		text += ": the defaults apply"
	}
	return []checkLine{ok("project", "%s", text)}
}

func (e *examination) checkSecrets(context.Context) []checkLine {
	lines := []checkLine{e.checkAppSecret(), e.checkVerifyToken()}
	if e.secrets.AccessToken.Empty() {
		return lines
	}
	_, from := e.lookup("IGLOO_ACCESS_TOKEN")
	kind := "of which login its letters do not say"
	if host, known := graph.HostOf(e.secrets.AccessToken); known {
		kind = map[graph.Host]string{graph.Instagram: "of Instagram Login, for graph.instagram.com", graph.Facebook: "of Facebook Login, for graph.facebook.com"}[host]
	}
	return append(lines, ok("access-token", "access token from %s, %s", from, kind))
}

func (e *examination) checkAppSecret() checkLine {
	const code = "app-secret"
	if len(e.secrets.App) == 0 {
		return warning(code, "set IGLOO_APP_SECRET to the app secret of the App Dashboard, in the environment or .env",
			"no app secret: Meta's deliveries are recorded unchecked and not forwarded")
	}
	var names, odd []string
	for _, key := range e.secrets.App {
		names = append(names, key.Name)
		if what := oddSecret(key.Value.Reveal()); what != "" {
			odd = append(odd, key.Name+" "+what)
		}
	}
	line := ok(code, "app secret (%s) from %s", strings.Join(names, ", "), e.secrets.AppFrom)
	raw, _ := e.secretText("IGLOO_APP_SECRET", "APP_SECRET")
	switch {
	case len(odd) > 0:
		line.Mark, line.Next = markWarning, "Meta's app secrets are 32 of the characters 0-9 and a-f: "+strings.Join(odd, ", ")
	case strings.TrimSpace(raw) != raw:
		line.Mark, line.Next = markWarning, "there is a space or a line end around it, which igloo leaves away; an app may not, and then every signature is wrong"
	}
	return line
}

// oddSecret says what is not like an app secret of Meta's, "" when nothing is.
func oddSecret(text string) string {
	const hex = "0123456789abcdef"
	switch {
	case strings.ContainsAny(text, "\"'`"):
		return "has quotes in it"
	case strings.ContainsAny(text, " \t\r\n") || strings.HasSuffix(text, `\n`) || strings.HasSuffix(text, `\r`):
		return "has a space or a line end in it"
	case len(text) != 32:
		return fmt.Sprintf("has %d characters", len([]rune(text)))
	case strings.Trim(strings.ToLower(text), hex) != "":
		return "has other characters"
	case strings.Trim(text, hex) != "":
		return "is in upper case"
	}
	return ""
}

func (e *examination) checkVerifyToken() checkLine {
	const code = "verify-token"
	token := e.secrets.VerifyToken.Reveal()
	if e.secrets.VerifyToken.Empty() {
		line := ok(code, "verify token made by igloo")
		line.Next = "igloo doctor --env prints it"
		return line
	}
	line := ok(code, "verify token from %s", e.secrets.VerifyTokenFrom)
	switch plain := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"; {
	case strings.Trim(token, plain) != "":
		line.Mark, line.Next = markWarning, "it has other characters than letters, digits and - . _ ~, which go wrong in URLs in more places than one: choose another"
	case len(token) > 64:
		line.Mark, line.Next = markWarning, "verify tokens of more than 64 characters were reported to fail: choose a shorter one"
	}
	return line
}

func (e *examination) checkTerminal(context.Context) []checkLine {
	const code = "terminal"
	out, isFile := e.stdout.(*os.File)
	if !isFile || !term.IsTerminal(out.Fd()) {
		return []checkLine{ok(code, "no terminal: igloo listen prints plain lines")}
	}
	width, height, err := term.GetSize(out.Fd())
	switch {
	case err != nil || width < 40 || height < 10:
		return []checkLine{warning(code, "make it 80x24 or larger, or: igloo --ui plain", "the terminal is too small for the UI")}
	case e.getenv("TERM") == "dumb":
		return []checkLine{warning(code, "set TERM to what the terminal is, xterm-256color for most", "TERM is dumb: igloo listen prints plain lines")}
	}
	text := fmt.Sprintf("terminal %dx%d, %s", width, height, colours(colorprofile.Detect(out, e.app.environ)))
	if !utf8Locale(e.getenv) {
		text += ", no UTF-8 locale: the UI draws with ASCII"
	}
	return []checkLine{ok(code, "%s", text)}
}

// colours says how many colours a terminal shows.
func colours(p colorprofile.Profile) string {
	switch p {
	case colorprofile.TrueColor:
		return "all colours"
	case colorprofile.ANSI256:
		return "256 colours"
	case colorprofile.ANSI:
		return "16 colours"
	case colorprofile.Unknown, colorprofile.NoTTY, colorprofile.ASCII:
	}
	return "no colours"
}

// utf8Locale reports whether the environment promises a UTF-8 terminal.
func utf8Locale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(env(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	// Without a word, macOS and Windows terminals are UTF-8, a bare Linux is not.
	return runtime.GOOS == "darwin" || runtime.GOOS == "windows"
}
