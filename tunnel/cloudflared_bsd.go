//go:build unix && !linux

package tunnel

import (
	"os/exec"
	"syscall"
)

// ownGroup gives the program a process group, so that all of it can be ended, and a
// Ctrl-C of the user is igloo's to pass on.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
