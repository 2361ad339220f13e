package tunnel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Pinggy lists the URLs of a tunnel to whoever comes through that tunnel's own
// connection, which is steadier than the text it prints.
const (
	pinggyAPI      = "localhost:4300"
	pinggyTries    = 10
	pinggyPause    = 500 * time.Millisecond
	pinggyTimeout  = 5 * time.Second
	maxPinggyReply = 64 << 10
)

// askAPI asks for the URLs until it is told one, some times.
func (s *sshSession) askAPI() {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.client.DialContext(ctx, "tcp", pinggyAPI)
		},
	}
	client := &http.Client{Transport: transport, Timeout: pinggyTimeout}
	for range pinggyTries {
		hosts, err := s.askURLs(client)
		if len(hosts) > 0 {
			s.announce(announcement{hosts: hosts})
			return
		}
		s.logger.Debug("no URL from the ssh server's list", "err", err)
		select {
		case <-s.done:
			return
		case <-time.After(pinggyPause):
		}
	}
}

// askURLs asks once.
func (s *sshSession) askURLs(client *http.Client) ([]string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+pinggyAPI+"/urls", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the URLs: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read as far as wanted
	var list struct {
		URLs []string `json:"urls"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxPinggyReply)).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the URLs: %w", err)
	}
	var hosts []string
	for _, u := range list.URLs[:min(len(list.URLs), maxURLs)] {
		host, ok := strings.CutPrefix(strings.TrimSuffix(strings.ToLower(u), "/"), "https://")
		if ok && s.service.owns(host) {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}
