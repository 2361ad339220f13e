package capture

import (
	"net/http"
	"strings"
)

// curlCall is one transfer of a curl command as its options say.
type curlCall struct {
	request     Request
	data        [][]byte
	contentType string // that curl sends unless a header says otherwise
	get         bool   // the data goes into the URL
}

// What curl's options do here. The others, which change how a request is sent and
// not what, are in plainOptions and in valueOptions.
const (
	dataOptions   = " data data-ascii data-raw data-binary json "
	headerOptions = " user-agent referer cookie "
	plainOptions  = " anyauth append basic ca-native compressed compressed-ssh create-dirs crlf digest disable disallow-username-in-url" +
		" fail fail-early fail-with-body false-start globoff http0.9 http1.0 http1.1 http2 http2-prior-knowledge http3 http3-only" +
		" ignore-content-length include insecure ipv4 ipv6 junk-session-cookies list-only location location-trusted manual" +
		" negotiate netrc netrc-optional no-alpn no-buffer no-compressed no-keepalive no-location no-progress-meter no-sessionid no-silent ntlm" +
		" parallel parallel-immediate path-as-is post301 post302 post303 progress-bar proxytunnel raw remote-header-name remote-name" +
		" remote-name-all remote-time remove-on-error retry-all-errors retry-connrefused show-error silent ssl ssl-allow-beast" +
		" ssl-no-revoke ssl-reqd ssl-revoke-best-effort styled-output suppress-connect-headers tcp-fastopen tcp-nodelay test-event" +
		" tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tr-encoding trace-ids trace-time use-ascii verbose version xattr "
	valueOptions = " abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers connect-timeout connect-to" +
		" continue-at cookie-jar create-file-mode crlfile curves delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech" +
		" engine etag-compare etag-save expect100-timeout happy-eyeballs-timeout-ms haproxy-clientip hsts interface ip-tos keepalive-cnt keepalive-time" +
		" key key-type limit-rate local-port max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir" +
		" parallel-max pass pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-header proxy-user range rate request-target" +
		" resolve retry retry-delay retry-max-time socks4 socks4a socks5 socks5-hostname speed-limit speed-time stderr time-cond" +
		" tls-max tls13-ciphers tls-earlydata trace trace-ascii trace-config unix-socket url-query user variable vlan-priority write-out "
	// refusedOptions need a file, or make a body that no webhook has.
	refusedOptions = " config data-urlencode form form-escape form-string upload-file "
)

// shortOptions are curl's letters by the long name.
var shortOptions = map[byte]string{
	'0': "http1.0", '1': "tlsv1", '2': "sslv2", '3': "sslv3", '4': "ipv4", '6': "ipv6", '#': "progress-bar", ':': "next",
	'a': "append", 'A': "user-agent", 'b': "cookie", 'B': "use-ascii", 'c': "cookie-jar", 'C': "continue-at", 'd': "data",
	'D': "dump-header", 'e': "referer", 'E': "cert", 'f': "fail", 'F': "form", 'g': "globoff", 'G': "get", 'H': "header",
	'i': "include", 'I': "head", 'j': "junk-session-cookies", 'J': "remote-header-name", 'k': "insecure", 'K': "config",
	'l': "list-only", 'L': "location", 'm': "max-time", 'M': "manual", 'n': "netrc", 'N': "no-buffer", 'o': "output",
	'O': "remote-name", 'p': "proxytunnel", 'q': "disable", 'r': "range", 'R': "remote-time", 's': "silent",
	'S': "show-error", 'T': "upload-file", 'u': "user", 'U': "proxy-user", 'v': "verbose", 'V': "version", 'w': "write-out",
	'x': "proxy", 'X': "request", 'y': "speed-time", 'Y': "speed-limit", 'z': "time-cond", 'Z': "parallel",
}

func isOption(list, name string) bool { return strings.Contains(list, " "+name+" ") }

func takesValue(name string) bool {
	return isOption(dataOptions, name) || isOption(headerOptions, name) || isOption(valueOptions, name) || isOption(refusedOptions, name) ||
		name == "header" || name == "request" || name == "url"
}

// curlRequests reads the words after "curl" as requests, one for each part between
// --next. stdin is what a pipe or a here-document gives the command.
func curlRequests(words []word, stdin *[]byte) ([]Request, error) {
	var out []Request
	call := curlCall{request: Request{Header: http.Header{}}}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !strings.HasPrefix(w.text, "-") || w.text == "-" {
			call.request.URL = w.text
			continue
		}
		options, attached, err := splitOption(w)
		if err != nil {
			return nil, err
		}
		for n, name := range options {
			value := word{line: w.line}
			if takesValue(name) {
				switch {
				case attached != nil && n == len(options)-1:
					value.text = *attached
				case i+1 < len(words):
					i++
					value = words[i]
				default:
					return nil, &Error{Line: w.line, Reason: "the option --" + name + " ends the command without its value"}
				}
			}
			if name == "next" {
				if out = append(out, call.finish()); len(out) > MaxRequests {
					return nil, tooMany()
				}
				call = curlCall{request: Request{Header: http.Header{}}}
				continue
			}
			if err := call.apply(name, value, stdin); err != nil {
				return nil, err
			}
		}
	}
	return append(out, call.finish()), nil
}

