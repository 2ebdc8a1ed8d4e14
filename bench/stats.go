package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// series is one thing measured several times, in the order of the rounds.
type series []float64

func (s series) min() float64 { return slices.Min(s) }
func (s series) max() float64 { return slices.Max(s) }

func (s series) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// seconds adds d to a series of seconds.
func (s series) seconds(d time.Duration) series { return append(s, d.Seconds()) }

// result is one row of the table. With a peer, goal is how many times better ours
// has to be by the medians; without one it is the most that ours may be, or the least
// where more is better.
type result struct {
	what       string
	unit       string // "s", "ms", "ns", "MB", "/s", ""
	more       bool   // more is better
	ours       series
	peer       string
	theirs     series
	broken     string  // why the peer has no numbers: it does not do this, or does it wrongly
	goal       float64 // 0: none
	noteOfGoal string  // replaces the goal in the table when it has a name of its own
}

// ratio is how many times better ours is by medians, with the smallest and largest of
// the rounds.
func (r result) ratio() (median, low, high float64) {
	better, worse := r.theirs, r.ours
	if r.more {
		better, worse = r.ours, r.theirs
	}
	var each series
	for i := range min(len(better), len(worse)) {
		each = append(each, better[i]/worse[i])
	}
	return better.median() / worse.median(), each.min(), each.max()
}

func (r result) verdict() string {
	switch {
	case r.goal == 0 && r.noteOfGoal == "", r.broken != "":
		return ""
	case r.peer != "":
		if m, _, _ := r.ratio(); m < r.goal {
			return "missed"
		}
	case r.more && r.ours.median() < r.goal, !r.more && r.ours.median() > r.goal:
		return "missed"
	}
	return "reached"
}

func (l *lab) add(r result) {
	l.results = append(l.results, r)
	l.say("  %s", r.row())
}

// print writes the table that docs/performance.md holds.
func (l *lab) print(w io.Writer) {
	fmt.Fprintf(w, "%s/%s, %d cores, %s; %d rounds, interleaved; min / median / max\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), l.rounds)
	fmt.Fprintln(w, "| what | clodo | peer | its | ratio by medians (rounds) | goal | |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, r := range l.results {
		fmt.Fprintln(w, r.row())
	}
}

func (r result) row() string {
	cells := []string{r.what, r.spread(r.ours), "", "", "", "", r.verdict()}
	if r.broken != "" {
		cells[2], cells[3] = r.peer, "does not work: "+r.broken
	} else if r.peer != "" {
		m, low, high := r.ratio()
		cells[2], cells[3] = r.peer, r.spread(r.theirs)
		cells[4] = fmt.Sprintf("%.1f× (%.1f–%.1f)", m, low, high)
		if r.goal > 0 {
			cells[5] = "≥ " + strconv.FormatFloat(r.goal, 'f', -1, 64) + "×"
		}
	} else if r.noteOfGoal != "" {
		cells[5] = r.noteOfGoal
	} else if r.goal > 0 {
		sign := "≤ "
		if r.more {
			sign = "≥ "
		}
		cells[5] = sign + strconv.FormatFloat(r.goal, 'f', -1, 64) + " " + r.unit
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// spread is "min / median / max unit", or the one value that all rounds gave.
func (r result) spread(s series) string {
	digits := map[string]int{"s": 2, "ms": 1, "ns": 1, "MB": 1}[r.unit]
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', digits, 64) }
	text := number(s.min())
	if s.min() != s.max() {
		text = number(s.min()) + " / " + number(s.median()) + " / " + number(s.max())
	}
	return strings.TrimSpace(text + " " + r.unit)
}
