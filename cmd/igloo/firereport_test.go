package main

import (
	"testing"
	"time"

	"github.com/igloo-dev/igloo/simulator"
)

// An app that answers before a slow body is complete was not shown one.
func TestFaultAnswerEarly(t *testing.T) {
	o := outcome{Sent: true, Target: "http://localhost:3000/webhook", Status: 200, took: time.Second, Fault: simulator.SlowBody, Early: true}
	if got, want := faultAnswer(o), "200 in 1s from http://localhost:3000/webhook: answered before the body was complete, so the fault was not played"; got != want {
		t.Errorf("faultAnswer = %q, want %q", got, want)
	}
	o.Early = false
	if got, want := faultAnswer(o), "200 in 1s from http://localhost:3000/webhook: accepted, as it should be"; got != want {
		t.Errorf("faultAnswer = %q, want %q", got, want)
	}
}
