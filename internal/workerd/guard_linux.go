package workerd

import "syscall"

// guard puts workerd in a process group of its own, so that Ctrl-C in a terminal
// reaches clodo alone, and has the kernel kill it when clodo dies.
func guard() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
