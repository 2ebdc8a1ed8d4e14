package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// residentOf is the memory in MB of every process below pid, without pid itself: the
// sum of what each has resident, so pages shared by two of them count twice. It is 0
// on systems without /proc.
func residentOf(pid int) float64 {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return 0
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
	var sum func(int) float64
	sum = func(id int) float64 {
		total := pages[id]
		for _, child := range children[id] {
			total += sum(child)
		}
		return total
	}
	return (sum(pid) - pages[pid]) * float64(os.Getpagesize()) / 1e6
}
