package tunnel_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/igloo-dev/igloo/tunnel"
)

func TestAnnouncements(t *testing.T) {
	tests := []struct {
		name, preset, output string
		hosts                []string
		refused              string
	}{
		{"events", "localhost.run", `{"connection_id":"4f1c","event":"authn","message":"authenticated as anonymous user"}
{"connection_id":"4f1c","event":"tcpip-forward","address":"c4f81d2a9b7e60.lhr.life","authz_code":"OK"}
`, []string{"c4f81d2a9b7e60.lhr.life"}, ""},
		{"cloud events", "localhost.run", `{"specversion":"1.0","type":"v1.tcpip_forward.register.accepted","id":"4f1c/c4f81d2a9b7e60.lhr.life"}`, []string{"c4f81d2a9b7e60.lhr.life"}, ""},
		{"text", "localhost.run", "Welcome to localhost.run! https://admin.localhost.run/ https://localhost.run/docs\r\nc4f81d2a9b7e60.lhr.life tunneled with tls termination, https://c4f81d2a9b7e60.lhr.life\r\n", []string{"c4f81d2a9b7e60.lhr.life"}, ""},
		{"an event of another", "localhost.run", `{"event":"tcpip-forward","address":"evil.example","authz_code":"OK"}`, nil, ""},
		{"an event with more than a host", "localhost.run", `{"event":"tcpip-forward","address":"a.lhr.life/x","authz_code":"OK"}`, nil, ""},
		{"a refused event", "localhost.run", `{"event":"tcpip-forward","address":"a.lhr.life","authz_code":"DOMAIN_NOT_YOURS","message":"no"}`, nil, "DOMAIN_NOT_YOURS no"},
		{"an event that is none", "localhost.run", `{"event":["tcpip-forward"]}` + "\n{\n", nil, ""},
		{"two names", "srv.us", "1: https://qp556ma755ktlag5b2xyt334ae.srv.us/, https://ada.gh.srv.us/\r\n", []string{"qp556ma755ktlag5b2xyt334ae.srv.us", "ada.gh.srv.us"}, ""},
		{"another page", "srv.us", "read https://docs.srv.us/\r\n", nil, ""},
		{"colours", "serveo", "\x1b[32mForwarding HTTP traffic from \x1b[1mhttps://AB12.serveousercontent.com\x1b[0m\r\n", []string{"ab12.serveousercontent.com"}, ""},
		{"registration", "serveo", "To register, visit https://console.serveo.net/ssh/keys\r\n", nil, ""},
		{"pinggy", "pinggy", "http://rnab.a.free.pinggy.link\r\nhttps://rnab.a.free.pinggy.link\r\nUpgrade at https://dashboard.pinggy.io\r\n", []string{"rnab.a.free.pinggy.link"}, ""},
		{"no label", "pinggy", "https://pinggy.link https://.pinggy.link https://-.pinggy.link https://a..pinggy.link", nil, ""},
		{"a title", "pinggy", "\x1b]8;;https://a.pinggy.link\x1b\\link\x1b]8;;\x1b\\", nil, ""},
		{"an open escape", "pinggy", "\x1b]https://a.pinggy.link", nil, ""},
		{"userinfo, port, escapes", "pinggy", "https://a.pinggy.link@b https://a.pinggy.link:1 https://a.pinggy.link%2f https://a.pinggy.link\u00e9", nil, ""},
		{"a long line", "pinggy", strings.Repeat(" ", 8<<10) + "https://a.pinggy.link\nhttps://b.pinggy.link", []string{"b.pinggy.link"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hosts, refused := tunnel.Announced(tt.preset, strings.NewReader(tt.output))
			if !slices.Equal(hosts, tt.hosts) || refused != tt.refused {
				t.Errorf("Announced(%q) = %q, %q, want %q, %q", tt.output, hosts, refused, tt.hosts, tt.refused)
			}
		})
	}
}

// Whatever a service says, a public URL is a host below one of its domains, and what
// it refuses can be printed.
func FuzzAnnouncements(f *testing.F) {
	f.Add("1: https://qp556ma755ktlag5b2xyt334ae.srv.us/, https://ada.gh.srv.us/\r\n")
	f.Add("\x1b[32mForwarding HTTP traffic from \x1b[1mhttps://AB12.serveousercontent.com\x1b[0m\r\n")
	f.Add(`{"event":"tcpip-forward","address":"a.lhr.life","authz_code":"NO","message":"\u001b[31m"}`)
	f.Add(`{"type":"v1.tcpip_forward.register.accepted","id":"4f1c/a.lhr.life"}`)
	f.Add("https://a.pinggy.link@evil.example https://evil.example/.pinggy.link")
	domains := map[string][]string{
		"localhost.run": {".lhr.life", ".lhr.rocks"},
		"srv.us":        {".srv.us"},
		"serveo":        {".serveousercontent.com", ".serveo.net"},
		"pinggy":        {".pinggy.link", ".pinggy-free.link"},
	}
	f.Fuzz(func(t *testing.T, output string) {
		for preset, below := range domains {
			hosts, refused := tunnel.Announced(preset, strings.NewReader(output))
			for _, host := range hosts {
				u, err := url.Parse("https://" + host)
				if err != nil || u.Host != host || u.Port() != "" || u.Path != "" {
					t.Errorf("%q is no host", host)
				}
				if !slices.ContainsFunc(below, func(d string) bool { return strings.HasSuffix(host, d) && len(host) > len(d) }) {
					t.Errorf("%q is not below %q", host, below)
				}
			}
			if strings.ContainsFunc(refused, func(r rune) bool { return !unicode.IsPrint(r) }) || len(refused) > 2000 {
				t.Errorf("refused %q, want something short to print", refused)
			}
		}
	})
}
