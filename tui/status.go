package tui

import (
	"net/url"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// drawStatus draws the lines at the top: where deliveries come from and go to, and
// what became of them.
func (m *Model) drawStatus() []string {
	if m.layout.shape == bare && m.focus == detailPane {
		return []string{m.line(m.detailTitle)} // there is no frame to say which tab it is
	}
	rows := []string{m.line(m.statusLine)}
	if m.layout.status > 1 {
		rows = append(rows, m.line(m.countLine))
	}
	if m.layout.status > 2 {
		rows = append(rows, m.line(func(p *pen) {
			p.gap(1)
			p.put(p.warn, p.clean(m.notice()))
		}))
	}
	return rows
}

// notice is the loud line: what keeps deliveries away comes first.
func (m *Model) notice() string {
	f := &m.facts
	switch {
	case f.Tunnel == Down && f.CallbackURL != "":
		return "public URL: " + f.TunnelNote
	case f.CallbackWas != "":
		return "the callback URL has changed: enter it at Meta again (u copies it), or: igloo subscribe app"
	}
	return f.Notice
}

// statusLine draws the name, the tunnel and the target. The callback URL is what
// people need to read in full, so everything else gives way to it.
func (m *Model) statusLine(p *pen) {
	wide := m.width >= wideStatus
	if m.layout.framed() {
		p.put(p.brand, " "+p.clean(m.name())+" ")
	}
	p.gap(1)
	live := ""
	if wide && !m.facts.Started.IsZero() {
		live = "live " + elapsed(m.cfg.Now().Sub(m.facts.Started)) + " "
	}
	end := p.width(live)
	p.left -= end
	m.drawTunnel(p, wide)
	if m.layout.framed() {
		m.drawTarget(p, wide)
	}
	p.to(0)
	p.left = end
	p.put(p.dim, live)
}

func (m *Model) drawTunnel(p *pen, wide bool) {
	f := &m.facts
	st, mark, word := p.phase(f.Tunnel, "online", "connecting", "offline", "local only")
	if f.CallbackURL != "" { // there is a URL, and whether it leads here is another matter
		st, mark, word = p.phase(f.Tunnel, "online", "checking", "degraded", "")
	}
	p.put(st, mark)
	p.gap(1)
	if wide || f.CallbackURL == "" || f.Tunnel == Down {
		p.put(st, word)
		p.gap(2)
	}
	switch {
	case f.CallbackURL != "":
		url := p.clean(f.CallbackURL)
		if p.width(url) > p.left {
			url = strings.TrimPrefix(url, "https://")
		}
		p.link(p.strong, url, f.CallbackURL)
	case f.Tunnel == Down && f.TunnelNote != "":
		p.put(p.bad, p.clean(f.TunnelNote))
	case f.Tunnel == Absent && m.layout.framed():
		p.put(p.dim, "p opens a public URL")
	case f.Provider != "":
		p.put(p.dim, p.clean(f.Provider))
	}
	p.gap(2)
}

func (m *Model) drawTarget(p *pen, wide bool) {
	f := &m.facts
	p.put(p.dim, p.arrow)
	p.gap(1)
	if wide {
		p.gap(1)
	}
	if f.Target == Absent {
		p.put(p.dim, "no target, recording only")
		return
	}
	st, mark, word := p.phase(f.Target, "up", "", "down", "")
	if wide {
		mark += " " + word
	}
	target := p.clean(shortURL(f.TargetURL, wide))
	if room := p.left - p.width(mark) - 1; p.width(target) > room {
		target, _, _ = strings.Cut(target, "/")
	}
	p.put(p.text, target)
	p.gap(1)
	p.put(st, mark)
}

// phase returns how a phase is drawn.
func (l *look) phase(phase Phase, up, waiting, down, absent string) (st style, mark, word string) {
	switch phase {
	case Up:
		return l.ok, l.on, up
	case Waiting:
		return l.warn, l.off, waiting
	case Down:
		return l.bad, l.no, down
	case Absent:
	}
	return l.dim, l.off, absent
}

// shortURL leaves out what everyone knows: the scheme, and on narrow screens the
// name of this machine.
func shortURL(text string, wide bool) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	host := u.Host
	if name := u.Hostname(); !wide && u.Port() != "" && (name == "localhost" || name == "127.0.0.1" || name == "::1") {
		host = ":" + u.Port()
	}
	return host + strings.TrimSuffix(u.EscapedPath(), "/")
}

