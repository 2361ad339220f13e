//go:build race

package tunneltest

// raceEnabled says that the race detector watches.
const raceEnabled = true
