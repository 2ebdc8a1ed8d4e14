//go:build !linux

package workerd

import "time"

// CPUTime is how long the process has computed, 0 once it has ended; known is false
// where the system does not tell.
func (p *Process) CPUTime() (used time.Duration, known bool) { return 0, false }

// Memory is how many bytes of memory the process has resident, 0 once it has ended; known
// is false where the system does not tell.
func (p *Process) Memory() (bytes int64, known bool) { return 0, false }
