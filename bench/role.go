package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// roles are what this program plays when a run starts it again, so that each part
// has a process of its own to measure.
func roles() map[string]func(args []string) error {
	return map[string]func([]string) error{"play-app": playApp, "play-proxy": playProxy}
}

// countPath is where the app tells how many deliveries it has answered, midsPath how
// many different mids were in them.
const (
	countPath = "/count"
	midsPath  = "/mids"
)

// playApp is the developer's app: it reads a delivery and answers 200, at once or
// after a delay.
func playApp(args []string) error {
	flags := flag.NewFlagSet("play-app", flag.ContinueOnError)
	listen := flags.String("listen", "", "")
	delay := flags.Duration("delay", 0, "")
	tell := flags.Bool("mids", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var answered atomic.Int64
	seen := &mids{seed: maphash.MakeSeed(), all: map[uint64]struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+callbackPath, func(w http.ResponseWriter, r *http.Request) {
		to := io.Discard
		var body bytes.Buffer
		if *tell {
			to = &body
		}
		if _, err := io.Copy(to, r.Body); err != nil {
			return // the relay gave up; nothing was delivered
		}
		seen.add(body.Bytes())
		if *delay > 0 {
			time.Sleep(*delay)
		}
		answered.Add(1)
		_, _ = io.WriteString(w, "ok")
	})
	mux.HandleFunc("GET "+countPath, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, answered.Load())
	})
	mux.HandleFunc("GET "+midsPath, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, seen.count())
	})
	return serve(*listen, mux)
}

// mids counts different mids by their hashes: a million take 40 MB.
type mids struct {
	seed maphash.Seed
	mu   sync.Mutex
	all  map[uint64]struct{}
}

// add counts the first mid of a body.
func (m *mids) add(body []byte) {
	_, rest, ok := bytes.Cut(body, []byte(`"mid":"`))
	if !ok {
		return
	}
	mid, _, _ := bytes.Cut(rest, []byte(`"`))
	sum := maphash.Bytes(m.seed, mid)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[sum] = struct{}{}
}

func (m *mids) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all)
}

// playProxy is the Go yardstick: the standard library's ReverseProxy with a
// transport that keeps enough connections (the default keeps 2, which costs 40 %).
func playProxy(args []string) error {
	flags := flag.NewFlagSet("play-proxy", flag.ContinueOnError)
	listen := flags.String("listen", "", "")
	to := flags.String("to", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	target, err := url.Parse(*to)
	if err != nil {
		return err
	}
	return serve(*listen, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{
			MaxIdleConns:        1024,
			MaxIdleConnsPerHost: 256,
			DisableCompression:  true,
		},
	})
}

func serve(address string, handler http.Handler) error {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
