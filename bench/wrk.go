package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

//go:embed wrk.lua
var wrkScript []byte

// load is what wrk reports of one turn.
type load struct {
	Requests     int   `json:"requests"`
	Microseconds int64 `json:"microseconds"`
	P50          int64 `json:"p50"` // microseconds
	P99          int64 `json:"p99"`
	Failed       int   `json:"failed"`  // connections, reads, writes, time-outs
	Refused      int   `json:"refused"` // answers other than 2xx
}

// perSecond is the rate of answered deliveries.
func (w load) perSecond() float64 {
	return float64(w.Requests) / (time.Duration(w.Microseconds) * time.Microsecond).Seconds()
}

// wrk posts deliveries to the URL over so many connections for a time, in whole
// seconds. A delivery that is not answered 2xx makes the turn worthless.
func wrk(ctx context.Context, url, script, deliveries string, connections int, d time.Duration) (load, error) {
	ctx, cancel := context.WithTimeout(ctx, d+20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(connections),
		"-d"+strconv.Itoa(int(d.Seconds()))+"s", "--timeout", "10s", "-s", script, url, "--", deliveries)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("run wrk: %w\n%s", err, out)
	}
	var w load
	at := bytes.LastIndexByte(out, '{')
	if at < 0 {
		return load{}, fmt.Errorf("wrk reported nothing:\n%s", out)
	}
	if err := json.Unmarshal(out[at:], &w); err != nil {
		return load{}, fmt.Errorf("read wrk's report: %w\n%s", err, out)
	}
	if w.Requests == 0 || w.Failed > 0 || w.Refused > 0 {
		return w, fmt.Errorf("%s answered %d deliveries; %d connections failed, %d answers were not 2xx", url, w.Requests, w.Failed, w.Refused)
	}
	return w, nil
}