// splitOption returns the long names of an option word, and the value that stands in
// the same word: "-XPOST" has one, and so has "-sSd{}", where letters are bundled.
func splitOption(w word) (names []string, value *string, err error) {
	if long, ok := strings.CutPrefix(w.text, "--"); ok {
		return []string{long}, nil, nil
	}
	for i := 1; i < len(w.text); i++ {
		name, known := shortOptions[w.text[i]]
		if !known {
			return nil, nil, &Error{Line: w.line, Reason: "curl has no option -" + w.text[i:i+1], Want: "is a quote missing before it?"}
		}
		names = append(names, name)
		if takesValue(name) {
			if rest := w.text[i+1:]; rest != "" {
				value = &rest
			}
			break
		}
	}
	return names, value, nil
}

// apply does what one option says.
func (c *curlCall) apply(name string, value word, stdin *[]byte) error {
	switch {
	case isOption(dataOptions, name):
		return c.addData(name, value, stdin)
	case name == "header":
		return c.addHeader(value)
	case isOption(headerOptions, name):
		c.request.Header.Set(name, value.text)
	case name == "request":
		c.request.Method = value.text
	case name == "url":
		c.request.URL = value.text
	case name == "get":
		c.get = true
	case name == "head":
		c.request.Method = http.MethodHead
	case isOption(refusedOptions, name):
		return &Error{Line: value.line, Reason: "igloo does not read curl's option --" + name, Want: "a delivery's body stands after --data-binary, --data-raw or -d"}
	case !isOption(plainOptions, name) && !isOption(valueOptions, name):
		return &Error{Line: value.line, Reason: "igloo does not know the option --" + name, Want: "leave it out if it does not change the body"}
	}
	return nil
}

func (c *curlCall) addHeader(value word) error {
	if strings.HasPrefix(value.text, "@") {
		return &Error{Line: value.line, Reason: "the headers are in a file, which the text does not hold", Want: "write them into the command"}
	}
	name, text, found := strings.Cut(value.text, ":")
	if text = strings.TrimSpace(text); !found || text == "" {
		// "Name;" sends an empty header, "Name:" none at all.
		if name, found = strings.CutSuffix(name, ";"); !found {
			return nil
		}
	}
	key := http.CanonicalHeaderKey(strings.TrimSpace(name))
	c.request.Header[key] = append(c.request.Header[key], text)
	return nil
}

// addData takes a part of the body. Several are joined by "&", as curl does.
func (c *curlCall) addData(name string, value word, stdin *[]byte) error {
	c.contentType = "application/x-www-form-urlencoded"
	if name == "json" {
		c.contentType = "application/json"
	}
	file, isFile := strings.CutPrefix(value.text, "@")
	switch {
	case !isFile || name == "data-raw":
		c.data = append(c.data, []byte(value.text))
	case file == "-" && stdin != nil:
		data := *stdin
		if name != "data-binary" && name != "json" { // line breaks of a file are left out
			data = []byte(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(string(data)))
		}
		c.data = append(c.data, data)
	case file == "-":
		return &Error{Line: value.line, Reason: "the command takes its body from standard input, which the text does not hold", Want: "write the body into the command"}
	default:
		return &Error{Line: value.line, Reason: "the body is in the file " + quote(file) + ", which the text does not hold", Want: "give igloo that file, or write the body into the command"}
	}
	if value.expands {
		c.request.note("the shell would put something in place of a $ or ` in the body; it is left as it is written")
	}
	return nil
}

// finish returns the request that curl would send.
func (c *curlCall) finish() Request {
	r := c.request
	for i, part := range c.data {
		if i > 0 && c.contentType != "application/json" {
			r.Body = append(r.Body, '&')
		}
		r.Body = append(r.Body, part...)
	}
	switch {
	case c.get:
		r.Body, c.data = nil, nil
		r.Method = first(r.Method, http.MethodGet)
	case c.data != nil:
		r.Method = first(r.Method, http.MethodPost)
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		if c.contentType == "application/json" && r.Header.Get("Accept") == "" {
			r.Header.Set("Accept", c.contentType)
		}
		r.noteLength()
	default:
		r.Method = first(r.Method, http.MethodGet)
	}
	return r
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
