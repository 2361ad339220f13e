package main

import (
	"context"
	"errors"
	"testing"
)

// TestOutlive checks that what stands behind the doors ends after them, and that the
// doors close when it breaks.
func TestOutlive(t *testing.T) {
	errBroken := errors.New("broken")
	t.Run("goes on until it is told to stop", func(t *testing.T) {
		ctx, closeDoors := context.WithCancel(t.Context())
		still := make(chan struct{}, 1)
		stop := outlive(ctx, closeDoors, func(ctx context.Context) error {
			<-ctx.Done()
			still <- struct{}{}
			return nil
		})
		closeDoors()
		select {
		case <-still:
			t.Error("the work ended with the doors, want it to go on")
		default:
		}
		if err := stop(); err != nil {
			t.Errorf("stop() = %v, want nil", err)
		}
	})
	t.Run("closes the doors when it breaks", func(t *testing.T) {
		ctx, closeDoors := context.WithCancel(t.Context())
		stop := outlive(ctx, closeDoors, func(context.Context) error { return errBroken })
		<-ctx.Done()
		if err := stop(); !errors.Is(err, errBroken) {
			t.Errorf("stop() = %v, want %v", err, errBroken)
		}
	})
}
