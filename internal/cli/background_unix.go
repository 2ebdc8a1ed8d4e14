//go:build unix

package cli

import "syscall"

// ownSession keeps the Ctrl-C of this terminal away from the child, and the end of
// this terminal too.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
