package bundle

import (
	"os/exec"
	"strconv"
)

// ownGroup ends the command with everything it started when its context ends.
func ownGroup(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		return exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
	}
}
