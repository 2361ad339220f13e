package graphtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// proves reports whether appsecret_proof fits, or is not needed.
func (s *Server) proves(w http.ResponseWriter, r *http.Request, token, appSecret string) bool {
	proof := r.FormValue("appsecret_proof")
	if proof == "" && !s.cfg.RequireProof {
		return true
	}
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(token))
	if hmac.Equal([]byte(proof), []byte(hex.EncodeToString(mac.Sum(nil)))) {
		return true
	}
	message := "Invalid appsecret_proof provided in the API argument"
	if proof == "" {
		message = "API calls from the server require an appsecret_proof argument"
	}
	refuse(w, 400, Error{Code: 100, Type: "GraphMethodException", Message: message})
	return false
}

// serveApp is /{app-id}/subscriptions.
func (s *Server) serveApp(w http.ResponseWriter, r *http.Request, node, token string) {
	id, _, isApp := strings.Cut(token, "|")
	switch {
	case !isApp || token != s.cfg.AppID+"|"+s.cfg.AppSecret || id != node:
		refuse(w, 400, Error{Code: 190, Message: "Invalid OAuth access token signature."})
		return
	case !s.proves(w, r, token, s.cfg.AppSecret):
		return
	}
	object := r.FormValue("object")
	switch r.Method {
	case http.MethodGet:
		s.listApp(w)
	case http.MethodPost:
		s.register(w, r, object)
	case http.MethodDelete:
		s.mu.Lock()
		defer s.mu.Unlock()
		if gone := split(r.FormValue("fields")); len(gone) > 0 && s.app[object] != nil {
			s.app[object].fields = slices.DeleteFunc(s.app[object].fields, func(f string) bool { return slices.Contains(gone, f) })
		} else {
			delete(s.app, object)
		}
		success(w)
	}
}

func (s *Server) listApp(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := []any{}
	for object, a := range s.app {
		fields := []any{}
		for _, name := range a.fields {
			fields = append(fields, map[string]any{"name": name, "version": "v25.0"})
		}
		data = append(data, map[string]any{"object": object, "callback_url": a.callback, "active": true, "fields": fields})
	}
	answer(w, http.StatusOK, map[string]any{"data": data})
}

func (s *Server) register(w http.ResponseWriter, r *http.Request, object string) {
	callback, fields := r.FormValue("callback_url"), split(r.FormValue("fields"))
	if problem := s.verify(r, callback, r.FormValue("verify_token")); problem != "" {
		refuse(w, 400, Error{Code: 2200, Message: "(#2200) Callback verification failed with the following errors: " + problem})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.app[object]; old != nil && s.cfg.Extend {
		fields = union(old.fields, fields)
	}
	s.app[object] = &appSubscription{callback, fields}
	success(w)
}

// verify sends the verification request and returns what Meta would say is wrong with
// the answer.
func (s *Server) verify(r *http.Request, callback, token string) string {
	u, err := url.Parse(callback)
	if err != nil {
		return "curl_errno = 3; curl_error = URL using bad/illegal format or missing URL"
	}
	challenge := strconv.Itoa(100_000_000 + rand.IntN(2_000_000_000)) //nolint:gosec // a stand-in's number
	query := "hub.mode=subscribe&hub.challenge=" + challenge + "&hub.verify_token=" + url.QueryEscape(token)
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, u.String(), nil) //nolint:gosec // a callback URL is called: that is what it is for, and on this machine only
	if err != nil {
		return "curl_errno = 3; curl_error = URL using bad/illegal format or missing URL"
	}
	if to, ok := s.tunnel(u.Host); ok {
		req.Host, req.URL.Scheme, req.URL.Host = u.Host, "http", to
	} else if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return "curl_errno = 6; curl_error = Could not resolve host: " + u.Hostname()
	}
	req.Header.Set("User-Agent", "facebookplatform/1.0 (+http://developers.facebook.com)")
	req.Header.Set("Accept", "*/*")
	resp, err := s.meta.Do(req) //nolint:gosec // as above
	if err != nil {
		if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
			return "curl_errno = 28; curl_error = Operation timed out after 6000 milliseconds with 0 bytes received"
		}
		return "curl_errno = 7; curl_error = Failed to connect to " + u.Hostname()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	switch {
	case err != nil:
		return "curl_errno = 18; curl_error = transfer closed with outstanding read data remaining"
	case resp.StatusCode >= 300 && resp.StatusCode <= 399:
		return fmt.Sprintf("curl_errno = 47; curl_error = Maximum (2) redirects followed; HTTP Status Code = %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return fmt.Sprintf("HTTP Status Code = %d; HTTP Message = %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case string(body) != challenge:
		received := strings.ReplaceAll(string(body[:min(len(body), 20)]), "<", `\u003C`)
		return fmt.Sprintf("Response does not match challenge, expected value=%q, received=%q…", challenge, received)
	}
	return ""
}

// serveAccount is /{id|me}/subscribed_apps, and the account itself.
func (s *Server) serveAccount(w http.ResponseWriter, r *http.Request, host, node, edge, token string) {
	i := slices.IndexFunc(s.cfg.Accounts, func(a Account) bool { return a.Token == token && token != "" })
	if i < 0 || s.cfg.Accounts[i].Path != host {
		refuse(w, 400, Error{Code: 190, Message: "Invalid OAuth access token - Cannot parse access token"})
		return
	}
	a := s.cfg.Accounts[i]
	appSecret := s.cfg.AppSecret
	if host == InstagramPath {
		appSecret = s.cfg.InstagramSecret
	}
	switch {
	case node != "me" && node != a.ID && node != a.UserID:
		refuse(w, 400, Error{Code: 100, Subcode: 33, Type: "GraphMethodException", Message: "Unsupported " + strings.ToLower(r.Method) + " request. Object with ID '" + node + "' does not exist"})
	case !s.proves(w, r, token, appSecret):
	case edge == "":
		answer(w, http.StatusOK, map[string]any{"id": a.ID, "user_id": a.UserID, "username": a.Username, "account_type": "BUSINESS"})
	case r.Method == http.MethodGet:
		s.listAccount(w, a)
	case r.Method == http.MethodPost:
		s.subscribe(w, a, split(r.FormValue("subscribed_fields")))
	case r.Method == http.MethodDelete:
		s.SetAccount(a.ID)
		success(w)
	}
}

func (s *Server) listAccount(w http.ResponseWriter, a Account) {
	data := []any{}
	if fields := s.Subscribed(a.ID); len(fields) > 0 {
		row := map[string]any{"subscribed_fields": fields}
		if a.Path == FacebookPath {
			row["category"], row["link"], row["name"], row["id"] = "Business", "https://example.com/", "Bakery App", s.cfg.AppID
		}
		data = append(data, row)
	}
	answer(w, http.StatusOK, map[string]any{"data": data})
}

func (s *Server) subscribe(w http.ResponseWriter, a Account, fields []string) {
	accepted := s.cfg.Accepted[a.Path]
	for i, f := range fields {
		if len(accepted) > 0 && !slices.Contains(accepted, f) {
			refuse(w, 400, Error{Code: 100, Type: "IGApiException", Message: fmt.Sprintf("(#100) Param subscribed_fields[%d] must be one of {%s} - got %q.", i, strings.Join(accepted, ", "), f)})
			return
		}
	}
	if s.cfg.Extend {
		fields = union(s.Subscribed(a.ID), fields)
	}
	s.SetAccount(a.ID, fields...)
	if a.Path == FacebookPath {
		answer(w, http.StatusOK, map[string]any{"success": "true"}) // the Messenger page prints a text
		return
	}
	success(w)
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, f := range b {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}
