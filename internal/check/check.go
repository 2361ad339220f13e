// Package check plays Meta against an app and says what Meta would not accept.
//
// [Run] sends verification requests and deliveries to a target, right ones and wrong
// ones, and judges the answers. Each [Check] gives one [Finding]: what was sent, what
// came back, what Meta would do, why, and how to mend it. Where a cause can be told
// from outside, by signing the same body as a wrong program would, the finding has
// the cause's own code. docs/checks.md has a section for every code.
//
// What can't be judged from outside, such as whether an app notices a duplicate, is
// [Sent] and never [Pass]. A check that depends on another one that failed is
// [Error] and names it: nothing is hidden, and one mistake is one failure.
//
// The package makes no API promise before v1.
package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Check is one thing to look at.
type Check struct {
	Code  string
	Group string
	Title string // what holds when it passes
	// Heavy marks a check that could harm an app others use: it sends a lot.
	Heavy bool

	causes []string // codes its findings may have beside its own
	// accepted says that there must be a delivery that the app accepts: else a
	// refusal, and an acceptance, say nothing.
	accepted bool
	withheld bool // it may do harm, and is not allowed
	modest   bool // it sends few deliveries, all of them right: any app may get it
	wrong    bool // it sends a verification request that Meta never sends
	// run judges. It fills in what is particular: the rest is done by [player.judge].
	run func(ctx context.Context, p *player) Finding
}

// Modest reports whether the check also goes to another machine without leave: see
// [Choice].
func (c Check) Modest() bool { return c.modest }

// Codes lists the codes the check's findings may have, its own first.
func (c Check) Codes() []string { return append([]string{c.Code}, c.causes...) }

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	Pass    Status = "pass"    // it holds
	Warn    Status = "warn"    // it holds, or Meta does not mind, and something is odd
	Fail    Status = "fail"    // it does not hold
	Sent    Status = "sent"    // sent and taken; what the app made of it can't be seen from outside
	Skipped Status = "skipped" // not done, and the finding says why
	Error   Status = "error"   // could not be judged
)

// Finding is the outcome of one check. Texts hold what the app answered: clean them
// before they reach a terminal. Secrets are taken out.
type Finding struct {
	Code   string // the cause where one is known, else the check's code
	Check  string // code of the check
	Group  string
	Title  string
	Status Status

	Sent string // what was sent, short
	Got  string // what came back: status and first bytes
	Meta string // what Meta would do
	Why  string
	Fix  string
	// Because is the check whose failure keeps this one from being judged.
	Because string
	// Kept are the ids under which a [Recorder] has what was sent.
	Kept []string
	Took time.Duration
}

// Doc is the place in the documentation that explains the finding.
func (f Finding) Doc() string { return "docs/checks.md#" + f.Code }

// Report is what a run found.
type Report struct {
	Target   string
	Findings []Finding
	Took     time.Duration
}

// Count returns how many findings have one of the statuses.
func (r Report) Count(statuses ...Status) int {
	n := 0
	for _, f := range r.Findings {
		if slices.Contains(statuses, f.Status) {
			n++
		}
	}
	return n
}

// Judged reports whether anything came of the run: a report of skipped checks says
// nothing about the app.
func (r Report) Judged() bool { return r.Count(Skipped) < len(r.Findings) }

// Failed reports whether something does not hold: a check failed, or could not be
// judged because of one that would.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Status == Fail || f.Status == Error && f.Because != ""
	})
}

// Config says what to check, and how.
type Config struct {
	Target  string // URL of the app
	Secrets Secrets
	Choice  Choice
	TLS     TLS
	Limits  Limits
	// Seed makes ids, times and bytes the same every run, unless it is 0.
	Seed uint64
	// Recorder keeps the deliveries that are sent; nil keeps none.
	Recorder Recorder
	// Begin hears of each check as it begins, and Report of its finding; nil hears nothing.
	Begin  func(Check)
	Report func(Finding)
}

// Secrets are the keys that the app should have.
type Secrets struct {
	// App holds the app secrets. The first that the app takes signs everything.
	App         *webhook.Keyring
	VerifyToken secret.Value
	// Others are keys the app should not use, tried to find out whether it does.
	Others []webhook.AppSecret
}

// values lists all of them, to take them out of texts.
func (s Secrets) values() []secret.Value {
	all := []secret.Value{s.VerifyToken}
	for _, key := range slices.Concat(s.App.Secrets(), s.Others) {
		all = append(all, key.Value)
	}
	return all
}

// TLS says whom to trust.
type TLS struct {
	// Public are the authorities that Meta trusts; nil means the system's.
	Public *x509.CertPool
	// ExtraCAs are certificates in PEM that are trusted besides, for the requests.
	ExtraCAs []byte
	// Certificates are shown to an app that asks for one.
	Certificates []tls.Certificate
}

// Limits are the times that answers are held against. Zero fields have the defaults.
type Limits struct {
	// Verification bounds the answer to a verification request: Meta was reported
	// to wait 6 s.
	Verification time.Duration
	// Answer is the time for a delivery by Meta's Messenger page, 5 s. Slow, 2 s,
	// is where a warning begins.
	Answer, Slow time.Duration
	// Margin, 1 s, is how much longer than Answer igloo waits, to tell a late answer
	// from none.
	Margin time.Duration
	// Return is how long an app that went away may take to come back, 3 s: some
	// restart by themselves.
	Return time.Duration
	// Run, 5 min, is the time after which no check begins any more: what is left is
	// not judged.
	Run time.Duration
}

func (l Limits) withDefaults() Limits {
	l.Verification = cmp.Or(l.Verification, 6*time.Second)
	l.Answer = cmp.Or(l.Answer, 5*time.Second)
	l.Slow = cmp.Or(l.Slow, 2*time.Second)
	l.Margin = cmp.Or(l.Margin, time.Second)
	l.Return = cmp.Or(l.Return, 3*time.Second)
	l.Run = cmp.Or(l.Run, 5*time.Minute)
	return l
}

// ErrUnreachable says that there is no app at the target.
var ErrUnreachable = errors.New("no app to check")

// Run checks a target. The report holds what was found until the end or until an
// error: [ErrUnreachable] wrapped, a [*ChoiceError], [ErrEmptyChoice], the context's, or
// that of the Recorder. A check that others could not be judged for is in the report,
// chosen or not.
func Run(ctx context.Context, cfg Config) (Report, error) {
	start := time.Now()
	chosen, err := cfg.Choice.checks()
	if err != nil {
		return Report{}, err
	}
	p, err := newPlayer(cfg)
	if err != nil {
		return Report{}, err
	}
	defer p.close()
	report := Report{Target: p.url.Redacted()}
	if p.unreachable = p.reach(ctx); p.unreachable != nil {
		chosen = connectionChecks()[:1] // there is nothing to say about the others, whatever was chosen
	}
	said := map[string]bool{} // or going to be
	for _, c := range chosen {
		said[c.Code] = true
	}
	for i, c := range chosen {
		if cfg.Begin != nil {
			cfg.Begin(c)
		}
		f := p.judge(ctx, c, i == len(chosen)-1)
		for _, f := range append(p.roots(ctx, f, said), f) {
			if p.err != nil {
				break
			}
			report.Findings = append(report.Findings, f)
			if cfg.Report != nil {
				cfg.Report(f)
			}
		}
		if p.err != nil {
			break
		}
	}
	report.Took = time.Since(start)
	return report, cmp.Or(p.err, p.unreachable)
}
