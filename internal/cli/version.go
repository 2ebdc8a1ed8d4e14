package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is which clodo this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built with changes that are not committed
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func (b build) String() string {
	s := "clodo " + b.Version
	if b.Commit != "" {
		s += " (" + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			s += ", modified"
		}
		s += ")"
	}
	return fmt.Sprintf("%s %s %s/%s", s, b.Go, b.OS, b.Arch)
}

// describeBuild takes the version of a release build, else what the Go tool noted.
func describeBuild(version string) build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "which clodo this is",
		Example: "  clodo version\n  clodo version --json",
		GroupID: blockSetup,
		Args:    words(0),
		RunE: a.do(func(context.Context, []string) (reply, error) {
			b := describeBuild(a.version)
			return reply{Result: b, Text: func(w io.Writer) { fmt.Fprintln(w, b) }}, nil
		}),
	}
}

// addVersionFlag makes --version of the whole tool say what `clodo version` does. That of
// cobra prints templates, and with them the linker keeps every exported method there is.
func addVersionFlag(a *app, root *cobra.Command) {
	asked := root.Flags().Bool("version", false, "which clodo this is")
	run := root.RunE
	root.RunE = func(c *cobra.Command, args []string) error {
		if !*asked {
			return run(c, args)
		}
		_, err := fmt.Fprintln(c.OutOrStdout(), describeBuild(a.version))
		return err
	}
}
