package tunnel

import "io"

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
