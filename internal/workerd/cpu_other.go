//go:build !linux

package workerd

import "time"

// CPUTime is how long the process has computed, 0 once it has ended; known is false
// where the system does not tell.
func (p *Process) CPUTime() (used time.Duration, known bool) { return 0, false }
