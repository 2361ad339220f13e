package tui

// check is one line of the checklist.
type check struct {
	phase  Phase
	what   string
	detail string
	link   string
	key    string // that helps
	note   string // a line below
}

// checks are what has to be true before the first event of Meta arrives.
func (m *Model) checks() []check {
	f := &m.facts
	tunnel := check{phase: f.Tunnel, what: "Tunnel online", detail: f.CallbackURL, link: f.CallbackURL, key: "u copies it"}
	switch {
	case f.CallbackURL != "" && f.Tunnel == Down:
		tunnel.key = "p opens another"
	case f.CallbackURL != "":
	case f.Tunnel == Absent:
		tunnel.detail, tunnel.key = "none: only this machine can deliver", "p opens one"
	case f.TunnelNote != "":
		tunnel.detail, tunnel.key = f.TunnelNote, "p tries again"
	default:
		tunnel.detail, tunnel.key = "connecting", ""
	}
	switch {
	case f.CallbackURL != "" && f.Tunnel == Down:
		tunnel.note = f.TunnelNote
	case f.CallbackURL != "" && f.Tunnel == Waiting:
		tunnel.note = "Checking that it leads here."
	}
	token := check{what: "Webhook verified", detail: "verify token " + m.tokenText(), key: "t shows it"}
	if f.VerifyToken == nil {
		token.key = ""
	}
	if at := m.verified(); !at.IsZero() {
		token.phase, token.detail, token.key = Up, at.In(m.cfg.Zone).Format("15:04:05"), ""
	}
	if f.CallbackWas != "" {
		token.phase, token.note = Absent, "The callback URL has changed. Meta may still have "+f.CallbackWas
	}
	app := check{phase: f.Target, what: "App reachable", detail: f.TargetURL}
	switch f.Target {
	case Absent:
		app.detail = "no target: start with --forward-to 3000"
	case Down:
		app.detail += "  " + f.TargetNote
		app.note = "Deliveries are recorded; r replays them later."
	case Waiting, Up:
	}
	return []check{tunnel, token, app, {what: "First event", detail: "a signed sample, now", key: "f fires one"}}
}

// tokenText is the verify token, masked until t.
func (m *Model) tokenText() string {
	switch {
	case m.facts.VerifyToken == nil && m.facts.TokenName == "":
		return "yours"
	case m.facts.VerifyToken == nil:
		return "yours, from " + m.facts.TokenName
	case m.token:
		return m.facts.VerifyToken.Reveal()
	}
	return "made by igloo, hidden"
}

// drawWaiting draws the checklist in place of the panes, until something arrives.
func (m *Model) drawWaiting(r rect) []string {
	rows := make([]string, 0, r.h)
	add := func(draw func(p *pen)) { rows = append(rows, m.line(draw)) }
	if m.layout.framed() {
		add(func(*pen) {})
	}
	add(func(p *pen) { p.gap(2); p.put(p.strong, "Waiting for the first event") })
	add(func(*pen) {})
	for _, c := range m.checks() {
		add(func(p *pen) { m.drawCheck(p, c) })
		if c.note != "" {
			add(func(p *pen) { p.gap(6); p.put(p.dim, p.clean(c.note)) })
		}
	}
	if m.layout.framed() && r.h > len(rows)+4 {
		add(func(*pen) {})
		add(func(p *pen) {
			p.gap(2)
			p.put(p.dim, "At Meta, enter the callback URL and the verify token, and subscribe to fields.")
		})
		add(func(p *pen) { p.gap(2); p.put(p.dim, "Until then f plays Meta on this machine; ? lists all keys.") })
	}
	for len(rows) < r.h {
		add(func(*pen) {})
	}
	return rows[:r.h]
}

func (m *Model) drawCheck(p *pen, c check) {
	st, mark := p.dim, p.off
	switch c.phase {
	case Up:
		st, mark = p.ok, p.yes
	case Down:
		st, mark = p.bad, p.no
	case Waiting:
		st = p.warn
	case Absent:
	}
	p.gap(2)
	p.put(st, mark)
	p.gap(1)
	p.column(p.text, c.what, 18, false)
	p.gap(1)
	end := 0
	if c.key != "" && p.left > 30 {
		end = p.width(c.key) + 4
	}
	p.left -= end
	if c.link != "" {
		p.link(p.strong, p.clean(c.link), c.link)
	} else {
		p.put(p.dim, p.clean(c.detail))
	}
	p.left += end
	if end > 0 {
		p.gap(2)
		p.put(p.key, c.key[:1])
		p.put(p.dim, c.key[1:])
	}
}
