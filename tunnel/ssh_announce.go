package tunnel

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// What a service says is text from a stranger: its lines are cut at maxLine, and of
// a line the first maxURLs URLs are looked at.
const (
	maxLine = 4 << 10
	maxURLs = 16
)

// announcement is what a line of a service says.
type announcement struct {
	hosts   []string // public hosts below the service's domain
	refused string   // why there will be none
	text    string   // the line, for an error text
}

// eachLine calls f with the lines of r, cut at maxLine and free of what a terminal
// would obey, until r ends.
func eachLine(r io.Reader, f func(line string)) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		f(plainText(string(line)))
		for more { // the rest of a line that is too long
			if _, more, err = lines.ReadLine(); err != nil {
				return
			}
		}
	}
}

// plainText removes escape sequences and control characters.
func plainText(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == 0x1b:
			i += escapeLen(text[i+1:])
		case c == '\t':
			out.WriteByte(' ')
		case c < 0x20 || c == 0x7f:
		default:
			out.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(out.String(), "")
}

// escapeLen returns how much of text belongs to the escape sequence before it.
func escapeLen(text string) int {
	if text == "" {
		return 0
	}
	switch text[0] {
	case '[': // CSI: parameters, then a final byte
		for i := 1; i < len(text); i++ {
			if text[i] >= 0x40 && text[i] <= 0x7e {
				return i + 1
			}
		}
		return len(text)
	case ']', 'P', '_', '^', 'X': // OSC and other strings: up to BEL or ESC \
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == 0x07:
				return i + 1
			case text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\':
				return i + 2
			}
		}
		return len(text)
	}
	return 1
}

// parseAnnouncement reads a line of the service.
func (s *sshService) parseAnnouncement(line string) announcement {
	a := announcement{text: oneLine(line)}
	if strings.HasPrefix(strings.TrimSpace(line), "{") {
		var e sshEvent
		if json.Unmarshal([]byte(line), &e) != nil {
			return a
		}
		if host, refused := e.outcome(); refused != "" {
			a.refused = oneLine(refused)
		} else if host = strings.ToLower(host); s.owns(host) {
			a.hosts = []string{host}
		}
		return a
	}
	for rest := line; strings.Contains(line, s.marker) && len(a.hosts) < maxURLs; {
		_, after, ok := strings.Cut(rest, "https://")
		if !ok {
			break
		}
		end := strings.IndexFunc(after, func(r rune) bool { return !hostRune(r) })
		if end < 0 {
			end = len(after)
		}
		// What follows a host ends the URL or begins its path. A port, a password or
		// anything else would make it the URL of something else.
		host := strings.ToLower(after[:end])
		if (end == len(after) || strings.ContainsRune(" /,;)]\"'", rune(after[end]))) && s.owns(host) {
			a.hosts = append(a.hosts, host)
		}
		rest = after[end:]
	}
	return a
}

// sshEvent is a line of localhost.run's JSON output, in the two forms it was seen in.
type sshEvent struct {
	Event     string `json:"event"`
	Address   string `json:"address"`
	AuthzCode string `json:"authz_code"`
	Message   string `json:"message"`
	Type      string `json:"type"` // of a CloudEvent
	ID        string `json:"id"`   // of a CloudEvent: …/address
}

// outcome returns the host of a forward that was accepted, or why it was not.
func (e *sshEvent) outcome() (host, refused string) {
	switch {
	case e.Event == "tcpip-forward" && e.AuthzCode != "" && e.AuthzCode != "OK":
		return "", strings.TrimSpace(e.AuthzCode + " " + e.Message)
	case e.Event == "tcpip-forward":
		return e.Address, ""
	case strings.HasSuffix(e.Type, ".tcpip_forward.register.accepted"):
		return e.ID[strings.LastIndexByte(e.ID, '/')+1:], ""
	}
	return "", ""
}

// owns reports whether host is a name below one of the service's domains, or the
// user's own.
func (s *sshService) owns(host string) bool {
	if !validHost(host) {
		return false
	}
	if s.custom != "" && host == s.custom {
		return true
	}
	for _, domain := range s.domains {
		if strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

// validHost reports whether host is a DNS name in lower case.
func validHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return !hostRune(r) || r == '.' || (r >= 'A' && r <= 'Z') }) {
			return false
		}
	}
	return true
}

func hostRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.'
}
