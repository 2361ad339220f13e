package graph

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/igloo-dev/igloo/internal/secret"
)

// App is an app of the App Dashboard. Its calls carry its access token, which is made
// of its id and its Meta app secret.
type App struct {
	ID     string
	Secret secret.Value
}

// Account is what is subscribed to an app: an Instagram professional account at
// [Instagram], a Facebook Page at [Facebook].
type Account struct {
	Host  Host
	Node  string // its id, or "me": the one the token belongs to
	Token secret.Value
	// Secret is the app secret of that host, for appsecret_proof; without it none
	// is sent.
	Secret secret.Value
}

// Registration is what an app asks Meta to send, and where to.
type Registration struct {
	Object        string // "instagram"
	CallbackURL   string
	VerifyToken   secret.Value
	Fields        []string
	IncludeValues bool // the changed values, not only the fields' names
}

// Call is one request to the Graph API, not yet sent.
type Call struct {
	about  string // what it does, for errors: "register the callback url"
	method string
	host   Host
	path   string // escaped, from the version on
	params []param
	token  secret.Value
	secret secret.Value // of the app; empty sends no proof
}

// param is one parameter. One with a hidden value is never shown.
type param struct {
	name, value string
	hidden      secret.Value
}

// Write reports whether the call changes something.
func (c Call) Write() bool { return c.method != http.MethodGet }

func (a App) call(about, method string, params ...param) Call {
	return Call{
		about: about, method: method, host: Facebook, path: "/" + url.PathEscape(a.ID) + "/subscriptions", params: params,
		token: secret.New(a.ID + "|" + a.Secret.Reveal()), secret: a.Secret,
	}
}

// Register sets the app's callback URL and fields. Meta sends the verification request
// before it answers.
func (a App) Register(r Registration) Call {
	return a.call("register the callback url", http.MethodPost,
		param{name: "object", value: r.Object},
		param{name: "callback_url", value: r.CallbackURL},
		param{name: "verify_token", hidden: r.VerifyToken},
		param{name: "fields", value: strings.Join(r.Fields, ",")},
		param{name: "include_values", value: fmt.Sprint(r.IncludeValues)})
}

// Read asks for the app's subscriptions.
func (a App) Read() Call { return a.call("read the app's subscriptions", http.MethodGet) }

// Remove takes fields off the app's subscription; without fields all of it.
func (a App) Remove(object string, fields ...string) Call {
	params := []param{{name: "object", value: object}}
	if len(fields) > 0 {
		params = append(params, param{name: "fields", value: strings.Join(fields, ",")})
	}
	return a.call("remove the app's subscription", http.MethodDelete, params...)
}

func (a Account) call(about, method, path string, params ...param) Call {
	return Call{
		about: about, method: method, host: a.Host, path: "/" + url.PathEscape(a.Node) + path, params: params,
		token: a.Token, secret: a.Secret,
	}
}

// Subscribe subscribes the account to the app its token belongs to. Whether the fields
// replace what is subscribed or extend it is not documented: read back.
func (a Account) Subscribe(fields []string) Call {
	return a.call("subscribe the account", http.MethodPost, "/subscribed_apps", param{name: "subscribed_fields", value: strings.Join(fields, ",")})
}

// Read asks for the account's subscriptions.
func (a Account) Read() Call {
	return a.call("read the account's subscription", http.MethodGet, "/subscribed_apps")
}

// Unsubscribe ends the account's subscription.
func (a Account) Unsubscribe() Call {
	return a.call("unsubscribe the account", http.MethodDelete, "/subscribed_apps")
}

// Profile asks who the account is. It exists at [Instagram].
func (a Account) Profile() Call {
	return a.call("read the account", http.MethodGet, "", param{name: "fields", value: "id,user_id,username,account_type"})
}

// Shown is a call as people may see it: secrets are "[redacted]", wherever they stand.
type Shown struct {
	Method string
	URL    string
	Header []string // "Name: value"
	Body   string
}

// String returns the call as an HTTP request.
func (s Shown) String() string {
	text := s.Method + " " + s.URL + "\n" + strings.Join(s.Header, "\n") + "\n"
	if s.Body != "" {
		text += "\n" + s.Body + "\n"
	}
	return text
}

// Show returns what would be sent, without its secrets.
func (c *Client) Show(call Call) Shown {
	s := c.render(call, func(secret.Value) string { return secret.Redacted })
	s.URL, s.Body = call.redact(s.URL), call.redact(s.Body)
	return s
}

// request makes what Show shows, with the secrets in place.
func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	s := c.render(call, secret.Value.Reveal)
	req, err := http.NewRequestWithContext(ctx, s.Method, s.URL, strings.NewReader(s.Body))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", call.about, call.redact(err.Error()))
	}
	for _, line := range s.Header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	return req, nil
}

// render is the one builder of requests. Parameters of a POST are a form; those of
// the others stand in the URL, as many proxies drop the body of a DELETE.
func (c *Client) render(call Call, show func(secret.Value) string) Shown {
	params := slices.Clone(call.params)
	if !call.secret.Empty() {
		params = append(params, param{name: "appsecret_proof", hidden: Proof(call.token, call.secret)})
	}
	pairs := make([]string, len(params))
	for i, p := range params {
		value := url.QueryEscape(p.value)
		if !p.hidden.Empty() {
			if value = show(p.hidden); value != secret.Redacted {
				value = url.QueryEscape(value)
			}
		}
		pairs[i] = url.QueryEscape(p.name) + "=" + value
	}
	s := Shown{
		Method: call.method, URL: c.base[call.host] + "/" + c.version + call.path,
		Header: []string{"Authorization: Bearer " + show(call.token), "Accept: application/json", "User-Agent: igloo"},
	}
	switch query := strings.Join(pairs, "&"); {
	case call.method == http.MethodPost:
		s.Header, s.Body = append(s.Header, "Content-Type: application/x-www-form-urlencoded"), query
	case query != "":
		s.URL += "?" + query
	}
	return s
}

// redact takes the call's secrets out of a text, in every form a URL may give them.
func (c Call) redact(text string) string {
	values := []secret.Value{c.token, c.secret}
	if !c.secret.Empty() {
		values = append(values, Proof(c.token, c.secret))
	}
	for _, p := range c.params {
		values = append(values, p.hidden)
	}
	for _, v := range values {
		plain := v.Reveal()
		text = secret.Redact(text, v, secret.New(url.QueryEscape(plain)), secret.New(url.PathEscape(plain)))
	}
	return text
}
