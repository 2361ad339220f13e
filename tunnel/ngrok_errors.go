package tunnel

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"unicode"

	ngrok "golang.ngrok.com/ngrok/v2"
)

// refusalKind says what an error code of ngrok means for going on.
type refusalKind int

const (
	passing   refusalKind = iota // may be over at the next try
	permanent                    // the same answer until somebody changes something
	// contested: somebody else has what we ask for. At the start that is for
	// the user to settle. Once we were online it may be our own lost
	// connection, which the service has yet to notice.
	contested
	public // not said to us, but to callers of the public URL
)

// ngrokCode is a line of the table of error codes.
type ngrokCode struct {
	number  string
	kind    refusalKind
	meaning string // what happened, as an error text
	fix     string // what to do, as a hint
}

// The fixes that several codes share.
const (
	fixAuthtoken = "copy your authtoken from https://dashboard.ngrok.com/get-started/your-authtoken into NGROK_AUTHTOKEN"
	fixUpdate    = "get a newer igloo: this one speaks a protocol that ngrok no longer accepts"
	fixDomain    = "leave --ngrok-url away to get your account's own domain, or pick one of https://dashboard.ngrok.com/domains"
	fixURL       = "give --ngrok-url as https:// and a host, nothing more"
	fixLimit     = "wait until the limit is over, see https://dashboard.ngrok.com/usage, or take another --tunnel"
	fixPolicy    = "correct the file given with --ngrok-policy"
)

// ngrokCodes lists the codes of https://ngrok.com/docs/errors that a session of
// ours can meet, by number.
var ngrokCodes = [...]ngrokCode{
	{"105", permanent, "the ngrok authtoken does not look like one", fixAuthtoken},
	{"107", permanent, "ngrok does not know the authtoken, or it was revoked", fixAuthtoken},
	{"108", contested, "the ngrok account has as many agents connected as its plan allows", "stop one of those at https://dashboard.ngrok.com/agents"},
	{"109", permanent, "ngrok does not accept the protocol version", fixUpdate},
	{"110", permanent, "ngrok does not accept the protocol version", fixUpdate},
	{"120", permanent, "ngrok does not accept this version of its client any more", fixUpdate},
	{"121", permanent, "ngrok does not accept this version of its client any more", fixUpdate},
	{"123", permanent, "the e-mail address of the ngrok account is not verified", "verify it at https://dashboard.ngrok.com/user/settings"},
	{"310", permanent, "the plan of the ngrok account does not allow this address", fixDomain},
	{"313", permanent, "the plan of the ngrok account does not allow custom subdomains", fixDomain},
	{"314", permanent, "the plan of the ngrok account does not allow custom host names", fixDomain},
	{"316", permanent, "the ngrok authtoken's access rules do not allow this URL", "pick a URL that they allow, or take another authtoken"},
	{"318", permanent, "the wildcard domain is not reserved for the ngrok account", fixDomain},
	{"319", permanent, "the domain is not reserved for the ngrok account", fixDomain},
	{"320", permanent, "the domain is reserved for another ngrok account", fixDomain},
	{"324", contested, "the ngrok account has as many endpoints online as its plan allows", "stop one of those at https://dashboard.ngrok.com/endpoints"},
	{"334", contested, "the URL is online already, from another program or machine", "stop the other one, see https://dashboard.ngrok.com/endpoints, or pick another --ngrok-url"},
	{"401", permanent, "ngrok does not accept the credentials", fixAuthtoken},
	{"702", public, "too many requests a minute for the ngrok account", fixLimit},
	{"703", public, "too many connections a minute for the ngrok account", fixLimit},
	{"725", public, "the ngrok account has used up its traffic of this month", fixLimit},
	{"726", public, "the ngrok account has used up its requests of this month", fixLimit},
	{"727", public, "the ngrok account has used up its requests of this month", fixLimit},
	{"734", public, "too many requests a minute for the ngrok account", fixLimit},
	{"3004", public, "ngrok got no proper answer through the tunnel", "look into igloo's log, and try again"},
	{"3200", public, "no tunnel is online at this URL", "give Meta the callback URL that igloo shows now"},
	{"6024", public, "ngrok shows its warning page instead, as it does to browsers on the free plan", "ignore it: Meta's requests pass"},
	{"7027", permanent, "the verify-webhook action of the traffic policy has no secret", fixPolicy},
	{"7030", permanent, "the verify-webhook action of the traffic policy names an unknown provider", fixPolicy},
	{"8012", public, "ngrok's agent cannot reach the program behind it", "look whether another ngrok agent has this URL"},
	{"9009", permanent, "the plan of the ngrok account does not allow agents behind a proxy", "connect without the proxy, or take another --tunnel"},
	{"9036", permanent, "ngrok does not accept the scheme of the URL", fixURL},
	{"9037", permanent, "ngrok does not accept a part of the URL", fixURL},
	{"9038", permanent, "ngrok does not accept a slash at the end of the URL", fixURL},
	{"9040", permanent, "ngrok does not accept connections from this IP address", "connect from another network, or take another --tunnel"},
	{"15002", permanent, "the plan of the ngrok account does not allow this URL", fixDomain},
	{"15013", permanent, "the ngrok account has no domain yet", "create the free one at https://dashboard.ngrok.com/domains, then start again"},
}

