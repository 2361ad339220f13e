package tunnel

import (
	"io"
	"time"
)

// Passing is an error that may pass: an outage, or one that wants a wait.
func Passing(err error, outage bool, wait time.Duration) error {
	return &retryError{err: err, outage: outage, wait: wait}
}

// Announced returns the public hosts that the output of a preset's service names,
// and what it refuses.
func Announced(preset string, output io.Reader) (hosts []string, refused string) {
	service, ok := findSSHService(preset)
	if !ok {
		panic("tunnel: no preset " + preset)
	}
	eachLine(output, func(line string) {
		a := service.parseAnnouncement(line)
		hosts = append(hosts, a.hosts...)
		if a.refused != "" {
			refused = a.refused
		}
	})
	return hosts, refused
}
