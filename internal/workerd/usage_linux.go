package workerd

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc. It is 1/100 s on every system that Go runs on.
const tick = 10 * time.Millisecond

// CPUTime is how long the process has computed, 0 once it has ended; known is false
// where the system does not tell.
func (p *Process) CPUTime() (used time.Duration, known bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, true // it has ended
	}
	// The second field is a name in brackets that may hold anything.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * tick, err == nil && err2 == nil
}

// Memory is how many bytes of memory the process has resident, 0 once it has ended; known
// is false where the system does not tell.
func (p *Process) Memory() (bytes int64, known bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID()))
	if err != nil {
		return 0, true // it has ended
	}
	var size, resident int64
	_, err = fmt.Sscan(string(b), &size, &resident)
	return resident * int64(os.Getpagesize()), err == nil
}