const ngrokPrefix = "ERR_NGROK_"

// ExplainNgrok returns what an error code of ngrok means and what to do about
// it. The code is as in the ngrok-error-code header of a public answer,
// ERR_NGROK_3200; an unknown one gives two empty texts.
func ExplainNgrok(code string) (meaning, fix string) {
	if c, ok := lookupNgrok(code); ok {
		return c.meaning, c.fix
	}
	return "", ""
}

func lookupNgrok(code string) (ngrokCode, bool) {
	number, ok := strings.CutPrefix(code, ngrokPrefix)
	if !ok {
		return ngrokCode{}, false
	}
	for _, c := range ngrokCodes {
		if c.number == number {
			return c, true
		}
	}
	return ngrokCode{}, false
}

// refusal is an error of the library, explained.
type refusal struct {
	kind       refusalKind
	code, hint string
	err        error // redacted
}

// fatal reports whether to give up.
func (r refusal) fatal(wasOnline bool) bool {
	return r.kind == permanent || r.kind == contested && !wasOnline
}

// explain says what err means. The service's own text, which may quote the
// authtoken, shows only where we have none.
func (s *ngrokSession) explain(err error) refusal {
	r := refusal{code: ngrokCodeOf(err)}
	text := s.redact(err.Error())
	if c, ok := lookupNgrok(r.code); ok {
		r.kind, r.hint, r.err = c.kind, c.fix, errors.New(c.meaning)
		s.logger.Debug("ngrok refuses", "code", r.code, "err", text)
		return r
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || strings.Contains(text, "x509: ") {
		r.hint = "when a proxy opens TLS connections on this network, give its CA with --ngrok-ca"
	} else if _, ok := errors.AsType[*net.DNSError](err); ok {
		r.hint = "look whether this machine is online"
	} else if _, ok := errors.AsType[*proxyError](err); ok {
		r.hint = "look at HTTPS_PROXY and NO_PROXY, which say how to get out of this network"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		text = s.redact(op.Error()) // without the library's words around it
	}
	r.err = errors.New(text)
	return r
}

// openError is the error of a session that did not come up.
func (s *ngrokSession) openError(err error) error {
	r := s.explain(err)
	if r.fatal(s.again) {
		return &FatalError{Code: r.code, Hint: r.hint, Err: r.err}
	}
	return &retryError{code: r.code, hint: r.hint, err: r.err, outage: r.code == ""}
}

// endedError is the error of an endpoint that ended under us. The service gives
// a reason when it took the endpoint away, which it did for good.
func (s *ngrokSession) endedError(err error) error {
	r := s.explain(err)
	if _, ok := errors.AsType[ngrok.Error](err); ok {
		return &FatalError{Code: r.code, Hint: r.hint, Err: r.err}
	}
	return &retryError{code: r.code, hint: r.hint, err: r.err}
}

// redact makes one line without secrets of a text of the service.
func (s *ngrokSession) redact(text string) string {
	return oneLine(Redact(text, s.cfg.Authtoken))
}

// ngrokCodeOf returns the error code in err, in capitals, or an empty text.
// A refused renewal reaches us as a plain text, and one from StopTunnel as part
// of a documentation URL: so the text is searched when there is no typed error.
func ngrokCodeOf(err error) string {
	if typed, ok := errors.AsType[ngrok.Error](err); ok && typed.Code() != "" {
		return strings.ToUpper(typed.Code())
	}
	text := strings.ToUpper(err.Error())
	_, rest, ok := strings.Cut(text, ngrokPrefix)
	if !ok {
		return ""
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if digits == 0 {
		return ""
	}
	return ngrokPrefix + rest[:digits]
}

// maxErrorText bounds what is taken over of a service's error text.
const maxErrorText = 300

// oneLine joins the lines of text, leaving out those that only name the error
// code, and replaces what is not printable.
func oneLine(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if code := strings.ToUpper(line); strings.HasPrefix(code, ngrokPrefix) || strings.HasPrefix(code, "HTTPS://NGROK.COM/DOCS/ERRORS/") {
			continue
		}
		words = append(words, strings.Fields(line)...)
	}
	runes := []rune(strings.Join(words, " "))
	if len(runes) > maxErrorText {
		runes = append(runes[:maxErrorText], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '�'
		}
	}
	return string(runes)
}
