package journal_test

import (
	"context"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

func TestSettle(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	id, err := j.Append(t.Context(), journal.Delivery{Method: "POST", URI: "/", Body: []byte(`{}`), Forward: true, ReceivedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Record(t.Context(), journal.Attempt{Delivery: id, Status: 200}); err != nil {
		t.Fatal(err)
	}
	bounded, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := j.Settle(bounded); err != nil {
		t.Fatalf("Settle = %v", err)
	}
	attempts, err := j.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 1 {
		t.Errorf("Attempts after Settle = %v, %v, want one", attempts, err)
	}
	events, err := j.Events(t.Context(), id)
	if err != nil || len(events) != 1 {
		t.Errorf("Events after Settle = %v, %v, want one", events, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
