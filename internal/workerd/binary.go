// Package workerd finds, configures and runs workerd, the Workers runtime.
package workerd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/npm"
)

// Version is the workerd that clodo is built and tested against.
const Version = "1.20261117.1"

// NewestDate is the newest compatibility date that Version knows. It refuses dates
// in the future, too.
const NewestDate = "2026-11-24"

// OldestDate is what a Worker without a compatibility date gets.
const OldestDate = "2021-11-02"

// ClampDate is the compatibility date that workerd gets for the one that a Worker
// asks for: the same, unless it is empty or newer than workerd takes on that day.
func ClampDate(date string, now time.Time) string {
	if date == "" {
		return OldestDate
	}
	return min(date, NewestDate, now.UTC().Format(time.DateOnly))
}

// packageOf is the npm package that holds workerd's binary for a platform. Those
// without integrity are pinned by version only.
func packageOf(goos, goarch string) (npm.Package, bool) {
	p, ok := map[string]npm.Package{
		"linux/amd64":   {Name: "@cloudflare/workerd-linux-64", Integrity: "sha512-gZLA8X11m/luZwn+YA3+mDu61vdxNJzpksP/QZqjydKTQ+VUCulsK5gtn9Bqst1p3KJu2kafQpJ1nDQv4B23jA=="},
		"linux/arm64":   {Name: "@cloudflare/workerd-linux-arm64", Integrity: "sha512-gxWngFojq41ULKNKb9rpWYvKotN5hT2I/xot+Bpy31cXzrwcTgtDLSMb2t75sW5BJxH7hihFvikgYb577kB3Zg=="},
		"darwin/amd64":  {Name: "@cloudflare/workerd-darwin-64"},
		"darwin/arm64":  {Name: "@cloudflare/workerd-darwin-arm64"},
		"windows/amd64": {Name: "@cloudflare/workerd-windows-64"},
		"windows/arm64": {Name: "@cloudflare/workerd-windows-64"}, // under Windows' own emulation
	}[goos+"/"+goarch]
	p.Version = Version
	return p, ok
}

// Path is the absolute path of a workerd binary: $CLODO_WORKERD, else the pinned
// one, installed now if it is not yet there. Its integrity is checked at install
// only; afterwards Path costs one stat.
func Path(ctx context.Context, in npm.Installer) (string, error) {
	if own := os.Getenv("CLODO_WORKERD"); own != "" {
		return ownBinary(own)
	}
	p, ok := packageOf(runtime.GOOS, runtime.GOARCH)
	if !ok {
		return "", &diag.Error{
			Finding: diag.Finding{
				Code: "N205", Severity: diag.SeverityError,
				Message: fmt.Sprintf("workerd is not published for %s/%s", runtime.GOOS, runtime.GOARCH),
				Fix:     "set CLODO_WORKERD to a workerd binary built for this machine",
			},
			State: diag.NothingChanged, Exit: diag.ExitFailed,
		}
	}
	dir, err := in.Install(ctx, p)
	if err != nil {
		return "", err
	}
	name := "workerd"
	if runtime.GOOS == "windows" {
		name = "workerd.exe"
	}
	return filepath.Join(dir, "bin", name), nil
}

// Prepare makes Path answer quickly and truly: it installs the pinned binary if need
// be, and asks one of $CLODO_WORKERD for its version, so that a wrong file is told
// before anything depends on it.
func Prepare(ctx context.Context, in npm.Installer) error {
	path, err := Path(ctx, in)
	if own := os.Getenv("CLODO_WORKERD"); err != nil || own == "" {
		return err
	}
	return identify(ctx, path, answerWithin)
}

// answerWithin is how long a workerd may take to say its version; it takes some
// milliseconds.
const answerWithin = 5 * time.Second

// identify asks the program at path whether it is workerd.
func identify(ctx context.Context, path string, limit time.Duration) error {
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(asking, path, "--version")
	cmd.WaitDelay = time.Second // what it may have started does not keep clodo
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case asking.Err() != nil:
		return notWorkerd(path, fmt.Sprintf("asked for its version it says nothing for %s", limit), asking.Err())
	case err != nil:
		return notWorkerd(path, fmt.Sprintf("asked for its version: %v", err), err)
	case !strings.HasPrefix(string(out), "workerd "):
		return notWorkerd(path, fmt.Sprintf("asked for its version it answers %.40q", out), nil)
	}
	return nil
}

// Installed reports whether Path would answer without a download: a binary of one's
// own, or the pinned one installed before.
func Installed(in npm.Installer) bool {
	if own := os.Getenv("CLODO_WORKERD"); own != "" {
		_, err := ownBinary(own)
		return err == nil
	}
	p, ok := packageOf(runtime.GOOS, runtime.GOARCH)
	return ok && in.Installed(p)
}

func ownBinary(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding CLODO_WORKERD: %w", err)
	}
	info, err := os.Stat(abs)
	if err == nil && info.Mode().IsRegular() {
		return abs, nil
	}
	why := "it is not a file"
	if err != nil {
		why = err.Error()
	}
	return "", notWorkerd(path, why, err)
}

func notWorkerd(path, why string, err error) error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: "N206", Severity: diag.SeverityError,
			Message: fmt.Sprintf("CLODO_WORKERD names %q, which is no workerd binary", path),
			Why:     why,
			Fix:     "point it to a workerd binary, or unset it to use the pinned one",
		},
		State: diag.NothingChanged, Exit: diag.ExitFailed, Err: err,
	}
}
