package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/internal/check"
	"github.com/igloo-dev/igloo/internal/forward"
)

func (e *examination) checkSession(context.Context) []checkLine {
	const code = "session"
	switch {
	case errors.Is(e.sessionErr, errNoSession):
		line := ok(code, "no session is running")
		line.Next = "igloo --forward-to 3000, or igloo --demo for a look"
		return []checkLine{line}
	case e.sessionErr != nil:
		return []checkLine{warning(code, hintOf(e.sessionErr), "%s", e.sessionErr)}
	case e.session.foreign:
		line := ok(code, "no session of this project; the one of %s is process %d", clean(e.session.info.Project), e.session.info.PID)
		line.Next = "igloo --forward-to 3000"
		return []checkLine{line}
	}
	return []checkLine{ok(code, "session: process %d at %s", e.session.info.PID, e.session.info.Ingress)}
}

// checkTarget sends the app a verification request.
func (e *examination) checkTarget(ctx context.Context) []checkLine {
	const code = "target"
	to := e.flags.ForwardTo
	if own := e.own(); own != nil {
		to = cmp.Or(own.info.Target, to)
	}
	if to == "" {
		return []checkLine{warning(code, "igloo --forward-to 3000, or forward_to: in "+configFile, "no target: deliveries are recorded and not forwarded")}
	}
	target, err := forward.TargetURL(to, e.flags.Path)
	if err != nil {
		return []checkLine{broken(code, "a port, host:port/path or a URL", "target: %s", err)}
	}
	cfg, err := e.checkConfig(checkFlags{clientFlags: clientFlags{CACert: e.trustedCA(target)}}, target)
	if err != nil {
		return []checkLine{broken(code, hintOf(err), "target %s: %s", target.Redacted(), err)}
	}
	const handshake = "handshake"
	cfg.Choice.Only = []string{handshake}
	report, err := check.Run(ctx, cfg)
	at := slices.IndexFunc(report.Findings, func(f check.Finding) bool { return f.Check == handshake })
	switch {
	case errors.Is(err, check.ErrUnreachable):
		_, reason, _ := strings.Cut(err.Error(), ": ")
		return []checkLine{broken(code, "start your app", "target %s: %s", target.Redacted(), reason)}
	case err != nil || at < 0:
		return []checkLine{unknown(code, "igloo check "+target.Redacted(), "target %s: %v", target.Redacted(), err)}
	}
	// What it waits for is reported beside it.
	return []checkLine{e.judgeTarget(code, target, report.Findings[at])}
}

// trustedCA is the file of authorities that the target's certificate may come from.
func (e *examination) trustedCA(target *url.URL) string {
	if target.Scheme != "https" {
		return ""
	}
	return e.flags.ForwardCA
}

// judgeTarget says what the app's answer to a verification request means. It matters
// once the app stands on its own, and already when it is the one that answers Meta.
func (e *examination) judgeTarget(code string, target *url.URL, f check.Finding) checkLine {
	if f.Status == check.Pass {
		return ok(code, "target %s answers a verification request with its challenge", target.Redacted())
	}
	next := strings.TrimSuffix(f.Fix, ".") + "; all of it: igloo check " + target.Redacted()
	if f.Because != "" {
		return warning(code, "igloo check "+target.Redacted(), "target %s: a connection, and %s", target.Redacted(), cmp.Or(f.Why, f.Because))
	}
	if e.flags.Answer == answerApp {
		return broken(code, next, "target %s does not answer a verification request: %s; %s", target.Redacted(), f.Got, f.Why)
	}
	return warning(code, next, "target %s is up; its answer to a verification request, which igloo gives in its place: %s; %s", target.Redacted(), f.Got, f.Why)
}

// checkTunnels says which tunnels are wanted, and which could be.
func (e *examination) checkTunnels(context.Context) []checkLine {
	const code = "tunnel"
	t, err := newTunnels(&session{cfg: e.config, flags: e.flags, secrets: e.secrets, noticed: slog.New(slog.DiscardHandler)})
	if err != nil {
		return []checkLine{broken(code, hintOf(err), "tunnel %s: %s", clean(e.flags.Tunnel), err)}
	}
	var lines []checkLine
	lacking := 0
	for _, name := range t.wanted {
		line := ok(code, "tunnel %s%s", name, e.tunnelDetail(name))
		if _, err := t.provider(name); err != nil {
			line = warning(code, hintOf(err), "tunnel %s: %s", name, err)
			lacking++
		}
		lines = append(lines, line)
	}
	if n := len(lines); n > 0 && lacking == n {
		lines[n-1].Mark = markFailure // there is no other
	}
	if len(lines) == 0 {
		switch e.flags.Tunnel {
		case tunnelNone:
			lines = append(lines, ok(code, "tunnel none: this machine only"))
		default:
			lines = append(lines, warning(code, "set NGROK_AUTHTOKEN (free account), or without an account: igloo --tunnel ssh:localhost.run", "no tunnel: Meta cannot reach this machine"))
		}
	}
	return append(lines, e.otherTunnels(t)...)
}

