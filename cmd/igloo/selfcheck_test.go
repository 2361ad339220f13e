package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/check"
)

// TestJudgeSelfCheck tells apart what can stand between a public URL and igloo.
func TestJudgeSelfCheck(t *testing.T) {
	pass := check.Finding{Status: check.Pass, Got: "200 OK"}
	fail := check.Finding{Status: check.Fail, Code: "certificate-name", Got: "what came", Why: "why", Fix: "fix", Meta: "would show: an error"}
	ngrok := func(code string) http.Header { return http.Header{"Ngrok-Error-Code": {code}} }
	arrived := trace{arrived: true}
	for _, tt := range []struct {
		name  string
		trace trace
		reply check.Reply
		code  string // "" for a URL that works
		text  string // part of what is said
	}{
		{"it came back", arrived, check.Reply{Status: 200, Finding: pass}, "", ""},
		{"it did not get back in time", arrived, check.Reply{Timeout: true, Finding: fail}, "slow", "the answer did not get back"},
		{"its answer was changed", arrived, check.Reply{Status: 200, Page: true, Finding: fail}, "changed", "changed on the way back: what came"},
		{"another program echoes it", trace{}, check.Reply{Status: 200, Finding: pass}, "elsewhere", "another program answers"},
		{"another program refuses it", trace{}, check.Reply{Status: 403, Finding: fail}, "elsewhere", "something else than this igloo"},
		{"another program says hello", trace{}, check.Reply{Status: 200, Finding: fail}, "elsewhere", "something else than this igloo"},
		{"a page", trace{}, check.Reply{Status: 200, Page: true, Finding: fail}, "page", "a page stands in front"},
		{"a login", trace{}, check.Reply{Status: 401, Page: true, Finding: fail}, "page", "a page stands in front"},
		{"ngrok's warning page", trace{}, check.Reply{Status: 200, Page: true, Header: ngrok("ERR_NGROK_6024"), Finding: fail}, "ERR_NGROK_6024", "warning page"},
		{"ngrok says offline", trace{}, check.Reply{Status: 404, Page: true, Header: ngrok("ERR_NGROK_3200"), Finding: fail}, "ERR_NGROK_3200", "no tunnel is online"},
		{"ngrok's limit", trace{}, check.Reply{Status: 429, Header: ngrok("ERR_NGROK_727"), Finding: fail}, "ERR_NGROK_727", "used up"},
		{"a code of ngrok that nobody knows", trace{}, check.Reply{Status: 500, Header: ngrok("ERR_NGROK_99999"), Finding: fail}, "ERR_NGROK_99999", "ngrok answers in place of igloo: what came"},
		{"a code that is none", trace{}, check.Reply{Status: 500, Header: ngrok("ERR_NGROK_1\x1b[31m"), Finding: fail}, "gateway", "does not reach igloo"},
		{"not found", trace{path: "/webhook"}, check.Reply{Status: 404, Finding: fail}, "path", "does not know /webhook"},
		{"not allowed", trace{path: "/webhook"}, check.Reply{Status: 405, Finding: fail}, "path", "does not know /webhook"},
		{"a path that a proxy changed", trace{path: "/webhook", otherPath: true}, check.Reply{Status: 404, Finding: fail}, "path", "under another path than /webhook"},
		{"a host that a proxy changed", trace{otherHost: true}, check.Reply{Status: 421, Finding: fail}, "host", "another Host"},
		{"a host that somebody else refuses", trace{}, check.Reply{Status: 421, Finding: fail}, "elsewhere", "something else"},
		{"a redirect", trace{}, check.Reply{Status: 301, Finding: fail}, "redirect", "Meta follows no redirect"},
		{"a gateway", trace{}, check.Reply{Status: 502, Page: true, Finding: fail}, "gateway", "does not reach igloo"},
		{"nothing in time", trace{}, check.Reply{Timeout: true, Err: os.ErrDeadlineExceeded, Finding: fail}, "slow", "no answer in the 6 s"},
		{"no such host", trace{}, check.Reply{Err: &net.DNSError{Name: "x.example", IsNotFound: true}, Finding: fail}, "dns", "what came"},
		{"a certificate for others", trace{}, check.Reply{Err: &tls.CertificateVerificationError{}, Untrusted: true, Finding: fail}, "certificate-name", "does not hold: why"},
		{"a proxy that refuses", trace{}, check.Reply{Err: &check.ProxyError{Status: 407}, Finding: fail}, "proxy", "does not get out"},
		{"a proxy that is away", trace{}, check.Reply{Err: &net.OpError{Op: "proxyconnect", Err: &net.DNSError{}}, Finding: fail}, "proxy", "does not get out"},
		{"refused", trace{}, check.Reply{Err: errors.New("connection refused"), Finding: fail}, "unreachable", "what came"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.trace.judge(tt.reply)
			switch {
			case tt.code == "" && got != nil:
				t.Errorf("judge() = %q %q, want nothing wrong", got.code, got.text)
			case tt.code == "":
			case got == nil || got.code != tt.code || !strings.Contains(got.text, tt.text) || got.hint == "":
				t.Errorf("judge() = %+v, want %q, %q in its text, and a hint", got, tt.code, tt.text)
			case got.meta != tt.reply.Finding.Meta && tt.code != "proxy":
				t.Errorf("what Meta says: %q, want %q", got.meta, tt.reply.Finding.Meta)
			}
		})
	}
}

