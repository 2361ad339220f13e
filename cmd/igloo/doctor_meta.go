package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkSubscriptions asks Meta where it sends what, as far as the user gave the means.
func (e *examination) checkSubscriptions(ctx context.Context) []checkLine {
	g, err := e.openGraph(e.graph, false)
	if err != nil {
		return []checkLine{broken("subscriptions", hintOf(err), "subscriptions: %s", err)}
	}
	defer g.close()
	account, login, accErr := g.account(loginFlags{Account: "me"}, false)
	app, appErr := g.app()
	if e.secrets.AccessToken.Empty() && appErr != nil {
		return []checkLine{unknown("subscriptions", "set IGLOO_ACCESS_TOKEN for the account's; --app-id and IGLOO_APP_SECRET=meta=… for the app's",
			"subscriptions: not known, as Meta is not asked without a token")}
	}
	h := &held{login: login, appErr: appErr, accErr: accErr}
	if own := e.own(); own != nil {
		h.here = own.info.CallbackURL
	}
	g.readApp(ctx, app, h)
	who := "the account"
	for _, line := range g.readAccount(ctx, account, h) {
		who = strings.TrimSpace("the account " + line.Username)
	}
	return append(h.appLines(), h.accountLines(who, !e.secrets.AccessToken.Empty())...)
}

// appLines judge the app's subscription.
func (h *held) appLines() []checkLine {
	const code = "app-subscription"
	if _, notGiven := errors.AsType[*usageError](h.appErr); notGiven {
		return []checkLine{unknown(code, hintOf(h.appErr), "the app's subscription: not known, as %s", h.appErr)}
	}
	fields := strings.Join(h.app.Fields, ", ")
	switch {
	case h.appErr != nil:
		return []checkLine{broken(code, hintOf(h.appErr), "%s", h.appErr)}
	case h.app.CallbackURL == "":
		return []checkLine{broken(code, "igloo subscribe app", "the app has no callback URL for Instagram, so that Meta sends nothing but Tests")}
	case h.here != "" && h.app.CallbackURL != h.here:
		return []checkLine{broken(code, "igloo subscribe app, which takes the deliveries from there", "Meta sends to %s, not to this session: an app has one callback URL", h.app.CallbackURL)}
	case !h.app.Active:
		return []checkLine{broken(code, "igloo subscribe app", "the app's subscription is not active")}
	case len(h.app.Fields) == 0:
		return []checkLine{broken(code, "igloo subscribe app --fields comments,messages", "the app's subscription has no fields on")}
	}
	lines := []checkLine{ok(code, "the app sends to %s: %s", h.app.CallbackURL, fields)}
	if slices.Contains(h.app.Fields, "message_edit") && !slices.Contains(h.app.Fields, "messages") {
		lines = append(lines, warning("messages-off", "igloo subscribe app --fields "+strings.Join(append(slices.Clone(h.app.Fields), "messages"), ","),
			"message_edit is on at the app and messages is not: of a new message only a hollow message_edit arrives"))
	}
	return lines
}

// accountLines judge the account's subscription.
func (h *held) accountLines(who string, given bool) []checkLine {
	const code = "account-subscription"
	switch {
	case h.accErr != nil && !given:
		return []checkLine{unknown(code, hintOf(h.accErr), "the account's subscription: not known, as %s", h.accErr)}
	case h.accErr != nil:
		return []checkLine{broken(code, hintOf(h.accErr), "%s", h.accErr)}
	case len(h.account) == 0:
		return []checkLine{broken(code, "igloo subscribe account", "%s is not subscribed to the app, so that only the Test button works", who)}
	}
	text := fmt.Sprintf("%s is subscribed: %s", who, strings.Join(h.account, ", "))
	var lost []string
	for _, name := range h.account {
		if h.appErr == nil && len(h.app.Fields) > 0 && !slices.Contains(h.app.Fields, name) {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 {
		return []checkLine{warning(code, "igloo subscribe list says what arrives, and what would turn it on", "%s; off at the app, so it does not arrive: %s", text, strings.Join(lost, ", "))}
	}
	return []checkLine{ok(code, "%s", text)}
}
