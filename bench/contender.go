package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// app is the developer's app, in a process of its own.
type app struct {
	*process
	address string
}

func (l *lab) startApp(ctx context.Context, delay time.Duration) (*app, error) {
	return l.startAppWith(ctx, "-delay", delay.String())
}

// startCountingApp starts an app that also tells different mids apart.
func (l *lab) startCountingApp(ctx context.Context) (*app, error) {
	return l.startAppWith(ctx, "-mids")
}

func (l *lab) startAppWith(ctx context.Context, args ...string) (*app, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := l.startListener(ctx, "app", address,
		exec.CommandContext(ctx, l.self, append([]string{"play-app", "-listen", address}, args...)...))
	if err != nil {
		return nil, err
	}
	return &app{p, address}, nil
}

func (a *app) url() string { return "http://" + a.address + callbackPath }

// answered returns how many deliveries the app has answered.
func (a *app) answered(ctx context.Context) (int, error) { return a.ask(ctx, countPath) }

// distinct returns how many different mids a counting app got.
func (a *app) distinct(ctx context.Context) (int, error) { return a.ask(ctx, midsPath) }

func (a *app) ask(ctx context.Context, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.address+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

// drainLimit is how long after a load every forward must be done.
const drainLimit = 10 * time.Second

var errNotDrained = errors.New("not every delivery reached the app")

// awaitAnswered waits until the app has answered at least want deliveries, and
// returns how long that took.
func (a *app) awaitAnswered(ctx context.Context, want int, within time.Duration) (time.Duration, error) {
	began := time.Now()
	for {
		got, err := a.answered(ctx)
		if err != nil {
			return 0, fmt.Errorf("ask the app: %w", err)
		}
		if got >= want {
			return time.Since(began), nil
		}
		if time.Since(began) > within {
			return 0, fmt.Errorf("%w: %d of %d after %s", errNotDrained, got, want, within)
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// pause waits, or returns why the run ended.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// contender is a relay in front of an app, or the app itself.
type contender struct {
	name    string
	process *process // nil when the load goes to the app directly
	address string
	app     *app
	home    string // igloo's
}

func (c *contender) url() string { return "http://" + c.address + callbackPath }

// starter starts a contender in front of an app.
type starter struct {
	name  string
	start func(context.Context, *lab, *app) (*contender, error)
}

// The contenders, by the names of the report.
const (
	direct    = "no relay"
	proxy     = "ReverseProxy"
	nginx     = "nginx"
	mitmdump  = "mitmdump"
	igloo     = "igloo"
	iglooSlow = "igloo --answer app"
)

func yardsticks() []starter {
	return []starter{{direct, startDirect}, {proxy, startProxy}, {nginx, startNginx}, {mitmdump, startMitmdump}}
}

func igloos() []starter {
	return []starter{
		{igloo, func(ctx context.Context, l *lab, a *app) (*contender, error) { return l.startRelay(ctx, a, "igloo") }},
		{iglooSlow, func(ctx context.Context, l *lab, a *app) (*contender, error) { return l.startRelay(ctx, a, "app") }},
	}
}

// startListener starts a program and waits until it listens.
func (l *lab) startListener(ctx context.Context, name, address string, cmd *exec.Cmd) (*process, error) {
	p, err := spawn(name, cmd)
	if err != nil {
		return nil, err
	}
	if err := awaitListener(ctx, address, p); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

func startDirect(_ context.Context, _ *lab, a *app) (*contender, error) {
	return &contender{name: direct, address: a.address, app: a}, nil
}

func startProxy(ctx context.Context, l *lab, a *app) (*contender, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := l.startListener(ctx, proxy, address,
		exec.CommandContext(ctx, l.self, "play-proxy", "-listen", address, "-to", "http://"+a.address))
	if err != nil {
		return nil, err
	}
	return &contender{name: proxy, process: p, address: address, app: a}, nil
}

// nginxConf is one process that keeps its connections to the app and writes no log.
// The words in capitals are replaced.
const nginxConf = `daemon off;
master_process off;
pid DIR/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  client_body_buffer_size 1m;
  client_max_body_size 5m;
  keepalive_requests 10000000;
  upstream app { server APP; keepalive 256; keepalive_requests 10000000; }
  server {
    listen ADDRESS;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

func startNginx(ctx context.Context, l *lab, a *app) (*contender, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := l.folder(nginx)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("DIR", dir, "APP", a.address, "ADDRESS", address).Replace(nginxConf)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	program, err := lookPath(nginx)
	if err != nil {
		return nil, err
	}
	p, err := l.startListener(ctx, nginx, address, exec.CommandContext(ctx, program, "-p", dir, "-c", conf, "-e", "stderr"))
	if err != nil {
		return nil, err
	}
	return &contender{name: nginx, process: p, address: address, app: a}, nil
}

func startMitmdump(ctx context.Context, l *lab, a *app) (*contender, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := l.folder(mitmdump)
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	p, err := l.startListener(ctx, mitmdump, address, exec.CommandContext(ctx, mitmdump, "--quiet",
		"--mode", "reverse:http://"+a.address, "--listen-host", "127.0.0.1", "--listen-port", port,
		"--set", "confdir="+dir))
	if err != nil {
		return nil, err
	}
	return &contender{name: mitmdump, process: p, address: address, app: a}, nil
}

// startRelay starts igloo in front of the app, in a home of its own and without a
// terminal. answer is who answers Meta: "igloo" or "app".
func (l *lab) startRelay(ctx context.Context, a *app, answer string) (*contender, error) {
	home, err := l.folder("igloo-" + answer)
	if err != nil {
		return nil, err
	}
	return l.startSession(ctx, a, home, answer)
}

// startSession is startRelay in a home that may hold a journal already.
func (l *lab) startSession(ctx context.Context, a *app, home, answer string) (*contender, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := l.command(ctx, home, append(listenArgs(address, a, home), "--json", "--answer", answer)...)
	p, err := l.startListener(ctx, igloo, address, cmd)
	if err != nil {
		return nil, err
	}
	name := igloo
	if answer == "app" {
		name = iglooSlow
	}
	return &contender{name: name, process: p, address: address, app: a, home: home}, nil
}

// listenArgs are the arguments of a session of its own, in front of the app.
func listenArgs(address string, a *app, home string) []string {
	args := []string{"listen", "--tunnel", "none", "--listen", address, "--data-dir", filepath.Join(home, "data")}
	if a != nil {
		args = append(args, "--forward-to", a.url())
	}
	return args
}

// command returns igloo's command line in a home of its own: neither the user's
// settings nor another session reach it.
func (l *lab) command(ctx context.Context, home string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.igloo, args...)
	cmd.Dir = home
	cmd.Env = []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_STATE_HOME=" + home, "XDG_RUNTIME_DIR=" + home,
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TERM=xterm-256color", "COLORTERM=truecolor",
		"IGLOO_APP_SECRET=" + appSecret,
	}
	return cmd
}

// list returns the command that lists the newest 50 deliveries a query finds.
func (l *lab) list(ctx context.Context, home, query string) *exec.Cmd {
	args := []string{"events", "list", "--data-dir", filepath.Join(home, "data"), "--limit", "50"}
	if query != "" {
		args = append(args, "--filter", query)
	}
	return l.command(ctx, home, args...)
}

// awaitFound waits until a search finds the word, and returns how long that took.
func (l *lab) awaitFound(ctx context.Context, home, word string, within time.Duration) (time.Duration, error) {
	began := time.Now()
	for {
		_, out, err := runCommand(l.list(ctx, home, word))
		if err != nil {
			return 0, err
		}
		if len(out) > 0 {
			return time.Since(began), nil
		}
		if time.Since(began) > within {
			return 0, fmt.Errorf("a search for %q found nothing within %s", word, within)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
}
