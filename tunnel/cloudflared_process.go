package tunnel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	cloudflaredGrace = 2 * time.Second // for the program to end what is under way
	cloudflaredKill  = 2 * time.Second // and then to end itself
	cloudflaredLook  = 250 * time.Millisecond
	cloudflaredAsk   = 2 * time.Second // for its answer
	// Cloudflare gives out few URLs to one address, and fewer to one that asks often.
	cloudflaredLimited = 5 * time.Minute
	maxCloudflared     = 64 << 10 // of its answer
)

// The reasons for which a run of the program is over.
var (
	errNoEdge      = errors.New("cloudflared reaches none of Cloudflare's servers")
	errNoQuickURL  = errors.New("cloudflared gets no public URL")
	errRateLimited = errors.New("cloudflare gives out no more URLs to this address for now")
)

// cloudflaredProcess is one run of the program.
type cloudflaredProcess struct {
	*Cloudflared
	metrics string // host:port of its own door
	emit    func(Status)

	url *url.URL // once it works
	up  bool

	mu      sync.Mutex
	limited bool   // it said so
	last    string // the last error it said
}

// run starts the program and follows it until ctx ends or the program does.
func (p *cloudflaredProcess) run(ctx context.Context, args []string) error {
	cmd := exec.Command(p.cfg.Path, args...) //nolint:gosec,noctx // the user's own program; it is ended below, in its time
	cmd.Env = p.environ()
	ownGroup(cmd)
	said, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("start cloudflared: %w", err)
	}
	started, exited := make(chan error, 1), make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		// The system may tie the program's life to that of the thread which starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		eachLine(said, p.hear) // until its end, and before Wait
		exited <- cmd.Wait()
	})
	defer running.Wait()
	if err := <-started; err != nil {
		return &FatalError{Err: fmt.Errorf("start cloudflared: %w", err), Hint: "install it anew, or take another --tunnel"}
	}
	err = p.watch(ctx, exited)
	p.end(cmd, exited)
	return p.explain(err)
}

// watch asks the program how it does. It returns nil when ctx has ended.
func (p *cloudflaredProcess) watch(ctx context.Context, exited chan error) error {
	client := &http.Client{Timeout: cloudflaredAsk, Transport: &http.Transport{Proxy: nil}}
	defer client.CloseIdleConnections()
	look := time.NewTicker(cloudflaredLook)
	defer look.Stop()
	lost := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-exited:
			exited <- err // for end
			return fmt.Errorf("cloudflared ended: %w", errorOr(err, errEnded))
		case <-look.C:
		}
		host, ready := p.ask(ctx, client)
		switch {
		case ctx.Err() != nil:
			return nil
		case host != "" && ready:
			lost = time.Now()
			p.online(host)
		case p.up:
			p.up, lost = false, time.Now()
			p.emit(Status{State: Reconnecting, Err: errNoEdge})
		case time.Since(lost) > p.cfg.Timeout && host == "":
			return errNoQuickURL
		case time.Since(lost) > p.cfg.Timeout:
			return errNoEdge
		}
	}
}

func errorOr(err, other error) error {
	if err == nil {
		return other
	}
	return err
}

// ask returns the host of the public URL, and whether it works.
func (p *cloudflaredProcess) ask(ctx context.Context, client *http.Client) (host string, ready bool) {
	var tunnel struct {
		Hostname string `json:"hostname"`
	}
	if p.get(ctx, client, "/quicktunnel", &tunnel) != nil || !quickHost(tunnel.Hostname) {
		return "", false
	}
	var state struct {
		ReadyConnections int `json:"readyConnections"`
	}
	return tunnel.Hostname, p.get(ctx, client, "/ready", &state) == nil && state.ReadyConnections > 0
}

// get asks the program for something in JSON.
func (p *cloudflaredProcess) get(ctx context.Context, client *http.Client, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.metrics+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read as far as wanted
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("cloudflared answers %d", resp.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxCloudflared)).Decode(into)
}

// quickHost reports whether host is one that Cloudflare gives to quick tunnels.
func quickHost(host string) bool {
	name, ok := strings.CutSuffix(host, ".trycloudflare.com")
	return ok && validHost(host) && !strings.Contains(name, ".") && name != "api"
}

func (p *cloudflaredProcess) online(host string) {
	if p.up && p.url.Host == host {
		return
	}
	p.up, p.url = true, &url.URL{Scheme: "https", Host: host}
	p.emit(Status{State: Online, URL: cloneURL(p.url)})
}

// hear takes a line of the program: JSON, or text when it cannot read its flags.
func (p *cloudflaredProcess) hear(line string) {
	var entry struct {
		Level   string `json:"level"`
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal([]byte(line), &entry) != nil {
		entry.Level, entry.Message = "error", line
	}
	text := oneLine(strings.TrimSpace(entry.Message + " " + entry.Error))
	p.logger.Debug("cloudflared says", "text", text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(text, "429 Too Many Requests") || strings.Contains(text, "error code: 1015") {
		p.limited = true
	}
	if entry.Level == "error" || entry.Level == "fatal" {
		p.last = text
	}
}

// end asks the program to end, waits for that, and in the end ends it.
func (p *cloudflaredProcess) end(cmd *exec.Cmd, exited <-chan error) {
	askToEnd(cmd)
	select {
	case err := <-exited:
		p.logger.Debug("cloudflared has ended", "err", err)
	case <-time.After(cloudflaredGrace + cloudflaredKill):
	}
	killGroup(cmd) // also what it started, and what is left when it ended first
}

// explain says what err, with which the run ended, means. Nil stays nil.
func (p *cloudflaredProcess) explain(err error) error {
	p.mu.Lock()
	limited, last := p.limited, p.last
	p.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case limited:
		return &retryError{err: errRateLimited, wait: cloudflaredLimited, hint: "wait, or take another --tunnel"}
	case errors.Is(err, errNoEdge):
		return &retryError{err: err, outage: true, hint: "look whether this network lets port 7844 out; igloo tries UDP first, then TCP"}
	}
	if _, exit := errors.AsType[*exec.ExitError](err); exit && last != "" {
		err = fmt.Errorf("cloudflared ended: %s", last)
	}
	if _, network := errors.AsType[*net.OpError](err); network {
		return &retryError{err: err, outage: true}
	}
	return &retryError{err: err, outage: true, hint: "see what it says with --debug in igloo's log"}
}
