package graph

import (
	"context"
	"encoding/json"
)

// AppSubscription is what an app gets of one object.
type AppSubscription struct {
	Object      string // "instagram", "page", …
	CallbackURL string
	Active      bool
	Fields      []string
}

// AccountSubscription is one app an account is subscribed to.
type AccountSubscription struct {
	AppID   string // "" at graph.instagram.com, which lists only the token's own app
	AppName string
	Fields  []string
}

// Profile is who an account is.
type Profile struct {
	ID       string `json:"id"`      // good for this app only
	UserID   string `json:"user_id"` // the 17841… id of deliveries
	Username string `json:"username"`
	Type     string `json:"account_type"`
}

// AppSubscriptions returns the subscriptions of an app, one an object.
func (c *Client) AppSubscriptions(ctx context.Context, a App) ([]AppSubscription, error) {
	var answer struct {
		Data []struct {
			Object      string      `json:"object"`
			CallbackURL string      `json:"callback_url"`
			Active      *bool       `json:"active"`
			Fields      []fieldName `json:"fields"`
		} `json:"data"`
	}
	if err := c.read(ctx, a.Read(), &answer); err != nil {
		return nil, err
	}
	var out []AppSubscription
	for _, d := range answer.Data {
		out = append(out, AppSubscription{
			Object: d.Object, CallbackURL: d.CallbackURL, Active: d.Active == nil || *d.Active, Fields: names(d.Fields),
		})
	}
	return out, nil
}

// AccountSubscriptions returns the apps an account is subscribed to.
func (c *Client) AccountSubscriptions(ctx context.Context, a Account) ([]AccountSubscription, error) {
	var answer struct {
		Data []struct {
			ID     string      `json:"id"`
			Name   string      `json:"name"`
			Fields []fieldName `json:"subscribed_fields"`
		} `json:"data"`
	}
	if err := c.read(ctx, a.Read(), &answer); err != nil {
		return nil, err
	}
	var out []AccountSubscription
	for _, d := range answer.Data {
		out = append(out, AccountSubscription{AppID: d.ID, AppName: d.Name, Fields: names(d.Fields)})
	}
	return out, nil
}

// Profile returns who an account is.
func (c *Client) Profile(ctx context.Context, a Account) (Profile, error) {
	var p Profile
	err := c.read(ctx, a.Profile(), &p)
	return p, err
}

// fieldName is a field of an answer: an object with a name and a version at the app,
// a text at the account.
type fieldName string

// UnmarshalJSON accepts both forms.
func (f *fieldName) UnmarshalJSON(data []byte) error {
	var object struct {
		Name string `json:"name"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &object)
		*f = fieldName(object.Name)
		return err
	}
	var text string
	err := json.Unmarshal(data, &text)
	*f = fieldName(text)
	return err
}

// names returns the fields without empty ones.
func names(fields []fieldName) []string {
	var out []string
	for _, f := range fields {
		if f != "" {
			out = append(out, string(f))
		}
	}
	return out
}

// succeeded reports whether an answer says that a change is done. Meta's pages print
// true, and "true" as a text.
func succeeded(body []byte) bool {
	var answer struct {
		Success json.RawMessage `json:"success"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	return string(answer.Success) == "true" || string(answer.Success) == `"true"`
}
