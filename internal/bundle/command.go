package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tamylaa/clodo/diag"
)

// grace is how long a custom build may take to end after it was told to.
const grace = 3 * time.Second

// lastLines is how much of a failed command's output is shown.
const lastLines = 20

// runCommand runs the wrangler file's build.command. When ctx ends, the command and
// everything it started are ended with it.
func (b *build) runCommand(ctx context.Context) error {
	custom := b.worker.Build
	if strings.TrimSpace(custom.Command) == "" {
		return nil
	}
	dir := custom.Cwd
	if dir == "" {
		dir = b.worker.Dir
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return b.fail(diag.Finding{
			Code: "B109", Message: "folder \"" + b.relative(dir) + "\" of the custom build could not be found", Pos: custom.Pos,
			Why: "`build.cwd` names the folder in which `" + custom.Command + "` runs.", Fix: "create the folder, or correct `build.cwd` in " + b.worker.File,
		})
	}
	shell, flag := "/bin/sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, shell, flag, custom.Command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+commandPath(dir), "WRANGLER_COMMAND=deploy") // scripts written for wrangler look at the latter
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = grace
	ownGroup(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	how := err.Error()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		how = fmt.Sprintf("it ended with exit code %d", exit.ExitCode())
	}
	why := "In folder \"" + b.relative(dir) + "\" " + how + "."
	if tail := lastOf(output.String(), lastLines); tail != "" {
		why += " Its output:\n" + tail
	}
	return b.fail(diag.Finding{
		Code: "B109", Message: "custom build `" + custom.Command + "` did not succeed", Pos: custom.Pos, Why: why,
		Fix: "run it by hand in that folder until it succeeds",
	})
}

// commandPath is PATH with the commands of the project's packages before it, as npx
// and package scripts have it.
func commandPath(dir string) string {
	var path []string
	for at := dir; ; at = filepath.Dir(at) {
		bin := filepath.Join(at, "node_modules", ".bin")
		if info, err := os.Stat(bin); err == nil && info.IsDir() {
			path = append(path, bin)
		}
		if filepath.Dir(at) == at {
			break
		}
	}
	return strings.Join(append(path, os.Getenv("PATH")), string(os.PathListSeparator))
}

// lastOf is the end of an output, at most n lines.
func lastOf(output string, n int) string {
	lines := strings.Split(strings.TrimRight(output, " \t\r\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
