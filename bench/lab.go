package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
)

// appSecret signs the deliveries of every load. It opens nothing.
const appSecret = "bench-app-secret-0123456789abcdef"

// callbackPath is igloo's default callback path, and the app's.
const callbackPath = "/webhook"

// lab is one run of the benchmarks: its folder, its programs, its deliveries.
type lab struct {
	options
	dir    string // emptied at the end
	self   string // this program, to start it in another role
	secret secret.Value
	talk   io.Writer
}

// newLab makes the lab's folder and builds igloo, unless it was given. It fails
// when a yardstick is missing: a ratio to nothing is no ratio.
func newLab(ctx context.Context, o options, talk io.Writer) (*lab, error) {
	if err := findPrograms(); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "igloo-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, dir: dir, self: self, secret: secret.New(appSecret), talk: talk}
	if err := l.build(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// programs are the programs a run needs, with the Debian packages that hold them.
func programs() map[string]string {
	return map[string]string{"wrk": "wrk", "nginx": "nginx-light", "mitmdump": "mitmproxy"}
}

func findPrograms() error {
	var missing []string
	for program, debian := range programs() {
		if _, err := lookPath(program); err != nil {
			missing = append(missing, debian)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("missing: %[1]s; on Debian: apt-get install %[1]s", strings.Join(missing, " "))
	}
	return nil
}

// lookPath is exec.LookPath, which also finds what Debian keeps from users' paths.
func lookPath(program string) (string, error) {
	if file, err := exec.LookPath(program); err == nil {
		return file, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// build makes the igloo that is released: static, stripped, without paths.
func (l *lab) build(ctx context.Context) error {
	if l.yardsticks {
		return nil
	}
	if l.igloo != "" {
		file, err := filepath.Abs(l.igloo)
		l.igloo = file
		return err
	}
	l.say("building igloo")
	l.igloo = filepath.Join(l.dir, "igloo")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", l.igloo, "./cmd/igloo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build igloo: %w\n%s", err, out)
	}
	return nil
}

// close removes the lab's folder. Whoever started a program has stopped it.
func (l *lab) close() {
	if err := os.RemoveAll(l.dir); err != nil {
		l.say("remove %s: %v", l.dir, err)
	}
}

// say tells the user what goes on.
func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.talk, "bench: "+format+"\n", args...)
}

// pick returns the full value, or the quick one when the user asked for that.
func pick[T any](l *lab, full, quick T) T {
	if l.quick {
		return quick
	}
	return full
}

// folder makes a new folder of the lab.
func (l *lab) folder(name string) (string, error) {
	return os.MkdirTemp(l.dir, name+"-")
}

// freeAddress returns a loopback address nobody listens on.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// awaitListener returns once the address accepts connections.
func awaitListener(ctx context.Context, address string, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %w", p.name, address, ctx.Err())
		case <-p.ended:
			return fmt.Errorf("%s ended at once: %s", p.name, p.lastWords())
		case <-time.After(time.Millisecond):
		}
	}
}
