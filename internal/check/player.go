package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// Recorder keeps what was sent.
type Recorder interface {
	// Record keeps one delivery and returns the id it has from now on. An error ends
	// the run.
	Record(context.Context, Exchange) (id string, err error)
}

// Exchange is a delivery and its answer.
type Exchange struct {
	Check    string // code of the check that needed it
	Target   *url.URL
	Request  *simulator.Request
	At       time.Time
	Response simulator.Response
	Err      error // why there is no response
}

// player plays Meta against one app and remembers what it learned: most checks rest
// on the same few answers.
type player struct {
	cfg    Config
	url    *url.URL
	client *simulator.Client
	gets   *http.Client
	run    *simulator.Run
	rng    *rand.Rand
	hidden []secret.Value // what findings must not show
	once   bool           // no request more than is asked for
	start  time.Time

	current string   // check under way
	kept    []string // of the check under way
	gone    string   // the check at which the app stopped for good
	err     error    // what ended the run

	stops    map[string]stop   // the checks at which the app stopped
	sent     map[string]bool   // ids of events
	refusals map[string]answer // of checks that something was refused in
	abreast  int               // how many deliveries go at once to an app that takes its time
	limited  bool              // more at once are answered later

	// What was learned, once it was asked for.
	unreachable  error
	verification *verification
	wrong        map[string]*verification // the wrong requests, by code
	base         *base
	agents       *agents
	matrices     [2]*matrix // by dialect
	compares     *bool      // whether the app compares signatures
	unsigned     *answer
	broken       *answer // a refusal by accident
	certificate  *Finding
	slowest      pace // of those that came alone
	crowded      pace // of those that came with others
	unusual      pace // an answer of 2xx that is not 200
}

// pace is how long an answer took, and to what.
type pace struct {
	answer
	request *simulator.Request
}

func newPlayer(cfg Config) (*player, error) {
	u, err := simulator.ParseURL(cfg.Target)
	if err != nil {
		return nil, err
	}
	if len(cfg.Secrets.App.Secrets()) == 0 || cfg.Secrets.VerifyToken.Empty() {
		return nil, errors.New("check needs an app secret and a verify token")
	}
	cfg.Limits = cfg.Limits.withDefaults()
	client, err := simulator.NewClient(simulator.ClientConfig{
		ExtraCAs: cfg.TLS.ExtraCAs, Certificates: cfg.TLS.Certificates, Timeout: cfg.Limits.Answer + cfg.Limits.Margin,
	})
	if err != nil {
		return nil, err
	}
	seed := cfg.Seed
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // challenges, not keys
	}
	return &player{
		cfg: cfg, url: u, client: client, gets: newGetter(cfg.TLS), wrong: map[string]*verification{},
		stops: map[string]stop{}, sent: map[string]bool{}, refusals: map[string]answer{}, abreast: 2, start: time.Now(),
		run: simulator.NewRun(cfg.Seed, nil), rng: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // as above
		hidden: written(append(cfg.Secrets.values(), secret.New(otherCase(cfg.Secrets.VerifyToken.Reveal())))...),
	}, nil
}

// newGetter returns the client of verification requests. Meta's is another one than
// that of deliveries, and begins anew each time.
func newGetter(cfg TLS) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
				RootCAs: trusted(cfg), Certificates: cfg.Certificates,
			},
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// trusted is the system's authorities and the extra ones; nil stands for the system's
// alone.
func trusted(cfg TLS) *x509.CertPool {
	if len(cfg.ExtraCAs) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without a store has the extra ones
	}
	pool.AppendCertsFromPEM(cfg.ExtraCAs) // the simulator's client has said so when there are none
	return pool
}

func (p *player) close() {
	p.client.Close()
	p.gets.CloseIdleConnections()
}

const wentAway = "the app has stopped and did not come back"

// judge does one check and completes its finding.
func (p *player) judge(ctx context.Context, c Check, last bool) Finding {
	start := time.Now()
	p.current, p.kept = c.Code, nil
	f := p.blockedAlready(ctx, c)
	if f.Status == "" {
		f = c.run(ctx, p)
	}
	if last && p.unreachable == nil && p.err == nil && p.gone == "" && !p.listens(ctx) {
		p.stopAt("the last delivery of this check, after the answer", answer{err: errors.New("connection refused"), reason: "connection refused", hide: p.hide}, false)
	}
	if s, ok := p.stops[c.Code]; ok {
		f = s.finding(c, f)
	} else if p.gone != "" && f.Status != Fail {
		f = p.blocked(p.gone, wentAway)
	}
	f.Code, f.Check, f.Group, f.Title = cmp.Or(f.Code, c.Code), c.Code, c.Group, c.Title
	f.Kept, f.Took = p.kept, time.Since(start)
	f.Sent, f.Got, f.Meta, f.Why = p.hide(f.Sent), p.hide(f.Got), p.hide(f.Meta), p.hide(f.Why)
	return f
}

