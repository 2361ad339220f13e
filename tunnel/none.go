package tunnel

import "context"

// None is the provider of no public URL: the program is reached on this machine
// only. It is never Online.
type None struct{}

// Info describes the provider.
func (None) Info() Info { return Info{Name: "none"} }

// Run waits for the end of ctx and emits nothing.
func (None) Run(ctx context.Context, _ Ingress, _ func(Status)) error {
	<-ctx.Done()
	return nil
}
