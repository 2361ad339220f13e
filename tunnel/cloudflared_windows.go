package tunnel

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps a Ctrl-C of the user from the program.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// askToEnd ends the program: there is no asking.
func askToEnd(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// killGroup ends the program.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
