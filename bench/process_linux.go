package main

import "syscall"

// dieWithParent makes the kernel kill the program when this one ends, however.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