// blockedAlready says why a check need not begin; its Status is empty when it may.
func (p *player) blockedAlready(ctx context.Context, c Check) Finding {
	switch {
	case c.withheld, c.Code == codeReachable, c.Code == codeCertificate:
	case time.Since(p.start) > p.cfg.Limits.Run:
		return Finding{Status: Error, Why: fmt.Sprintf("the run has taken longer than %v", p.cfg.Limits.Run), Fix: "check less at once, or give it more time"}
	case p.gone != "" && p.gone != c.Code:
		return p.blocked(p.gone, wentAway)
	case p.judgeCertificate(ctx).Status == Fail:
		return p.blocked(codeCertificate, "nothing gets through while the certificate is refused")
	case c.accepted && !p.deliverable(ctx).any():
		return p.blocked(codeDelivery, "no good delivery is accepted, so that an answer to another says nothing")
	}
	return Finding{}
}

// roots are the findings of what keeps a check from being judged, where nobody has asked
// for them: without them nothing would say what to mend.
func (p *player) roots(ctx context.Context, f Finding, said map[string]bool) []Finding {
	if p.err != nil || f.Because == "" || said[f.Because] {
		return nil
	}
	said[f.Because] = true
	for _, c := range All() {
		if c.Code == f.Because {
			root := p.judge(ctx, c, false)
			return append(p.roots(ctx, root, said), root)
		}
	}
	return nil
}

// blocked is the finding of a check that rests on another one.
func (*player) blocked(root, why string) Finding {
	return Finding{Status: Error, Because: root, Why: why, Fix: "mend " + root + " first"}
}

// longHex is what a signature, or an app secret, looks like.
var longHex = regexp.MustCompile(`[0-9a-fA-F]{32,}|sha(?:1|256)=[0-9A-Za-z+/_=-]{16,}`)

// hide takes secrets out of a text, and with them the signatures that a careless app
// answers it had expected.
func (p *player) hide(text string) string {
	return longHex.ReplaceAllString(secret.Redact(text, p.hidden...), secret.Redacted)
}

// written returns secrets as they come back in answers: also encoded for a URL, as
// redirects have them.
func written(values ...secret.Value) []secret.Value {
	var all []secret.Value
	for _, v := range values {
		text := v.Reveal()
		quoted := strconv.Quote(text)
		for _, form := range []string{
			text, url.QueryEscape(text), queryValue(text), url.PathEscape(text), quoted[1 : len(quoted)-1], html.EscapeString(text), strings.ReplaceAll(text, "/", `\/`),
			lowerEscapes(url.QueryEscape(text)), lowerEscapes(queryValue(text)), lowerEscapes(url.PathEscape(text)), url.QueryEscape(url.QueryEscape(text)),
			base64.StdEncoding.EncodeToString([]byte(text)),
		} {
			all = append(all, secret.New(form))
		}
	}
	return all
}

var percentEscape = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes writes percent escapes with small digits, as some programs do.
func lowerEscapes(text string) string {
	return percentEscape.ReplaceAllStringFunc(text, strings.ToLower)
}

// render makes a request of a built-in fixture, unsigned.
func (p *player) render(name string, o simulator.Options) *simulator.Request {
	return renderIn(p.run, name, o)
}

// renderIn does so in a run, whose customer writes. What the package asks for is part
// of it, and tests render all of it: an error is a mistake of our own.
func renderIn(run *simulator.Run, name string, o simulator.Options) *simulator.Request {
	f, err := fixtures.Builtin().Get(name)
	if err != nil {
		panic(fmt.Sprintf("check: %v", err))
	}
	t, err := run.Compile(f, o)
	if err != nil {
		panic(fmt.Sprintf("check: %v", err))
	}
	return t.Render()
}

// set is a change of a payload that gives a value to a path, which may be new.
func set(path, value string) simulator.Change {
	return simulator.Change{Op: simulator.Set, Path: path, Value: value, Add: true}
}

// signed makes a request of a built-in fixture, signed with the key the app takes.
func (p *player) signed(ctx context.Context, name string, o simulator.Options) *simulator.Request {
	r := p.render(name, o)
	r.Sign(p.deliverable(ctx).key)
	return r
}

// signOver signs a request as a program would that hashes other bytes, or with
// another key, than it should.
func signOver(r *simulator.Request, key secret.Value, over []byte) {
	r.Set(webhook.SHA1SignatureHeader, webhook.SignSHA1(key, over))
	r.Set(webhook.SignatureHeader, webhook.Sign(key, over))
}

// copyOf returns a request that can be changed.
func copyOf(r *simulator.Request) *simulator.Request {
	c := *r
	c.Header = slices.Clone(r.Header)
	return &c
}
