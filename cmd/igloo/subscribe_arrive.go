package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/internal/graph"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// arrival says whether Meta would send a field's events here, and why. Code is stable
// within a major version.
type arrival struct {
	Type        string   `json:"type"` // "arrival"
	Field       string   `json:"field"`
	Arrives     string   `json:"arrives"` // "yes", "no" or "unknown"
	Code        string   `json:"code"`
	Text        string   `json:"text"`
	Next        string   `json:"next,omitempty"` // what to type
	Permissions []string `json:"permissions,omitempty"`
}

const (
	arrivesYes     = "yes"
	arrivesNo      = "no"
	arrivesUnknown = "unknown"
)

// held is what Meta holds about the app and the account, as far as one could ask.
type held struct {
	login   webhook.Login
	app     graph.AppSubscription
	appErr  error    // why the app's subscription is not known
	account []string // fields the account is subscribed to
	accErr  error    // why the account's is not known
	here    string   // callback URL of the session, "" when there is none to compare with
}

// within names the field that brings another one's events along.
func within(f webhook.Field, login webhook.Login) string {
	switch {
	case f.Name == "message_echoes":
		return "messages"
	case f.Name == "mentions" && login == webhook.InstagramLogin:
		return "comments"
	}
	return ""
}

// judge says whether a field's events would arrive. Meta sends them when the field is
// on at the app and the account is subscribed; with any field subscribed, an account
// gets every field of the app.
func (h *held) judge(f webhook.Field) arrival {
	if outer, ok := webhook.LookupField(within(f, h.login)); ok {
		a := h.judge(outer)
		a.Field, a.Text = f.Name, "comes within "+outer.Name+"; "+a.Text
		return a
	}
	grant := f.Permissions.Of(h.login)
	a := arrival{Type: "arrival", Field: f.Name, Arrives: arrivesNo, Permissions: grant.Names}
	unlisted := !f.Permissions.Listed()
	switch {
	case !unlisted && !grant.Available(), unlisted && h.login == webhook.InstagramLogin && !f.Accepted:
		a.Code, a.Text = "not_for_login", loginName(h.login)+" does not have it"
		a.Next = otherLogin(f)
	case h.appErr == nil && h.app.CallbackURL == "":
		a.Code, a.Text, a.Next = "app_not_registered", "the app has no callback URL for Instagram", "igloo subscribe app"
	case h.appErr == nil && !h.app.Active:
		a.Code, a.Text, a.Next = "app_inactive", "the app's subscription is not active", "igloo subscribe app"
	case h.appErr == nil && !slices.Contains(h.app.Fields, f.Name):
		a.Code, a.Text = "app_field_off", "off at the app"
		a.Next = "igloo subscribe app --fields " + strings.Join(append(slices.Clone(h.app.Fields), f.Name), ",")
	case h.accErr == nil && len(h.account) == 0:
		a.Code, a.Text, a.Next = "account_not_subscribed", "the account is not subscribed", "igloo subscribe account"
	case h.appErr == nil && h.here != "" && h.app.CallbackURL != h.here:
		a.Code, a.Text, a.Next = "callback_elsewhere", "goes to "+oneLine(h.app.CallbackURL)+", not to this session", "igloo subscribe app"
	case h.appErr != nil:
		a.Arrives, a.Code, a.Text = arrivesUnknown, "app_unknown", "the app's subscription is not known"
	case h.accErr != nil:
		a.Arrives, a.Code, a.Text = arrivesUnknown, "account_unknown", "the account's subscription is not known"
		if refused, ok := graphRefusal(h.accErr); ok && refused.NoPermission() {
			a.Code, a.Text, a.Next = "permission_missing", "the token lacks a permission", "igloo fields "+f.Name
		}
	default:
		a.Arrives, a.Code, a.Text = arrivesYes, "subscribed", "on at the app, and the account is subscribed"
		if !slices.Contains(h.account, f.Name) {
			a.Code, a.Text = "by_app", "on at the app; the account is subscribed to "+h.account[0]+", which brings all of the app's fields"
		}
	}
	return a
}

// otherLogin says which product has a field.
func otherLogin(f webhook.Field) string {
	for _, l := range loginNames {
		if f.Permissions.Of(l.login).Available() {
			return fmt.Sprintf("%s has it: --login %s", l.name, l.login)
		}
	}
	return ""
}

// worthListing are the fields of Instagram that people can have, and those that are
// on already.
func (h *held) worthListing() []webhook.Field {
	return slices.DeleteFunc(webhook.Fields(), func(f webhook.Field) bool {
		on := slices.Contains(h.app.Fields, f.Name) || slices.Contains(h.account, f.Name)
		return !slices.Contains(f.Objects, onInstagram) || !f.Shape && !on
	})
}

// appHint is the command that turns on at the app what is off, and keeps what is on.
func appHint(arrivals []arrival, on []string) string {
	var off []string
	for _, a := range arrivals {
		if a.Code == "app_field_off" {
			off = append(off, without([]string{a.Field}, off)...)
		}
	}
	if len(off) == 0 {
		return ""
	}
	return "igloo subscribe app --fields " + strings.Join(append(slices.Clone(on), off...), ",")
}
