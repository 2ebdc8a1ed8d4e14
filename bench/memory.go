package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// residentOf is the memory in MB of every process below pid, without pid itself: the
// sum of what each has resident, so pages shared by two of them count twice. It is 0
// on systems without /proc.
func residentOf(pid int) float64 {
	total := 0.0
	for id, p := range below(pid) {
		if id != pid {
			total += p.rss
		}
	}
	return total
}

// memory is what processes need together, in MB.
type memory struct {
	rss float64 // pages shared by two of them count twice
	pss float64 // each has its part of them
}

// memoryOf is the memory of pid and of every process below it; zero on systems
// without /proc.
func memoryOf(pid int) memory {
	var m memory
	for id, p := range below(pid) {
		m.rss += p.rss
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", id))
		if err != nil {
			continue // it ended
		}
		_, after, _ := strings.Cut(string(b), "\nPss:")
		if fields := strings.Fields(after); len(fields) > 0 {
			kb, _ := strconv.ParseFloat(fields[0], 64) // a number, says the kernel
			m.pss += kb * 1024 / 1e6
		}
	}
	return m
}

// peak is the most that memoryOf said from now until the returned function is called.
func peak(ctx context.Context, pid int) (stop func() memory) {
	ctx, cancel := context.WithCancel(ctx)
	var most memory
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			m := memoryOf(pid)
			most = memory{max(most.rss, m.rss), max(most.pss, m.pss)}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() memory {
		cancel()
		group.Wait()
		return most
	}
}

// cpuOf is the processor time that pid and the processes below it have used so far.
func cpuOf(pid int) time.Duration {
	var total time.Duration
	for _, p := range below(pid) {
		total += p.cpu
	}
	return total
}

// process is what one needs: MB that are resident, and processor time so far.
type process struct {
	rss float64
	cpu time.Duration
}

// below is pid and all processes that descend from it.
func below(pid int) map[int]process {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	all := map[int]process{}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		// The second field is a name in brackets that may hold anything.
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if err != nil || len(fields) < 22 {
			continue
		}
		parent, err := strconv.Atoi(fields[1])
		user, err2 := strconv.Atoi(fields[11])
		system, err3 := strconv.Atoi(fields[12])
		pages, err4 := strconv.ParseFloat(fields[21], 64)
		if errors.Join(err, err2, err3, err4) != nil {
			continue
		}
		children[parent] = append(children[parent], id)
		const tick = 10 * time.Millisecond // of the kernel's accounting
		all[id] = process{pages * float64(os.Getpagesize()) / 1e6, time.Duration(user+system) * tick}
	}
	found := map[int]process{}
	var collect func(int)
	collect = func(id int) {
		if p, ok := all[id]; ok {
			found[id] = p
		}
		for _, child := range children[id] {
			collect(child)
		}
	}
	collect(pid)
	return found
}
