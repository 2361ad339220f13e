package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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

	current string   // check under way
	kept    []string // of the check under way
	broke   string   // the check whose last delivery lost its connection
	gone    string   // the check after which the app was no longer there
	err     error    // what ended the run

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
	slowest      pace
	unusual      pace // an answer of 2xx that is not 200
}

// pace is how long an answer took, and to what.
type pace struct {
	answer
	sent string
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

const wentAway = "the app went away and did not come back"

// judge does one check and completes its finding.
func (p *player) judge(ctx context.Context, c Check) Finding {
	start := time.Now()
	p.current, p.kept = c.Code, nil
	f := p.blockedAlready(ctx, c)
	if f.Status == "" {
		f = c.run(ctx, p)
	}
	if p.gone != "" && p.gone != c.Code && f.Status != Fail {
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
	case c.Code == codeReachable || c.Code == codeCertificate:
	case p.gone != "" && p.gone != c.Code:
		return p.blocked(p.gone, wentAway)
	case p.judgeCertificate(ctx).Status == Fail:
		return p.blocked(codeCertificate, "nothing gets through while the certificate is refused")
	case c.accepted && !c.withheld && !p.deliverable(ctx).any():
		return p.blocked(codeDelivery, "no good delivery is accepted, so that an answer to another says nothing")
	}
	return Finding{}
}

// blocked is the finding of a check that rests on another one.
func (*player) blocked(root, why string) Finding {
	return Finding{Status: Error, Because: root, Why: why, Fix: "mend " + root + " first"}
}

// longHex is what a signature, or an app secret, looks like.
var longHex = regexp.MustCompile(`[0-9a-fA-F]{32,}`)

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
		for _, form := range []string{v.Reveal(), url.QueryEscape(v.Reveal()), queryValue(v.Reveal())} {
			all = append(all, secret.New(form))
		}
	}
	return all
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

// done reports whether it is no use to ask on after an answer: the run is over, or each
// further question would be waited for in vain.
func (p *player) done(a answer) bool { return p.err != nil || p.gone != "" || a.timeout }

// send delivers a request. An app that has gone away gets a little time to come back.
func (p *player) send(ctx context.Context, r *simulator.Request) answer {
	a := p.sendOnce(ctx, r)
	if !simulator.Refused(a.err) || p.gone != "" || p.err != nil {
		return a
	}
	if p.comesBack(ctx) {
		return p.sendOnce(ctx, r)
	}
	p.gone = cmp.Or(p.broke, p.current)
	return a
}

func (p *player) sendOnce(ctx context.Context, r *simulator.Request) answer {
	at := time.Now()
	response, err := p.client.Send(ctx, p.url, r)
	a := p.newAnswer(response.Status, response.Header, response.Body, err)
	a.reused, a.took = response.Reused, cmp.Or(response.Took, time.Since(at))
	if ctx.Err() != nil {
		p.err = ctx.Err()
		return a
	}
	switch {
	case a.status != 0:
		p.broke = ""
	case !a.timeout && !simulator.Refused(err):
		p.broke = p.current
	}
	if p.cfg.Recorder != nil && p.err == nil {
		id, err := p.cfg.Recorder.Record(ctx, Exchange{p.current, p.url, r, at, response, err})
		if err != nil {
			p.err = fmt.Errorf("keep what was sent: %w", err)
		}
		p.kept = append(p.kept, id)
	}
	return a
}

func (p *player) newAnswer(status int, header http.Header, body []byte, err error) answer {
	a := answer{status: status, header: header, body: body, err: err, hide: p.hide}
	if err == nil {
		return a
	}
	a.reason = err.Error()
	if failed, ok := errors.AsType[*simulator.SendError](err); ok {
		a.reason = failed.Reason
	}
	var timeout interface{ Timeout() bool }
	a.timeout = errors.As(err, &timeout) && timeout.Timeout()
	return a
}

// dial connects to the app, and to nothing more.
func (p *player) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Limits.Answer+p.cfg.Limits.Margin)
	defer cancel()
	port := cmp.Or(p.url.Port(), map[string]string{"http": "80", "https": "443"}[p.url.Scheme])
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(p.url.Hostname(), port))
}

// comesBack waits until the app accepts connections again.
func (p *player) comesBack(ctx context.Context) bool {
	deadline := time.NewTimer(p.cfg.Limits.Return)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-deadline.C:
			return false
		case <-tick.C:
			if conn, err := p.dial(ctx); err == nil {
				_ = conn.Close()
				return true
			}
		}
	}
}