// countLine draws the totals.
func (m *Model) countLine(p *pen) {
	wide := m.width >= wideStatus
	c := &m.counts
	sep := false
	part := func(st style, text string) {
		if text == "" {
			return
		}
		if sep {
			p.put(p.dim, " "+p.dot+" ")
		}
		sep = true
		p.put(st, text)
	}
	p.gap(1)
	if err := m.history.err; err != nil {
		part(p.bad, p.no+" journal: "+p.clean(err.Error()))
	}
	part(p.text, pick(wide, plural(int(c.Events), "event"), grouped(int(c.Events))))
	if n := c.recent.perSecond(m.cfg.Now()); n > 0 {
		part(p.key, grouped(n)+"/s")
	}
	if bad := c.Verdicts[webhook.Invalid] + c.Verdicts[webhook.Unsigned]; bad > 0 {
		part(p.bad, p.no+" "+grouped(int(bad))+pick(wide, " bad signature", " bad"))
	}
	if n := c.Verdicts[webhook.Unchecked]; n > 0 {
		part(p.warn, p.unchecked+" "+grouped(int(n))+" unchecked")
	}
	if c.Failed > 0 {
		part(p.bad, grouped(int(c.Failed))+" failed")
	}
	if c.Pending > 0 {
		part(p.warn, grouped(int(c.Pending))+" pending")
	}
	if at := m.verified(); at.IsZero() {
		part(p.dim, "not verified yet")
	} else {
		part(p.ok, "verified "+at.In(m.cfg.Zone).Format("15:04"))
	}
	if !wide {
		return
	}
	if names := m.facts.Secrets; len(names) > 0 {
		part(p.dim, "app secret "+p.clean(strings.Join(names, ", ")))
	} else {
		part(p.warn, "no app secret")
	}
	if n := len(c.Fields); n > 0 {
		part(p.dim, plural(n, "field"))
	}
}

// pick is a when first holds, else b.
func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// verified is when Meta last verified the callback URL.
func (m *Model) verified() time.Time {
	if m.counts.verified.After(m.facts.Verified) {
		return m.counts.verified
	}
	return m.facts.Verified
}

// barItem is one entry of the bar at the bottom, and where it was drawn.
type barItem struct {
	binding  *binding
	from, to int
}

// barItems lays out the bar: as many entries as fit, the help and quit always.
func (m *Model) barItems() []barItem {
	where := m.where()
	var items []barItem
	for i := range m.keys.table {
		if b := &m.keys.table[i]; b.bar != "" && b.scope&where != 0 && m.useful(b.action) {
			items = append(items, barItem{binding: b})
		}
	}
	cells := func(item barItem) int {
		return m.look.width(m.shown(item.binding)) + 1 + m.look.width(item.binding.bar) + 2
	}
	total := 1
	for _, item := range items {
		total += cells(item)
	}
	for i := len(items) - 3; total > m.width && i >= 0; i-- { // the last two are help and quit
		total -= cells(items[i])
		items = append(items[:i], items[i+1:]...)
	}
	at := 1
	for i := range items {
		items[i].from, items[i].to = at, at+cells(items[i])-2
		at += cells(items[i])
	}
	return items
}

// useful reports whether an action would find something to act on.
func (m *Model) useful(a action) bool {
	switch a {
	case doOpen, doReplay, doFilter, doCopy:
		return !m.waiting()
	case doFireAgain:
		return m.lastFire.name != ""
	default:
		return true
	}
}

// shown is how a key is written, in ASCII when that is asked for.
func (m *Model) shown(b *binding) string {
	first, _, _ := strings.Cut(b.Help().Key, " ")
	if m.cfg.ASCII && first == "↵" {
		return "enter"
	}
	return first
}

// drawBar draws the last line: a toast, or the keys.
func (m *Model) drawBar() string {
	return m.line(func(p *pen) {
		p.gap(1)
		if m.toast.text != "" {
			st := p.text
			switch m.toast.kind {
			case goodToast:
				st = p.ok
			case badToast:
				st = p.bad
			case plainToast:
			}
			p.put(st, m.toast.text)
			return
		}
		if m.copying {
			p.put(p.strong, "copy  ")
		}
		for i, item := range m.barItems() {
			if i > 0 {
				p.gap(2)
			}
			p.put(p.key, m.shown(item.binding))
			p.gap(1)
			p.put(p.dim, item.binding.bar)
		}
	})
}
