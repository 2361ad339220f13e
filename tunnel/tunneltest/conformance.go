package tunneltest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
)

// Subject is a provider to be tested.
type Subject struct {
	Provider tunnel.Provider

	// Client reaches the provider's public URL. Leave it nil for a provider
	// that carries no requests itself.
	Client *http.Client

	// NeverOnline is for a provider that has no public URL.
	NeverOnline bool

	// Loopback is for a provider that has requests sent to Ingress.LoopbackURL and
	// serves none itself.
	Loopback bool
}

// Run checks that a provider keeps the contract of [tunnel.Provider]. open is
// called for each check and returns a provider that can come online.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, check := range []struct {
		name    string
		carries bool // needs a Client
		serves  bool // needs a provider that calls Ingress.Serve
		run     func(*testing.T, Subject)
	}{
		{"info is constant", false, false, checkInfo},
		{"an ended context starts nothing", false, false, checkEndedContext},
		{"reports a public URL until the context ends", false, false, checkOnline},
		{"can run again", false, false, checkRunAgain},
		{"carries requests", true, false, checkRequests},
		{"answers what is under way before it ends", true, false, checkUnderWay},
		{"ends when nobody answers", true, true, checkServeEnds},
	} {
		t.Run(check.name, func(t *testing.T) {
			s := open(t)
			if check.carries && s.Client == nil {
				t.Skip("the provider carries no requests")
			}
			if check.serves && s.Loopback {
				t.Skip("the provider serves no requests itself")
			}
			check.run(t, s)
		})
	}
}

// running is a provider at work.
type running struct {
	Recorder
	cancel context.CancelFunc
	ended  chan error
}

// start runs the subject's provider with handler behind it.
func (s Subject) start(t *testing.T, in tunnel.Ingress) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- s.Provider.Run(ctx, in, r.Emit) }()
	t.Cleanup(cancel)
	return r
}

// end returns what Run returns, and checks that it emits nothing more.
func (r *running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		before := len(r.All())
		t.Cleanup(func() {
			if after := len(r.All()); after != before {
				t.Errorf("%d reports after Run returned, want none", after-before)
			}
		})
		return err
	case <-time.After(patience):
		t.Fatalf("Run does not return within %v", patience)
		return nil
	}
}

// stop ends the context and expects Run to end well.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := r.end(t); err != nil {
		t.Errorf("Run = %v after the context ended, want nil", err)
	}
}

// ingress serves handler as igloo does, on loopback and wherever the provider wants.
func ingress(t *testing.T, handler http.Handler) tunnel.Ingress {
	t.Helper()
	newServer := func() *http.Server { return &http.Server{Handler: handler, ReadHeaderTimeout: patience} }
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local := newServer()
	go func() { _ = local.Serve(listener) }()
	t.Cleanup(func() { _ = local.Close() })
	return tunnel.HTTPIngress("http://"+listener.Addr().String(), patience, newServer)
}

func checkInfo(t *testing.T, s Subject) {
	info := s.Provider.Info()
	if info.Name == "" || strings.ToLower(info.Name) != info.Name {
		t.Errorf("Info().Name = %q, want a lower-case name", info.Name)
	}
	if info.TLS == tunnel.TLSNowhere != s.NeverOnline {
		t.Errorf("Info().TLS = %v for a provider with NeverOnline = %v", info.TLS, s.NeverOnline)
	}
	r := s.start(t, ingress(t, http.NotFoundHandler()))
	if again := s.Provider.Info(); again != info {
		t.Errorf("Info() = %+v while it runs, %+v before", again, info)
	}
	r.stop(t)
}

func checkEndedContext(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var r Recorder
	if err := s.Provider.Run(ctx, ingress(t, http.NotFoundHandler()), r.Emit); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if slices.Contains(r.States(), tunnel.Online) {
		t.Errorf("states %v, want no %v", r.States(), tunnel.Online)
	}
}