// tunnelDetail says what a tunnel works with.
func (e *examination) tunnelDetail(name string) string {
	switch tunnelKind(name) {
	case tunnelNgrok:
		return ": authtoken from " + e.secrets.AuthtokenFrom
	case tunnelManual:
		return ": " + e.flags.PublicURL
	case tunnelDirect:
		return ": " + e.flags.Domain
	case tunnelCloudflared:
		path, _ := exec.LookPath(tunnelCloudflared)
		return ": " + path
	case tunnelSSH:
		return ": " + e.sshKey()
	}
	return ""
}

// sshKey says which key opens SSH tunnels.
func (e *examination) sshKey() string {
	path := cmp.Or(e.flags.SSHKey, filepath.Join(e.project.DataDir, "ssh_key"))
	info, err := os.Stat(path)
	switch {
	case err != nil && e.flags.SSHKey == "":
		return "igloo makes itself a key"
	case err != nil:
		return fmt.Sprintf("the key %s is not there", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Sprintf("the key %s can be read by others, so it is not used: chmod 600", path)
	}
	return "key " + path
}

// otherTunnels lists what could be opened too.
func (e *examination) otherTunnels(t *tunnels) []checkLine {
	var can, lack []string
	for _, name := range []string{tunnelNgrok, "ssh:localhost.run", "ssh:srv.us", tunnelCloudflared} {
		if slices.Contains(t.wanted, name) {
			continue
		}
		if missing := t.missing(name); missing != "" {
			reason, _, _ := strings.Cut(missing, ":")
			lack = append(lack, fmt.Sprintf("%s (%s)", name, reason))
		} else {
			can = append(can, name)
		}
	}
	var parts []string
	if len(can) > 0 {
		parts = append(parts, "--tunnel also takes "+strings.Join(can, ", "))
	}
	if len(lack) > 0 {
		parts = append(parts, "not set up: "+strings.Join(lack, ", "))
	}
	return []checkLine{ok("tunnels", "%s", strings.Join(parts, "; "))}
}

// checkPublicURL has the session ask itself through its public URL.
func (e *examination) checkPublicURL(ctx context.Context) []checkLine {
	const code = "public-url"
	own := e.own()
	if own == nil {
		return []checkLine{unknown(code, "", "public URL: not known, as no session of this project is running")}
	}
	found, err := own.selfCheck(ctx)
	switch {
	case err != nil:
		return []checkLine{unknown(code, "", "public URL: %s", err)}
	case found.URL == "" && found.Provider == "":
		return []checkLine{unknown(code, "press p in igloo's UI, or start it with --tunnel", "public URL: none is open, so that only this machine can deliver")}
	case found.URL == "":
		return []checkLine{broken(code, found.Hint, "public URL: the %s tunnel is %s: %s", found.Provider, found.State, cmp.Or(found.Error, "no word yet"))}
	case found.Unchecked:
		return []checkLine{unknown(code, "", "public URL %s: not checked, as only who has Meta's client certificate gets in", found.URL)}
	case found.Error == "":
		return append([]checkLine{ok(code, "public URL %s: the verification request came back through it in %s", found.URL, tookText(found.took()))}, e.checkMoved()...)
	}
	text := fmt.Sprintf("public URL %s: %s", found.URL, found.Error)
	if found.Code == codeOutProxy { // which says nothing about Meta's way in
		return append([]checkLine{unknown(code, found.Hint, "%s", text)}, e.checkMoved()...)
	}
	if found.Meta != "" {
		text += "; Meta " + found.Meta
	}
	return append([]checkLine{broken(code, found.Hint, "%s", text)}, e.checkMoved()...)
}

// checkMoved says that Meta may still have another callback URL.
func (e *examination) checkMoved() []checkLine {
	was := newCallbackMemory(&e.project).was()
	if was == "" {
		return nil
	}
	return []checkLine{warning("callback-url", "igloo subscribe app, or enter it in the App Dashboard", "the callback URL has changed, and Meta may still send to %s", was)}
}
