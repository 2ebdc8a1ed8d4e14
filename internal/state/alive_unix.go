//go:build !windows

package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// alive reports whether a process of this machine runs. A killed process that nobody
// waited for, as in containers without an init, does not.
func alive(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		// The state comes after the name in parentheses, which may hold anything.
		rest := stat[bytes.LastIndexByte(stat, ')')+1:]
		return !bytes.HasPrefix(bytes.TrimSpace(rest), []byte("Z"))
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
