//go:build unix

package cli

import "syscall"

// inherited is how many file descriptors a parent may have left open for us.
const inherited = 1024

// ownSession keeps the Ctrl-C of this terminal away from the child, and the end of
// this terminal too.
func ownSession() *syscall.SysProcAttr {
	// What our own parent left open must end with us: whoever reads from such a pipe
	// or terminal would wait for the cloud.
	for fd := 3; fd < inherited; fd++ {
		syscall.CloseOnExec(fd)
	}
	return &syscall.SysProcAttr{Setsid: true}
}
