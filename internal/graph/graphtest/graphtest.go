// Package graphtest is a stand-in for Meta's Graph API, for tests: the subscriptions of
// apps and accounts, with the errors of the real one. It really sends the verification
// request to a callback URL, and refuses the registration when the answer is wrong.
//
// What it does not know about Meta is a setting: whether a list of fields replaces the
// subscribed ones or extends them is not documented, so a test can have both.
//
// The package makes no API promise before v1.
package graphtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Paths of the two hosts below the stand-in's URL.
const (
	InstagramPath = "/instagram" // stands in for https://graph.instagram.com
	FacebookPath  = "/facebook"  // stands in for https://graph.facebook.com
)

// Config is what Meta knows of its customers. Every text in it is invented.
type Config struct {
	AppID           string
	AppSecret       string // the Meta app secret
	InstagramSecret string // the Instagram app secret
	Accounts        []Account
	// Extend makes a list of fields extend what is subscribed. It replaces it
	// otherwise.
	Extend bool
	// RequireProof is the app's "Require App Secret".
	RequireProof bool
	// Accepted are the fields that an account's subscription takes, by path of the
	// host; a host without any takes every field.
	Accepted map[string][]string
}

// Account is an Instagram professional account or a Facebook Page.
type Account struct {
	Path     string // InstagramPath or FacebookPath
	ID       string // good for the app only; the Page's id at Facebook
	UserID   string // 17841…
	Username string
	Token    string
}

// Server is the stand-in. It is an http.Handler and safe for concurrent use.
type Server struct {
	cfg  Config
	meta *http.Client // sends verification requests

	mu         sync.Mutex
	tunnels    map[string]string           // host of a callback URL → address
	app        map[string]*appSubscription // by object
	subscribed map[string][]string         // by account id
	faults     []http.HandlerFunc
	calls      []string
	leaks      []string
}

type appSubscription struct {
	callback string
	fields   []string
}

// New returns a stand-in. Serve it with net/http.
func New(cfg Config) *Server {
	meta := &http.Client{
		Timeout:       6 * time.Second, // as long as Meta waits
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Server{
		cfg: cfg, meta: meta,
		tunnels: map[string]string{}, app: map[string]*appSubscription{}, subscribed: map[string][]string{},
	}
}

// Fail answers the next calls with the given handlers, one each, before anything else
// is looked at.
func (s *Server) Fail(next ...http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, next...)
}

// Tunnel leads from the host of a callback URL to an address of this machine, as a
// tunnel does. A callback URL anywhere else than on this machine is not reached.
func (s *Server) Tunnel(host, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tunnels[host] = address
}

func (s *Server) tunnel(host string) (address string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address, ok = s.tunnels[host]
	return address, ok
}

// Calls returns "METHOD path" of what was called, without version and parameters.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Leaks returns where a secret came in a URL or a header that is logged on the way.
func (s *Server) Leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.leaks)
}

// SetApp puts an app's subscription in place, without a verification request.
func (s *Server) SetApp(object, callback string, fields ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app[object] = &appSubscription{callback, fields}
}

// SetAccount puts an account's subscription in place.
func (s *Server) SetAccount(id string, fields ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribed[id] = fields
}

// Subscribed returns the fields of an account's subscription.
func (s *Server) Subscribed(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.subscribed[id])
}

// App returns callback URL and fields of the app's subscription to an object.
func (s *Server) App(object string) (callback string, fields []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.app[object]; a != nil {
		return a.callback, slices.Clone(a.fields)
	}
	return "", nil
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := s.note(r); fault != nil {
		fault(w, r)
		return
	}
	host, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	host = "/" + host
	_, path, versioned := strings.Cut(rest, "/") // v25.0
	node, edge, _ := strings.Cut(path, "/")
	if !versioned || host != InstagramPath && host != FacebookPath {
		http.NotFound(w, r)
		return
	}
	if host == InstagramPath {
		w.Header().Set("Instagram-Api-Version", "v25.0")
		w.Header().Set("X-App-Usage", `{"call_volume":3,"cpu_time":1}`)
	} else {
		w.Header().Set("Facebook-Api-Version", "v25.0")
		w.Header().Set("X-App-Usage", `{"call_count":3,"total_cputime":1,"total_time":2}`)
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case host == FacebookPath && edge == "subscriptions":
		s.serveApp(w, r, node, token)
	case edge == "subscribed_apps", edge == "" && r.Method == http.MethodGet && host == InstagramPath:
		s.serveAccount(w, r, host, node, edge, token)
	default:
		refuse(w, 400, Error{Code: 100, Subcode: 33, Message: "Unsupported " + strings.ToLower(r.Method) + " request."})
	}
}

// note writes a call down and returns the fault that answers it.
func (s *Server) note(r *http.Request) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+strings.Replace(r.URL.Path, "/v25.0", "", 1))
	secrets := []string{s.cfg.AppSecret, s.cfg.InstagramSecret}
	for _, a := range s.cfg.Accounts {
		secrets = append(secrets, a.Token)
	}
	for _, text := range secrets {
		if text != "" && strings.Contains(r.URL.String()+r.UserAgent()+r.Referer(), text) {
			s.leaks = append(s.leaks, r.Method+" "+r.URL.Path)
		}
	}
	if len(s.faults) == 0 {
		return nil
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return fault
}

// Error is the error object of an answer.
type Error struct {
	Message   string `json:"message"`
	Type      string `json:"type"`
	Code      int    `json:"code"`
	Subcode   int    `json:"error_subcode,omitempty"`
	Transient bool   `json:"is_transient,omitempty"`
	TraceID   string `json:"fbtrace_id"`
}

// Refuse returns a handler that answers with an error object.
func Refuse(status int, e Error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, e) }
}

// Answer returns a handler that answers with a body of any kind.
func Answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// Redirect returns a handler that sends the client elsewhere.
func Redirect(status int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// BreakOff answers with the beginning of a body that promises more, then closes the
// connection.
func BreakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(`{"data":[`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Hang never answers. It returns when the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func refuse(w http.ResponseWriter, status int, e Error) {
	if e.Type == "" {
		e.Type = "OAuthException"
	}
	e.TraceID = "AbCdEfGhIjKlMnOpQrStUvW"
	if e.Code == 190 {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("OAuth \"Facebook Platform\" \"invalid_token\" %q", e.Message))
	}
	answer(w, status, map[string]any{"error": e})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func success(w http.ResponseWriter) { answer(w, http.StatusOK, map[string]any{"success": true}) }
