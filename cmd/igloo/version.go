package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for releases; builds from source say what they are
// made of.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

type versionLine struct {
	Type    string `json:"type"` // "version"
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (b builder) version() *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print igloo's version", Args: cobra.NoArgs}
	c.RunE = func(*cobra.Command, []string) error {
		line := versionLine{"version", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
		if b.shared.JSON {
			return (&lineWriter{out: b.app.stdout}).write(line)
		}
		_, err := fmt.Fprintf(b.app.stdout, "igloo %s (%s %s/%s)\n", line.Version, line.Go, line.OS, line.Arch)
		return err
	}
	return c
}