// TestCallbackMemory remembers which URL Meta may still have.
func TestCallbackMemory(t *testing.T) {
	const a, b, c = "https://a.example/webhook", "https://b.example/webhook", "https://c.example/webhook"
	verified := "verified"
	for _, tt := range []struct {
		name string
		did  []string // URLs that came up, each in a session of its own, and verifications
		want string   // the one that Meta may still have, at the end
	}{
		{"the first", []string{a}, ""},
		{"the same again", []string{a, a}, ""},
		{"another", []string{a, b}, a},
		{"another, and again", []string{a, b, b}, a},
		{"a third: Meta still has the first", []string{a, b, c}, a},
		{"back to the first", []string{a, b, a}, ""},
		{"another that Meta has verified", []string{a, b, verified, b}, ""},
		{"one more after that", []string{a, b, verified, c}, b},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &project{DataDir: t.TempDir()}
			was := ""
			m := newCallbackMemory(p)
			for _, step := range tt.did {
				if step == verified {
					m.verified()
					continue
				}
				m = newCallbackMemory(p)
				was = m.note(step)
			}
			if was != tt.want {
				t.Errorf("Meta may still have %q, want %q", was, tt.want)
			}
		})
	}
	t.Run("a broken file", func(t *testing.T) {
		p := &project{DataDir: t.TempDir()}
		if err := os.WriteFile(filepath.Join(p.DataDir, "callback-url.json"), []byte(`{"url":7`), 0o600); err != nil {
			t.Fatal(err)
		}
		if was := newCallbackMemory(p).note(a); was != "" {
			t.Errorf("Meta may still have %q, want nothing", was)
		}
	})
}

// listenerAt is a listener that only has an address.
type listenerAt struct {
	net.Listener
	addr net.TCPAddr
}

func (l listenerAt) Addr() net.Addr { return &l.addr }

// TestOpenToOthers warns of a callback URL that is not this machine's alone.
func TestOpenToOthers(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1": "",
		"::1":       "",
		"0.0.0.0":   "warning: 0.0.0.0:4456 is open to every machine that reaches this one, without TLS; --listen 127.0.0.1:4456 keeps it here",
		"192.0.2.7": "warning: 192.0.2.7:4456 is open to every machine that reaches this one, without TLS; --listen 127.0.0.1:4456 keeps it here",
	} {
		s := &session{ingress: listenerAt{addr: net.TCPAddr{IP: net.ParseIP(address), Port: 4456}}}
		if got := s.openToOthers(); got != want {
			t.Errorf("openToOthers() at %s = %q, want %q", address, got, want)
		}
	}
}

// TestDoctorIsDocumented holds docs/troubleshooting.md to the codes of doctor, and
// docs/tunnels.md to those of the self-check, both ways.
func TestDoctorIsDocumented(t *testing.T) {
	codes := regexp.MustCompile(`(?:ok|warning|broken|unknown)\("([a-z-]+)"|const code = "([a-z-]+)"`)
	want := map[string]bool{}
	files, err := filepath.Glob("doctor*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codes.FindAllStringSubmatch(string(text), -1) {
			want[m[1]+m[2]] = true
		}
	}
	sameCodes(t, want, "../../docs/troubleshooting.md", "## All lines of doctor")
	sameCodes(t, map[string]bool{
		codeElsewhere: true, codeChanged: true, codePage: true, codePath: true, codeHost: true, codeGateway: true, codeRedirect: true,
		codeSlow: true, codeDNS: true, codeOutProxy: true, codeUnreachable: true, codePlainHTTP: true, "ERR_NGROK_…": true,
		"certificate-name": true, "certificate-expired": true, "certificate-incomplete": true, "certificate-untrusted": true,
	}, "../../docs/tunnels.md", "## Self-check")
}

// sameCodes compares codes with those in the first column of the table in a section.
func sameCodes(t *testing.T, want map[string]bool, file, section string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	got := map[string]bool{}
	for line := range strings.Lines(rest) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.Contains(cells[1], "`") && strings.TrimSpace(cells[1]) != "`code`" {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				got[m[1]] = true
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s, %s (-code +docs):\n%s", file, section, diff)
	}
}