func checkOnline(t *testing.T, s Subject) {
	r := s.start(t, ingress(t, http.NotFoundHandler()))
	if !s.NeverOnline {
		checkPublicURL(t, r.Await(t, tunnel.Online))
	}
	select {
	case err := <-r.ended:
		t.Fatalf("Run = %v before the context ended", err)
	default:
	}
	r.stop(t)
	for _, st := range r.All() {
		switch {
		case st.State == tunnel.Failed || st.State == tunnel.Closed:
			t.Errorf("the provider reports %v, which is the supervisor's to say", st.State)
		case st.State == tunnel.Online && (s.NeverOnline || st.Err != nil):
			t.Errorf("report %+v, want none online, or without an error", st)
		}
	}
}

func checkPublicURL(t *testing.T, st tunnel.Status) {
	t.Helper()
	u := st.URL
	if u == nil {
		t.Fatalf("report %+v has no URL", st)
	}
	if want := (url.URL{Scheme: "https", Host: u.Host}); *u != want || u.Host == "" {
		t.Errorf("public URL %q, want https:// and a host, no more", u)
	}
}

func checkRunAgain(t *testing.T, s Subject) {
	var urls []string
	for range 2 {
		r := s.start(t, ingress(t, http.NotFoundHandler()))
		if !s.NeverOnline {
			urls = append(urls, r.Await(t, tunnel.Online).URL.String())
		}
		r.stop(t)
	}
	if len(urls) == 2 && s.Provider.Info().StableURL && urls[0] != urls[1] {
		t.Errorf("public URLs %q, want the same one twice", urls)
	}
}

func checkRequests(t *testing.T, s Subject) {
	const body = "{\"text\":\"caf\u00e9\"}\r\n"
	requests := make(chan *http.Request, 1)
	r := s.start(t, ingress(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		got, err := io.ReadAll(req.Body)
		if err != nil || string(got) != body {
			t.Errorf("body %q, %v, want %q", got, err, body)
		}
		requests <- req
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "EVENT_RECEIVED")
	})))
	u := r.Await(t, tunnel.Online).URL
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String()+"/web%68ook?a=b%20c", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature-256", "sha256=00")
	status, answer := do(t, s.Client, req)
	if status != http.StatusTeapot || answer != "EVENT_RECEIVED" {
		t.Errorf("answer %d %q, want %d %q", status, answer, http.StatusTeapot, "EVENT_RECEIVED")
	}
	got := <-requests
	if got.Method != http.MethodPost || got.RequestURI != "/web%68ook?a=b%20c" || got.Host != u.Host {
		t.Errorf("request %s %s to %s, want POST /web%%68ook?a=b%%20c to %s", got.Method, got.RequestURI, got.Host, u.Host)
	}
	if v := got.Header.Values("X-Hub-Signature-256"); !slices.Equal(v, []string{"sha256=00"}) {
		t.Errorf("signature header %q, want it as sent", v)
	}
	r.stop(t)
}

func do(t *testing.T, client *http.Client, req *http.Request) (status int, body string) {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}

func checkUnderWay(t *testing.T, s Subject) {
	arrived, release := make(chan struct{}), make(chan struct{})
	r := s.start(t, ingress(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "late")
	})))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Await(t, tunnel.Online).URL.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		_, body := do(t, s.Client, req)
		answered <- body
	}()
	<-arrived
	r.cancel()
	select {
	case err := <-r.ended:
		t.Errorf("Run = %v with a request under way", err)
		close(release)
		return
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if body := <-answered; body != "late" {
		t.Errorf("answer %q, want %q", body, "late")
	}
	r.stop(t)
}

// errServe is why the server of checkServeEnds stops.
var errServe = errors.New("server stopped")

func checkServeEnds(t *testing.T, s Subject) {
	stop := make(chan struct{})
	r := s.start(t, tunnel.Ingress{Serve: func(net.Listener) error {
		<-stop
		return errServe
	}})
	r.Await(t, tunnel.Online)
	close(stop)
	err := r.end(t)
	if !errors.Is(err, errServe) {
		t.Errorf("Run = %v, want %v", err, errServe)
	}
	if _, ok := errors.AsType[*tunnel.FatalError](err); ok {
		t.Errorf("Run = %v, want an error that may pass", err)
	}
}
