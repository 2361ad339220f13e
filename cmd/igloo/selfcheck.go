package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/tunnel"
)

// A self-check is the verification request that a session sends itself through its
// public URL, as Meta would. The URL works when the request comes to this receiver and
// its answer comes back; nothing less proves it.

// unreachedError says why a public URL does not lead here.
type unreachedError struct {
	code, text, hint string
	meta             string // what Meta would say of the same
}

func unreached(code, text, hint string) *unreachedError {
	return &unreachedError{code: code, text: text, hint: hint}
}

func (e *unreachedError) Error() string { return e.text }

// Hint says what to do about it.
func (e *unreachedError) Hint() string { return e.hint }

// Code is stable within a major version; docs/tunnels.md lists all.
func (e *unreachedError) Code() string { return e.code }

// The codes of a self-check, beside ngrok's and those of certificates.
const (
	codeElsewhere   = "elsewhere"
	codeChanged     = "changed"
	codePage        = "page"
	codePath        = "path"
	codeHost        = "host"
	codeGateway     = "gateway"
	codeRedirect    = "redirect"
	codeSlow        = "slow"
	codeDNS         = "dns"
	codeOutProxy    = "proxy"
	codeUnreachable = "unreachable"
	codePlainHTTP   = "plain-http"
)

// selfCheck asks through a public URL whether it leads here. It is a [tunnel.Check].
func (s *session) selfCheck(ctx context.Context, public *url.URL) error {
	target, err := url.Parse(s.publicURL(public))
	if err != nil || target.Scheme != "https" || target.Host == "" {
		// The verify token goes nowhere else.
		return unreached(codePlainHTTP, "the public URL is not https, which Meta requires", "give the https URL")
	}
	s.tunnels.expect(public)
	own := s.receiver.ExpectSelfCheck()
	defer s.receiver.CancelSelfCheck(own)
	before := s.receiver.Counts()
	reply := check.Verify(ctx, check.Request{
		URL: target, Token: s.verifyToken, Challenge: own.Challenge, Proxy: http.ProxyFromEnvironment,
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	after := s.receiver.Counts()
	trace := trace{
		arrived:   own.Arrived(),
		otherHost: after.WrongHost > before.WrongHost,
		otherPath: after.WrongTarget > before.WrongTarget,
		path:      s.flags.Path, local: "http://" + s.ingress.Addr().String(),
	}
	if wrong := trace.judge(reply); wrong != nil {
		s.log.Debug("self-check", "url", public.String(), "code", wrong.code, "err", wrong.text)
		return wrong
	}
	return nil
}

// silence is how long nothing has come through the public URL.
func (s *session) silence() time.Duration { return time.Since(s.receiver.LastPublic()) }

// trace is what the session saw of its self-check, and where it should have come.
type trace struct {
	arrived              bool // the receiver has answered it
	otherHost, otherPath bool // something came meanwhile that the receiver refused for it

	path  string // of the callback URL
	local string // where igloo listens
}

// judge says what is wrong, nil when nothing is.
func (t trace) judge(reply check.Reply) *unreachedError {
	var wrong *unreachedError
	switch right := reply.Finding.Status == check.Pass; {
	case t.arrived && right:
		return nil
	case t.arrived && reply.Timeout:
		wrong = unreached(codeSlow, "the request arrived here, and the answer did not get back in time", "Meta would give up too: try again, or take another --tunnel")
	case t.arrived:
		wrong = unreached(codeChanged, "the request arrived here, and its answer was changed on the way back: "+reply.Finding.Got, "look at what stands between: a traffic policy, a proxy, a CDN")
	case right:
		wrong = unreached(codeElsewhere, "another program answers at this URL, with the same verify token", "end the other one, or give this session another --tunnel; the URL may be an old one of yours")
	case reply.Status == 0:
		wrong = t.noReply(reply)
	default:
		wrong = t.refused(reply)
	}
	if wrong.code != codeOutProxy { // Meta does not go through it
		wrong.meta = reply.Finding.Meta
	}
	return wrong
}

// noReply says why nothing came back.
func (t trace) noReply(reply check.Reply) *unreachedError {
	f := reply.Finding
	_, isProxy := errors.AsType[*check.ProxyError](reply.Err)
	if op, ok := errors.AsType[*net.OpError](reply.Err); ok && op.Op == "proxyconnect" {
		isProxy = true
	}
	_, isDNS := errors.AsType[*net.DNSError](reply.Err)
	switch {
	case reply.Timeout:
		return unreached(codeSlow, "no answer in the 6 s that Meta waits", "look at what is between; a firewall often answers nothing, and some routers don't lead back to themselves")
	case isProxy:
		return unreached(codeOutProxy, "igloo's own check does not get out: "+f.Got, "look at HTTPS_PROXY and NO_PROXY, through which igloo's own check leaves; Meta's requests do not")
	case isDNS:
		return unreached(codeDNS, f.Got, "a name that is new takes a minute; else mend its DNS record")
	case reply.Untrusted:
		return unreached(f.Code, "the certificate does not hold: "+f.Why, f.Fix)
	}
	return unreached(codeUnreachable, f.Got, "look whether the tunnel or the proxy at this URL is up")
}

// refused says who answered in place of igloo.
func (t trace) refused(reply check.Reply) *unreachedError {
	got := reply.Finding.Got
	if code := reply.Header.Get("Ngrok-Error-Code"); ngrokCode.MatchString(code) {
		return ngrokAnswer(code, got)
	}
	switch status := reply.Status; {
	case status == http.StatusMisdirectedRequest && t.otherHost:
		return unreached(codeHost, "the request arrives here with another Host than the URL's", "have the proxy pass the Host on, or allow the other: --allow-host NAME")
	case status == http.StatusNotFound && t.otherPath:
		return unreached(codePath, "the request arrives here under another path than "+t.path, "have the proxy pass the path on as it is, or give --path the one that arrives")
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return unreached(codePath, fmt.Sprintf("something answers at this URL that does not know %s: %s", t.path, got), "lead this path to "+t.local)
	case status >= 300 && status < 400:
		return unreached(codeRedirect, "the URL redirects, and Meta follows no redirect: "+got, reply.Finding.Fix)
	case status >= http.StatusInternalServerError:
		return unreached(codeGateway, "what stands at this URL does not reach igloo: "+got, "lead it to "+t.local)
	case reply.Page:
		return unreached(codePage, "a page stands in front of the callback URL: "+got, "a login, a warning, a bot protection? Take it away from this path, or take another --tunnel")
	}
	return unreached(codeElsewhere, "something else than this igloo answers at the URL: "+got, "it may be an old URL that belongs to somebody else now; lead it to "+t.local+", or open the tunnel again")
}

var ngrokCode = regexp.MustCompile(`^ERR_NGROK_[0-9]{1,6}$`)

// ngrokAnswer explains an answer that ngrok itself gives to a caller of the URL.
func ngrokAnswer(code, got string) *unreachedError {
	text, hint := tunnel.ExplainNgrok(code)
	switch {
	case text == "":
		text, hint = "ngrok answers in place of igloo: "+got, "see https://ngrok.com/docs/errors"
	case code == "ERR_NGROK_3200": // of a URL that ngrok has just given us
		hint = "ngrok has given the tunnel another URL, or taken this one away: open it again, with p in igloo's UI or a new start"
	case code == "ERR_NGROK_6024": // it should not, for a program's User-Agent
		hint = "it would stop Meta as well: take another --tunnel, or a paid plan of ngrok"
	}
	return unreached(code, text, hint)
}
