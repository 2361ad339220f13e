package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/igloo-dev/igloo/tunnel"
)

// selfCheckAnswer is what a session finds out for another igloo command.
type selfCheckAnswer struct {
	Provider  string  `json:"provider"` // "" when no tunnel is open
	State     string  `json:"state"`
	URL       string  `json:"url"`       // callback URL, "" while there is none
	Unchecked bool    `json:"unchecked"` // it cannot be asked by igloo
	Code      string  `json:"code"`      // what is wrong, as in a tunnel line
	Error     string  `json:"error"`
	Hint      string  `json:"hint"`
	Meta      string  `json:"meta"` // what Meta would say
	TookMS    float64 `json:"took_ms"`
}

func (a selfCheckAnswer) took() time.Duration {
	return time.Duration(a.TookMS * float64(time.Millisecond))
}

// serveSelfCheck asks through the public URL now, for who asked on the control socket.
func (s *session) serveSelfCheck(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(s.askPublicURL(r.Context())) // nobody to tell when it is gone
}

func (s *session) askPublicURL(ctx context.Context) selfCheckAnswer {
	news := s.tunnels.now()
	if news.Provider == "" || news.State == tunnel.Closed {
		return selfCheckAnswer{}
	}
	a := selfCheckAnswer{Provider: news.Provider, State: news.State.String(), URL: s.publicURL(news.URL), Code: news.Code, Hint: news.Hint}
	if news.Err != nil {
		a.Error = news.Err.Error()
	}
	if a.Unchecked = s.flags.MTLSCA != ""; news.URL == nil || a.Unchecked {
		return a
	}
	start := time.Now()
	err := s.selfCheck(ctx, news.URL)
	a.TookMS, a.Code, a.Error, a.Hint = millis(time.Since(start)), "", "", ""
	if wrong, ok := errors.AsType[*unreachedError](err); ok {
		a.Code, a.Hint, a.Meta = wrong.code, wrong.hint, wrong.meta
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// selfCheck has the session ask through its public URL.
func (r *remote) selfCheck(ctx context.Context) (a selfCheckAnswer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://session/selfcheck", http.NoBody)
	if err != nil {
		return a, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return a, fmt.Errorf("reach the session (process %d): %w", r.info.PID, plainNetError(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("the session (process %d) is of another version of igloo", r.info.PID)
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&a)
	return a, err
}
