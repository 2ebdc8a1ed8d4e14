package main

import (
	"bytes"
	"context"
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
	for id, pages := range below(pid) {
		if id != pid {
			total += pages
		}
	}
	return total * float64(os.Getpagesize()) / 1e6
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
	for id, pages := range below(pid) {
		m.rss += pages * float64(os.Getpagesize()) / 1e6
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

// below is pid and all processes that descend from it, with the pages that each has
// resident.
func below(pid int) map[int]float64 {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	pages := map[int]float64{}
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
		resident, err2 := strconv.ParseFloat(fields[21], 64)
		if err != nil || err2 != nil {
			continue
		}
		children[parent] = append(children[parent], id)
		pages[id] = resident
	}
	found := map[int]float64{}
	var collect func(int)
	collect = func(id int) {
		if n, ok := pages[id]; ok {
			found[id] = n
		}
		for _, child := range children[id] {
			collect(child)
		}
	}
	collect(pid)
	return found
}
