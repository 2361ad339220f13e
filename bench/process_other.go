//go:build !linux

package main

import "syscall"

// dieWithParent does nothing where the kernel has no such promise. The figures
// come from /proc, so the benchmarks run on Linux only; elsewhere they compile.
func dieWithParent(*syscall.SysProcAttr) {}
