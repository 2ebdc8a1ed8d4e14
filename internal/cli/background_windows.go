package cli

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// ownSession keeps the Ctrl-C of this console away from the child, and the end of
// this console too.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS, HideWindow: true}
}
