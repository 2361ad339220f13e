package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// measureFire measures igloo as a sender, beside wrk: wrk posts the same bytes again
// and again, igloo gives every delivery its own ids, time and signatures.
func measureFire(ctx context.Context, l *lab, r *report) error {
	a, err := l.startApp(ctx, 0)
	if err != nil {
		return err
	}
	defer a.kill()
	for _, m := range []struct {
		name, fixture                   string
		connections, count, quick, size int
		must, goal                      float64
	}{
		{"fire, 16 connections", "messages", 16, 60_000, 10_000, 1, 0.70, 0.80},
		{"fire, 1000 updates each, 4 connections", "comments", 4, 3_000, 300, 1000, 0.20, 0.30},
	} {
		ratios, err := l.fireBesideWrk(ctx, a, m.fixture, m.connections, pick(l, m.count, m.quick), m.size)
		if err != nil {
			return err
		}
		r.atLeast(m.name+", beside wrk", "×", median(ratios), m.must, m.goal)
	}
	return l.fireLong(ctx, r)
}

// fireBesideWrk returns igloo's rate as a part of wrk's, turn by turn.
func (l *lab) fireBesideWrk(ctx context.Context, a *app, fixture string, connections, count, size int) ([]float64, error) {
	home, err := l.folder("fire")
	if err != nil {
		return nil, err
	}
	script, _, err := l.wrkFiles()
	if err != nil {
		return nil, err
	}
	args := []string{"fire", fixture, "--to", a.url(), "--batch", strconv.Itoa(size)}
	static, err := l.staticDelivery(ctx, home, args)
	if err != nil {
		return nil, err
	}
	args = append(args, "--count", strconv.Itoa(count), "--concurrency", strconv.Itoa(connections))
	var ratios []float64
	for range pick(l, 5, 2) {
		w, err := wrk(ctx, a.url(), script, static, connections, time.Duration(pick(l, 3, 1))*time.Second)
		if err != nil {
			return nil, err
		}
		_, out, err := runCommand(l.command(ctx, home, args...))
		if err != nil {
			return nil, err
		}
		rate, err := firedPerSecond(out)
		if err != nil {
			return nil, err
		}
		l.say("fire: %s ×%d: wrk %.0f/s, igloo %.0f/s", fixture, size, w.perSecond(), rate)
		ratios = append(ratios, rate/w.perSecond())
	}
	return ratios, nil
}

// staticDelivery writes one of igloo's deliveries where wrk's script reads it.
func (l *lab) staticDelivery(ctx context.Context, home string, args []string) (string, error) {
	_, out, err := runCommand(l.command(ctx, home, append(args, "--print", "json")...))
	if err != nil {
		return "", err
	}
	var request struct {
		Headers [][2]string `json:"headers"`
		Body    string      `json:"body"`
	}
	if err := json.Unmarshal(out, &request); err != nil {
		return "", fmt.Errorf("read the printed request: %w", err)
	}
	for _, h := range request.Headers {
		if h[0] == "X-Hub-Signature-256" {
			file := filepath.Join(home, "static.txt")
			return file, os.WriteFile(file, []byte(h[1]+" "+request.Body+"\n"), 0o600)
		}
	}
	return "", fmt.Errorf("the printed request has no signature")
}

// fired is the summary that igloo prints when every delivery was accepted.
var fired = regexp.MustCompile(`^(\d+) deliveries in .* \((\d+)/s\): 200 ×(\d+);`)

// firedPerSecond reads the rate out of the summary.
func firedPerSecond(out []byte) (float64, error) {
	m := fired.FindSubmatch(out)
	if m == nil || !bytes.Equal(m[1], m[3]) {
		return 0, fmt.Errorf("igloo sums up other than that all were accepted: %s", out)
	}
	return strconv.ParseFloat(string(m[2]), 64)
}

// fireLong fires many deliveries and compares igloo's memory at the 10,000th with
// that at the end. The app tells how many different mids it got.
func (l *lab) fireLong(ctx context.Context, r *report) error {
	const early = 10_000
	count := pick(l, 200_000, 30_000)
	if l.million {
		count = 1_000_000
	}
	l.say("fire: %d deliveries", count)
	a, err := l.startCountingApp(ctx)
	if err != nil {
		return err
	}
	defer a.kill()
	home, err := l.folder("fire-long")
	if err != nil {
		return err
	}
	p, err := spawn("igloo", l.command(ctx, home, "fire", "messages", "--to", a.url(), "--count", strconv.Itoa(count), "--concurrency", "16"))
	if err != nil {
		return err
	}
	defer p.kill()
	began := time.Now()
	if _, err := a.awaitAnswered(ctx, early, time.Minute); err != nil {
		return err
	}
	first, _, err := p.memory()
	if err != nil {
		return err
	}
	last := math.NaN()
	for running := true; running; {
		if now, _, err := p.memory(); err == nil && now > 0 {
			last = now
		}
		select {
		case <-p.ended:
			running = false
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if p.err != nil {
		return fmt.Errorf("igloo fire: %s", p.lastWords())
	}
	took := time.Since(began)
	distinct, err := a.distinct(ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("fire, %d deliveries: ", count)
	r.atMost(name+"memory at the end over that at 10,000", "×", last/first, 1.2, 1.1)
	r.atLeast(name+"different ids", "%", 100*float64(distinct)/float64(count), 100, 100)
	r.tables = append(r.tables, table{
		title: "Firing for long", head: []string{"deliveries", "a second", "MB at 10,000", "MB at the end", "different ids"},
		rows: [][]string{{strconv.Itoa(count), number(float64(count)/took.Seconds(), 0), number(first, 1), number(last, 1), strconv.Itoa(distinct)}},
	})
	return nil
}
