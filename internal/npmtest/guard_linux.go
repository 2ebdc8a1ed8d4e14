package npmtest

import "syscall"

// withParent ends a tool together with the test that started it, however that ends:
// a wrangler whose output nobody reads any more goes on for ever.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
